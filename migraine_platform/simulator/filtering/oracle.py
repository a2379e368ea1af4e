"""The best forecast that the measured days allow, the patient's parameters known: a particle filter on the generator.

Each particle is one possible life: latent state, features where none were recorded, attack. Every evening at 20:00 it
is weighted by how probable it makes what diary and device recorded by then, and by whether they recorded at all:
people skip more entries on migraine days, so a gap says something. The forecast is the weighted mean of what each
particle's whole state forecasts (hazard.forecast).

What a person's days are like on average, and the calendar of the menstrual cycle, are taken as known. Belongs here:
the patients' evidence, and the run over days. Does not: what a day does to a particle (observed_events.py,
observed_features.py, observed_signs.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.config.simulator.copula import COLUMN_OF
from migraine_platform.domain.events import BY_EVENING, EVENTS, HAS_MIGRAINE, PRODROME
from migraine_platform.priors.families import Z_LIMIT
from migraine_platform.priors.vocabulary import ITEM_COLUMNS
from migraine_platform.simulator.exogenous.features import FEATURES
from migraine_platform.simulator.exogenous.trigger_rules import memory_size, reads_worn
from migraine_platform.simulator.filtering.midnight import begin_day
from migraine_platform.simulator.filtering.observed_events import observe_events
from migraine_platform.simulator.filtering.observed_features import observe_features
from migraine_platform.simulator.filtering.observed_signs import observe_signs
from migraine_platform.simulator.filtering.particles import (
    LOGIT_BINS,
    Cloud,
    RandomSource,
    evening_forecast,
    largest,
    new_cloud,
    resample,
)
from migraine_platform.simulator.filtering.recorded import GAPS, DayRecord, Factors, factors
from migraine_platform.simulator.generative.measurement import Recorded
from migraine_platform.simulator.generative.model import (
    FLAGS,
    VALUES,
    DayEffects,
    ModelParameters,
    Persons,
    SimulatedDays,
    baseline_logit,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMPOSSIBLE = -50.0
"""Log evidence of a day that no particle can have had: less than any day that one can, and yet finite."""

RESAMPLE_BELOW = 0.5
"""Effective sample size, as a share of the particles, below which they are resampled."""


class RecordedEvidence(NamedTuple):
    """What diaries and devices recorded of P patients on K days."""

    values: NDArray[np.float64]
    """[P, K, F] features in their units."""
    latent: NDArray[np.float64]
    """[P, K, F] the same as z."""
    diet: NDArray[np.bool_]
    """[P, K, 4]"""
    events: NDArray[np.bool_]
    """[P, K, EVENTS]"""
    diary: NDArray[np.bool_]
    """[P, K] whether there is an entry; without one, `diet`, `events` and the diary's features say nothing."""
    device: NDArray[np.bool_]
    """[P, K] whether the device was worn; without it, its features say nothing."""
    entries: NDArray[np.float64]
    """[P, K, 2, 2] probability of an entry, as `measurement.entry_chances` has it."""

    @classmethod
    def of(
        cls, parameters: ModelParameters, days: SimulatedDays, recorded: Recorded, entries: NDArray[np.float64]
    ) -> RecordedEvidence:
        """What was recorded of these days.

        Args:
            entries: [P, K, 2, 2] as `measurement.entry_chances` has them.
        """
        columns = [VALUES.index(COLUMN_OF.get(name, name)) for name in FEATURES]
        values = np.moveaxis(days.values[columns], 0, 2).astype(np.float64)
        grid = np.linspace(-Z_LIMIT, Z_LIMIT, parameters.copula.tables.shape[1])
        latent = np.empty_like(values)
        for f in range(len(FEATURES)):
            latent[..., f] = np.interp(values[..., f], parameters.copula.tables[f], grid)
        diet = [FLAGS.index(name) for name in ITEM_COLUMNS]
        events = slice(len(FLAGS) - len(EVENTS), len(FLAGS))
        return cls(
            values=values,
            latent=latent,
            diet=np.ascontiguousarray(np.moveaxis(days.flags[diet], 0, 2)),
            events=np.ascontiguousarray(np.moveaxis(days.flags[events], 0, 2)),
            diary=recorded.diary,
            device=recorded.device,
            entries=entries,
        )


class FilteredForecasts(NamedTuple):
    """What the filter makes of P patients' K days."""

    forecast: NDArray[np.float64]
    """[P, K] probability that the day is a migraine day, as of the evening before."""
    log_evidence: NDArray[np.float64]
    """[P, K] log probability of what the day recorded, given the days before; up to a constant of the patient's."""
    spread: NDArray[np.float64]
    """[P, K, particles.LOGIT_BINS] weight of the particles by their forecast of the day; no bins if not wanted."""


