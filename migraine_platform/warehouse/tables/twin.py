"""Digital twins: what a population's diaries taught, and what every patient's twin says."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.warehouse.declare import Table, day, flag, integer, number, share, text
from migraine_platform.warehouse.tables.evaluation import EVALUATED
from migraine_platform.warehouse.tables.names import BATCH, PATIENT_ID

PHASE_NAMES = ("prodrome", "aura", "headache_untreated", "headache_treated", "postdrome")
TRANSITIONS = ("state_space", "experts")
STATUSES = ("fitted", "prior", "refused")
"""From the patient's days; the population's prior, because there is no day; not made, for the stated reason."""

EVERY_TWIN = "every_patient_has_a_twin"
"""Blocking check: every patient has a twin, or a stated reason for having none."""

TRUE_PROBABILITIES, COVERS = "calibrated", "intervals_cover"
"""Blocking checks of predictions: said probabilities come true; intervals hold what the whole state would say."""

VERSION = r"^[0-9a-f]{12}$"


class TwinPopulation(Table, name="twin.population", key=("version", "parameter", "place")):
    """What all twins of the population share: scales, state-space model, effects, distribution of persons."""

    version = text("First digits of the hash of all its numbers", pattern=VERSION)
    parameter = text("Parameter; `patient.P0001` marks who was learned from, `superseded` an older model in use")
    place = integer("Place in the parameter's array, counted row by row from 0", low=0)
    value = number("Value")

    audits: ClassVar = ("contract", EVALUATED)


class Twins(Table, name="twin.twins", key=("patient_id",), by_batch=True, by_days=True):
    """Every patient's twin: where it stands, and how well it forecast the last days."""

    audits: ClassVar = ("contract", EVERY_TWIN)
    agrees: ClassVar = {"population_version": "twin.population.version"}

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    status = text("Fitted to the patient's days, the population's prior, or refused", values=STATUSES)
    reason = text("Why it is not fitted, or what is noteworthy", nullable=True)
    as_of = day("Last evening that it knows")
    twin_version = text("First digits of the hash of the twin; 0 for none", pattern=VERSION)
    population_version = text("First digits of the hash of the population's model", pattern=VERSION)
    file_version = text("First digits of the hash of the file that holds the batch's twins", pattern=VERSION)
    in_population = flag("The population was learned from this patient too")
    entries = integer("Diary entries so far", low=0)
    silent_evenings = integer("Evenings since the last of them; 0 if there was one today", low=0)
    discarded_values = integer("Impossible values that were discarded", low=0)
    adherence = share("Share of days without migraine that have an entry", nullable=True)
    level = number("Log-odds of an onset on a baseline day, posterior mean", nullable=True)
    weekend = number("Log-odds of an onset at a weekend against a workday, posterior mean", nullable=True)
    weekend_sd = number("Its posterior standard deviation", low=0, nullable=True)
    transition_model = text(
        "Which model of the next day's state fits better; migraine is forecast by the hazard filter either way",
        values=TRANSITIONS,
        nullable=True,
    )
    state_space_log_likelihood = number("Mean log-likelihood of a recorded value of the last days", nullable=True)
    experts_log_likelihood = number("The same by the mixture of experts", nullable=True)
    horizon_days = integer("Days ahead up to which state-space forecasts beat the person's baseline", low=0)
    state_error = number("Root mean square of the normalised innovations of the last days", nullable=True, low=0)
    validation_days = integer("Recorded days among the last ones, forecast from the evening before", low=0)
    validation_log_loss = number("Mean log loss on them", nullable=True, low=0)
    validation_brier = number("Mean Brier score on them", nullable=True, low=0, high=1)
    severity = number("Severity of the patient's attacks, posterior mean", unit="points", low=0, high=10, nullable=True)
    severity_sd = number("Standard deviation from attack to attack", unit="points", low=0, nullable=True)
    climatology_log_loss = number("Log loss of the patient's own share of migraine days so far", nullable=True, low=0)
    trained_on = day("Evening on which the twin was made from the whole history; thresholds, interactions are as of it")
    updates = integer("Evenings since then", low=0)
    recent_state_error = number("Root mean square of the last month's normalised innovations", nullable=True, low=0)
    state_error_p = share(
        "Probability, by chance, of the last month's errors, against those before it was made", nullable=True
    )
    drift_adaptations = integer("Changes that it knows of, and was adapted to", low=0)
    recent_adaptations = integer("Those of them that were noticed since it was made", low=0)
    last_drift_adaptation = day("Evening of the last change it knows of", nullable=True)
    drift_kind = text("Kind of that change", nullable=True)
    previous_file_version = text("File of the twins it replaced", pattern=VERSION, nullable=True)


