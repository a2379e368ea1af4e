"""Every table of the platform, declared once.

Belongs here: names, columns, units, bounds, keys and rules. An analyst relies on the names: add freely, rename never.
Does not: how a table is filled (the science packages) or checked (contracts.py).
"""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.config.simulator import WEATHER_ORIGINS
from migraine_platform.priors.features import LATENT_AXES
from migraine_platform.warehouse.declare import Column, Table, day, flag, integer, moment, number, share, text

CHECKLIST = ("clinical_directions", "probabilities_unimodal", "posterior_shifted")
"""Points of the mock distribution's checklist (priors/checklist.py), each a blocking check."""

PATIENT_ID = r"^P\d{4,}$"
BATCH = r"^batch-\d{3,}$"
SITE = r"^S\d{2}$"
WEATHER_TRIGGER = flag("Pressure fell in 24 h by the configured step (simulator.triggers)")


def _weather_columns() -> tuple[Column, Column, Column, Column]:
    return (
        number("Air temperature, mean of the day", unit="degC", low=-60, high=60),
        number("Relative humidity, mean of the day", unit="%", low=0, high=100),
        number("Sea-level pressure, mean of the day", unit="hPa", low=850, high=1100),
        number("Pressure minus the day before", unit="hPa", low=-100, high=100),
    )


class Features(Table, name="priors.features", key=("variable",)):
    """What clinicians know of each migraine feature before any patient is seen."""

    category = text("Family of features")
    variable = text("Name of the feature", pattern=r"^[a-z][a-z0-9_]*$")
    description = text("What is measured")  # type: ignore[assignment]
    unit = text("Unit of the values")
    weight = share("Relevance for migraine")
    typical_range = text("Typical range as the clinician wrote it")
    range_low = number("Lower end of the typical range, in the feature's unit")
    range_high = number("Upper end of the typical range, in the feature's unit")
    mean = number("Mean over persons and days, in the feature's unit")
    sd = number("Standard deviation over persons and days, in the feature's unit", low=0)
    between_sd = number("Spread of persons' own means", low=0, nullable=True)
    within_sd = number("Spread of one person's days", low=0, nullable=True)
    lag1 = number("Correlation of one person's days, today with yesterday", low=-1, high=1, nullable=True)
    family = text("Family of the distribution")
    normalized_low = number("Where the lower end lies on the normalised scale", low=1, high=10)
    normalized_high = number("Where the upper end lies on the normalised scale", low=1, high=10)
    impact_pattern = text("Ten risk scores 1-10 over the typical range, low to high", pattern=r"^\d+( \d+){9}$")
    latent_axis = text("Latent state it feeds", values=LATENT_AXES)
    source = text("Where the numbers come from")

    rules: ClassVar = {
        "the range is ordered": "range_low < range_high",
        "the normalised range is ordered": "normalized_low < normalized_high",
    }


class Distributions(Table, name="priors.distributions", key=("variable",)):
    """Each feature's prior as it is used: family, moments, quantiles and clinical direction."""

    variable = text("Name of the feature")
    family = text("Family of the distribution")
    direction = integer("More of it means more (1) or less (-1) migraine, 0 neither", low=-1, high=1)
    mean = number("Mean, in the feature's unit")
    sd = number("Standard deviation", low=0)
    q05 = number("5 % quantile")
    q25 = number("25 % quantile")
    q50 = number("Median")
    q75 = number("75 % quantile")
    q95 = number("95 % quantile")

    rules: ClassVar = {"quantiles are in order": "q05 <= q25 and q25 <= q50 and q50 <= q75 and q75 <= q95"}


class MockSamples(Table, name="mock.samples", key=("sample", "variable")):
    """Samples of the mock distribution, one row per sample and feature."""

    sample = integer("Number of the sample", low=0)
    variable = text("Name of the feature")
    value = number("Value in the feature's unit")
    p_migraine = share("Probability of migraine given the sample")
    migraine = flag("Drawn label")

    audits: ClassVar = ("contract", *CHECKLIST)


