"""What the network says of a patient: where things stand, what tomorrow brings, and what to ask next.

advisor = Advisor(net, hours)
session = advisor.begin(planned_windows(hours, histories.card))
session.findings()          migraine tomorrow with its interval, Z and susceptibilities
session.next_questions(3)   ranked, each with the nats it is expected to tell
session.answer(row, hour, question, values)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.advice.replies import Replies
from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import CLOSED
from migraine_platform.aline.scoring.calibration import CREDIBLE
from migraine_platform.aline.tasks.migraine_window import LOG_ODDS, WindowTokens
from migraine_platform.aline.tasks.task import Context
from migraine_platform.config.simulator.hours import HOURS_A_DAY, QUESTIONS, Hours
from migraine_platform.simulator.hourly.windows import HourlyWindows, askable

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Findings:
    """What is inferred of W windows."""

    probability: NDArray[np.float64]
    """[W] of migraine tomorrow."""
    lower: NDArray[np.float64]
    """[W] 90 % credible interval of the probability that one who knew everything would state."""
    upper: NDArray[np.float64]
    names: tuple[str, ...]
    """The numbers: states and susceptibilities."""
    mean: NDArray[np.float64]
    """[W, M] in their own units."""
    sd: NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """Questions for W windows, the most telling first."""

    hour: NDArray[np.int64]
    """[W, n]"""
    question: NDArray[np.int64]
    """[W, n] position in QUESTIONS."""
    gain: NDArray[np.float64]
    """[W, n] nats that the answer is expected to tell; NaN where no question is left."""

    def of(self, row: int) -> list[tuple[int, str, float]]:
        """Hour, question and expected gain for one window."""
        ranked = zip(self.hour[row].tolist(), self.question[row].tolist(), self.gain[row].tolist(), strict=True)
        return [(hour, QUESTIONS[number], gain) for hour, number, gain in ranked if not math.isnan(gain)]


class Advisor:
    """A trained network for windows of a day."""

    def __init__(self, net: Aline, hours: Hours) -> None:
        self.net, self.hours = net, hours
        self.tokens = WindowTokens(hours)
        self.replies = Replies(hours, net.layout)

    def begin(self, windows: HourlyWindows, planned: bool = False) -> Session:
        """Look at windows.

        Args:
            planned: no hour of them has been read yet.
        """
        context = self.tokens.context(windows, np.full(len(windows.now), planned))
        open_ = torch.from_numpy(askable(self.hours, windows).reshape(len(windows.now), -1))
        return Session(self, context, self.tokens.candidates(windows), open_)

    def rolling(self, windows: HourlyWindows) -> Iterator[tuple[int, Findings]]:
        """Findings hour by hour as a day goes on: each sees the 24-hour window as far as it has come by then."""
        for hour in range(1, HOURS_A_DAY + 1):
            until = windows._replace(now=np.full_like(windows.now, hour))
            yield hour, self.begin(until).findings()


@dataclass
class Session:
    """Windows that are being asked about."""

    advisor: Advisor
    context: Context
    candidates: Tensor
    open: Tensor
    """[W, 96] questions that can still be asked."""

    @torch.no_grad()
    def findings(self) -> Findings:
        """What is inferred now."""
        net = self.advisor.net
        posterior = net.posterior(net.encode(self.context))
        units_mean, units_sd = (part[: net.layout.numbers].double() for part in net.layout.units(posterior.mean))
        mean, sd = (part.double() for part in posterior.moments())
        last = net.layout.names.index(LOG_ODDS)
        tails = [posterior.quantile(share)[:, last].double() for share in ((1 - CREDIBLE) / 2, (1 + CREDIBLE) / 2)]
        lower, upper = (torch.sigmoid(units_mean[last] + units_sd[last] * tail).numpy() for tail in tails)
        kept = [k for k, name in enumerate(net.layout.names[: net.layout.numbers]) if name != LOG_ODDS]
        return Findings(
            posterior.chance()[:, -1].double().numpy(),
            lower,
            upper,
            tuple(net.layout.names[k] for k in kept),
            (units_mean + units_sd * mean)[:, kept].numpy(),
            (units_sd * sd)[:, kept].numpy(),
        )

    @torch.no_grad()
    def next_questions(self, count: int, goal: tuple[str, ...] | None = None) -> Ranked:
        """The next questions, each after the ones before it were answered as they usually are.

        Args:
            goal: groups of targets that matter; by default all.
        """
        net = self.advisor.net
        wanted = net.layout.chosen(goal or net.layout.groups)
        context, open_ = self.context, self.open
        chosen, gains = [], []
        for _ in range(count):
            h = net.queries(net.attending_to_goal(net.encode(context), wanted), self.candidates)
            choice = net.scores(h, wanted).masked_fill(~open_, CLOSED).argmax(1, keepdim=True)
            left = open_.gather(1, choice)
            gain = net.gains(h)[..., wanted].sum(-1).gather(1, choice).clamp_min(0)
            chosen.append(choice)
            gains.append(torch.where(left, gain, torch.nan))
            context = context.append(self._x(choice), self._usual_answers(choice), left)
            open_ = open_.scatter(1, choice, False)
        numbers = torch.cat(chosen, 1).numpy()
        return Ranked(numbers // len(QUESTIONS), numbers % len(QUESTIONS), torch.cat(gains, 1).double().numpy())

    def answer(self, hour: int, question: str, values: NDArray[np.float64]) -> None:
        """Take an answer about an hour, the same for all windows.

        Args:
            values: [V] as `Replies.row` makes them.
        """
        number = QUESTIONS.index(question)
        choice = torch.full((len(self.candidates), 1), hour * len(QUESTIONS) + number)
        self.context = self.context.append(self._x(choice), self._tokens(choice, values))
        self.open = self.open.scatter(1, choice, False)

    def _x(self, choice: Tensor) -> Tensor:
        return self.candidates.gather(1, choice[..., None].expand(-1, -1, self.candidates.shape[-1]))

    def _usual_answers(self, choice: Tensor) -> Tensor:
        return self._tokens(choice, self.advisor.replies.typical())

    def _tokens(self, choice: Tensor, values: NDArray[np.float64]) -> Tensor:
        """[W, 1, answer features] of values [V], shown as far as the question reveals them."""
        tokens = self.advisor.tokens
        question = torch.tensor([number for _, number in tokens.values])
        shown = (choice % len(QUESTIONS) == question) * torch.from_numpy(values.astype(np.float32))
        y = torch.zeros(len(choice), 1, tokens.answer_features)
        y[:, 0, -len(tokens.values) :] = shown
        return y
