"""Claim: a warm-up on the mock distribution, as the specification has it, does not pay for a network of patients' days.

python benchmarks/warm_up.py [--preset demo] [--steps 1400] [--seeds 3]

The specification trains ALINE first on the mock distribution (E_warm), then on the simulator. Three networks a seed, of
the same size: from the start on patients' days; a third of the steps on the mock's logistic task first, and that many
fewer on days; and the same third first, in addition. What the tasks share (the layers, the start token, the last norm)
is carried over. Scored by the validation's log score on patients kept apart: more is better.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import machine
from reference_at_hand import at_hand

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.tasks.task import Layout
from migraine_platform.aline.training import training
from migraine_platform.aline.training.checkpoints import load_network
from migraine_platform.config import load_settings
from migraine_platform.config.train import Train
from migraine_platform.priors.mock import build_mock
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.research.logistic.task import Logistic, logistic_prior
from migraine_platform.warehouse.lake.places import RunFolder

SHARED = ("layers.", "start", "norm.")


def trained(task: training.TrainableTask, train: Train, warm: Aline | None = None) -> tuple[Aline, float]:
    """A network, and its validation's log score; `warm` gives what tasks share."""

    class Begun(Aline):
        """Begins where another network ended."""

        def __init__(self, layout: Layout, size: Size) -> None:
            super().__init__(layout, size)
            if warm is not None:
                own = {name: part for name, part in warm.state_dict().items() if name.startswith(SHARED)}
                self.load_state_dict(own, strict=False)

    baseline, training.Aline = training.Aline, Begun  # type: ignore[attr-defined]
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = training.Run(task, train, RunFolder(Path(folder)), "benchmark", "benchmark")
            found = run.train()
            net, _ = load_network(Path(folder) / "best")
    finally:
        training.Aline = baseline  # type: ignore[attr-defined]
    return net, found.card.metrics["log_score"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    _, reference = at_hand(options.preset)
    settings = load_settings(options.preset)
    mock = build_mock(configured_features(settings.priors), settings.priors.mock)
    first = options.steps // 3
    scores: dict[str, list[float]] = {"on days alone": [], "warmed, as many steps in all": [], "warmed in addition": []}
    for seed in range(options.seeds):

        def of(steps: int, seed: int = seed) -> Train:
            return settings.train.model_copy(
                update={"seed": seed, "steps": steps, "checkpoint_every": max(1, steps // 2)}
            )

        warm, _ = trained(Logistic(logistic_prior(mock)), of(first))
        scores["on days alone"].append(trained(reference.task, of(options.steps))[1])
        scores["warmed, as many steps in all"].append(trained(reference.task, of(options.steps - first), warm)[1])
        scores["warmed in addition"].append(trained(reference.task, of(options.steps), warm)[1])
        print(seed, {name: round(found[-1], 4) for name, found in scores.items()}, flush=True)
    print(f"{machine()}; preset {options.preset}, {options.steps} steps")
    base = np.array(scores["on days alone"])
    for name, found in scores.items():
        print(f"{name:<30}{np.median(found):8.4f}   against days alone {np.median(np.array(found) - base):+.4f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
