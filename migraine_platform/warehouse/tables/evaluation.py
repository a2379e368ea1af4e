"""Evaluation of the models: forecasts of held-out days, metrics, comparisons, and the gates of promotion."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.warehouse.declare import Table, day, flag, integer, number, share, text
from migraine_platform.warehouse.tables.names import STUDY_PATIENT_ID

CHRONOLOGICAL, UNSEEN = "chronological", "unseen_patients"
REAL_CHRONOLOGICAL, REAL_UNSEEN = "real_chronological", "real_unseen_patients"
SPLITS = (CHRONOLOGICAL, UNSEEN, REAL_CHRONOLOGICAL, REAL_UNSEEN)
"""Days never seen of patients who were; patients never seen; the same two of a real study."""

KINDS_OF_MODEL = ("floor", "baseline", "learned", "ceiling")
SEXES = ("F", "M")
COURSES = ("chronic", "episodic")
AURAS = ("aura", "no aura")

EVALUATED = "evaluated"
"""Blocking check of a population of twins: its forecasts pass every gate of the evaluation."""


class EvaluatedModels(Table, name="evaluation.models", key=("model", "split")):
    """Every model that was compared, and what it learned from."""

    model = text("Model")
    split = text("Split", values=SPLITS)
    title = text("Name for people")
    kind = text("A floor knows no patient; a ceiling knows the simulation's truth", values=KINDS_OF_MODEL)
    about = text("What it forecasts by, in a sentence")
    threshold = share("A forecast from here on is a warning: the share of migraine days before those that are scored")


class EvaluatedDays(Table, name="evaluation.days", key=("split", "patient_id", "for_date")):
    """Forecasts made the evening before, with their outcomes."""

    may_be_empty: ClassVar = True
    split = text("Split", values=SPLITS)
    patient_id = text("Patient, of the cohort or of a study", pattern=STUDY_PATIENT_ID)
    for_date = day("The day that was forecast; a study's days are counted from 2000-01-01")
    migraine = flag("It was a migraine day (in a study: a headache day)")
    recorded = flag("The diary has an entry")
    after_migraine = flag("The day before was a migraine day")
    after_signs = flag("On the evening before, signs of an attack were noted and no migraine", nullable=True)
    history_days = integer("Days between the patient's first and the one that is forecast", low=0)
    full_state = share(
        "Probability given the whole state of the evening before, where a simulation knows it", nullable=True
    )
    hours_ahead = number(
        "Hours from the forecast to the headache, where an attack began on the day", low=0, nullable=True
    )
    sex = text("Sex", values=SEXES)
    course = text("Diagnosis", values=COURSES, nullable=True)
    aura = text("Diagnosis", values=AURAS)
    adherence_quartile = integer("How well the patient keeps the diary, 4 the best", low=1, high=4)


class EvaluatedForecasts(Table, name="evaluation.forecasts", key=("model", "split", "patient_id", "for_date")):
    """What each model said of those days the evening before."""

    may_be_empty: ClassVar = True
    model = text("Model")
    split = text("Split", values=SPLITS)
    patient_id = text("Patient", pattern=STUDY_PATIENT_ID)
    for_date = day("The day that was forecast")
    probability = share("Of a migraine day")


class Metrics(Table, name="evaluation.metrics", key=("model", "split", "subset", "metric")):
    """Figures of the forecasts, with intervals by bootstrap of patients."""

    may_be_empty: ClassVar = True
    model = text("Model")
    split = text("Split", values=SPLITS)
    subset = text("Which days: all, or a part of them")
    metric = text("What is measured")
    value = number("Value; null where the days do not tell it", nullable=True)
    lower = number("Lower end of its 95 % interval", nullable=True)
    upper = number("Upper end", nullable=True)
    days = integer("Days", low=0)
    patients = integer("Patients", low=0)


class Differences(Table, name="evaluation.differences", key=("model", "baseline", "split", "subset", "metric")):
    """One model against another on the same days, by paired bootstrap of patients."""

    may_be_empty: ClassVar = True
    model = text("Model")
    baseline = text("The one it is held against")
    split = text("Split", values=SPLITS)
    subset = text("Which days")
    metric = text("What is measured")
    difference = number("Model less baseline", nullable=True)
    lower = number("Lower end of its 95 % interval", nullable=True)
    upper = number("Upper end", nullable=True)
    p_value = share("Two-sided, of no difference", nullable=True)
    p_adjusted = share("The same, corrected for the number of comparisons (Holm 1979)", nullable=True)


class CalibrationCurve(Table, name="evaluation.calibration_curve", key=("model", "split", "bin")):
    """Reliability: mean forecast and observed share, by tenths of the probability."""

    may_be_empty: ClassVar = True
    model = text("Model")
    split = text("Split", values=SPLITS)
    bin = integer("Tenth of the probability, from 0", low=0, high=9)
    days = integer("Days", low=1)
    said = share("Mean forecast")
    came = share("Share of migraine days")
    lower = share("Lower end of its 95 % interval")
    upper = share("Upper end")


class WarningThresholds(Table, name="evaluation.warning_thresholds", key=("model", "split", "threshold")):
    """What warnings from each threshold on would come to: the ROC curve and the decision curve."""

    may_be_empty: ClassVar = True
    model = text("Model")
    split = text("Split", values=SPLITS)
    threshold = share("Forecasts from here on are warnings")
    sensitivity = share("Of the migraine days, how many were warned of")
    specificity = share("Of the other days, how many were not")
    net_benefit = number("Warned migraine days less false warnings at the threshold's odds, per day (Vickers 2006)")
    warn_always = number("Net benefit of warning every day")


class StateErrors(Table, name="evaluation.state_errors", key=("feature", "model")):
    """How far forecasts of the next day's state are off, feature by feature."""

    may_be_empty: ClassVar = True
    feature = text("Column of `measured.patient_days`")
    unit = text("Unit", nullable=True)
    model = text("Model of the next day's state, or a baseline")
    days = integer("Recorded values that were forecast", low=0)
    mae = number("Mean absolute error, in the feature's unit", low=0, nullable=True)
    mse = number("Mean squared error, in the unit's square", low=0, nullable=True)
    skill = number("1 - mse / mse of the person's own mean so far", nullable=True)
    coverage_90 = share("Share of values within stated 90 % intervals", nullable=True)


