"""Claim: asked for a few past days of a new patient's diary, the learned choice of days tells more than other choices.

python benchmarks/patient_diary.py [--preset default] [--steps 3000] [--patients 8000] [--diaries 4000]

Nats told about susceptibilities, base log-odds and class by so many days, on patients nobody learned from; and how the
susceptibilities inferred from whole diaries correlate with the true ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import machine
from reference_at_hand import at_hand

from migraine_platform.aline.policies.policies import (
    InOrder,
    LearnedQuestions,
    RandomQuestions,
    information,
    run_policy,
)
from migraine_platform.aline.scoring.calibration import PosteriorCalibration
from migraine_platform.aline.training.checkpoints import load_network
from migraine_platform.aline.training.training import Run
from migraine_platform.forecast_scores import mean_and_margin
from migraine_platform.research.diary.task import DAYS, PatientDiary, fill_trajectories
from migraine_platform.simulator.hourly.bank import SCORING, TRAINING, VALIDATION
from migraine_platform.warehouse.lake.places import RunFolder

ASKED = (1, 3, 5, 8, 12)


@torch.no_grad()
def score(net, task: PatientDiary, diaries: int) -> None:  # type: ignore[no-untyped-def]
    """Print what the rules are told, and what whole diaries tell."""
    goal = torch.ones(len(task.layout.targets), dtype=torch.bool)
    rules = {
        "aline": LearnedQuestions(),
        "random": RandomQuestions(0),
        "last days": InOrder(torch.arange(DAYS - 1, -1, -1)),
    }
    reported = {}
    for name, rule in rules.items():
        episode = task.draw(diaries, (2, 0))
        reported[name] = information(run_policy(net, episode, rule, ASKED[-1]), episode.truth, goal)
        print(f"  {name:<10}", "  ".join(f"{k}: {reported[name][k].mean():.3f}" for k in ASKED))
    for name in ("random", "last days"):
        lead, margin = mean_and_margin((reported["aline"][8] - reported[name][8]).double().numpy())
        print(f"lead over {name} after 8 days, paired: {lead:+.4f} +- {margin:.4f}")
    episode = task.draw_complete(diaries, (2, 1))
    posterior = net.posterior(net.encode(episode.context))
    found = PosteriorCalibration.of(task.layout.names, posterior, episode.truth)
    mean = posterior.moments()[0]
    for k, name in enumerate(found.names):
        correlation = np.corrcoef(mean[:, k], episode.truth[:, k])[0, 1]
        print(f"  {name:<24} correlation {correlation:.2f}   90 % coverage {100 * float(found.share[k]):.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--patients", type=int, default=8000)
    parser.add_argument("--diaries", type=int, default=4000)
    options = parser.parse_args()
    settings, reference = at_hand(options.preset)
    trajectories = [
        fill_trajectories(reference.simulator, first, options.patients) for first in (TRAINING, VALIDATION, SCORING)
    ]
    task = PatientDiary(trajectories[0], trajectories[1])
    train = settings.train.model_copy(
        update={"steps": options.steps, "questions": 8, "checkpoint_every": options.steps}
    )
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        Run(task, train, RunFolder(Path(folder)), "benchmark", "benchmark").train()
        net, _ = load_network(Path(folder) / "best")
    minutes = (time.perf_counter() - began) / 60
    print(f"{machine()}; preset {options.preset}; {options.steps} steps in {minutes:.1f} minutes on one thread")
    print(f"nats told by so many of {DAYS} days")
    score(net, task.on(trajectories[2]), options.diaries)


if __name__ == "__main__":
    main()
