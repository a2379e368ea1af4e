"""The simulated cohort: what happened, and what of it was recorded."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.config.simulator.settings import HEMISPHERES, WEATHER_ORIGINS
from migraine_platform.domain.events import EVENTS
from migraine_platform.domain.exposures import CYCLE_DAY
from migraine_platform.priors.vocabulary import LIVED, TRIGGER_FLAGS, TRIGGERS
from migraine_platform.warehouse.declare import (
    Column,
    Kind,
    Table,
    day,
    family,
    flag,
    integer,
    moment,
    number,
    reading,
    share,
    text,
)
from migraine_platform.warehouse.tables.names import BATCH, PATIENT_ID, SITE

COMPLETE = "every_patient_every_day"

VALIDATION = ("distributions", "correlations", "proportions", "temporal_consistency")
"""The generator's validation (simulator/checks/validation.py), each a blocking check."""

LABELS = {trigger.flag: trigger.label for trigger in TRIGGERS}


def _trigger_flag(name: str) -> Column:
    return flag(f"{LABELS[name]}: a trigger by its rule (priors.triggers)")


LIVED_COLUMNS = {
    feature.name: flag(feature.description)
    if feature.is_flag
    else reading(feature.description, unit=feature.unit, low=feature.low, high=feature.high)
    for feature in LIVED
}
"""Features of the workbook with a column of their own."""


def _weather_columns(kind: Kind) -> tuple[Column, Column, Column, Column]:
    return (
        Column(kind, "Air temperature, mean of the day", unit="degC", low=-60, high=60),
        Column(kind, "Relative humidity, mean of the day", unit="%", low=0, high=100),
        Column(kind, "Sea-level pressure, mean of the day", unit="hPa", low=850, high=1100),
        Column(kind, "Pressure minus the day before", unit="hPa", low=-100, high=100),
    )


class SiteDays(Table, name="cohort.site_days", key=("site_id", "date")):
    """Weather of every site and day; one site is a real station."""

    site_id = text("Site", pattern=SITE)
    date = day("Day")
    climate = text("Kind of climate")
    hemisphere = text("Half of the earth, which decides the seasons", values=HEMISPHERES)
    temperature, humidity, pressure, pressure_change_24h = _weather_columns("number")
    triggers = family((trigger.flag for trigger in TRIGGERS if not trigger.recorded), _trigger_flag)
    origin = text("Where the day comes from", values=WEATHER_ORIGINS)


class Patients(Table, name="cohort.patients", key=("patient_id",), by_batch=True):
    """Who the simulated patients are."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    age = integer("Age", unit="years", low=18, high=120)
    sex = text("Sex", values=("M", "F"))
    menstruates = flag("Has a menstrual cycle")
    is_chronic = flag("Chronic migraine: at least 15 migraine days a month in the profile")
    has_aura = flag("Has attacks with aura")
    base_frequency = share("Profile migraine days, as a share of days (times 30: a month)")
    site_id = text("Site whose weather the patient lives in", pattern=SITE)


class WeatherDays(Table, name="cohort.weather_days", key=("patient_id", "date"), by_batch=True):
    """Weather where the patient was, one row per patient and day."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    temperature, humidity, pressure, pressure_change_24h = _weather_columns("reading")


class SleepDays(Table, name="cohort.sleep_days", key=("patient_id", "date"), by_batch=True):
    """One night per patient, filed under the day of waking: what a perfect recorder would have seen."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day of waking")
    total_sleep_hours = reading("Time asleep", unit="h", low=2, high=14)
    deep_sleep_pct = reading("Of sleep, in deep stages", unit="share", low=0, high=1)
    rem_sleep_pct = reading("Of sleep, in REM", unit="share", low=0, high=1)
    light_sleep_pct = reading("Of sleep, in light stages", unit="share", low=0, high=1)
    awake_time_mins = reading("Awake after falling asleep", unit="min", low=0, high=600)
    sleep_quality = reading("Sleep quality", unit="points", low=0, high=100)

    rules: ClassVar = {
        "sleep stages sum to one": "abs(deep_sleep_pct + rem_sleep_pct + light_sleep_pct - 1) <= 0.000001",
    }


class DiaryDays(Table, name="cohort.diary_days", key=("patient_id", "date"), by_batch=True):
    """Stress, diet and what else triggers are read from, one row per patient and day."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    stress_level = reading("Perceived stress", unit="points", low=1, high=10)
    alcohol_consumed = flag("Any alcohol")
    caffeine_consumed = flag("Any caffeine")
    chocolate_consumed = flag("Any chocolate")
    processed_food_consumed = flag("Any processed food")
    water_consumed_liters = reading("Water drunk", unit="L", low=0, high=10)
    lived = family(LIVED_COLUMNS, LIVED_COLUMNS.__getitem__)


