"""Simulated arrays as rows of the declared tables.

Belongs here: which array becomes which column. Does not: what happened (trajectories.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.domain.exposures import WEATHER_COLUMNS
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, LIVED_VALUES, TRIGGERS
from migraine_platform.simulator.cohort.traits import traits
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.generative.attacks import HOURS, AttackCourse
from migraine_platform.simulator.generative.model import (
    FLAGS,
    SLEEP_COLUMNS,
    VALUES,
    WEARABLE_COLUMNS,
    Persons,
    SimulatedDays,
)
from migraine_platform.simulator.generative.profiles import Profiles
from migraine_platform.simulator.generative.treatment import UNTREATED

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 3600
"""An hour."""


class DayFrames:
    """The daily tables of some patients: patient by patient, day by day, the burn-in left out.

    Columns are made once and shared by all frames.
    """

    def __init__(
        self, patients: Profiles, persons: Persons, days: SimulatedDays, calendar: Calendar, batch: str
    ) -> None:

        ids = pl.Series("patient_id", patients.ids)
        rows = len(ids) * calendar.days
        self._key = [
            ids.gather(np.repeat(np.arange(len(ids)), calendar.days)),
            pl.Series("date", np.tile(calendar.dates()[calendar.burn_in :], len(ids))),
        ]
        self._batch = pl.Series("patient_batch", [batch]).new_from_index(0, rows)
        self._columns = {name: pl.Series(name, days.value(name).reshape(rows)) for name in VALUES}
        self._columns |= {name: pl.Series(name, days.flag(name).reshape(rows)) for name in FLAGS}
        cycle = pl.Series("cycle_day", np.ascontiguousarray(persons.cycle_day[:, calendar.burn_in :]).reshape(rows))
        self._columns["cycle_day"] = cycle.cast(pl.Int64).set(cycle == 0, None)
        self._truth: dict[str, NDArray[Any]] = {
            "onset_probability": days.onset_probability,
            "migraine_probability": days.migraine_probability,
            "announced": days.announced,
        }
        self._truth |= {f"z_{axis}": days.z[k] for k, axis in enumerate(AXES)}

    def weather(self) -> pl.DataFrame:
        """Rows of `cohort.weather_days`."""
        return self._frame(WEATHER_COLUMNS)

    def sleep(self) -> pl.DataFrame:
        """Rows of `cohort.sleep_days`."""
        return self._frame(SLEEP_COLUMNS)

    def diary(self) -> pl.DataFrame:
        """Rows of `cohort.diary_days`."""
        return self._frame(("stress_level", *ITEM_COLUMNS, "water_consumed_liters", *LIVED_VALUES))

    def wearable(self) -> pl.DataFrame:
        """Rows of `cohort.wearable_days`."""
        return self._frame(WEARABLE_COLUMNS)

    def joined(self) -> pl.DataFrame:
        """Rows of `cohort.patient_days`."""
        return self._frame(tuple(self._columns)).with_columns(self._batch)

    def truth(self, oracle: NDArray[np.float64]) -> pl.DataFrame:
        """Rows of `truth.patient_days`.

        Args:
            oracle: [P, K] forecasts of the particle filter, NaN where it was not run.
        """

        values = [pl.Series(name, np.ascontiguousarray(array).ravel()) for name, array in self._truth.items()]
        filtered = pl.Series("oracle_probability", oracle.ravel()).fill_nan(None)
        return pl.DataFrame([*self._key, *values, filtered])

    def _frame(self, names: Sequence[str]) -> pl.DataFrame:

        return pl.DataFrame([*self._key, *(self._columns[name] for name in names)])


def patient_frame(patients: Profiles, persons: Persons, batch: str, site_ids: Sequence[str]) -> pl.DataFrame:
    """Rows of `cohort.patients`."""

    return pl.DataFrame(
        {
            "patient_id": patients.ids,
            "patient_batch": [batch] * len(patients.index),
            "age": patients.age,
            "sex": np.where(patients.is_female, "F", "M"),
            "menstruates": persons.cycle_day[:, 0] > 0,
            "is_chronic": patients.is_chronic,
            "has_aura": patients.has_aura,
            "base_frequency": patients.frequency,
            "site_id": np.array(site_ids)[patients.site],
        }
    )


def truth_frame(
    patients: Profiles, persons: Persons, course: AttackCourse, adherence: NDArray[np.float64]
) -> pl.DataFrame:
    """Rows of `truth.patients`.

    Args:
        course: of the population's attacks.
        adherence: [P] as `measurement.adherence` gives it.
    """

    susceptibilities = {trigger.susceptibility: patients.susceptibility[:, k] for k, trigger in enumerate(TRIGGERS)}
    return pl.DataFrame(
        {
            "patient_id": patients.ids,
            **susceptibilities,
            "intercept": persons.intercept,
            "diary_adherence": adherence,
            **traits(course, persons.symptoms, persons.has_aura)._asdict(),
            "weekend_log_odds": persons.weekend,
        }
    )


def attack_frame(days: SimulatedDays, patients: Profiles, calendar: Calendar, drugs: Sequence[str]) -> pl.DataFrame:
    """Rows of `cohort.attacks`: every attack whose headache touches a kept day, one that began before included.

    Args:
        drugs: names of the acute drugs, in the order of their numbers.
    """

    who, when = np.nonzero(days.attack)
    end = days.start[who, when] + days.duration[who, when]
    touches = end > HOURS * calendar.burn_in
    who, when, end = who[touches], when[touches], end[touches]
    midnight = calendar.dates()[0].astype("datetime64[us]")

    def moment(hours: NDArray[np.float64]) -> NDArray[np.datetime64]:
        """The second that has begun: rounded, the last half second of a day would be the next day's.

        Args:
            hours: [N] since the first midnight.
        """
        return np.asarray(midnight + np.floor(hours * SECONDS).astype("timedelta64[s]"))

    last_second = HOURS * (when + 1) - 1 / SECONDS  # an hour of onset just below 24 may round to it in the sum
    start = np.minimum(days.start[who, when], last_second)
    aura, prodrome = days.aura[who, when], days.prodrome[who, when]
    drug = days.drug[who, when]
    # In whole seconds all, as they are stored, so that a prodrome of half a second is none.
    onset_at, headache_start = moment(start - np.maximum(aura, prodrome)), moment(start)
    return pl.DataFrame(
        {
            "patient_id": pl.Series(patients.ids).gather(who),
            "attack_id": when - calendar.burn_in,
            "onset_at": onset_at,
            "headache_start": headache_start,
            "headache_end": moment(end),
            "postdrome_end": moment(end + days.postdrome[who, when]),
            "with_prodrome": moment(start - prodrome) < headache_start,
            "with_aura": aura > 0,
            "severity": days.severity[who, when],
            "duration_hours": days.duration[who, when],
            "treated": drug != UNTREATED,
            "acute_drug": pl.Series([None if d == UNTREATED else drugs[d] for d in drug.tolist()], dtype=pl.String),
        }
    )