class TwinStates(Table, name="twin.states", key=("patient_batch", "as_of"), by_batch=True, by_days=True):
    """Stored states of a batch's twins on earlier evenings, from which late observations are replayed."""

    patient_batch = text("Partition of the patients", pattern=BATCH)
    as_of = day("Evening")
    file_version = text("First digits of the hash of the file that holds them", pattern=VERSION)


class AppliedObservations(
    Table, name="twin.applied_observations", key=("patient_id", "date"), by_batch=True, by_days=True
):
    """Observations from outside that the patient's twin knows."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day that they are of")
    content_hash = text("First digits of the hash of what they say", pattern=VERSION)


HAZARD_FILTER, BOTH_TWINS = "hazard filter", "hazard filters of twin and challenger"
FORECASTERS = (HAZARD_FILTER, BOTH_TWINS)
"""What makes a forecast of migraine."""


class Predictions(Table, name="twin.predictions", key=("patient_id", "made_on"), by_batch=True, by_days=True):
    """Forecasts of the day that follows an evening, each from what was measured by then."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    made_on = day("Evening of the forecast")
    for_date = day("Day that is forecast")
    probability = share("That it is a migraine day")
    lower = share("Lower end of a 90 % credible interval of what the whole state would forecast")
    upper = share("Its upper end")
    confidence = share("One minus the interval's width")
    aleatoric = number("Part of p (1 - p) that no knowledge of today would remove", low=0, high=0.25)
    epistemic = number("The rest of it: variance of what the whole state might forecast", low=0, high=0.25)
    model = text("What made the forecast; of a trial, both twins by their weight", values=FORECASTERS)
    twin_version = text("Twin at the end of the history", pattern=VERSION)

    rules: ClassVar = {
        "the interval is ordered": "lower <= upper",
        "the day follows the evening": "for_date = made_on + INTERVAL 1 DAY",
    }
    audits: ClassVar = ("contract", TRUE_PROBABILITIES, COVERS)
    agrees: ClassVar = {"twin_version": "twin.twins.twin_version"}


class Contributions(Table, name="twin.contributions", key=("patient_id", "factor"), by_batch=True, by_days=True):
    """What makes tomorrow likelier or less likely; a patient's rows add up to the log-odds of the forecast."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    for_date = day("Day that is forecast")
    factor = text("What contributes")
    log_odds = number("How much, log-odds; a direct effect")
    sd = number("How uncertain that is, where it can be said", nullable=True, low=0)
    observed = number("What was recorded of it where it was: today, or when what acts today happened", nullable=True)
    unit = text("Its unit", nullable=True)


EFFECTS = ("direct", "total")
"""Kinds of effects."""


class TriggerSensitivity(
    Table, name="twin.trigger_sensitivity", key=("patient_id", "trigger"), by_batch=True, by_days=True
):
    """What each trigger does to the patient, directly: log-odds of an onset the day after."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    trigger = text("Trigger", values=TRIGGER_NAMES)
    mean = number("Posterior mean")
    lower = number("Lower end of the 90 % credible interval")
    upper = number("Upper end")
    effect = text("Of the trigger itself (direct) or of the behaviour (total), by the causal graph", values=EFFECTS)
    probability_positive = share("Probability that it raises the hazard at all: 1 by the clinicians' prior")
    probability_above_usual = share("Probability that the effect is above the population's median")
    probability_strong = share("Probability that the susceptibility is in the upper third of its range")
    confidence = share("Share of the population's variance that the patient's days have removed")

    rules: ClassVar = {"the interval is ordered": "lower <= upper"}