class TriggerRecovery(Table, name="evaluation.trigger_recovery", key=("trigger", "metric")):
    """How well twins find who is susceptible to what, against the simulation's truth."""

    may_be_empty: ClassVar = True
    trigger = text("Trigger, or `all`")
    metric = text("What is measured")
    value = number("Value", nullable=True)
    lower = number("Lower end of its 95 % interval", nullable=True)
    upper = number("Upper end", nullable=True)


class SymptomRecovery(Table, name="evaluation.symptom_recovery", key=("symptom", "metric")):
    """Errors of the twins' estimates of each person's attacks against the truth, beside those of the cohort's mean."""

    may_be_empty: ClassVar = True
    symptom = text("Severity, aura, signs, length of prodrome, headache or postdrome, weekend")
    unit = text("Unit of its errors")
    metric = text("What is measured", values=("mae", "mae_population_mean", "rank_correlation"))
    patients = integer("Patients", low=0)
    value = number("Value", nullable=True)
    lower = number("Lower end of its 95 % interval", nullable=True)
    upper = number("Upper end", nullable=True)


class TriggerAgreement(Table, name="evaluation.trigger_agreement", key=("patient_id", "trigger")):
    """Triggers that twins find, beside those that a clinician has listed; empty where no list was given."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=STUDY_PATIENT_ID)
    trigger = text("Trigger")
    probability = share("That the patient is strongly susceptible to it, by the twin")
    found = flag("The twin names it")
    listed = flag("The clinician's list names it")
    verdict = text("Both, neither, or one alone", values=("agreed", "novel", "missed", "neither"))


class QuestionCurve(Table, name="evaluation.question_curve", key=("rule", "questions")):
    """Information gained by each rule of asking, question by question, on evenings of held-out patients."""

    rule = text("Rule that chooses the next question")
    questions = integer("Questions asked", low=0)
    information = number("Mean nats gained about everything that is inferred")
    lower = number("Lower end of its 95 % interval")
    upper = number("Upper end")
    windows = integer("Evenings", low=1)


class Gates(Table, name="evaluation.gates", key=("gate",)):
    """What a population of twins must show before it is published."""

    may_be_empty: ClassVar = True
    gate = text("What is demanded")
    value = number("What was found", nullable=True)
    limit = number("What was allowed")
    passed = flag("Whether it was enough")


class Provenance(Table, name="evaluation.provenance", key=("item",)):
    """What the figures were made from."""

    item = text("What")
    value = text("Its hash, version or size")
