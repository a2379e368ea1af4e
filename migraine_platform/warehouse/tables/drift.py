"""The drift watch over the twins: its statistics, the changes it detected, retrainings and their trials."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.warehouse.declare import Table, day, family, integer, number, share, text
from migraine_platform.warehouse.tables.names import BATCH, PATIENT_ID
from migraine_platform.warehouse.tables.twin import VERSION

DRIFT_SHAPES = ("sudden", "gradual", "recurring")
DRIFT_KINDS = ("covariate", "concept", "label")
WAYS = {trigger.way: trigger.label for trigger in TRIGGERS}
"""Columns of the susceptibilities that may have changed, and what to."""

DECISIONS = ("on trial", "promoted", "dropped", "rolled back")

NO_DRIFT = "twin_drift"
"""Check of drift, which warns: no alarm on the evenings of the run."""

NOT_DUE = "retraining_due"
"""Check of twins, which warns: no batch fulfils a criterion of retraining."""


class Thresholds(Table, name="twin.thresholds", key=("detector", "stream")):
    """How much each detector of drift needs to see, and how often it alarms of nothing then."""

    detector = text("Detector")
    stream = text("What it looks at")
    threshold = number("Threshold, in the detector's own terms")
    scale = number("Standard deviation of the stream, where the detector counts in them", low=0)
    false_alarms_a_year = number("Alarms per patient-year of simulated patients who do not change", low=0)


class Watch(Table, name="twin.watch", key=("patient_id", "date"), by_batch=True, by_days=True):
    """Evening by evening, how likely it looks that the person has changed."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Evening")
    covariate = number("Odds that the person's days have changed, prior included, but for the rate of changes", low=0)
    concept = number("Odds that what triggers do to the person has", low=0)
    label = number("Odds that the level of the hazard has", low=0)
    log_odds = number("Log of their sum: the statistic that is held against the threshold")
    state_error = number("Root mean square of the day's normalised innovations", nullable=True, low=0)
    surprise = number("Log loss of the day's entry beyond what its forecast expected", nullable=True)


class Drift(Table, name="twin.drift", key=("patient_id", "detected_on"), by_batch=True, by_days=True):
    """Detected changes of patients, each of which adapted the twin the same night; append-only."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    detected_on = day("Evening of the alarm")
    since = day("Likeliest day of the change")
    shape = text("Shape that fits best", values=DRIFT_SHAPES)
    kind = text("Days, sensitivity to a trigger, or level of the hazard", values=DRIFT_KINDS)
    target = text("Channel or trigger that changed; `hazard` of its level")
    size = number("Likeliest size: standard deviations of an innovation, or log-odds of a migraine day")
    statistic = number("Log-odds of a change on that evening")
    detector = text("Detector that spoke first")
    way_level = share("Probability that it was the hazard's level, if it was the hazard's")
    ways = family(WAYS, lambda way: share(f"Probability that it was the susceptibility to: {WAYS[way]}"))
    withdrawn_on = day("Evening on which a late observation took the alarm back; null while it stands", nullable=True)

    rules: ClassVar = {"a change is noticed after it began": "since <= detected_on"}


class Challengers(Table, name="twin.challengers", key=("patient_id",), by_batch=True, by_days=True):
    """Challengers on trial beside the champions: both forecast, weighted by the likelihood of the outcomes."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    file_version = text("File that holds the batch's challengers", pattern=VERSION)
    born_on = day("Evening on which it was made")
    prior = share("Prior probability that the challenger is the better twin")
    champion_log_likelihood = number("Of what was recorded since, by the twin in use")
    challenger_log_likelihood = number("The same by the challenger")
    weight = share("Posterior probability that the challenger is the better twin; its weight in the published forecast")


class Retrainings(
    Table, name="twin.retrainings", key=("patient_batch", "requested_on", "decision"), by_batch=True, by_days=True
):
    """Every retraining, the comparison and the decision; rows are added."""

    may_be_empty: ClassVar = True
    patient_batch = text("Batch", pattern=BATCH)
    requested_on = day("Evening on which challengers were made")
    decision = text("What became of it", values=DECISIONS)
    decided_on = day("Evening of the decision; of a trial, that on which it began")
    reasons = text("Why it was asked for")
    champion_version = text("File of the twins in use before", pattern=VERSION)
    challenger_version = text("File of their challengers", pattern=VERSION)
    champion_population = text("Population of the twins in use before", pattern=VERSION)
    challenger_population = text("Population of their challengers", pattern=VERSION)
    patients = integer("Patients of the batch", low=0)
    nights = integer("Evenings on trial", low=0)
    log_likelihood_gain = number("Challengers' log-likelihood over the champions', the batch's patients together")
