"""What the evening of a day says of tomorrow's hazard: triggers, latent load; with gaps filled by their distribution.

    latent[t+1] = A latent[t] + B E u[t],   V[t+1] = A V[t] A' + B Var u[t] B' + Q

u is exact where the day recorded its feature; else its mean and variance follow from what the state-space model says
of the channel. A trigger that was not recorded has a probability instead; a rise of stress that of the two days'
joint distribution, yesterday's belief being updated by today's. Both are taken against what is usual for the person so
far, so that a person's level means his ordinary days.

A day is added to a ledger of fixed size: a year costs a day no more than a week does. Belongs here: covariates. Does
not: their effect (filter.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import INPUTS
from migraine_platform.domain.triggers import TRIGGER_NAMES
from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, WEEKEND_SHARE, Scales, StandardDays, grid
from migraine_platform.twin.data.clinical import BY_CHANNEL, BY_WEATHER, CHANNEL_OF_INPUT, CYCLE_DAYS, ClinicalPrior
from migraine_platform.twin.data.features import DIET, POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.kalman import FilteredStates

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEATHER = TRIGGER_NAMES.index("weather")
USUAL_WEIGHT = 20.0
"""Days that the population's usual day counts among a person's own."""

HABIT_WEIGHT = 3.0
NODES, WEIGHTS = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)]), np.array([1.0, 4.0, 1.0]) / 6
"""Gauss-Hermite rule of three nodes for a standard normal."""

CERTAIN = 1e-9
STRESS = CHANNELS.index("stress_level")


class BaselineDays(NamedTuple):
    """What days are like in the population."""

    trigger: NDArray[np.float64]
    """[4] share of days."""
    latent: NDArray[np.float64]
    """[4]"""
    diet: NDArray[np.float64]
    """[3] share of days with each of DIET."""

    @classmethod
    def nothing_known(cls) -> BaselineDays:
        """A first guess, before a population was read."""
        return cls(np.full(4, 0.15), np.zeros(4), np.full(3, 0.3))


class Ledger(NamedTuple):
    """What is carried from one evening to the next, for P patients."""

    latent: NDArray[np.float64]
    """[P, 4] mean of tomorrow's latent state."""
    spread: NDArray[np.float64]
    """[P, 4, 4] its covariance."""
    latent_sum: NDArray[np.float64]
    trigger_sum: NDArray[np.float64]
    days: NDArray[np.float64]
    """[P]"""
    eaten: NDArray[np.float64]
    """[P, 3] recorded days with each of DIET."""
    meals: NDArray[np.float64]
    """[P] recorded days."""
    stress: NDArray[np.float64]
    """[P, 6] yesterday's stress, in points where it was recorded; on the standard scale its mean and variance, 0 where
    it was recorded; the mean and variance of today's as expected then, without today's D v; covariance of the two."""
    cycle: NDArray[np.float64]
    """[P] yesterday's day of the cycle; 0 for none."""


class Covariates(NamedTuple):
    """Of P patients' K evenings."""

    trigger: NDArray[np.float64]
    """[P, K, 4] probability that the trigger was there; 0 or 1 where it was recorded."""
    baseline: NDArray[np.float64]
    """[P, K, 4] the person's usual share of days with it."""
    latent: NDArray[np.float64]
    """[P, K, 4] tomorrow's expected latent state against the person's usual one."""
    spread: NDArray[np.float64]
    """[P, K, 4, 4] covariance of what is not known of it."""
    weekend: NDArray[np.float64]
    """[P, K] 1 if tomorrow is a day of the weekend, less the week's mean."""


def first_ledger(prior: ClinicalPrior, baseline: BaselineDays, patients: int) -> Ledger:
    """Of persons of whom nothing is known."""
    return Ledger(
        latent=np.tile(baseline.latent, (patients, 1)),
        spread=np.tile(prior.hidden(), (patients, 1, 1)),
        latent_sum=np.zeros((patients, 4)),
        trigger_sum=np.zeros((patients, 4)),
        days=np.zeros(patients),
        eaten=np.zeros((patients, len(DIET))),
        meals=np.zeros(patients),
        stress=np.tile([0.0, 0.0, 1.0, 0.0, 1.0, 0.0], (patients, 1)),
        cycle=np.zeros(patients),
    )


