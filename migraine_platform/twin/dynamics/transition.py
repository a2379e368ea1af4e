"""Which model of how days follow each other fits a patient, and how far ahead it is of use.

Two models say what the next day's channels will be: the linear-Gaussian one (state_space.py) and the mixture of experts
(experts/). On the patient's last days each is scored by the mean log-likelihood of what was recorded, every day
predicted from the evening before. The patient's is the better one by the difference that is left when it is shrunk to
the cohort's, as far as persons differ in it at all (DerSimonian and Laird 1986): sixty days of one person mislead, and
to take every person's own winner is worse than one model for all (benchmarks/days_ahead.py). The horizon is the
farthest day up to which the state-space model's forecast is better than the person's own level, by a one-sided test at
5 % on the same days.

Belongs here: the comparison. Does not: the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from migraine_platform.twin.data.channels import StandardDays
from migraine_platform.twin.dynamics.kalman import DayDynamics, FilteredStates

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATE_SPACE, EXPERTS = "state_space", "experts"
LOG_2PI = float(np.log(2 * np.pi))
SMALLEST_ERROR = 1e-12
BETTER = 1.645
"""Standard errors by which a forecast must be ahead."""

Prediction = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


class Transition(Protocol):
    """A model of how days follow each other."""

    def predict(self, days: StandardDays) -> Prediction:
        """Mean and variance [P, K, C] of the channels of day t + 1, as of the evening of t."""


@dataclass(frozen=True)
class StateSpace:
    """The linear-Gaussian model as a transition; it has filtered the days already."""

    dynamics: DayDynamics
    filtered: FilteredStates

    def predict(self, days: StandardDays) -> Prediction:
        """Tomorrow's pain is not known: its usual share counts."""
        effect = self.dynamics.effect
        today = np.where(days.context_seen[..., 0], days.context[..., 0], self.dynamics.pain)
        shift = self.dynamics.pain * effect[:, 0] + today[..., None] * effect[:, 1]
        weekend = days.context[..., 3, None] * effect[:, 2]
        unknown = self.dynamics.pain * (1 - self.dynamics.pain) * effect[:, 0] ** 2
        return self.filtered.next_mean + shift + weekend, self.filtered.next_variance + unknown


@dataclass(frozen=True)
class Choice:
    """Which model is whose."""

    model: tuple[str, ...]
    """[P] STATE_SPACE or EXPERTS."""
    log_likelihood: dict[str, NDArray[np.float64]]
    """[P] by model: mean per recorded value; NaN where nothing was recorded."""


def choose(models: dict[str, Transition], days: StandardDays, validation: int) -> Choice:
    """The better model of every patient; of a tie, the first; without a recorded value, the cohort's better one."""
    seen = days.seen[:, max(1, days.z.shape[1] - validation) :]
    by_day = {name: _by_day(*model.predict(days), days, validation) for name, model in models.items()}
    names, values = list(by_day), seen.sum(axis=2)
    count = values.sum(axis=1)
    ahead = np.stack([_shrunk(found - by_day[names[0]], values) for found in by_day.values()])
    scores = {
        name: np.where(count > 0, found.sum(axis=1) / np.maximum(count, 1), np.nan) for name, found in by_day.items()
    }
    return Choice(tuple(names[best] for best in ahead.argmax(axis=0)), scores)


def _by_day(
    mean: NDArray[np.float64], variance: NDArray[np.float64], days: StandardDays, validation: int
) -> NDArray[np.float64]:
    """[P, K] log-likelihood of the values recorded on each of the last days."""
    first = max(1, days.z.shape[1] - validation)
    z, seen = days.z[:, first:], days.seen[:, first:]
    mean, variance = mean[:, first - 1 : -1], variance[:, first - 1 : -1]
    single = -0.5 * (LOG_2PI + np.log(variance) + (z - mean) ** 2 / variance)
    return np.asarray(np.where(seen, single, 0.0).sum(axis=2))


def _shrunk(difference: NDArray[np.float64], values: NDArray[np.int64]) -> NDArray[np.float64]:
    """[P] each person's difference a recorded value, shrunk to everybody's by what chance makes of it.

    Args:
        difference: [P, K] of each day's log-likelihood.
        values: [P, K] recorded on each day.
    """
    count, days = values.sum(axis=1), (values > 0).sum(axis=1)
    known = count > 0
    if not known.any():
        return np.zeros(len(count))
    own = difference.sum(axis=1) / np.maximum(count, 1)
    # A day's spread is everybody's: of one day alone there is none, and of a few it would look far too small.
    squares = ((difference - own[:, None] * values) ** 2).sum()
    by_day = squares / max(1, int((days[known] - 1).sum()))
    error = np.maximum(by_day * days / np.maximum(count, 1) ** 2, SMALLEST_ERROR)
    weight = np.where(known, 1 / error, 0.0)
    excess = (weight * (own - (weight * own).sum() / weight.sum()) ** 2).sum() - (known.sum() - 1)
    between = max(0.0, excess / max(weight.sum() - (weight**2).sum() / weight.sum(), SMALLEST_ERROR))
    weight = np.where(known, 1 / (error + between), 0.0)
    everybody = (weight * own).sum() / weight.sum()
    return np.asarray(np.where(known, (between * own + error * everybody) / (between + error), everybody))


def horizon(
    dynamics: DayDynamics, filtered: FilteredStates, days: StandardDays, validation: int, farthest: int
) -> NDArray[np.int64]:
    """[P] days ahead up to which a forecast is better than the person's level; 0 if not even tomorrow's is."""
    level, off = filtered.level, filtered.next_mean - filtered.level
    first = max(1, days.z.shape[1] - validation)
    useful = np.ones(len(level), dtype=np.bool_)
    out = np.zeros(len(level), dtype=np.int64)
    for ahead in range(1, min(farthest, days.z.shape[1] - first) + 1):
        now = slice(first - 1, days.z.shape[1] - ahead)
        later = slice(first - 1 + ahead, None)
        gain = (days.z[:, later] - level[:, now]) ** 2
        gain -= (days.z[:, later] - level[:, now] - dynamics.phi ** (ahead - 1) * off[:, now]) ** 2
        seen = days.seen[:, later]
        reported = seen.any(axis=2)
        by_day = np.where(seen, gain, 0.0).sum(axis=2) / np.maximum(seen.sum(axis=2), 1)
        count = np.maximum(reported.sum(axis=1), 1)
        mean = np.where(reported, by_day, 0.0).sum(axis=1) / count
        spread = np.where(reported, (by_day - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
        # Forecasts of so many days ahead overlap: so many of them tell no more than one.
        useful &= mean > BETTER * np.sqrt(spread * ahead / count)
        out[useful] = ahead
    return out