class MockMoments(Table, name="mock.moments", key=("variable",)):
    """Means and standard deviations of the mock distribution, before and given migraine."""

    variable = text("Name of the feature")
    direction = integer(
        "Direction of the impact: more of it means more (1) or less (-1) migraine, 0 neither", low=-1, high=1
    )
    relevance = share("Weight over the largest weight")
    mu_prior = number("Prior mean")
    mu_post = number("Mean given migraine")
    sd_prior = number("Prior standard deviation", low=0)
    sd_post = number("Standard deviation given migraine", low=0)


class MockCorrelations(Table, name="mock.correlations", key=("variable", "other")):
    """Correlations of the mock distribution, before and given migraine, one row per pair."""

    variable = text("Name of the feature")
    other = text("Name of the other feature")
    prior = number("Prior correlation", low=-1, high=1)
    posterior = number("Correlation given migraine", low=-1, high=1)


class CalibrationTerms(Table, name="truth.calibration", key=("parameter", "term")):
    """The calibrated hazard: trigger strengths, and the intercept as a function of the patient."""

    parameter = text("What the term belongs to", values=("beta", "episodic", "chronic"))
    term = text("Trigger, or basis function of the intercept")
    value = number("Coefficient on the logit scale")


class SiteDays(Table, name="cohort.site_days", key=("site_id", "date")):
    """Weather of every site and day; one site is a real station."""

    site_id = text("Site", pattern=SITE)
    date = day("Day")
    climate = text("Kind of climate")
    temperature, humidity, pressure, pressure_change_24h = _weather_columns()
    weather_trigger = WEATHER_TRIGGER
    origin = text("Where the day comes from", values=WEATHER_ORIGINS)


class Patients(Table, name="cohort.patients", key=("patient_id",), by_batch=True):
    """Who the simulated patients are."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    age = integer("Age", unit="years", low=18, high=120)
    sex = text("Sex", values=("M", "F"))
    is_chronic = flag("Chronic migraine: at least 15 migraine days a month in the profile")
    has_aura = flag("Has attacks with aura")
    base_frequency = share("Profile migraine days, as a share of days (times 30: a month)")
    site_id = text("Site whose weather the patient lives in", pattern=SITE)


class WeatherDays(Table, name="cohort.weather_days", key=("patient_id", "date"), by_batch=True):
    """Weather where the patient was, one row per patient and day."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    temperature, humidity, pressure, pressure_change_24h = _weather_columns()


class SleepDays(Table, name="cohort.sleep_days", key=("patient_id", "date"), by_batch=True):
    """One night per patient, filed under the day of waking: what a perfect recorder would have seen."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day of waking")
    total_sleep_hours = number("Time asleep", unit="h", low=2, high=14)
    deep_sleep_pct = share("Of sleep, in deep stages")
    rem_sleep_pct = share("Of sleep, in REM")
    light_sleep_pct = share("Of sleep, in light stages")
    awake_time_mins = number("Awake after falling asleep", unit="min", low=0, high=600)
    sleep_quality = number("Quality of the night", unit="points", low=0, high=100)

    rules: ClassVar = {
        "sleep stages sum to one": "abs(deep_sleep_pct + rem_sleep_pct + light_sleep_pct - 1) <= 0.000001",
    }


class DiaryDays(Table, name="cohort.diary_days", key=("patient_id", "date"), by_batch=True):
    """Stress and diet, one row per patient and day."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    stress_level = number("Perceived stress", unit="points", low=1, high=10)
    alcohol_consumed = flag("Any alcohol")
    caffeine_consumed = flag("Any caffeine")
    chocolate_consumed = flag("Any chocolate")
    processed_food_consumed = flag("Any processed food")
    water_consumed_liters = number("Water drunk", unit="L", low=0, high=10)