class WearableDays(Table, name="cohort.wearable_days", key=("patient_id", "date"), by_batch=True):
    """Body and surroundings as a perfect wearable would have recorded them, one row per patient and day."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    resting_heart_rate = reading("Heart rate at rest", unit="bpm", low=0, high=250)
    rmssd = reading("Heart-rate variability at rest (RMSSD)", unit="ms", low=0)
    steps = reading("Steps walked", unit="steps", low=0)
    skin_temperature = reading("Skin temperature at the wrist, mean of the night", unit="degC", low=0, high=60)
    electrodermal_activity = reading("Skin conductance, mean of the day", unit="uS", low=0)
    light_exposure = reading("Light, mean of the waking day", unit="lux", low=0)
    noise_level = reading("Noise, mean of the waking day", unit="dB", low=0, high=200)


class Attacks(Table, name="cohort.attacks", key=("patient_id", "attack_id"), by_batch=True, by_days=True):
    """Every attack that touches the cohort's days."""

    patient_id = text("Patient", pattern=PATIENT_ID)
    attack_id = integer("Number of the attack: the day of its headache's onset, counted from the first day", low=-366)
    onset_at = moment("Start of the prodrome or the aura, else of the headache")
    headache_start = moment("Start of the headache")
    headache_end = moment("End of the headache")
    postdrome_end = moment("End of the exhaustion that follows")
    with_prodrome = flag("Early signs before the headache (yawning, tiredness, a stiff neck)")
    with_aura = flag("Aura before the headache")
    severity = number("Severity", unit="points", low=0, high=10)
    duration_hours = number("Duration of the headache", unit="h", low=0, high=72)
    treated = flag("An acute drug was taken")
    acute_drug = text("Which one", nullable=True)

    rules: ClassVar = {
        "phases are in order": (
            "onset_at <= headache_start and headache_start < headache_end and headache_end < postdrome_end"
        ),
        "prodrome and aura take time": "(with_prodrome or with_aura) = (onset_at < headache_start)",
        "an untreated headache lasts 4 h at least": "treated or duration_hours >= 4",
        "a drug makes it treated": "treated = (acute_drug is not null)",
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
    migraine_by_evening = flag("Migraine day by 20:00: what a forecast made that evening may know")
    prodrome = flag("Signs of a coming attack by 20:00, of the same day or of the next; a false alarm if none comes")
    acute_medication = flag("An acute drug was taken since 20:00 of the day before")
    headache_at_evening = flag("A headache is there at 20:00, when the diary is filled")
    cycle_day = integer("Day of the menstrual cycle, 1 the first of menses", low=1, high=60, nullable=True)
    triggers = family(TRIGGER_FLAGS, _trigger_flag)

    rules: ClassVar = {
        "an onset makes a migraine day": "has_migraine or not onset",
        "what the evening knows has happened": "has_migraine or not migraine_by_evening",
        "a headache of the evening has begun": "migraine_by_evening or not headache_at_evening",
        "a headache of the evening makes a migraine day": "has_migraine or not headache_at_evening",
    }
    audits: ClassVar = ("contract", COMPLETE, *VALIDATION)


RECORDED = (
    *(column.name for table in (SleepDays, DiaryDays, WearableDays) for column in table.columns),
    *EVENTS,
    CYCLE_DAY,
    *(trigger.flag for trigger in TRIGGERS if trigger.recorded),
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
    """What diary and device recorded: the columns of cohort.patient_days, null where nothing was recorded.

    The diary is filled at 20:00; `has_migraine` and `onset` of a day are complete by the next evening.
    """

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    date = day("Day")