@dataclass(frozen=True)
class Reader:
    """Reads covariates off histories."""

    prior: ClinicalPrior
    scales: Scales
    baseline: BaselineDays

    def read(
        self, histories: Histories, days: StandardDays, channels: FilteredStates, ledger: Ledger | None = None
    ) -> tuple[Covariates, Ledger]:
        """Covariates of every evening, and the ledger after the last.

        Args:
            channels: what the state-space model makes of the same days.
            ledger: as of the evening before the first of the days.
        """
        kept = ledger or first_ledger(self.prior, self.baseline, histories.count)
        mean = np.where(days.seen, days.z, channels.mean)
        sd = np.where(days.seen, 0.0, np.sqrt(channels.variance))
        scores, variance = self._scores(histories, mean, sd)
        sleep = self._sleep_trigger(histories, mean, sd)
        stress, shift = _stress(histories, mean, sd, channels), channels.shift[..., STRESS]
        fall = histories.values[..., POSITION["pressure_change_24h"]] <= -self.prior.pressure_fall
        reported = histories.present[..., POSITION["pressure_change_24h"]]
        out = _empty(histories.count, histories.days)
        out.weekend[:] = days.context[..., CONTEXT.index("weekend_tomorrow")] - WEEKEND_SHARE
        for k in range(histories.days):
            there = k >= histories.begun
            diet, kept = self._diet(histories, k, kept)
            rise = self._rise(stress[:, k], shift[:, k], kept.stress, kept.days > 0)
            weather = np.where(reported[:, k], fall[:, k], self._usual_share(kept)[:, WEATHER])
            trigger = np.column_stack([weather, sleep[:, k], rise, diet])
            cycle, cycle_score = self._cycle(histories, k, kept.cycle)
            u = scores[:, k].copy()
            u[:, len(BY_CHANNEL)] = cycle_score
            after = kept._replace(
                latent=_each(self.prior.A, kept.latent) + _each(self.prior.B, u),
                spread=_propagate(self.prior, kept.spread, variance[:, k]),
                trigger_sum=kept.trigger_sum + trigger,
                days=kept.days + 1,
                stress=stress[:, k],
                cycle=cycle,
            )
            after = after._replace(latent_sum=kept.latent_sum + after.latent)
            kept = Ledger(*(_where(there, new, old) for new, old in zip(after, kept, strict=True)))
            self._note(out, k, kept, np.where(there[:, None], trigger, self.baseline.trigger))
        return out, kept

    def _note(self, out: Covariates, k: int, kept: Ledger, trigger: NDArray[np.float64]) -> None:
        """Put one evening's covariates down."""
        weight = (kept.days + USUAL_WEIGHT)[:, None]
        out.trigger[:, k] = trigger
        out.baseline[:, k] = self._usual_share(kept)
        out.latent[:, k] = kept.latent - (kept.latent_sum + USUAL_WEIGHT * self.baseline.latent) / weight
        out.spread[:, k] = kept.spread

    def _usual_share(self, kept: Ledger) -> NDArray[np.float64]:
        """[P, 4] each person's usual share of days with each trigger."""
        return (kept.trigger_sum + USUAL_WEIGHT * self.baseline.trigger) / (kept.days + USUAL_WEIGHT)[:, None]

    def _scores(
        self, histories: Histories, mean: NDArray[np.float64], sd: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P, K, inputs] mean of each day's impact scores; [P, K, channels among them] their variance."""
        values = np.zeros((histories.count, histories.days, len(INPUTS)))
        for name in BY_WEATHER:
            place = POSITION[name]
            score = self.prior.score(name, histories.values[..., place])
            values[..., INPUTS.index(name)] = np.where(
                histories.present[..., place], score, self.prior.weather_scores[name]
            )
        variance = np.zeros((histories.count, histories.days, len(BY_CHANNEL)))
        for place, name in enumerate(BY_CHANNEL):
            c = CHANNELS.index(CHANNEL_OF_INPUT.get(name, name))
            score = self.prior.score(name, self.scales.table[c])
            at_nodes = np.interp(mean[..., c, None] + NODES * sd[..., c, None], grid(), score)
            expected = (at_nodes * WEIGHTS).sum(axis=-1)
            own = POSITION[CHANNELS[c]]
            reported, score = histories.present[..., own], self.prior.score(name, histories.values[..., own])
            values[..., place] = np.where(reported, score, expected)
            variance[..., place] = np.where(reported, 0.0, (at_nodes**2 * WEIGHTS).sum(axis=-1) - expected**2)
        return values, np.maximum(variance, 0.0)

    def _sleep_trigger(
        self, histories: Histories, mean: NDArray[np.float64], sd: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """[P, K] probability of a night that is too short or too long."""
        from scipy.special import ndtr

        c = CHANNELS.index("total_sleep_hours")
        ends = np.interp([self.prior.short_sleep, self.prior.long_sleep], self.scales.table[c], grid())
        wide = np.maximum(sd[..., c], CERTAIN)
        probability = ndtr((ends[0] - mean[..., c]) / wide) + ndtr((mean[..., c] - ends[1]) / wide)
        reported, hours = (part[..., POSITION["total_sleep_hours"]] for part in (histories.present, histories.values))
        there = (hours < self.prior.short_sleep) | (hours > self.prior.long_sleep)
        return np.asarray(np.where(reported, there, probability))

    def _rise(
        self,
        today: NDArray[np.float64],
        shift: NDArray[np.float64],
        before: NDArray[np.float64],
        known: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """[P] probability that stress rose by the configured step; on a first day the population's share.

        Args:
            today: [P, 6] in the order of the ledger's.
            shift: [P] today's D v.
            before: [P, 6] the ledger's.
            known: [P] whether there was a yesterday.
        """
        from scipy.special import ndtr

        scale, step = (grid(), self.scales.table[STRESS]), self.prior.stress_rise
        points, now, now_variance = today[:, :3].T
        mean, variance, shared = _yesterday(today, shift, before)
        sd = np.sqrt(variance)
        # Today's is recorded: yesterday's lies low enough.
        ceiling = np.interp(points - step + CERTAIN, *scale[::-1])
        reported = np.where(
            variance > 0, ndtr((ceiling - mean) / np.maximum(sd, CERTAIN)), points - before[:, 0] >= step
        )
        # It is not: given each of yesterday's nodes, it lies high enough.
        off = NODES * sd[:, None]
        start = np.where(variance[:, None] > 0, np.interp(mean[:, None] + off, *scale), before[:, :1])
        floor = np.interp(start + step - CERTAIN, *scale[::-1])
        lean = shared / np.maximum(variance, CERTAIN)
        rest = np.sqrt(np.maximum(now_variance - lean * shared, CERTAIN**2))
        untold = (ndtr((now[:, None] + lean[:, None] * off - floor) / rest[:, None]) * WEIGHTS).sum(axis=-1)
        return np.asarray(np.where(known, np.where(now_variance > 0, untold, reported), self.baseline.trigger[2]))

    def _diet(self, histories: Histories, k: int, kept: Ledger) -> tuple[NDArray[np.float64], Ledger]:
        """[P] probability of enough of alcohol, caffeine and chocolate; by the person's habits where not recorded."""
        places = [POSITION[name] for name in DIET]
        eaten = histories.values[:, k, places]
        reported: NDArray[np.bool_] = np.asarray(histories.present[:, k, places].all(axis=1))
        habit = (kept.eaten + HABIT_WEIGHT * self.baseline.diet) / (kept.meals + HABIT_WEIGHT)[:, None]
        share = np.where(reported[:, None], eaten, habit)
        count = np.zeros((len(share), len(DIET) + 1))  # Poisson-binomial distribution of the number of items
        count[:, 0] = 1.0
        for item in range(len(DIET)):
            p = share[:, item, None]
            count[:, 1:] = count[:, 1:] * (1 - p) + count[:, :-1] * p
            count[:, :1] *= 1 - p
        probability = count[:, self.prior.diet_items :].sum(axis=1)
        more = np.where(reported[:, None], eaten, 0.0)
        return probability, kept._replace(eaten=kept.eaten + more, meals=kept.meals + reported)

    def _cycle(
        self, histories: Histories, k: int, before: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P] day of the cycle, counted on where it was not recorded, and its score."""
        place = POSITION["cycle_day"]
        reported = histories.present[:, k, place]
        counted = np.where(before > 0, before % CYCLE_DAYS + 1, 0.0)
        day = np.where(reported, histories.values[:, k, place], counted)
        return day, self.prior.cycle_scores[np.minimum(day, CYCLE_DAYS).astype(np.int64)]


def _stress(
    histories: Histories, mean: NDArray[np.float64], sd: NDArray[np.float64], channels: FilteredStates
) -> NDArray[np.float64]:
    """[P, K, 6] what each evening leaves in the ledger of its stress."""
    shared = np.where(sd > 0, channels.next_covariance, 0.0)
    parts = [part[..., STRESS] for part in (mean, sd**2, channels.next_mean, channels.next_variance, shared)]
    return np.stack([histories.values[..., POSITION["stress_level"]], *parts], axis=-1)


def _yesterday(
    today: NDArray[np.float64], shift: NDArray[np.float64], before: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """[P] mean and variance of yesterday's stress, given what is known of today's, and its covariance with today's."""
    mean, variance, expected, spread, shared = before[:, 1:].T
    slope = shared / spread
    surprise = today[:, 1] - expected - shift
    return mean + slope * surprise, variance - slope**2 * (spread - today[:, 2]), slope * today[:, 2]


def _empty(patients: int, days: int) -> Covariates:
    shape = (patients, days, 4)
    return Covariates(np.empty(shape), np.empty(shape), np.empty(shape), np.empty((*shape, 4)), np.empty(shape[:2]))


def _each(matrix: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, n] matrix times each patient's row: to the last bit the same, whoever else is in the batch."""
    return (matrix @ rows[..., None]).reshape(len(rows), len(matrix))


def _propagate(prior: ClinicalPrior, spread: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A V A' + B Var B' + Q, patient by patient."""
    B = prior.B[:, : len(BY_CHANNEL)]
    kept = np.einsum("ij,pjk,lk->pil", prior.A, spread, prior.A)
    return np.asarray(kept + np.einsum("ij,pj,lj->pil", B, variance, B) + prior.Q)


def _where(there: NDArray[np.bool_], new: NDArray[np.float64], old: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(there.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def usual_of(ledger: Ledger) -> BaselineDays:
    """The population's usual day, from its patients' ledgers."""
    days, meals = max(1.0, ledger.days.sum()), max(1.0, ledger.meals.sum())
    return BaselineDays(
        ledger.trigger_sum.sum(axis=0) / days, ledger.latent_sum.sum(axis=0) / days, ledger.eaten.sum(axis=0) / meals
    )
