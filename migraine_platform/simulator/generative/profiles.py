"""Who the patients are: age, sex, class, frequency, susceptibilities, site.

Classes are stratified: within every 20 consecutive patients the chronic share is exact (independent draws would miss
it by a point at 1,000 patients four times in ten). All else is drawn per patient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config.simulator.settings import Cohort, Simulator
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGER_COUNT
from migraine_platform.simulator.random.streams import Stream, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRATUM = 20
DAYS_A_MONTH = 30
PROFILE_SLOTS = 16
SUSCEPTIBILITY_SLOTS, HABIT_SLOTS = slice(4, 8), slice(12, 16)


@dataclass(frozen=True)
class Profiles:
    """P patients as arrays; `index` counts from 0 over the whole population."""

    index: NDArray[np.int64]
    age: NDArray[np.int64]
    is_female: NDArray[np.bool_]
    is_chronic: NDArray[np.bool_]
    has_aura: NDArray[np.bool_]
    frequency: NDArray[np.float64]
    """[P] profile migraine days as a share of days."""
    susceptibility: NDArray[np.float64]
    """[P, K] in the order of TRIGGERS."""
    site: NDArray[np.int64]
    """[P] position in the configured sites."""
    weather_offset: NDArray[np.float64]
    """[P, 3] in [-1, 1]: temperature, humidity, pressure, in units of the configured offsets."""
    habit: NDArray[np.float64]
    """[P, ITEMS] in [0, 1]: where in its range a person's share of days lies, in the order of ITEM_COLUMNS."""

    @property
    def names(self) -> pl.Series:
        """`ids` as a column."""

        return pl.Series("patient_id", self.ids)

    @property
    def ids(self) -> list[str]:
        """Names of the patients: P0001 is the first."""
        return [f"P{index + 1:04d}" for index in self.index.tolist()]


class SusceptibilityPrior(NamedTuple):
    """How susceptibilities are spread over people: evenly over a range, 0 in those to whom a trigger does nothing."""

    low: float
    high: float
    share: NDArray[np.float64]
    """[K] of people to whom each trigger can do anything."""

    @classmethod
    def of(cls, settings: Simulator) -> SusceptibilityPrior:
        """The settings'."""
        low, high = settings.population.susceptibility
        return cls(low, high, np.array([row.share for row in settings.triggers.values()]))

    @classmethod
    def of_everybody(cls, low: float, high: float) -> SusceptibilityPrior:
        """Every trigger can do something to everybody."""
        return cls(low, high, np.ones(TRIGGER_COUNT))

    def at(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """[..., K] susceptibilities at shares of the people, of those to whom a trigger does nothing first.

        Args:
            u: [..., K] from 0 to 1.
        """
        within = (u - (1 - self.share)) / self.share
        return np.where(within < 0, 0.0, self.low + within * (self.high - self.low))

    def mean(self) -> NDArray[np.float64]:
        """[K]"""
        return self.share * (self.low + self.high) / 2

    def sd(self) -> NDArray[np.float64]:
        """[K]"""
        square = (self.low**2 + self.low * self.high + self.high**2) / 3
        return np.sqrt(self.share * square - self.mean() ** 2)


def draw_patients(index: NDArray[np.int64], settings: Simulator) -> Profiles:
    """The patients of these indices; each depends on the seed and its own index alone.

    Args:
        index: [P] patients' indices.
    """
    seed, population = settings.cohort.seed, settings.population
    u = uniforms(seed, Stream.PROFILE, index, 1, PROFILE_SLOTS)[:, 0]
    chronic = chronic_of(index, seed, population.chronic_share)
    low, high = np.where(chronic[:, None], population.chronic_frequency, population.episodic_frequency).T
    first, last = population.age
    susceptibility = _with_more(u[:, SUSCEPTIBILITY_SLOTS], TRIGGER_COUNT, Stream.SUSCEPTIBILITY, index, seed)
    return Profiles(
        index=index,
        age=(first + np.floor(u[:, 0] * (last - first + 1))).astype(np.int64),
        is_female=u[:, 1] < population.female_share,
        is_chronic=chronic,
        has_aura=u[:, 2] < population.aura_share,
        frequency=(low + u[:, 3] * (high - low)) / DAYS_A_MONTH,
        susceptibility=SusceptibilityPrior.of(settings).at(susceptibility),
        site=np.floor(u[:, 8] * len(settings.weather.sites)).astype(np.int64),
        weather_offset=2 * u[:, 9:12] - 1,
        habit=_with_more(u[:, HABIT_SLOTS], len(ITEM_COLUMNS), Stream.HABIT, index, seed),
    )


def _with_more(
    own: NDArray[np.float64], count: int, stream: Stream, index: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """[P, count] uniform: the first from the profile's slots, further ones from a stream of their own.

    Args:
        own: [P, slots] of the profile.
        index: [P] patients' indices.
    """
    more = count - own.shape[1]
    if more <= 0:
        return own[:, :count]
    return np.concatenate([own, uniforms(seed, stream, index, 1, more)[:, 0]], axis=1)


def chronic_of(index: NDArray[np.int64], seed: int, share: float) -> NDArray[np.bool_]:
    """[P] whether each patient is chronic: the patients of a stratum with the smallest draws are.

    Stratum n holds floor((n + 1) 20 share) - floor(n 20 share) chronic patients, so that shares that are no
    multiple of a twentieth come out exact over several strata.

    Args:
        index: [P] patients' indices.
    """
    stratum = index // STRATUM
    strata, position = np.unique(stratum, return_inverse=True)
    members = (strata[:, None] * STRATUM + np.arange(STRATUM)).astype(np.int64)
    draws = uniforms(seed, Stream.CLASSES, members.ravel(), 1, 1).reshape(members.shape)
    rank = draws.argsort(axis=1).argsort(axis=1)
    # 1e-9: 20 * 0.15 is 3.0000000000000004 in floating point, 20 * 0.35 is 6.999...
    total = np.array([math.floor(n * STRATUM * share + 1e-9) for n in (*strata.tolist(), *(strata + 1).tolist())])
    count = total[len(strata) :] - total[: len(strata)]
    return np.asarray(rank[position, index % STRATUM] < count[position])


def batch_index(cohort: Cohort, batch: int) -> NDArray[np.int64]:
    """Indices of the patients in one batch (counted from 0)."""
    first = batch * cohort.batch_size
    return np.arange(first, min(first + cohort.batch_size, cohort.patients), dtype=np.int64)


def draw_batch(settings: Simulator, batch: int) -> Profiles:
    """The patients of one batch."""
    index = batch_index(settings.cohort, batch)
    return draw_patients(index, settings)


def first_patients(settings: Simulator, count: int) -> Profiles:
    """The first patients of the population, at most so many."""
    index = np.arange(min(count, settings.cohort.patients), dtype=np.int64)
    return draw_patients(index, settings)


def held_out(index: NDArray[np.int64], seed: int, share: float) -> NDArray[np.bool_]:
    """[P] who belongs to the validation set: decided patient by patient, whatever the batch.

    Args:
        index: [P] patients' indices.
    """
    return np.asarray(uniforms(seed, Stream.SPLIT, index, 1, 1)[:, 0, 0] < share)