class WearableDays(Table, name="cohort.wearable_days", key=("patient_id", "date"), by_batch=True):
    """Body and surroundings as a perfect wearable would have recorded them, one row per patient and day."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    resting_heart_rate = number("Heart rate at rest", unit="bpm", low=0, high=250)
    rmssd = number("Heart-rate variability at rest (RMSSD)", unit="ms", low=0)
    steps = number("Steps walked", unit="steps", low=0)
    skin_temperature = number("Skin temperature at the wrist, mean of the night", unit="degC", low=0, high=60)
    electrodermal_activity = number("Skin conductance, mean of the day", unit="uS", low=0)
    light_exposure = number("Light, mean of the waking day", unit="lux", low=0)
    noise_level = number("Noise, mean of the waking day", unit="dB", low=0, high=200)


class Attacks(Table, name="cohort.attacks", key=("patient_id", "attack_id"), by_batch=True, by_days=True):
    """Every attack that touches the cohort's days."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    attack_id = integer("Number of the attack: the day of its headache's onset, counted from the first day", low=-366)
    onset_at = moment("Start of the aura, else of the headache")
    headache_start = moment("Start of the headache")
    headache_end = moment("End of the headache")
    with_aura = flag("An aura came before the headache")
    severity = number("Severity", unit="points", low=0, high=10)
    duration_hours = number("Duration of the headache", unit="h", low=4, high=72)
    treated = flag("An acute drug was taken")

    rules: ClassVar = {
        "phases are in order": "onset_at <= headache_start and headache_start < headache_end",
        "an aura takes time": "with_aura = (onset_at < headache_start)",
    }


class PatientDays(
    Table,
    name="cohort.patient_days",
    key=("patient_id", "date"),
    by_batch=True,
    include=(WeatherDays, SleepDays, DiaryDays, WearableDays),
):
    """One row per patient and day: exposures, triggers and migraine, joined."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    date = day("Day")
    has_migraine = flag("Migraine day: an attack began, or one went on for the configured hours")
    onset = flag("A headache began on this day")
    weather_trigger = WEATHER_TRIGGER
    sleep_trigger = flag("Slept too short or too long (configured: simulator.triggers)")
    stress_trigger = flag("Stress rose since yesterday by the configured step")
    diet_trigger = flag("Enough of alcohol, caffeine and chocolate (configured)")

    rules: ClassVar = {"an onset makes a migraine day": "has_migraine or not onset"}
    audits: ClassVar = ("contract", "every_patient_every_day")


RECORDED = (
    *(column.name for table in (SleepDays, DiaryDays, WearableDays) for column in table.columns),
    *("has_migraine", "onset", "sleep_trigger", "stress_trigger", "diet_trigger"),
)
"""What diary or device must record; the weather is known without them."""


class MeasuredDays(
    Table,
    name="measured.patient_days",
    key=("patient_id", "date"),
    by_batch=True,
    include=(PatientDays,),
    gaps=RECORDED,
):
    """What diary and device recorded: the columns of cohort.patient_days, null where nothing was recorded."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    date = day("Day")


class TruthPatients(Table, name="truth.patients", key=("patient_id",), by_batch=True):
    """What decides a patient's attacks; nobody may train on it."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    susceptibility_weather = share("Susceptibility to pressure falls")
    susceptibility_sleep = share("Susceptibility to short and long nights")
    susceptibility_stress = share("Susceptibility to rises of stress")
    susceptibility_diet = share("Susceptibility to dietary triggers")
    intercept = number("Base log-odds of an onset")


class TruthPatientDays(Table, name="truth.patient_days", key=("patient_id", "date"), by_batch=True):
    """What the model knows of each day; nobody may train on it."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    onset_probability = share("Probability, the evening before, that an attack begins on this day if none is running")


ALL: tuple[type[Table], ...] = (
    Features,
    Distributions,
    MockSamples,
    MockMoments,
    MockCorrelations,
    CalibrationTerms,
    SiteDays,
    Patients,
    WeatherDays,
    SleepDays,
    DiaryDays,
    WearableDays,
    Attacks,
    PatientDays,
    MeasuredDays,
    TruthPatients,
    TruthPatientDays,
)
"""Every declared table, upstream first."""
