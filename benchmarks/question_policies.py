"""Claim: the learned policy's questions tell more than any rule's, and almost as much as greedy nested Monte Carlo.

python benchmarks/question_policies.py CHECKPOINT [--preset default] [--windows 4000] [--nested 300] [--draws 16]

All rules ask about the same days of patients nobody learned from, looked at in the evening and at any hour, and share
the network's posterior; what they gain is log q(truth | answers) - log q(truth | nothing asked), over all targets.
Differences are paired by window; the static order is chosen on training windows of the same kind.
Nested Monte Carlo answers every open question `draws` times over from the day's Gaussian and learns from each answer.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from measure import machine
from reference_at_hand import arguments, at_hand, trained

from migraine_platform.aline.policies.policies import (
    InOrder,
    LearnedQuestions,
    NestedMonteCarlo,
    Policy,
    RandomQuestions,
    best_order,
)
from migraine_platform.aline.policies.window_rules import Imagined, LeastCertain, by_priority, fixed_hours
from migraine_platform.aline.scoring.scorecard import policy_information
from migraine_platform.config.simulator.hours import QUESTIONS
from migraine_platform.forecast_scores import mean_and_margin
from migraine_platform.simulator.hourly.linear_day import GaussianDay
from migraine_platform.simulator.hourly.windows import FIRST_END

LONGEST = 8


@torch.no_grad()
def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--windows", type=int, default=4000)
    parser.add_argument("--nested", type=int, default=300)
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--uncertain", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings, reference = at_hand(options.preset)
    net, card = trained(options.checkpoint, reference)
    print(f"{machine()}; preset {options.preset}; checkpoint {card.version} of step {card.step}")
    goal = torch.ones(len(card.layout.targets), dtype=torch.bool)
    task, evening = reference.scoring, settings.hours.evening
    rng = np.random.default_rng(12)
    day = GaussianDay(settings.hours, reference.daily, reference.task.simulator.bank)
    for when in ("evening", "any hour"):

        def hours(count: int, when: str = when) -> np.ndarray:
            return np.full(count, evening) if when == "evening" else rng.integers(FIRST_END, 25, size=count)

        windows = task.simulator.draw(rng, options.windows, now=hours(options.windows))
        training = reference.task.simulator.draw(rng, 1000, now=hours(1000))
        order = best_order(net, lambda episodes=training: reference.task.episode(episodes), goal, LONGEST)
        gained = _compare(net, task, windows, order, day, goal, when, options.uncertain)
        if when == "evening":
            _nested(net, task, windows.take(slice(options.nested)), day, options.draws, goal, gained["aline"])


def _compare(net, task, windows, order, day, goal, when, few) -> dict[str, torch.Tensor]:  # type: ignore[no-untyped-def]
    """What every rule gains, and how far the learned one leads."""
    print(f"\nwindows looked at: {when}")
    print("best static order:", ", ".join(f"{n // 4}:00 {QUESTIONS[n % 4]}" for n in order.tolist()))
    rules: dict[str, Policy] = {
        "aline": LearnedQuestions(),
        "expected_gain_head": LearnedQuestions(rank_by="gain"),
        "random": RandomQuestions(0),
        "fixed_hours": fixed_hours(),
        "static_order": InOrder(order),
        "priority_score": by_priority(net, task, windows),
    }
    gained = policy_information(net, task, windows, rules, LONGEST, goal)
    part = windows.take(slice(few))
    gained |= policy_information(net, task, part, {"least_certain": LeastCertain(day, task, part)}, 5, goal)
    print("nats gained by questions asked")
    for name, nats in gained.items():
        print(f"  {name:<20}", "  ".join(f"{k}: {nats[k].mean():.3f}" for k in range(1, len(nats))))
    print(f"lead of aline after 3 questions, paired; {len(windows.now)} windows, {few} for least_certain")
    for name, nats in gained.items():
        if name != "aline":
            lead, margin = mean_and_margin((gained["aline"][3][: nats.shape[1]] - nats[3]).double().numpy())
            print(f"  {name:<20} {lead:+.4f} +- {margin:.4f}", flush=True)
    return gained


def _nested(net, task, windows, day, draws, goal, ours) -> None:  # type: ignore[no-untyped-def]
    """Three greedy questions by brute force, and what a decision costs."""
    rule = NestedMonteCarlo(Imagined(day, task, windows, 0), draws, goal)
    start = time.perf_counter()
    nested = policy_information(net, task, windows, {"nested": rule}, 3, goal)["nested"][3].double().numpy()
    theirs = (time.perf_counter() - start) / (3 * len(windows.now))
    start = time.perf_counter()
    policy_information(net, task, windows, {"aline": LearnedQuestions()}, 3, goal)
    own = (time.perf_counter() - start) / (3 * len(windows.now))
    aline = ours[3][: len(nested)].double().numpy()
    rng = np.random.default_rng(0)
    rows = rng.integers(len(nested), size=(2000, len(nested)))
    low, high = np.quantile([aline[row].mean() / nested[row].mean() for row in rows], (0.025, 0.975))
    print(f"greedy nested Monte Carlo ({draws} draws, {len(nested)} windows): {nested.mean():.3f} nats after 3")
    print(f"  aline gains {100 * aline.mean() / nested.mean():.1f} % of it ({100 * low:.1f} to {100 * high:.1f})")
    print(f"  {1000 * theirs:.1f} ms a decision, aline {1000 * own:.3f} ms: {theirs / own:.0f} x")


if __name__ == "__main__":
    main()
