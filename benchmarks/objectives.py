"""Claim: what the specification's losses cost, beside the likelihood and the published reward.

python benchmarks/objectives.py [--preset demo] [--steps 900]

Five networks from one seed and the same episodes, each with one objective exchanged, scored on patients unseen:
coverage of stated 90 % intervals of Z on complete days, their log density, and nats told by three questions against
random ones (each network's own posterior, so that a bad posterior shows there too).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import machine
from reference_at_hand import at_hand

from migraine_platform.aline.policies.policies import LearnedQuestions, RandomQuestions
from migraine_platform.aline.scoring.scorecard import complete_day_scores, policy_information
from migraine_platform.aline.training.checkpoints import load_network
from migraine_platform.aline.training.training import Run
from migraine_platform.forecast_scores import mean_and_margin
from migraine_platform.warehouse.lake.places import RunFolder

VARIANTS = {
    "likelihood, published reward": {},
    "likelihood, reward to go": {"policy": "reward_to_go"},
    "likelihood, the specification's policy": {"policy": "uncertainty"},
    "likelihood, no policy loss": {"alpha": 0.0},
    "the specification's posterior loss": {"posterior": "squared_error"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--windows", type=int, default=2000)
    options = parser.parse_args()
    settings, reference = at_hand(options.preset)
    rng = np.random.default_rng(14)
    complete = reference.scoring.simulator.draw(rng, options.windows, complete=True)
    evening = reference.scoring.simulator.draw(rng, options.windows, now=settings.hours.evening)
    print(f"{machine()}; preset {options.preset}, {options.steps} steps each")
    print(f"{'':<40} coverage of Z   log density of Z   told by 3 questions   more than random")
    for name, changes in VARIANTS.items():
        objectives = settings.train.objectives.model_copy(update=changes)
        train = settings.train.model_copy(
            update={"objectives": objectives, "steps": options.steps, "checkpoint_every": options.steps}
        )
        with tempfile.TemporaryDirectory() as folder:
            Run(reference.task, train, RunFolder(Path(folder)), "benchmark", "benchmark").train()
            net, card = load_network(Path(folder) / "best")
        scores, found = complete_day_scores(net, reference.scoring, complete, {})
        density = np.mean([score.value for score in scores if score.metric.startswith("log_density_z_")])
        goal = torch.ones(len(card.layout.targets), dtype=torch.bool)
        rules = {"aline": LearnedQuestions(), "random": RandomQuestions(0)}
        reported = policy_information(net, reference.scoring, evening, rules, 3, goal)
        own, _ = mean_and_margin(reported["aline"][3].double().numpy())
        lead, margin = mean_and_margin((reported["aline"][3] - reported["random"][3]).double().numpy())
        print(
            f"{name:<40} {100 * float(found.share[:4].mean()):10.1f} %   {density:16.3f}   {own:19.3f}   "
            f"{lead:+.3f} +- {margin:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
