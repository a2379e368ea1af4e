"""What the evening of a day says of tomorrow's hazard: triggers, latent load; with gaps filled by their distribution.

    latent[t+1] = A latent[t] + B E u[t] + L E x[t],   V[t+1] = A V[t] A' + B Var u[t] B' + L Var x[t] L' + Q

u is exact where the day recorded its feature; else its mean and variance follow from what the state-space model says
of the channel. x are the triggers, and L what they load. A trigger that was not recorded has a probability instead
(trigger_probability.py). Both are taken against the person's baseline so far, so that a person's level means his
ordinary days.

A day is added to a ledger (data/ledger.py). Belongs here: covariates. Does not: their effect (filter.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import AXES, INPUTS
from migraine_platform.config.simulator.triggers import AGAINST_USUAL, SINCE_YESTERDAY, USUAL_DAYS
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
    day_values,
    of_a_difference,
    of_a_phase,
    of_a_step,
    of_a_value,
    of_items,
    on_any_day,
    recorded_cycles,
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


class TriggerInputs(NamedTuple):
    """What decides whether triggers were there on day k, for P patients."""

    k: int
    by_value: NDArray[np.float64]
    """[P, triggers] probability of those that one value decides."""
    yesterday: NDArray[np.float64]
    """[P, S, 6] of `two_days`."""
    values: NDArray[np.float64]
    """[P, U, 4] of `day_values`."""
    shift: NDArray[np.float64]
    """[P, C] the channels' D v."""
    cycle: NDArray[np.float64]
    """[P] day of the cycle, 0 for none."""
    cycles: NDArray[np.float64]
    """[P, 3] of the ledger."""


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
        steps = [two_days(column, histories, mean, sd, channels) for column in self._read_by(SINCE_YESTERDAY)]
        yesterdays = np.stack(steps, axis=2) if steps else np.empty((*sd.shape[:2], 0, len(NOTHING_BEFORE)))
        off_usual = [day_values(column, self.scales, histories, mean, sd) for column in self._read_by(AGAINST_USUAL)]
        values = np.stack(off_usual, axis=2) if off_usual else np.empty((*sd.shape[:2], 0, 4))
        out = _empty(histories.count, histories.days)
        out.weekend[:] = days.context[..., CONTEXT.index("weekend_tomorrow")] - WEEKEND_SHARE
        for k in range(histories.days):
            there = k >= histories.begun
            cycle, cycle_score = self._cycle(histories, k, kept.cycle)
            place = POSITION[CYCLE_DAY]
            reported, day = histories.present[:, k, place], histories.values[:, k, place]
            cycles = recorded_cycles(self.prior.hormones, reported, day, kept.cycles)
            of_day = TriggerInputs(
                k, by_value[:, k], yesterdays[:, k], values[:, k], channels.shift[:, k], cycle, cycles
            )
            held = self._held(histories, of_day, kept)
            trigger = self._acting(held, kept)
            u = scores[:, k].copy()
            u[:, len(BY_CHANNEL)] = cycle_score
            after = _with_meals(histories, k, kept)._replace(
                latent=_each(self.prior.A, kept.latent) + _each(self.prior.B, u) + _each(self.prior.loads, trigger),
                spread=_propagate(self.prior, kept.spread, variance[:, k], trigger * (1 - trigger)),
                trigger_sum=kept.trigger_sum + trigger,
                days=kept.days + 1,
                yesterday=of_day.yesterday,
                usual=_mean_with(kept.usual, of_day.values[..., -1], kept.days),
                held=np.concatenate([held[:, self._lagged(), None], kept.held[..., :-1]], axis=2),
                cycle=cycle,
                cycles=cycles,
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

    def _read_by(self, rules: Collection[str]) -> list[str]:
        """Exposures of which something is a trigger by one of some rules."""
        return [t.exposures[0] for t in TRIGGERS if self.prior.rules[t.name].rule in rules]

    def _lagged(self) -> list[int]:
        """Places of the triggers that act later than on their day."""
        return [k for k, trigger in enumerate(TRIGGERS) if self.prior.rules[trigger.name].lag[1]]

    def _held(self, histories: Histories, day: TriggerInputs, kept: Ledger) -> NDArray[np.float64]:
        """[P, triggers] probability that the rule of each held on a day."""
        out, step, off_usual = day.by_value.copy(), 0, 0
        usual = self._usual_share(kept)
        for place, trigger in enumerate(TRIGGERS):
            row = self.prior.rules[trigger.name]
            if row.rule == "window":
                out[:, place] = of_a_phase(row, self.prior.hormones, day.cycle, day.cycles[:, 1:])
            elif trigger.exposures[0] == CYCLE_DAY:
                out[:, place] = (day.cycle > 0) & row.happened(day.cycle)
            elif row.rule in BY_VALUE:
                out[:, place] = np.where(np.isnan(out[:, place]), usual[:, place], out[:, place])
            elif row.rule in SINCE_YESTERDAY:
                c = CHANNELS.index(trigger.exposures[0])
                stepped = of_a_step(
                    row, self.scales.table[c], day.yesterday[:, step], day.shift[:, c], kept.yesterday[:, step]
                )
                out[:, place] = np.where(kept.days > 0, stepped, self.baseline.trigger[place])
                step += 1
            elif row.rule in AGAINST_USUAL:
                table = self.scales.table[CHANNELS.index(trigger.exposures[0])]
                off = of_a_difference(row, table, day.values[:, off_usual], kept.usual[:, off_usual])
                out[:, place] = np.where(kept.days > 0, off, self.baseline.trigger[place])
                off_usual += 1
            else:
                out[:, place] = self._items(trigger, histories, day.k, kept)
        return out

    def _acting(self, held: NDArray[np.float64], kept: Ledger) -> NDArray[np.float64]:
        """[P, triggers] probability that each acts on the evening of a day.

        Args:
            held: [P, triggers] that its rule held on that day.
        """
        out = held.copy()
        for of, place in enumerate(self._lagged()):
            out[:, place] = on_any_day(self.prior.rules[TRIGGERS[place].name], held[:, place], kept.held[:, of])
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


def _mean_with(
    usual: NDArray[np.float64], today: NDArray[np.float64], days: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P, U] mean of the days before and today, in which no day counts less than 1 / USUAL_DAYS."""
    return np.asarray(usual + (today - usual) / np.minimum(days + 1, USUAL_DAYS)[:, None])


def _empty(patients: int, days: int) -> Covariates:
    trigger, latent = (patients, days, TRIGGER_COUNT), (patients, days, len(AXES))
    return Covariates(
        np.empty(trigger), np.empty(trigger), np.empty(latent), np.empty((*latent, len(AXES))), np.empty(trigger[:2])
    )


def _each(matrix: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, n] matrix times each patient's row: to the last bit the same, whoever else is in the batch."""
    return (matrix @ rows[..., None]).reshape(len(rows), len(matrix))


def _propagate(
    prior: ClinicalPrior, spread: NDArray[np.float64], variance: NDArray[np.float64], unsure: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A V A' + B Var B' + L Var L' + Q, patient by patient.

    Args:
        variance: [P, inputs] of the scores; unsure: [P, K] of the triggers.
    """
    B = prior.B[:, : len(BY_CHANNEL)]
    kept = np.einsum("ij,pjk,lk->pil", prior.A, spread, prior.A)
    loaded = np.einsum("ij,pj,lj->pil", prior.loads, unsure, prior.loads)
    return np.asarray(kept + np.einsum("ij,pj,lj->pil", B, variance, B) + loaded + prior.Q)


def _where(there: NDArray[np.bool_], new: NDArray[np.float64], old: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(there.reshape(-1, *[1] * (new.ndim - 1)), new, old)
