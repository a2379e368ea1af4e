"""Claim: one network aims its stimuli at threshold and slope, or at guess and lapse, as told, and comes near the exact
greedy rule of either goal.

python benchmarks/psychometric.py [--minutes 6] [--runs 400] [--greedy-runs 200]

Minutes are processor time of one core. Information about a goal is exact: relative entropy of the joint posterior of
its two parameters to the prior, on a grid; intervals are 95 % over observers. Rules meet the same observers.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse

import torch
from measure import machine
from torch import Tensor

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import LearnedQuestions, Policy, RandomQuestions, information
from migraine_platform.forecast_scores import mean_and_margin
from migraine_platform.research.budget import Budget
from migraine_platform.research.psychometric.task import (
    CURVE,
    HORIZON,
    RATES,
    CurvePosteriors,
    ExactGreedy,
    Psychometric,
)
from migraine_platform.research.psychometric.teacher import GOALS, Lessons, train

TEST = 21
MARKS = (0.5, 1, 2, 4)


def asked(net: Aline, rule: Policy, runs: int, oracle: CurvePosteriors) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """[B] exact nats about each goal after all stimuli, and nats by the network's own posterior."""
    task = Psychometric()
    episode = task.draw(runs, (TEST,))
    with torch.no_grad():
        before = net.posterior(net.encode(episode.context))
        for _ in range(HORIZON):
            episode.ask(rule.choose(net, episode))
        after = net.posterior(net.encode(episode.context))
    own = {goal: information([before, after], episode.truth, task.layout.chosen((goal,)))[-1] for goal in GOALS}
    return oracle.information(episode), own


def shown(values: Tensor) -> str:
    mean, margin = mean_and_margin(values.double().numpy())
    return f"{mean:.2f} +- {margin:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--greedy-runs", type=int, default=200)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), "- one core used", flush=True)
    oracle, layout = CurvePosteriors.build(), Psychometric.layout
    marks = [mark for mark in MARKS if mark < chosen.minutes]

    def every(net: Aline, used: float) -> None:
        if marks and used >= marks[0]:
            marks.pop(0)
            found = [asked(net, LearnedQuestions(layout.chosen((goal,))), 200, oracle)[0][goal] for goal in GOALS]
            parts = ", ".join(f"{goal} {shown(gained)}" for goal, gained in zip(GOALS, found, strict=True))
            print(f"  {used:.1f} minutes, aiming at each goal: {parts}", flush=True)

    net = train(Lessons(Budget(minutes=chosen.minutes)), every)
    print(f"after {chosen.minutes:g} minutes and {HORIZON} stimuli, nats about {CURVE} and about {RATES}:")
    rules: list[tuple[str, Policy, int]] = [("at random", RandomQuestions(), chosen.runs)]
    for goal in GOALS:
        rules.append((f"learned, aiming at {goal}", LearnedQuestions(layout.chosen((goal,))), chosen.runs))
        rules.append((f"exact greedy, aiming at {goal}", ExactGreedy(oracle, goal), chosen.greedy_runs))
    reached = {}
    for name, rule, runs in rules:
        exact, own = asked(net, rule, runs, oracle)
        reached[name] = exact
        print(
            f"  {name}, {runs} runs: {shown(exact[CURVE])} and {shown(exact[RATES])};"
            f" by the network's marginals {shown(own[CURVE])} and {shown(own[RATES])}",
            flush=True,
        )
    for goal in GOALS:
        learned, greedy = reached[f"learned, aiming at {goal}"][goal], reached[f"exact greedy, aiming at {goal}"][goal]
        random = reached["at random"][goal]
        difference = learned[: len(greedy)] - greedy
        print(f"{goal}: ratio to random {learned.mean() / random.mean():.2f}, less exact greedy {shown(difference)}")
