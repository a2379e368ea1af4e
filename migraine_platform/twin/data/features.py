"""What a patient's day is made of, in the order of every array of this package.

A name says where in the state a feature belongs (`physiological.hrv.rmssd`); its unit and bounds are those of the
declared column that it is read from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from migraine_platform.priors.vocabulary import LIVED
from migraine_platform.warehouse.declare import Column
from migraine_platform.warehouse.tables.cohort import MeasuredDays, SleepDays, WearableDays, WeatherDays

Source = Literal["weather", "device", "diary"]


@dataclass(frozen=True)
class DayFeature:
    """One number, or one yes or no, of a day."""

    name: str
    column: Column
    source: Source
    """What must have recorded it; the weather is always known."""

    @property
    def is_flag(self) -> bool:
        """Yes or no, as 1 and 0."""
        return self.column.kind == "flag"


_NAMES = {
    "temperature": "environmental.weather.temperature",
    "humidity": "environmental.weather.humidity",
    "pressure": "environmental.weather.pressure",
    "pressure_change_24h": "environmental.weather.pressure_change_24h",
    "light_exposure": "environmental.light_exposure",
    "noise_level": "environmental.noise_level",
    "rmssd": "physiological.hrv.rmssd",
    "resting_heart_rate": "physiological.hrv.resting_heart_rate",
    "electrodermal_activity": "physiological.eda.electrodermal_activity",
    "skin_temperature": "physiological.temperature",
    "steps": "physiological.activity_level",
    "total_sleep_hours": "trigger.sleep.total_sleep_hours",
    "awake_time_mins": "trigger.sleep.awake_time_mins",
    "deep_sleep_pct": "trigger.sleep.deep_sleep_pct",
    "rem_sleep_pct": "trigger.sleep.rem_sleep_pct",
    "sleep_quality": "trigger.sleep_quality",
    "stress_level": "trigger.stress_level",
    "alcohol_consumed": "trigger.dietary.alcohol",
    "caffeine_consumed": "trigger.dietary.caffeine",
    "chocolate_consumed": "trigger.dietary.chocolate",
    "processed_food_consumed": "trigger.dietary.processed_food",
    "water_consumed_liters": "trigger.dietary.water_liters",
    "cycle_day": "trigger.hormonal.cycle_day",
    "prodrome": "symptom.prodrome.signs",
    "migraine_by_evening": "symptom.headache.migraine_by_evening",
    "acute_medication": "treatment.acute_medication",
    "headache_at_evening": "symptom.headache.at_evening",
    **{feature.name: f"trigger.further.{feature.name}" for feature in LIVED},
}


def _source(column: str) -> Source:
    if column in {own.name for own in WeatherDays.columns}:
        return "weather"
    return "device" if column in {own.name for own in (*SleepDays.columns, *WearableDays.columns)} else "diary"


def _features() -> tuple[DayFeature, ...]:
    declared = {column.name: column for column in MeasuredDays.columns}
    return tuple(DayFeature(name, declared[column], _source(column)) for column, name in _NAMES.items())


FEATURES = _features()
"""Every feature of a day."""

NAMES = tuple(feature.name for feature in FEATURES)
COLUMNS = tuple(feature.column.name for feature in FEATURES)
POSITION = {column: place for place, column in enumerate(COLUMNS)}
"""Place among FEATURES by the column's name."""

REPORTED_NAMES = {
    "eeg_alpha_power": "physiological.eeg.alpha_power",
    "pm25": "environmental.air_quality.pm25",
    "ozone": "environmental.air_quality.ozone",
    "headache_severity": "symptom.headache.severity",
    "aura": "symptom.aura.aura",
    "nausea": "symptom.associated.nausea",
    "photophobia": "symptom.associated.photophobia",
    "phonophobia": "symptom.associated.phonophobia",
    "preventive_medication": "treatment.current_medications.preventive",
    "relaxation_minutes": "treatment.recent_interventions.relaxation_minutes",
}
"""Columns of `recorded.patient_days` that only files from outside fill, and their places in a state."""
