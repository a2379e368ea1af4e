"""What may be inferred from a whole window, by brute force: the Bayes predictor that sees exactly the window.

    p(person, day | window)  ~  prior x N(readings; M x, S)        x = (Z[0], B u, facts of the day)

The prior is a bank of days of many patients in no cohort, each taken at its probability of having made this window: the
person's parameters, the day's triggers and the state at midnight are integrated out together. Given x the hours are
linear and Gaussian, so that the path is integrated out exactly (a Kalman smoother in one matrix); only the days that
share the window's card compete. Signs of the body tell whether an attack of tomorrow is announced; the hours of today's
headaches and prodromes, which beyond the card are of today alone, are averaged over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.hours import DAY_FACTS, DIET_ITEMS, Hours
from migraine_platform.simulator.generative.dynamics import HOURS_A_DAY, LatentDynamics
from migraine_platform.simulator.hourly.bank import DayBank
from migraine_platform.simulator.hourly.linear_day import LinearDay, standard_facts
from migraine_platform.simulator.hourly.windows import CARD_SIZES, HourlyWindows, answer_names, card_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

TINY = 1e-300


class Inferred(NamedTuple):
    """What the bank makes of W windows."""

    probability: NDArray[np.float64]
    """[W] P(migraine tomorrow)."""
    mean: NDArray[np.float64]
    """[W, 4] of Z at the end."""
    sd: NDArray[np.float64]
    log_density: NDArray[np.float64]
    """[W, 4] of the true Z at the end, axis by axis."""
    susceptibility: NDArray[np.float64]
    """[W, 4] posterior mean."""
    effective: NDArray[np.float64]
    """[W] how many days of the bank speak: 1 / sum of squared weights."""


class BankPosterior:
    """The Bayes predictor of complete windows: a bank of days, weighed."""

    def __init__(self, hours: Hours, daily: LatentDynamics, bank: DayBank) -> None:
        self.day = LinearDay(hours, daily)
        self.hours = hours
        M, S = self.day.readings
        self._solved = np.linalg.solve(S, M)
        facts = [hours.facts[name] for name in DAY_FACTS]
        standard = standard_facts(hours, bank)
        precision = np.array([1 / fact.error**2 for fact in facts])
        worn = np.zeros(len(DAY_FACTS))
        worn[DAY_FACTS.index("sleep_hours")] = 1 / hours.device.sleep_error**2
        self._fact_precision, self._worn_precision = precision, worn
        states = np.hstack([bank.z, bank.drive])
        quadratic = ((states @ (M.T @ self._solved)) * states).sum(axis=1)
        quadratic += (standard**2 * (precision + worn)).sum(axis=1)
        M24, rest = self.day.end
        lever = M24 - self.day.gain @ M
        code = np.ravel_multi_index(tuple(card_of(bank, HOURS_A_DAY).T), CARD_SIZES)
        order = np.argsort(code, kind="stable")
        self._first = np.searchsorted(code[order], np.arange(np.prod(CARD_SIZES) + 1))
        self._x = np.hstack([states, standard])[order].astype(np.float32)
        self._half = (0.5 * quadratic)[order]
        self._end = (states @ lever.T)[order]
        self._bank = bank.take(order)
        variance = np.einsum("di,ij,dj->d", self._bank.weights, rest, self._bank.weights)
        self._squash = 1 / np.sqrt(1 + np.pi * variance / 8)
        self._diet = self._bank.diet @ (2 ** np.arange(len(DIET_ITEMS)))
        # Hours of signs as the ends of two stretches, the headache's and other signs', which do not overlap.
        ends = (
            (self._bank.start - self._bank.prodrome, self._bank.end), (self._bank.sign_from, self._bank.sign_until)
        )  # fmt: skip
        self._stretches = [[np.clip(end, 0, HOURS_A_DAY).astype(np.int8) for end in stretch] for stretch in ends]

    def infer(self, windows: HourlyWindows) -> Inferred:
        """Weigh the bank against each complete window.

        Raises:
            ValueError: if a window is looked at before midnight or has hours without the wearable.
        """
        if (windows.now != HOURS_A_DAY).any() or not windows.worn.all():
            raise ValueError("expected complete windows: looked at at midnight, the wearable always worn")
        linear = self.day.stacked(windows)
        reported = windows.answers[:, -1, len(self.day.channels.prompted) :][:, : len(DAY_FACTS)]
        slept = np.zeros_like(reported)
        slept[:, DAY_FACTS.index("sleep_hours")] = windows.slept
        evidence = np.hstack(
            [linear @ self._solved, reported * self._fact_precision + slept * self._worn_precision]
        ).astype(np.float32)
        towards = linear @ self.day.gain.T
        first = len(answer_names(self.hours)) - len(DIET_ITEMS) - 1
        taken = windows.answers[:, :, first : first + len(DIET_ITEMS)].max(axis=1) > 0
        code = np.ravel_multi_index(tuple(windows.card.T), CARD_SIZES)
        rows = [self._one(windows, i, code[i], evidence[i], towards[i], taken[i]) for i in range(len(code))]
        return Inferred(*(np.array(column) for column in zip(*rows, strict=True)))

    def _one(
        self,
        windows: HourlyWindows,
        i: int,
        code: int,
        evidence: NDArray[np.float32],
        towards: NDArray[np.float64],
        taken: NDArray[np.bool_],
    ) -> Inferred:
        block = slice(self._first[code], self._first[code + 1])
        if block.start == block.stop:  # a card that the bank has never seen: everybody competes
            block = slice(0, len(self._x))
        log_weight = self._x[block] @ evidence - self._half[block] + self._diet_table(taken)[self._diet[block]]
        log_weight += self._signs_told(windows.answers[i, :, -1], block)
        kept = np.flatnonzero(log_weight > log_weight.max() - 16)
        weight = np.exp(log_weight[kept] - log_weight[kept].max())
        weight /= weight.sum()
        bank, here = self._bank, kept + block.start
        end = self._end[here] + towards
        logit = bank.rest[here] + (bank.weights[here] * end).sum(axis=1)
        # E expit(N(m, v)) by MacKay's approximation; its error is below 1e-3 at these variances (under 0.02).
        onset = float(weight @ (1 / (1 + np.exp(-logit * self._squash[here]))))
        rest = np.diag(self.day.end[1])
        mean = weight @ end
        density = weight @ (np.exp(-0.5 * (windows.z[i] - end) ** 2 / rest) / np.sqrt(2 * np.pi * rest))
        return Inferred(
            probability=np.asarray(windows.goes_on[i] + (1 - windows.goes_on[i]) * onset),
            mean=mean,
            sd=np.sqrt(weight @ (end - mean) ** 2 + rest),
            log_density=np.log(density + TINY),
            susceptibility=weight @ bank.susceptibility[here],
            effective=np.asarray(1 / (weight**2).sum()),
        )

    def _signs_told(self, reported: NDArray[np.float64], block: slice) -> NDArray[np.float64]:
        """[block] log-likelihood of the signs told: the mean of days that announce as this one, or do not."""
        reached = np.concatenate([[0.0], np.cumsum(reported)])
        each = sum(reached[last[block]] - reached[first[block]] for first, last in self._stretches)
        out, announced = np.zeros(len(each)), self._bank.announced[block]
        for those in (announced, ~announced):
            if those.any():
                top = each[those].max()
                out[those] = top + np.log(np.exp(each[those] - top).mean())
        return out

    def _diet_table(self, taken: NDArray[np.bool_]) -> NDArray[np.float64]:
        """[8] log-likelihood of what was told, by what was taken."""
        remembered = self.hours.intake.remembered
        table = np.zeros(2 ** len(DIET_ITEMS))
        for truth in range(len(table)):
            for k in range(len(DIET_ITEMS)):
                share = remembered if truth >> k & 1 else 0.0
                table[truth] += np.log((share if taken[k] else 1 - share) + TINY)
        return table
