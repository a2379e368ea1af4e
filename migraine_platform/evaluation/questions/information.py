"""Information gained by rules of asking, question by question, on evenings of patients nobody learned from.

    aline            the trained policy
    random           any open question
    fixed_hours      the same three hours for everybody
    static_order     one order for everybody, the best that greed finds on other patients' evenings
    least_certain    uncertainty sampling: the question whose answers are least certain
    greedy, oracle   by brute force (asking.py); the oracle sees the answers and the truth, and is no rule

What a rule gains on an evening is log q(truth | answers) - log q(truth | nothing asked) in nats, over everything that
is inferred, under the network's own posterior. The patients are a group of their own, who neither trained a network
nor promoted one. The last three rules, which cost most, are followed on the first `greedy_windows` evenings; curves of
different numbers of evenings are compared by `behind`, on the evenings that both have.

Belongs here: the evenings, the comparison, its rows. Does not: the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from migraine_platform.aline.network.network import Aline
    from migraine_platform.aline.policies.policies import Policy
    from migraine_platform.aline.tasks.migraine_window import MigraineWindow
    from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort
    from migraine_platform.aline.training.checkpoints import Card
    from migraine_platform.simulator.hourly.windows import HourlyWindows

ALINE, RANDOM, FIXED_HOURS, STATIC_ORDER = "aline", "random", "fixed_hours", "static_order"
LEAST_CERTAIN, GREEDY, ORACLE = "least_certain", "greedy", "oracle"
ON_ALL = (ALINE, RANDOM, FIXED_HOURS, STATIC_ORDER)
"""Rules that are followed on all evenings."""

RULES = (*ON_ALL, LEAST_CERTAIN, GREEDY, ORACLE)

SEED = 2
"""First number of the seeds of these evenings; training and validation have 0, promotion has 1."""

ASKED, OTHERS = 2**48, 2**48 + 2**40
"""Number of the first patient who is asked; of those from whose evenings the rules know what is usual."""

OTHER_PATIENTS, OTHER_EVENINGS, ORDER_EVENINGS = 500, 1000, 100
"""Of the latter; on the first evenings of theirs the static order is chosen."""

PART = 50
"""Evenings on which a rule is followed at a time: so many fit a processor's cache."""


class QuestionWindows(NamedTuple):
    """W windows of the patients who are asked, and windows of others."""

    task: MigraineWindow
    asked: HourlyWindows
    others_task: MigraineWindow
    others: HourlyWindows


def question_curve(
    net: Aline,
    card: Card,
    reference: ReferenceCohort,
    settings: Settings,
    progress: Callable[[str], None] = lambda line: None,
) -> pl.DataFrame:
    """Rows of `evaluation.question_curve`, for 0 to `settings.evaluation.questions` questions.

    Args:
        card: of the network; the targets have its units.
    """
    return curve_frame(information_by_rule(net, evenings_of(card, reference, settings), reference, settings, progress))


def evenings_of(card: Card, reference: ReferenceCohort, settings: Settings) -> QuestionWindows:
    """Evenings of patients whom nobody has met, at the hour at which questions are usually asked."""
    from migraine_platform.aline.tasks.migraine_window import MigraineWindow
    from migraine_platform.simulator.hourly.bank import fill_bank
    from migraine_platform.simulator.hourly.windows import WindowSimulator

    rng = np.random.default_rng((SEED, settings.evaluation.seed))

    def group(first: int, patients: int, windows: int) -> tuple[MigraineWindow, HourlyWindows]:
        bank = fill_bank(reference.simulator, first, patients)
        course = reference.simulator.parameters.course
        task = MigraineWindow(WindowSimulator(reference.hours, reference.daily, course, bank))
        task.layout = card.layout
        return task, task.simulator.draw(rng, windows, now=reference.hours.evening)

    windows = settings.evaluation.windows
    return QuestionWindows(*group(ASKED, windows, windows), *group(OTHERS, OTHER_PATIENTS, OTHER_EVENINGS))


