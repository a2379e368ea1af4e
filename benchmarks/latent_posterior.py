"""Claim: where the exact posterior is a Kalman smoother's, the network's is within 0.05 nats a dimension of it.

python benchmarks/latent_posterior.py [--preset default] [--steps 8000] [--windows 4000]

Days are made Gaussian: state at midnight, drive and facts are drawn from the moments of the reference cohort's days, so
that with every hour observed the posterior of Z at the end of the day is known exactly. A network of the preset's size
learns from such days alone, by likelihood, and is scored on others: log density against the exact one, coverage, ranks.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from measure import machine
from reference_at_hand import at_hand

from migraine_platform.aline.network.network import Size
from migraine_platform.aline.scoring.calibration import PosteriorCalibration
from migraine_platform.aline.scoring.scorecard import posterior_of
from migraine_platform.aline.tasks.migraine_window import MigraineWindow
from migraine_platform.aline.training.teaching import TeachingSettings, warm_up
from migraine_platform.config.simulator.hours import DAY_FACTS
from migraine_platform.forecast_scores import mean_and_margin
from migraine_platform.simulator.hourly.bank import DayBank
from migraine_platform.simulator.hourly.linear_day import GaussianDay, standard_facts
from migraine_platform.simulator.hourly.windows import WindowSimulator

RANKED = 2000


def gaussian(bank: DayBank, hours, seed: int) -> DayBank:  # type: ignore[no-untyped-def]
    """The same days, their states, drives and facts drawn anew from their own moments."""
    rng = np.random.default_rng(seed)
    x = np.hstack([bank.z, bank.drive, standard_facts(hours, bank)])
    drawn = rng.multivariate_normal(x.mean(axis=0), np.cov(x, rowvar=False), size=bank.size, method="cholesky")
    sd = [hours.facts[name].sd for name in DAY_FACTS]
    mean = [hours.facts[name].mean for name in DAY_FACTS]
    return bank._replace(z=drawn[:, :4], drive=drawn[:, 4:8], fact=mean + drawn[:, 8:] * sd)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--windows", type=int, default=4000)
    options = parser.parse_args()
    settings, reference = at_hand(options.preset)
    hours, course = settings.hours, reference.simulator.parameters.course
    source = reference.task.simulator.bank

    def on(seed: int) -> MigraineWindow:
        return MigraineWindow(WindowSimulator(hours, reference.daily, course, gaussian(source, hours, seed)))

    training = on(0)
    scoring = training.on(on(1).simulator)
    torch.set_num_threads(1)
    began = time.perf_counter()
    size = Size(**settings.train.network.model_dump())
    lesson = TeachingSettings(options.steps, settings.train.batch, settings.train.learning_rate)
    net = warm_up(training.layout, size, training.draw_complete, lesson)
    minutes = (time.perf_counter() - began) / 60
    windows = scoring.simulator.draw(np.random.default_rng(2), options.windows, complete=True)
    episode = scoring.complete(windows)
    with torch.no_grad():
        posterior = posterior_of(net, episode.context)
    day = GaussianDay(hours, reference.daily, training.simulator.bank)
    known = np.ones(len(day.mean), dtype=bool)
    known[day.end] = False
    mean, covariance = day.end_of_day(day.vector(windows), known)
    variance = np.diag(covariance)
    exact = -0.5 * ((windows.z - mean) ** 2 / variance + np.log(2 * np.pi * variance))
    scale = np.log([target.sd for target in training.layout.targets[:4]])
    behind = exact - (posterior.log_score(episode.truth)[:, :4].double().numpy() - scale)
    print(f"{machine()}; preset {options.preset}; {options.steps} steps in {minutes:.1f} minutes on one thread")
    print("nats a dimension behind the exact Kalman posterior")
    for k, target in enumerate(training.layout.targets[:4]):
        print(f"  {target.name:<14} {mean_and_margin(behind[:, k])[0]:.4f} +- {mean_and_margin(behind[:, k])[1]:.4f}")
    print("  mean           {:.4f} +- {:.4f}".format(*mean_and_margin(behind.mean(axis=1))))
    every = PosteriorCalibration.of(training.layout.names, posterior, episode.truth)
    found = PosteriorCalibration.of(training.layout.names, posterior.take(torch.arange(RANKED)), episode.truth[:RANKED])
    print(f"90 % coverage over {options.windows} days; p of uniform ranks over {RANKED}")
    for k, name in enumerate(found.names[:4]):
        print(f"  {name:<14} {100 * float(every.share[k]):.1f} %   p = {found.p_value[k]:.3f}")


if __name__ == "__main__":
    main()
