"""What ALINE learned, what it is worth, and what it would ask."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.config.simulator.hours import QUESTIONS
from migraine_platform.warehouse.declare import Table, day, integer, number, share, text
from migraine_platform.warehouse.tables.names import BATCH, PATIENT_ID

CALIBRATED, BEATS_BASELINES, ASKS_WELL = "calibrated", "beats_baselines", "asks_well"
"""Blocking checks of a checkpoint: a checkpoint that fails one is not promoted, and its questions are not used."""

HOLDS_ON_FRESH = "calibrated_on_fresh_days"
"""Check that warns: the stated intervals have their coverage on patients and days not used before."""

VERSION = r"^[0-9a-f]{12}$"
HASH = r"^[0-9a-f]{16}$"


class TrainingLog(Table, name="aline.training_log", key=("step",)):
    """One training run, step by step; each step's scores are of fresh episodes before they are learned from."""

    run = text("Hashes of configuration and data: the folder of the run")
    step = integer("Step", low=1)
    phase = text("What the step learned from", values=("random", "complete", "policy"))
    loss = number("Total loss")
    l_post = number("Loss of the posterior")
    policy_loss = number("Loss of the policy")
    gain_loss = number("Loss of the expected gains")
    auc = share("Expected AUC of tomorrow's migraine")
    brier = share("Expected Brier score of tomorrow's migraine")
    validation_log_score = number("Mean log score on validation patients, where it was computed", nullable=True)


class Checkpoints(Table, name="aline.checkpoints", key=("version",)):
    """The checkpoint in use: promoted by its checks."""

    version = text("First digits of the hash of its weights", pattern=VERSION)
    task = text("What it was trained on")
    step = integer("Training steps until these weights", low=1)
    width = integer("Width of the network", low=1)
    layers = integer("Layers of the network", low=1)
    parameters = integer("Trained numbers", low=1)
    configuration = text("Hash of the training settings", pattern=HASH)
    data = text("Hash of what it was trained on", pattern=HASH)
    validation_log_score = number("Mean log score on validation patients")
    torch = text("Version of torch")

    audits: ClassVar = ("contract", CALIBRATED, BEATS_BASELINES, ASKS_WELL)


class Scores(Table, name="aline.scores", key=("model", "subset", "metric")):
    """Scores of the checkpoint beside baselines and ceilings, on held-out patients."""

    version = text("Checkpoint", pattern=VERSION)
    model = text("Forecast or rule")
    subset = text("Which windows: complete days, or evenings after some questions")
    metric = text("What is measured")
    value = number("Value; nats where it is a loss, a density or information")
    lower = number("Lower end of its 95 % interval")
    upper = number("Upper end")

    rules: ClassVar = {"the interval is ordered": "lower <= value AND value <= upper"}


class Questions(Table, name="aline.questions", key=("patient_id", "for_date", "rank"), by_batch=True, by_days=True):
    """Tomorrow evening's best questions for each patient, the most telling first."""

    agrees: ClassVar = {"version": "aline.checkpoints.version"}

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Batch of the patient", pattern=BATCH)
    for_date = day("The day that is asked about, in its evening")
    rank = integer("Order in which to ask", low=1)
    hour = integer("Hour of the day that is asked about", low=0, high=23)
    question = text("What is asked", values=QUESTIONS)
    expected_gain = number("Nats that the answer is expected to tell, about everything that is inferred")
    version = text("Checkpoint that ranked them", pattern=VERSION)
