"""The simulation's hidden parameters and states, and checks of its realism; never used for training."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.config.simulator.treatment import INTERVENTION_KINDS
from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.warehouse.declare import Column, Table, day, family, flag, number, share, text
from migraine_platform.warehouse.tables.names import PATIENT_ID

TARGETS = "hits_its_targets"
"""Blocking check of the calibration."""

VERDICTS = ("within", "outside", "specification")


class CalibrationTerms(Table, name="truth.calibration", key=("parameter", "term")):
    """The calibrated hazard: strengths of triggers and preventives, and the intercept as a function of the patient."""

    parameter = text("What the term belongs to", values=("beta", "episodic", "chronic", "preventive"))
    term = text("Trigger, basis function of the intercept, or preventive")
    value = number("Coefficient on the logit scale")

    audits: ClassVar = ("contract", TARGETS)


LABELS = {trigger.susceptibility: trigger.label for trigger in TRIGGERS}


def _susceptibility(name: str) -> Column:
    return share(f"Susceptibility to: {LABELS[name]}")


class TruthPatients(Table, name="truth.patients", key=("patient_id",), by_batch=True):
    """Parameters of each patient's attacks; never used for training."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    susceptibilities = family((trigger.susceptibility for trigger in TRIGGERS), _susceptibility)
    intercept = number("Base log-odds of an onset")
    diary_adherence = share("Share of evenings without migraine that have a diary entry, before the person tires of it")
    severity = number("Mean severity of the patient's attacks", unit="points", low=0, high=10)
    aura_share = share("Of the patient's attacks, with an aura")
    prodrome_hours = number("Typical length of a prodrome (geometric mean), not cut at the evening", unit="h", low=0)
    postdrome_hours = number("Typical length of a postdrome (geometric mean)", unit="h", low=0)
    headache_hours = number("Typical length of a headache without a drug (geometric mean)", unit="h", low=4, high=72)
    prodrome_share = share("Of the patient's attacks, with a prodrome")
    weekend_log_odds = number("Log-odds of an onset at a weekend, against a workday; all else of the day the same")


class TruthPatientDays(Table, name="truth.patient_days", key=("patient_id", "date"), by_batch=True):
    """Probabilities and latent states of each day; never used for training."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    onset_probability = share("Hazard: probability that an attack begins on this day if none is running")
    migraine_probability = share("Ceiling: forecast at 20:00 of the day before that knows the whole state")
    announced = flag("At 20:00 there was a sign of an attack of the next day; a false alarm if none follows")
    oracle_probability = share(
        "Ceiling: forecast at 20:00 of the day before from the measured days and the patient's true parameters",
        nullable=True,
    )
    z_stress = number("Latent state: stress")
    z_sleep_debt = number("Latent state: sleep debt")
    z_hormonal = number("Latent state: hormones")
    z_env_load = number("Latent state: load of the surroundings")


class TruthDrift(Table, name="truth.drift", key=("patient_id", "date"), by_batch=True):
    """Changes of patients: day, kind and shape; never used for training."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("First day on which the change is there")
    shape = text("How the change comes", values=CHANGE_SHAPES)
    kind = text("What changes: exposures, susceptibility, or the hazard itself", values=CHANGE_KINDS)
    target = text("The feature or trigger that changes, or the hazard")
    strength = number("How much: standard deviations of the feature, susceptibility, or log-odds")

    may_be_empty: ClassVar = True


class TruthInterventions(Table, name="truth.interventions", key=("patient_id", "intervention")):
    """True effect of each treatment on each patient, the mean of paired simulations; never used for training."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    intervention = text("Treatment")
    kind = text("Kind of treatment", values=INTERVENTION_KINDS)
    days_a_month = number("The same as change_days_a_month", unit="days", low=-30, high=30)
    change_days_a_month = number("Change of migraine days a month", unit="days", low=-30, high=30)
    days_error = number("Its standard error over replicates", unit="days", low=0)
    hours_a_month = number("Change of headache hours a month", unit="h")
    hours_error = number("Its standard error over replicates", unit="h", low=0)


class Realism(Table, name="realism.figures", key=("figure",)):
    """The simulated cohort held against literature and real data."""

    figure = text("What is measured")
    simulated = number("In the simulated cohort")
    margin = number("Half-width of its 99.9 % interval, from sampling", low=0)
    low = number("Reference: lower end")
    high = number("Reference: upper end")
    reference = text("Whose number the reference is")
    verdict = text("Within the reference, outside, or the specification's number instead", values=VERDICTS)

    rules: ClassVar = {"the reference is ordered": "low <= high"}
