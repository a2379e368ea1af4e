"""What the evening of a day says of tomorrow's hazard: triggers, latent load; with gaps filled by their distribution.

    latent[t+1] = A latent[t] + B E u[t],   V[t+1] = A V[t] A' + B Var u[t] B' + Q

u is exact where the day recorded its feature; else its mean and variance follow from what the state-space model says
of the channel. A trigger that was not recorded has a probability instead (trigger_probability.py). Both are taken
against the person's baseline so far, so that a person's level means his ordinary days.

A day is added to a ledger (data/ledger.py). Belongs here: covariates. Does not: their effect (filter.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import AXES, INPUTS
from migraine_platform.config.simulator.triggers import SINCE_YESTERDAY
from migraine_platform.domain.exposures import CYCLE_DAY
from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGER_COUNT, TRIGGERS
from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, WEEKEND_SHARE, Scales, StandardDays, grid
from migraine_platform.twin.data.clinical import BY_CHANNEL, BY_WEATHER, CHANNEL_OF_INPUT, CYCLE_DAYS, ClinicalPrior
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.ledger import NOTHING_BEFORE, BaselineDays, Ledger, first_ledger
from migraine_platform.twin.dynamics.kalman import FilteredStates
from migraine_platform.twin.hazard.trigger_probability import (
    NODES,
    WEIGHTS,
    of_a_step,
    of_a_value,
    of_items,
    two_days,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

BY_VALUE = ("below", "above", "outside")
"""Rules that one value of the day decides."""

USUAL_WEIGHT = 20.0
"""Days that the population's usual day counts among a person's own."""

HABIT_WEIGHT = 3.0


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
        by_value = self._by_value(histories, mean, sd)
        steps = [two_days(column, histories, mean, sd, channels) for column in self._stepped()]
        yesterdays = np.stack(steps, axis=2) if steps else np.empty((*sd.shape[:2], 0, len(NOTHING_BEFORE)))
        out = _empty(histories.count, histories.days)
        out.weekend[:] = days.context[..., CONTEXT.index("weekend_tomorrow")] - WEEKEND_SHARE
        for k in range(histories.days):
            there = k >= histories.begun
            cycle, cycle_score = self._cycle(histories, k, kept.cycle)
            trigger = self._triggers(histories, channels, by_value[:, k], yesterdays[:, k], cycle, k, kept)
            u = scores[:, k].copy()
            u[:, len(BY_CHANNEL)] = cycle_score
            after = _with_meals(histories, k, kept)._replace(
                latent=_each(self.prior.A, kept.latent) + _each(self.prior.B, u),
                spread=_propagate(self.prior, kept.spread, variance[:, k]),
                trigger_sum=kept.trigger_sum + trigger,
                days=kept.days + 1,
                yesterday=yesterdays[:, k],
                cycle=cycle,
            )
            after = after._replace(latent_sum=kept.latent_sum + after.latent)
            kept = Ledger(*(_where(there, new, old) for new, old in zip(after, kept, strict=True)))
            self._note(out, k, kept, np.where(there[:, None], trigger, self.baseline.trigger))
        return out, kept

    def _by_value(
        self, histories: Histories, mean: NDArray[np.float64], sd: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """[P, K, triggers] probability of those that one value of the day decides; NaN where it takes more."""
        out = np.full((*sd.shape[:2], TRIGGER_COUNT), np.nan)
        for place, trigger in enumerate(TRIGGERS):
            row = self.prior.rules[trigger.name]
            if row.rule in BY_VALUE and trigger.exposures[0] != CYCLE_DAY:
                out[..., place] = of_a_value(row, trigger.exposures[0], self.scales, histories, mean, sd)
        return out

    def _stepped(self) -> list[str]:
        """Exposures of which a rise or a fall is a trigger."""
        return [t.exposures[0] for t in TRIGGERS if self.prior.rules[t.name].rule in SINCE_YESTERDAY]

    def _triggers(
        self,
        histories: Histories,
        channels: FilteredStates,
        by_value: NDArray[np.float64],
        today: NDArray[np.float64],
        cycle: NDArray[np.float64],
        k: int,
        kept: Ledger,
    ) -> NDArray[np.float64]:
        """[P, triggers] probability of each on day k.

        Args:
            by_value: [P, triggers] of the day.
            today: [P, S, 6] of the day.
            cycle: [P] day of the cycle, 0 for none.
        """
        out, step = by_value.copy(), 0
        usual = self._usual_share(kept)
        for place, trigger in enumerate(TRIGGERS):
            row = self.prior.rules[trigger.name]
            if trigger.exposures[0] == CYCLE_DAY:
                out[:, place] = (cycle > 0) & row.happened(cycle)
            elif row.rule in BY_VALUE:
                out[:, place] = np.where(np.isnan(out[:, place]), usual[:, place], out[:, place])
            elif row.rule in SINCE_YESTERDAY:
                c = CHANNELS.index(trigger.exposures[0])
                stepped = of_a_step(
                    row, self.scales.table[c], today[:, step], channels.shift[:, k, c], kept.yesterday[:, step]
                )
                out[:, place] = np.where(kept.days > 0, stepped, self.baseline.trigger[place])
                step += 1
            else:
                out[:, place] = self._items(trigger, histories, k, kept)
        return out

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

    def _items(self, trigger: TriggerFamily, histories: Histories, k: int, kept: Ledger) -> NDArray[np.float64]:
        """[P] probability of enough of a diet's items; by the person's habits where they were not recorded."""
        places, own = (
            [POSITION[name] for name in trigger.exposures],
            [ITEM_COLUMNS.index(name) for name in trigger.exposures],
        )
        eaten = histories.values[:, k, places]
        reported: NDArray[np.bool_] = np.asarray(histories.present[:, k, places].all(axis=1))
        habit = (kept.eaten[:, own] + HABIT_WEIGHT * self.baseline.diet[own]) / (kept.meals + HABIT_WEIGHT)[:, None]
        share = np.where(reported[:, None], eaten, habit)
        return of_items(self.prior.rules[trigger.name], share)

    def _cycle(
        self, histories: Histories, k: int, before: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P] day of the cycle, counted on where it was not recorded, and its score."""
        place = POSITION["cycle_day"]
        reported = histories.present[:, k, place]
        counted = np.where(before > 0, before % CYCLE_DAYS + 1, 0.0)
        day = np.where(reported, histories.values[:, k, place], counted)
        return day, self.prior.cycle_scores[np.minimum(day, CYCLE_DAYS).astype(np.int64)]


def _with_meals(histories: Histories, k: int, kept: Ledger) -> Ledger:
    """The ledger with what was eaten on day k, where the day recorded it."""
    places = [POSITION[name] for name in ITEM_COLUMNS]
    reported: NDArray[np.bool_] = np.asarray(histories.present[:, k, places].all(axis=1))
    eaten = np.where(reported[:, None], histories.values[:, k, places], 0.0)
    return kept._replace(eaten=kept.eaten + eaten, meals=kept.meals + reported)


def _empty(patients: int, days: int) -> Covariates:
    trigger, latent = (patients, days, TRIGGER_COUNT), (patients, days, len(AXES))
    return Covariates(
        np.empty(trigger), np.empty(trigger), np.empty(latent), np.empty((*latent, len(AXES))), np.empty(trigger[:2])
    )


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