def filter_days(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    evidence: RecordedEvidence,
    particles: int,
    subject: NDArray[np.int64] | None = None,
    with_spread: bool = False,
) -> FilteredForecasts:
    """Run the filter for every person.

    Args:
        persons: H hypothetical persons.
        subject: [H] whose evidence (position in `evidence`) each of them is held against; by default each his own.
        with_spread: whether the particles' single forecasts are wanted too.
    """
    count = len(persons.index)
    subject = np.arange(count) if subject is None else subject
    kept = evidence.diary.shape[1]
    bins = LOGIT_BINS if with_spread else 0
    out = FilteredForecasts(np.empty((count, kept)), np.empty((count, kept)), np.empty((count, kept, bins)))
    patterns = factors(parameters.copula, reads_worn(parameters.rules))

    in_parallel(
        count,
        lambda first, last: _filter_some(
            parameters, persons, day_effects, evidence, patterns, particles, first, last, subject, out
        ),
        shares=4,
        smallest=4,
    )
    return out


@njit(cache=True, nogil=True)
def _filter_some(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    evidence: RecordedEvidence,
    patterns: Factors,
    particles: int,
    first: int,
    last: int,
    subject: NDArray[np.int64],
    out: FilteredForecasts,
) -> None:
    for i in range(first, last):
        _filter_one(parameters, persons, day_effects, evidence, patterns, particles, i, subject[i], out)


@njit(cache=True, inline="always")
def _filter_one(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    evidence: RecordedEvidence,
    patterns: Factors,
    particles: int,
    i: int,
    subject: int,
    out: FilteredForecasts,
) -> None:
    cloud: Cloud = new_cloud(particles, persons.level.shape[1], memory_size(parameters.rules))
    source = RandomSource(np.empty(8), np.zeros(2, dtype=np.int64))
    for n in range(particles):
        cloud.logit[n], cloud.attack_history[n] = baseline_logit(persons, day_effects, i, 0), persons.attack_history[i]
    forecast, gap = persons.attack_history[i], GAPS
    spread = np.zeros(out.spread.shape[2])
    for t in range(parameters.total):
        k = t - parameters.burn_in
        source.place[0], source.place[1] = 0, 8
        has_diary = k >= 0 and evidence.diary[subject, k]
        has_device = k >= 0 and evidence.device[subject, k]
        told_late = k > 0 and evidence.diary[subject, k - 1]
        written = 1 if k <= 0 or told_late else 0
        yesterday = evidence.events[subject, max(k - 1, 0)]
        late = told_late and yesterday[HAS_MIGRAINE] and not yesterday[BY_EVENING]
        row = max(k, 0)
        gap += 1
        if k >= 0:
            out.forecast[i, k] = forecast
            out.spread[i, k] = spread
        begin_day(parameters, persons, day_effects, cloud, source, i, t, told_late, late)
        record = DayRecord(
            has_diary, has_device, evidence.values[subject, row], evidence.latent[subject, row],
            evidence.diet[subject, row], evidence.events[subject, row], evidence.entries[subject, row, written],
            k >= 0, gap,
        )  # fmt: skip
        observe_events(parameters, persons, day_effects, cloud, source, i, t, record)
        observe_features(parameters, persons, day_effects, cloud, source, patterns, i, t, record)
        observe_signs(parameters, persons, cloud, source, i, t, has_diary, evidence.events[subject, row, PRODROME])
        if has_device:
            gap = 0
        top = largest(cloud.log_weight)
        impossible = not top > -np.inf
        if impossible:  # no particle can have had this day: start afresh from what they are
            for n in range(particles):
                cloud.log_weight[n] = 0.0
            top = 0.0
        total, squared = 0.0, 0.0
        for n in range(particles):
            weight = np.exp(cloud.log_weight[n] - top)
            total += weight
            squared += weight * weight
        forecast = evening_forecast(parameters, persons, day_effects, cloud, i, t, top, total, spread)
        if k >= 0:
            out.log_evidence[i, k] = IMPOSSIBLE if impossible else top + np.log(total / particles)
        for n in range(particles):
            cloud.log_weight[n] -= top + np.log(total / particles)
        if total * total < RESAMPLE_BELOW * particles * squared:
            resample(cloud, source, persons.index[i], parameters.seed, t)
