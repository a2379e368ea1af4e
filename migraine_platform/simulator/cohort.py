"""A cohort, batch by batch: patients, their days, their attacks, as frames of the declared tables.

simulator = CohortSimulator(settings.simulator, features, calibration)
tables = simulator.batch(0)["cohort.sleep_days"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator import Cohort, Simulator
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.attacks import AttackHistory, Course, simulate_attacks
from migraine_platform.simulator.calendar import Calendar
from migraine_platform.simulator.calibration import Calibration
from migraine_platform.simulator.days import Columns, simulate_exposures, trigger_days
from migraine_platform.simulator.exogenous import Copula
from migraine_platform.simulator.patients import TRIGGERS, Patients, draw_batch
from migraine_platform.simulator.weather import SiteWeather, simulate_sites, site_frame

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


class CohortSimulator:
    """Simulates batches of one population; what all batches share is made once."""

    def __init__(self, settings: Simulator, features: Sequence[Feature], calibration: Calibration) -> None:
        self.settings = settings
        self.calibration = calibration
        self.calendar = Calendar.of(settings.cohort)
        self._copula = Copula.of(features, settings.exogenous)
        self._course = Course.of(settings.attacks)

    @cached_property
    def sites(self) -> SiteWeather:
        """Weather of every site, burn-in included."""
        return simulate_sites(self.settings.weather, self.calendar, self.settings.cohort.seed)

    def site_days(self) -> pl.DataFrame:
        """Rows of `cohort.site_days`."""
        return site_frame(self.sites, self.settings.weather.sites, self.calendar)

    def batch(self, number: int) -> dict[str, pl.DataFrame]:
        """The tables of one batch, by declared name."""
        patients = draw_batch(self.settings, number)
        exposures, triggers, history = self.live(patients)
        name = batch_name(number)
        dated = _Dated(patients, self.calendar, name)
        return {
            "cohort.patients": _patient_frame(patients, name, [site.site_id for site in self.settings.weather.sites]),
            "cohort.weather_days": dated.frame(exposures, WEATHER),
            "cohort.sleep_days": dated.frame(exposures, SLEEP),
            "cohort.diary_days": dated.frame(exposures, DIARY),
            "cohort.attacks": _attack_frame(history, patients, self.calendar),
            "cohort.patient_days": dated.joined(exposures, triggers, history),
            "truth.patients": _truth_frame(patients, self.calibration),
            "truth.patient_days": dated.frame({"onset_probability": history.onset_probability}, ("onset_probability",)),
        }

    def live(self, patients: Patients) -> tuple[Columns, NDArray[np.bool_], AttackHistory]:
        """Exposures, triggers [P, T, 4] and attacks of some patients, burn-in included."""
        exposures = simulate_exposures(self.settings, self._copula, self.sites, patients, self.calendar)
        triggers = trigger_days(exposures, self.settings.triggers)
        history = simulate_attacks(
            self._course,
            triggers,
            self.calibration.intercept(patients),
            self.calibration.weights(patients),
            patients.has_aura,
            patients.index,
            self.settings.cohort.seed,
        )
        return exposures, triggers, history


def batch_name(number: int) -> str:
    """Name of a patient batch, as the lake's partitions and Dagster's carry it."""
    return f"batch-{number:03d}"


def batch_number(name: str) -> int:
    """Inverse of `batch_name`."""
    return int(name.removeprefix("batch-"))


class _Dated:
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

    def _series(self, name: str, values: NDArray[np.float64] | NDArray[np.bool_]) -> pl.Series:
        import polars as pl

        return pl.Series(name, np.ascontiguousarray(values[:, self._kept]).ravel())


def _patient_frame(patients: Patients, batch: str, site_ids: Sequence[str]) -> pl.DataFrame:
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


def _truth_frame(patients: Patients, calibration: Calibration) -> pl.DataFrame:
    import polars as pl

    susceptibilities = {f"susceptibility_{name}": patients.susceptibility[:, k] for k, name in enumerate(TRIGGERS)}
    return pl.DataFrame({"patient_id": patients.ids, **susceptibilities, "intercept": calibration.intercept(patients)})


def _attack_frame(history: AttackHistory, patients: Patients, calendar: Calendar) -> pl.DataFrame:
    """Rows of `cohort.attacks`: every attack whose headache touches a kept day, one that began before included."""
    import polars as pl

    end = history.headache_start + history.duration
    with np.errstate(invalid="ignore"):
        touches = history.onset & (end > 24.0 * calendar.burn_in)
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


def holes(patients: pl.DataFrame, patient_days: pl.DataFrame, cohort: Cohort) -> int:
    """How many patients lack a day of the cohort, or have one twice, or have one outside of it."""
    import polars as pl

    last = Calendar.of(cohort).last
    per_patient = patient_days.group_by("patient_id").agg(
        days=pl.len(),
        distinct=pl.col("date").n_unique(),
        first=pl.col("date").min(),
        last=pl.col("date").max(),
    )
    whole = per_patient.filter(
        (pl.col("days") == cohort.days)
        & (pl.col("distinct") == cohort.days)
        & (pl.col("first") == cohort.start_date)
        & (pl.col("last") == last)
    )
    strangers = per_patient.join(patients, on="patient_id", how="anti").height
    return patients.join(whole, on="patient_id", how="anti").height + strangers
