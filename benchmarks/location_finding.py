"""Claims: location finding in 30 queries tells at least 10.0 nats (published: 8.91), at most 1 ms a decision, with a
posterior within 0.05 nats of the exact one; the published reward alone gets less from the same training time.

python benchmarks/location_finding.py [--minutes 1] [--published-minutes 1] [--runs 2000] [--contrasts 1000000]

Minutes are processor time of one core. Gains are exact (a grid that zooms in), beside the sPCE bound that the
literature reports; intervals are 95 % over episodes; rules meet the same sources, first queries and noise.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import statistics
from collections.abc import Callable

import numpy as np
import torch
from measure import machine, seconds
from numpy.typing import NDArray

from migraine_platform.aline.network.network import Aline
from migraine_platform.forecast_scores import mean_and_margin
from migraine_platform.research.budget import Budget
from migraine_platform.research.location_finding import learning, published
from migraine_platform.research.location_finding.beliefs import believe
from migraine_platform.research.location_finding.exact import exact_posterior, log_posterior, spce
from migraine_platform.research.location_finding.finder import Finder, LearnedPlaces, decide, log_densities
from migraine_platform.research.location_finding.rollouts import (
    GreedyAmong,
    GreedyPlaces,
    RandomPlaces,
    Rollouts,
    Rule,
    roll_out,
)

PUBLISHED, GOAL, FASTEST_GOAL, POSTERIOR_GOAL = 8.91, 10.0, 1.0, 0.05
TEST, CURVE = 11, 12
"""First numbers of the seeds of episodes."""

MARKS = (0.1, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 25)
STEPS = (1, 2, 3, 5, 8, 12, 20, 30)
CURVE_RUNS = 200
POOL = 2000


def shown(values: NDArray[np.float64]) -> str:
    mean, margin = mean_and_margin(values)
    return f"{mean:.3f} +- {margin:.3f}"


def gain(played: Rollouts) -> NDArray[np.float64]:
    return exact_posterior(played.x, played.y).gain


def curve(name: str, measure: Callable[..., str], minutes: float) -> Callable[..., None]:
    """Prints a line at each mark of training time."""
    marks = [mark for mark in MARKS if mark < minutes] + [minutes]

    def every(net: Finder | Aline, used: float) -> None:
        if marks and used >= marks[0]:
            print(f"  {name}, {used:.2f} minutes: {measure(net)}", flush=True)
            del marks[: sum(mark <= used for mark in marks)]

    return every


def ours(net: Finder) -> str:
    return f"gain {shown(gain(roll_out(LearnedPlaces(net), CURVE_RUNS, (CURVE,))))}"


def theirs(net: Aline, pool: int = 200, runs: int = CURVE_RUNS) -> str:
    played, stated = published.play(net, runs, pool, (CURVE,))
    return f"gain {shown(gain(played))}, by its own posterior {shown(stated)} (pool {pool})"


def milliseconds(net: Finder, checked: bool) -> float:
    """Median of single decisions, posterior and query, at every step of 20 episodes."""
    played = roll_out(LearnedPlaces(net, checked), 20, (CURVE, 1))
    times = [
        seconds(lambda row=row, step=step: decide(net, played.x[row, :step], played.y[row, :step], checked))
        for row in range(20)
        for step in range(1, 30)
    ]
    return 1000 * statistics.median(times)


def distances(net: Finder, played: Rollouts, step: int) -> NDArray[np.float64]:
    """[B] log p - log q at the true sources: in expectation how far the stated posterior is from the exact one."""
    x, y = played.x[:, :step], played.y[:, :step]
    return log_posterior(x, y, played.theta) - log_densities(net, believe(x, y), step, played.theta)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--published-minutes", type=float)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--contrasts", type=int, default=1_000_000)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    believe(*(np.full(shape, 0.5) for shape in ((1, 1, 2), (1, 1))))
    print(machine(), "- one core used")

    torch.manual_seed(0)
    print(f"training time, ours ({CURVE_RUNS} runs)")
    print(f"  ours, untrained: {ours(Finder())}")
    practice = learning.Practice(Budget(minutes=chosen.minutes))
    net = learning.train(practice, curve("ours", ours, chosen.minutes))

    played = roll_out(LearnedPlaces(net), chosen.runs, (TEST,))
    gained = gain(played)
    print(f"after {chosen.minutes:g} minutes, {chosen.runs:,} runs: gain {shown(gained)}, target >= {GOAL:g}")
    bound = spce(played.x, played.y, played.theta, chosen.contrasts, seed=0)
    print(f"  sPCE with {chosen.contrasts:,} contrasts {shown(bound)}; published ALINE {PUBLISHED}")
    print(f"  ratio {bound.mean() / PUBLISHED:.3f}, difference {bound.mean() - PUBLISHED:+.2f} nats")
    off = ", ".join(f"{step}: {shown(distances(net, played, step))}" for step in STEPS)
    print(f"  log p - log q by number of answers: {off}; target <= {POSTERIOR_GOAL:g} at 30")
    for checked in (False, True):
        took = milliseconds(net, checked)
        print(
            f"  a decision, posterior and query{', proposals checked' if checked else ''}: {took:.2f} ms, median,"
            f" one at a time; target <= {FASTEST_GOAL:g}"
        )

    print("other rules, each on the same sources, first queries and noise as ours; difference of ours")
    rules: tuple[tuple[str, Rule, int], ...] = (
        ("ours, proposals checked", LearnedPlaces(net, checked=True), 1000),
        ("exact greedy, anywhere", GreedyPlaces(), 500),
        (f"exact greedy, pool of {POOL:,}", GreedyAmong(POOL), 50),
        ("at random", RandomPlaces(), 500),
    )
    for name, rule, runs in rules:
        runs = min(runs, chosen.runs)
        again = roll_out(LearnedPlaces(net), runs, (TEST, 1))
        other = roll_out(rule, runs, (TEST, 1))
        print(f"  {name}, {runs} runs: {shown(gain(other))}; {shown(gain(again) - gain(other))}", flush=True)

    minutes = chosen.minutes if chosen.published_minutes is None else chosen.published_minutes
    print(f"training time, the published reward alone ({CURVE_RUNS} runs)")
    publication = published.PublishedSettings(Budget(minutes=minutes))
    baseline = published.train(publication, curve("published", theirs, minutes))
    last, _ = published.play(baseline, CURVE_RUNS, POOL, (CURVE, 2))
    print(f"  published, {minutes:g} minutes, pool of {POOL:,}: gain {shown(gain(last))}")
    print(f"  ratio of ours to it {gained.mean() / gain(last).mean():.2f}")
