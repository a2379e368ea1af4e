"""Simulated arrays as rows of the declared tables.

Belongs here: which array becomes which column, and which days are kept. Does not: what happened (days.py, attacks.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.simulator.attacks import HOURS, AttackHistory
from migraine_platform.simulator.calendar import Calendar
from migraine_platform.simulator.calibration import Calibration
from migraine_platform.simulator.days import Columns
from migraine_platform.simulator.patients import TRIGGERS, Patients

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

WEATHER = ("temperature", "humidity", "pressure", "pressure_change_24h")
SLEEP = (
    "total_sleep_hours",
    "deep_sleep_pct",
    "rem_sleep_pct",
    "light_sleep_pct",
    "awake_time_mins",
    "sleep_quality",
)
DIARY = (
    "stress_level",
    "alcohol_consumed",
    "caffeine_consumed",
    "chocolate_consumed",
    "processed_food_consumed",
    "water_consumed_liters",
)


class Dated:
    """Lays [P, T] arrays out as rows: patient by patient, day by day, the burn-in left out."""

    def __init__(self, patients: Patients, calendar: Calendar, batch: str) -> None:
        import polars as pl

        self._kept = slice(calendar.burn_in, None)
        self._batch = batch
        self._shape = (len(patients.index), calendar.days)
        ids = pl.Series("patient_id", patients.ids)
        self._ids = ids.gather(np.repeat(np.arange(len(ids)), calendar.days))
        self._dates = pl.Series("date", np.tile(calendar.dates()[self._kept], len(ids)))

    def frame(
        self, columns: Mapping[str, NDArray[np.float64] | NDArray[np.bool_]], names: Sequence[str]
    ) -> pl.DataFrame:
        """`patient_id`, `date` and the named columns."""
        import polars as pl

        return pl.DataFrame([self._ids, self._dates, *(self._series(name, columns[name]) for name in names)])

    def joined(self, exposures: Columns, triggers: NDArray[np.bool_], history: AttackHistory) -> pl.DataFrame:
        """Rows of `cohort.patient_days`."""
        import polars as pl

        flags = {f"{name}_trigger": triggers[:, :, k] for k, name in enumerate(TRIGGERS)}
        columns = {"has_migraine": history.migraine, "onset": history.onset, **flags, **exposures}
        frame = self.frame(columns, tuple(columns))
        return frame.with_columns(patient_batch=pl.lit(self._batch))

    def kept(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """[P * days] values of the kept days, in the order of the rows."""
        return np.ascontiguousarray(values[:, self._kept]).ravel()

    def _series(self, name: str, values: NDArray[np.float64] | NDArray[np.bool_]) -> pl.Series:
        import polars as pl

        return pl.Series(name, np.ascontiguousarray(values[:, self._kept]).ravel())


def patient_frame(patients: Patients, batch: str, site_ids: Sequence[str]) -> pl.DataFrame:
    """Rows of `cohort.patients`."""
    import polars as pl

    return pl.DataFrame(
        {
            "patient_id": patients.ids,
            "patient_batch": [batch] * len(patients.index),
            "age": patients.age,
            "sex": np.where(patients.is_female, "F", "M"),
            "is_chronic": patients.is_chronic,
            "has_aura": patients.has_aura,
            "base_frequency": patients.frequency,
            "site_id": np.array(site_ids)[patients.site],
        }
    )


def truth_frame(patients: Patients, calibration: Calibration) -> pl.DataFrame:
    """Rows of `truth.patients`."""
    import polars as pl

    susceptibilities = {f"susceptibility_{name}": patients.susceptibility[:, k] for k, name in enumerate(TRIGGERS)}
    return pl.DataFrame({"patient_id": patients.ids, **susceptibilities, "intercept": calibration.intercept(patients)})


def attack_frame(history: AttackHistory, patients: Patients, calendar: Calendar) -> pl.DataFrame:
    """Rows of `cohort.attacks`: every attack whose headache touches a kept day, one that began before included."""
    import polars as pl

    end = history.headache_start + history.duration
    with np.errstate(invalid="ignore"):
        touches = history.onset & (end > HOURS * calendar.burn_in)
    who, when = np.nonzero(touches)
    midnight = calendar.dates()[0].astype("datetime64[us]")

    def moment(hours: NDArray[np.float64]) -> NDArray[np.datetime64]:
        return np.asarray(midnight + np.round(hours * 3600).astype("timedelta64[s]"))

    start = history.headache_start[who, when]
    aura = history.aura[who, when]
    return pl.DataFrame(
        {
            "patient_id": pl.Series(patients.ids).gather(who),
            "attack_id": when - calendar.burn_in,
            "onset_at": moment(start - aura),
            "headache_start": moment(start),
            "headache_end": moment(end[who, when]),
            "with_aura": aura > 0,
            "severity": history.severity[who, when],
            "duration_hours": history.duration[who, when],
            "treated": history.treated[who, when],
        }
    )
