"""What is carried from one evening to the next, of fixed size: a year costs a day no more than a week does.

Belongs here: the ledger, and the usual day that a population's ledgers make. Does not: what a day adds
(hazard/covariates.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.config.simulator.triggers import AGAINST_USUAL, LONGEST_LAG, SINCE_YESTERDAY
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGER_COUNT
from migraine_platform.twin.data.clinical import ClinicalPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_CYCLE = (-1.0, 0.0, 0.0)
"""Of `cycles`, before the first day."""

NOTHING_BEFORE = (0.0, 0.0, 1.0, 0.0, 1.0, 0.0)
"""What `two_days` (hazard/trigger_probability.py) leaves, before the first day."""


class BaselineDays(NamedTuple):
    """What days are like in the population."""

    trigger: NDArray[np.float64]
    """[4] share of days."""
    latent: NDArray[np.float64]
    """[4]"""
    diet: NDArray[np.float64]
    """[items] share of days with each of ITEM_COLUMNS."""

    @classmethod
    def nothing_known(cls) -> BaselineDays:
        """A first guess, before a population was read."""
        return cls(np.full(TRIGGER_COUNT, 0.15), np.zeros(len(AXES)), np.full(len(ITEM_COLUMNS), 0.3))


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
    """[P, items] recorded days with each of ITEM_COLUMNS."""
    meals: NDArray[np.float64]
    """[P] recorded days."""
    yesterday: NDArray[np.float64]
    """[P, S, 6] of each exposure of which a rise or a fall is a trigger, what `two_days` left."""
    usual: NDArray[np.float64]
    """[P, U] what is usual of each exposure of which a trigger lies off it, in its unit."""
    held: NDArray[np.float64]
    """[P, L, LONGEST_LAG] how likely it is that the rule of each trigger that acts later held, yesterday first."""
    cycle: NDArray[np.float64]
    """[P] yesterday's day of the cycle; 0 for none."""
    cycles: NDArray[np.float64]
    """[P, 3] days since the first of the last menses that were recorded, less than 0 for none; number of cycles from
    menses to the next that were recorded; sum of their lengths."""


def first_ledger(prior: ClinicalPrior, baseline: BaselineDays, patients: int) -> Ledger:
    """Of persons of whom nothing is known."""
    rows = prior.rules.values()
    stepped, usual = (sum(row.rule in rules for row in rows) for rules in (SINCE_YESTERDAY, AGAINST_USUAL))
    widths = {k: 1 + row.lag[1] - row.lag[0] for k, row in enumerate(rows) if row.lag[1]}
    held = [1 - (1 - baseline.trigger[k]) ** (1 / width) for k, width in widths.items()]
    return Ledger(
        latent=np.tile(baseline.latent, (patients, 1)),
        spread=np.tile(prior.hidden(), (patients, 1, 1)),
        latent_sum=np.zeros((patients, len(AXES))),
        trigger_sum=np.zeros((patients, TRIGGER_COUNT)),
        days=np.zeros(patients),
        eaten=np.zeros((patients, len(ITEM_COLUMNS))),
        meals=np.zeros(patients),
        yesterday=np.tile(NOTHING_BEFORE, (patients, stepped, 1)),
        usual=np.zeros((patients, usual)),
        held=np.tile(np.reshape(held, (-1, 1)), (patients, 1, LONGEST_LAG)),
        cycle=np.zeros(patients),
        cycles=np.tile(NO_CYCLE, (patients, 1)),
    )


def usual_of(ledger: Ledger) -> BaselineDays:
    """The population's usual day, from its patients' ledgers."""
    days, meals = max(1.0, ledger.days.sum()), max(1.0, ledger.meals.sum())
    return BaselineDays(
        ledger.trigger_sum.sum(axis=0) / days, ledger.latent_sum.sum(axis=0) / days, ledger.eaten.sum(axis=0) / meals
    )