def information_by_rule(
    net: Aline,
    evenings: QuestionWindows,
    reference: ReferenceCohort,
    settings: Settings,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Tensor]:
    """[questions + 1, W] nats gained by each of RULES; W is `windows`, or the first `greedy_windows` of them."""
    import torch

    torch.set_num_threads(1)
    count = len(evenings.asked.now)
    few = min(settings.evaluation.greedy_windows, count)
    follow = _Follow(net, evenings, reference, settings)
    gained = {}
    for name in RULES:
        last = count if name in ON_ALL else few
        parts = [follow(name, slice(first, min(first + PART, last))) for first in range(0, last, PART)]
        gained[name] = torch.cat(parts, 1)
    told = ", ".join(f"{name} {float(nats[-1].mean()):.3f}" for name, nats in gained.items())
    progress(f"nats gained by {settings.evaluation.questions} questions on {count} evenings, or {few}: {told}")
    return gained


class _Follow:
    """Follows a rule on some of the evenings."""

    def __init__(self, net: Aline, evenings: QuestionWindows, reference: ReferenceCohort, settings: Settings) -> None:
        import torch

        from migraine_platform.aline.policies.policies import best_order
        from migraine_platform.simulator.hourly.linear_day import GaussianDay

        self.net, self.evenings, self.settings = net, evenings, settings.evaluation
        self.goal = torch.ones(len(net.layout.targets), dtype=torch.bool)
        self.day = GaussianDay(reference.hours, reference.daily, evenings.others_task.simulator.bank)
        first = evenings.others.take(slice(ORDER_EVENINGS))
        with torch.no_grad():
            self.order = best_order(
                net, partial(evenings.others_task.episode, first), self.goal, self.settings.questions
            )

    def __call__(self, name: str, which: slice) -> Tensor:
        """[questions + 1, W]"""
        from migraine_platform.evaluation.questions.asking import nats

        windows = self.evenings.asked.take(which)
        rule = self._rule(name, windows, self.settings.seed + which.start)
        return nats(self.net, self.evenings.task.episode(windows), rule, self.settings.questions, self.goal)

    def _rule(self, name: str, windows: HourlyWindows, seed: int) -> Policy:
        from migraine_platform.aline.policies.policies import InOrder, LearnedQuestions, RandomQuestions
        from migraine_platform.aline.policies.window_rules import LeastCertain, fixed_hours
        from migraine_platform.evaluation.questions.asking import GreedyQuestions, ImaginedByOthers, OracleQuestions

        task, others = self.evenings.task, self.evenings.others
        made: dict[str, Callable[[], Policy]] = {
            ALINE: LearnedQuestions,
            RANDOM: lambda: RandomQuestions(seed),
            FIXED_HOURS: fixed_hours,
            STATIC_ORDER: lambda: InOrder(self.order),
            LEAST_CERTAIN: lambda: LeastCertain(self.day, task, windows),
            GREEDY: lambda: GreedyQuestions(
                ImaginedByOthers(self.day, task, windows, seed, others), self.settings.greedy_draws, self.goal
            ),
            ORACLE: lambda: OracleQuestions(self.goal),
        }
        return made[name]()


def curve_frame(gained: Mapping[str, Tensor]) -> pl.DataFrame:
    """Rows of `evaluation.question_curve`: means over evenings with 95 % intervals.

    Args:
        gained: [questions + 1, W] nats by rule.
    """
    return _means(gained, "information")


def behind(gained: Mapping[str, Tensor], leader: str = ALINE) -> pl.DataFrame:
    """By how many nats every other rule is behind one, paired by evening.

    Returns:
        rule, questions, behind, lower, upper, windows; a rule that is ahead is behind by less than nothing.

    Args:
        gained: [questions + 1, W] nats by rule; a rule with fewer evenings has the first of them.
    """

    def lead(nats: Tensor) -> Tensor:
        both = min(nats.shape[1], gained[leader].shape[1])
        return gained[leader][:, :both] - nats[:, :both]

    return _means({name: lead(nats) for name, nats in gained.items() if name != leader}, "behind")


def _means(values: Mapping[str, Tensor], column: str) -> pl.DataFrame:

    from migraine_platform.forecast_scores import mean_and_margin

    rows = []
    for name, by_question in values.items():
        for questions, nats in enumerate(by_question.double().numpy()):
            # Of a single evening there is no interval
            mean, margin = mean_and_margin(nats) if len(nats) > 1 else (float(nats[0]), 0.0)
            rows.append((name, questions, mean, mean - margin, mean + margin, len(nats)))
    numbers = dict.fromkeys((column, "lower", "upper"), pl.Float64)
    schema = {"rule": pl.String, "questions": pl.Int64, **numbers, "windows": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")
