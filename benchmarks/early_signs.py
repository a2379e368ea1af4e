"""Claim: sums of answers beside attention let a short training learn of signs that come on one evening in sixty.

python benchmarks/early_signs.py [--preset demo]

The preset's network, and the same without the sums, trained alike. Printed is the lead over gradient boosting in
expected log loss, on complete days of patients nobody learned from: on all, and on those with a sign of tomorrow's.
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

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.scoring.baselines import BOOSTING, fit_baselines
from migraine_platform.aline.scoring.scorecard import posterior_of
from migraine_platform.aline.tasks.task import Layout
from migraine_platform.aline.training import training
from migraine_platform.aline.training.checkpoints import load_network
from migraine_platform.forecast_scores import log_loss, mean_and_margin
from migraine_platform.warehouse.lake.places import RunFolder

SEED = 1


class WithoutSums(Aline):
    """Hears of answers by attention alone."""

    def __init__(self, layout: Layout, size: Size) -> None:
        super().__init__(layout, size)
        self.tally.weight.requires_grad_(False)  # they begin at zero, and stay there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="demo")
    settings, reference = at_hand(parser.parse_args().preset)
    promotion, rng = settings.train.promotion, np.random.default_rng((SEED, settings.train.seed))
    task = reference.scoring
    windows = task.simulator.draw(rng, promotion.windows, complete=True)
    labelled = reference.task.simulator.draw(rng, promotion.labelled_days, complete=True)
    boosting = log_loss(fit_baselines(labelled, 0)[BOOSTING](windows), windows.probability)
    announced = task.simulator.bank.announced[windows.row]
    print(machine())
    print(f"{len(announced):,} complete days, {announced.mean():.1%} with a sign of tomorrow's attack")
    for name, kind in (("with sums", Aline), ("without", WithoutSums)):
        training.Aline = kind  # type: ignore[attr-defined]
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            training.Run(reference.task, settings.train, RunFolder(Path(folder)), "benchmark", "benchmark").train()
            net, _ = load_network(Path(folder) / "best")
        with torch.no_grad():
            said = posterior_of(net, task.complete(windows).context).chance()[:, -1].double().numpy()
        lead = boosting - log_loss(said, windows.probability)
        (whole, margin), (signs, wide) = (mean_and_margin(lead[those]) for those in (announced | True, announced))
        took = time.perf_counter() - begun
        print(
            f"{name}: ahead of gradient boosting by {whole:+.4f} +- {margin:.4f}, with signs {signs:+.3f} +- {wide:.3f}"
        )
        print(f"  {took:.0f} s")


if __name__ == "__main__":
    main()