class TriggerThresholds(
    Table, name="twin.trigger_thresholds", key=("patient_id", "exposure"), by_batch=True, by_days=True
):
    """From which value on an exposure raises the patient's hazard."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    exposure = text("Exposure")
    mean = number("Posterior mean of the threshold, in the exposure's unit")
    lower = number("Lower end of the 90 % credible interval")
    upper = number("Upper end")
    unit = text("Unit")
    supported = share("How surely there is a step at all, in the population")


class TriggerInteractions(
    Table, name="twin.trigger_interactions", key=("patient_id", "pair"), by_batch=True, by_days=True
):
    """What two triggers on one day do beyond each alone; of more than a dozen, the dozen that do most."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    pair = text("The two triggers")
    mean = number("Posterior mean, log-odds")
    lower = number("Lower end of the 90 % credible interval")
    upper = number("Upper end")
    probability_positive = share("That the pair does more than both alone")
    days = integer("Days with both", low=0)


class AlikeTriggers(
    Table, name="twin.alike_triggers", key=("patient_id", "trigger", "other"), by_batch=True, by_days=True
):
    """Pairs of triggers that the patient's days cannot tell apart: what the two do together, log-odds."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    trigger = text("Trigger", values=TRIGGER_NAMES)
    other = text("The one that was there on the same days", values=TRIGGER_NAMES)
    correlation = number("Correlation of the two over the days on which both are known", low=0, high=1)
    days = integer("Days with both", low=0)
    mean = number("Posterior mean of what the two do together; which of them does it is not known")
    lower = number("Lower end of the 90 % credible interval")
    upper = number("Upper end")

    rules: ClassVar = {"the interval is ordered": "lower <= upper", "a pair is of two": "trigger <> other"}


class SymptomPhases(Table, name="twin.symptom_phases", key=("patient_id", "phase"), by_batch=True, by_days=True):
    """The phases of the patient's attacks: how likely, how long."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    phase = text("Phase", values=PHASE_NAMES)
    probability = share("That an attack passes through it")
    typical_hours = number("Median duration", unit="h", low=0)
    low_hours = number("Lower end of the central 90 % of the next one", unit="h", low=0)
    high_hours = number("Upper end", unit="h", low=0)
    attacks = integer("Attacks of the patient that it was learned from", low=0)


class OnsetTimes(Table, name="twin.onset_times", key=("patient_id",), by_batch=True, by_days=True):
    """When the next attack is to be expected."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    median_days = number("Days by which an onset is as likely as not", unit="days", low=0)
    expected_days = number("Expected days to it", unit="days", low=0)
    within_1_day = share("Probability of an onset tomorrow")
    within_2_days = share("Within two days")
    within_3_days = share("Within three days")
    within_7_days = share("Within a week")


class Signs(Table, name="twin.signs", key=("patient_id", "sign", "lag_days"), by_batch=True, by_days=True):
    """What announces the patient's attacks."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    sign = text("Sign")
    lag_days = integer("Days from the sign to the onset", low=0)
    log_odds = number("Effect on the odds of an onset; of a number, per standard deviation")
    lower = number("Lower end of the 90 % credible interval")
    upper = number("Upper end")
    probability_positive = share("That it announces rather than calms")
    announces = flag("Its interval, corrected for all signs and lags, leaves zero out")
    lead_days = number("Expected lead", unit="days", low=0, nullable=True)
    lead_hours = number("Lead of the patient's prodromes, where they were logged", unit="h", low=0, nullable=True)


TOLD_EVENTS = ("outcome", "correction")
"""Events of the audit trail that carry an outcome."""


class Audit(
    Table,
    name="twin.audit",
    key=("population", "patient_id", "for_date", "event", "twin_version", "made_on"),
    by_batch=True,
    by_days=True,
):
    """Every forecast that was given, and its outcome; append-only."""

    may_be_empty: ClassVar = True
    population = text("Hash of the population that the patient belongs to", pattern=r"^[0-9a-f]{16}$")
    patient_id = text("Patient", pattern=PATIENT_ID)
    for_date = day("Day that was forecast")
    event = text(
        "A forecast; its outcome; or the outcome as corrected by a later report", values=("forecast", *TOLD_EVENTS)
    )
    twin_version = text("Twin that said so", pattern=VERSION)
    made_on = day("Evening of the forecast; of an outcome, the evening on which it became known")
    inputs_hash = text("First digits of the hash of all that was recorded of the patient by then", pattern=VERSION)
    probability = share("That was said")
    lower = share("Lower end of the interval")
    upper = share("Its upper end")
    outcome = integer("1 for a migraine day, 0 for none; null in a forecast", low=0, high=1, nullable=True)

    rules: ClassVar = {"outcomes have a value": "(event <> 'forecast') = (outcome IS NOT NULL)"}
