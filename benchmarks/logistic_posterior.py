"""Claim: ALINE's posteriors of logistic regression are as good as NUTS's, at 1,000 times its speed per data set.

python benchmarks/logistic_posterior.py [--minutes 15] [--data-sets 60] [--weights FOLDER]

Trains the generic network for `--minutes` of one core's time on exact posteriors (`aline/training/teaching.py`), and
once more for as long on single draws; `--weights` keeps what was trained, and uses what was kept. Then, on fresh data
sets of 0 to 50 days: means and standard deviations of the parameters against NUTS's and against the exact posterior's,
ranks and coverage of the true parameters, and seconds per data set. All times are those of one core (process time),
NUTS's without its compilation, ours in batches and alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import nuts
import torch
from measure import machine
from torch import Tensor

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.scoring.calibration import coverage, ranks, uniformity
from migraine_platform.aline.tasks.task import Context
from migraine_platform.aline.training.checkpoints import Card, load_network, save_tensors
from migraine_platform.aline.training.teaching import Teacher, TeachingSettings, warm_up
from migraine_platform.config import load_settings
from migraine_platform.priors.mock import build_mock
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.research.logistic.reference import exact_posterior, laplace, teacher
from migraine_platform.research.logistic.task import Logistic, logistic_prior

SIZE = Size(width=32, layers=3, heads=2, feed_forward=128, components=10)
LESSON = TeachingSettings(steps=0, batch=128, learning_rate=3e-3)
TAUGHT_DRAWS, FEW_DRAWS, REFERENCE_DRAWS = 64, 256, 4096
TIMED_STEPS = 40
AGAINST_NUTS, AGAINST_EXACT, CALIBRATION, SPEED = ((1, number) for number in range(4))
"""Seeds of data sets that training never sees."""

EXACT_SETS, CALIBRATION_SETS, SPEED_SETS, CHUNK = 1000, 2000, 4096, 256


def core_seconds(action: Callable[[], object]) -> float:
    """One core's time for one call."""
    start = time.process_time()
    action()
    return time.process_time() - start


def trained(task: Logistic, minutes: float, teach: Teacher | None, place: Path | None) -> Aline:
    """A network trained for so long, or the one that was kept."""
    if place is not None and place.with_suffix(".safetensors").is_file():
        net, card = load_network(place)
        if card.layout != task.layout:
            raise SystemExit(f"{place}: trained for other features, or in other units; train again")
        print(f"  kept in {place}: {card.step:,} steps, {card.metrics['minutes']:.1f} minutes")
        return net

    def learn(steps: int) -> Aline:
        return warm_up(
            task.layout, SIZE, task.draw_complete, TeachingSettings(**{**vars(LESSON), "steps": steps}), teach
        )

    per_step = (core_seconds(lambda: learn(TIMED_STEPS + 5)) - core_seconds(lambda: learn(5))) / TIMED_STEPS
    steps = max(1, int(60 * minutes / per_step))
    wall, core = time.perf_counter(), time.process_time()
    net = learn(steps)
    core, wall = (time.process_time() - core) / 60, (time.perf_counter() - wall) / 60
    print(f"  {steps:,} steps of {LESSON.batch} data sets: {core:.1f} minutes of one core, {wall:.1f} by the clock")
    if place is not None:
        card = Card(task.name, task.layout, SIZE, "benchmark", "mock", steps, {"minutes": core})
        save_tensors(place, net.state_dict(), card)
    return net


def stated(net: Aline, task: Logistic, context: Context) -> tuple[Tensor, Tensor]:
    """[B, P] means and standard deviations that the network states, in the parameters' units."""
    with torch.no_grad():
        mean, sd = net.posterior(net.encode(context)).moments()
    return mean * task.prior.sd + task.prior.mean, sd * task.prior.sd


def compare(name: str, mean: Tensor, sd: Tensor, true_mean: Tensor, true_sd: Tensor) -> None:
    """Print how far means and standard deviations are from the reference's."""
    error = ((mean - true_mean).abs() / true_sd).mean()
    ratio = (sd / true_sd).double()
    low, high = ratio.quantile(0.05), ratio.quantile(0.95)
    print(f"  {name:<28} means off by {error:.3f} sd; sd ratio {ratio.mean():.3f} (5-95 % {low:.3f} to {high:.3f})")


def by_length(context: Context, chunk: int = CHUNK) -> list[Context]:
    """The data sets in pieces of similar length, without the padding that none of a piece needs."""
    pieces = []
    days = context.known.sum(1)
    for rows in torch.split(days.argsort(), chunk):
        longest = max(1, int(days[rows].max()))
        pieces.append(Context(*(part[rows, :longest] for part in (context.x, context.y, context.known))))
    return pieces


def sampled(sampler: nuts.Nuts, context: Context, seed: int) -> tuple[list[np.ndarray], float]:
    """Draws of every data set, and mean seconds per data set; compiled beforehand."""
    sampler.sample(context, 0, 0)
    draws, seconds = [], []
    for row in range(len(context.x)):
        seconds.append(core_seconds(lambda row=row: draws.append(sampler.sample(context, row, seed + row))))
    return draws, float(np.mean(seconds))


def moments(draws: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """[B, P] means and standard deviations."""
    flat = np.stack([one.reshape(-1, one.shape[-1]) for one in draws])
    return torch.as_tensor(flat.mean(1)), torch.as_tensor(flat.std(1))


def against_nuts(nets: dict[str, Aline], task: Logistic, data_sets: int) -> float:
    """Compare on fresh data sets; mean seconds of NUTS per data set."""
    context = task.draw_complete(data_sets, AGAINST_NUTS).context
    long, short = nuts.Nuts(task.prior), nuts.Nuts(task.prior, chains=1, warm_up=200, samples=200)
    draws, seconds = sampled(long, context, 1)
    checks = [nuts.diagnostics(one) for one in draws]
    print(
        f"NUTS on {data_sets} data sets, 4 chains x (1,000 + 1,000), {1000 * seconds:.0f} ms each: worst R-hat "
        f"{max(check[0] for check in checks):.4f}, effective draws {min(check[1] for check in checks):,.0f} at least"
    )
    truth = moments(draws)
    for name, net in nets.items():
        compare(name, *stated(net, task, context), *truth)
    mode, root = laplace(task.prior, context)
    compare("Laplace", mode, (root**2).sum(-1).sqrt(), *truth)
    compare("exact reference", *exact_posterior(task.prior, context, REFERENCE_DRAWS).moments(), *truth)
    compare("NUTS once more", *moments(sampled(long, context, 10_000)[0]), *truth)
    long.sample_batch(context, 30_000)
    at_once = core_seconds(lambda: long.sample_batch(context, 30_001)) / data_sets
    print(f"  NUTS on all {data_sets} at once: {1000 * at_once:.0f} ms each")
    quick, quick_seconds = sampled(short, context, 20_000)
    compare(f"NUTS, 200 + 200, {1000 * quick_seconds:.0f} ms", *moments(quick), *truth)
    return seconds


def against_exact(nets: dict[str, Aline], task: Logistic) -> None:
    """Compare on many fresh data sets."""
    context = task.draw_complete(EXACT_SETS, AGAINST_EXACT).context
    exact = exact_posterior(task.prior, context, REFERENCE_DRAWS)
    mean, sd = exact.moments()
    chance = (exact.weight * task.targets(exact.theta)[..., -1]).sum(1)
    share = exact.effective_share()
    print(
        f"exact posterior of {EXACT_SETS:,} data sets, {REFERENCE_DRAWS:,} weighted draws each: effective share "
        f"{share.mean():.2f}, {share.min():.2f} at least"
    )
    mode, root = laplace(task.prior, context)
    for name, net in nets.items():
        compare(name, *stated(net, task, context), mean, sd)
        with torch.no_grad():
            forecast = net.posterior(net.encode(context)).chance()[:, 0]
        print(f"  {name:<28} chance on a bad day off by {(forecast - chance).abs().mean():.4f}")
    compare("Laplace", mode, (root**2).sum(-1).sqrt(), mean, sd)
    compare(f"exact reference, {FEW_DRAWS} draws", *exact_posterior(task.prior, context, FEW_DRAWS).moments(), mean, sd)


def calibration(net: Aline, task: Logistic) -> None:
    """Print ranks' uniformity and coverage."""
    episode = task.draw_complete(CALIBRATION_SETS, CALIBRATION)
    with torch.no_grad():
        found = ranks(net.posterior(net.encode(episode.context)), episode.truth)
    inside = [f"{100 * float(share):.1f}" for share in coverage(found, 0.9)]
    print(
        f"calibration on {CALIBRATION_SETS:,} data sets: chi-square p "
        f"{', '.join(f'{p:.3f}' for p in uniformity(found))}; 90 % intervals hold {', '.join(inside)} %"
    )


def speed(net: Aline, task: Logistic, nuts_seconds: float) -> None:
    """Print seconds per data set, in batches and alone."""
    context = task.draw_complete(SPEED_SETS, SPEED).context
    single = [by_length(context.take(torch.tensor([row])))[0] for row in range(200)]

    def batched() -> None:
        for piece in by_length(context):
            stated(net, task, piece)

    def alone() -> None:
        for one in single:
            stated(net, task, one)

    def reference() -> None:
        for piece in by_length(context.take(torch.arange(512))):
            exact_posterior(task.prior, piece, FEW_DRAWS)

    def median(action: Callable[[], object], sets: int) -> float:
        return float(np.median([core_seconds(action) for _ in range(5)])) / sets

    print(f"{'NUTS, compilation excluded':<42} {1000 * nuts_seconds:7.3f} ms per data set")
    for name, took in (
        (f"ours, {SPEED_SETS:,} at a time", median(batched, SPEED_SETS)),
        ("ours, one at a time", median(alone, len(single))),
        (f"exact reference, {FEW_DRAWS} draws, 512 at a time", median(reference, 512)),
    ):
        print(f"{name:<42} {1000 * took:7.3f} ms per data set: {nuts_seconds / took:,.0f} times NUTS's speed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--data-sets", type=int, default=60)
    parser.add_argument("--weights", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    priors = load_settings("default").priors
    task = Logistic(logistic_prior(build_mock(configured_features(priors), priors.mock)))
    print(machine())
    print(f"features {', '.join(task.prior.variables)}; parameters' prior means {task.prior.mean.numpy().round(2)}")
    nets = {}
    for name, teach in (("taught", teacher(task, TAUGHT_DRAWS)), ("single draws", None)):
        print(f"{name}:")
        place = None if chosen.weights is None else chosen.weights / name.replace(" ", "_")
        nets[name] = trained(task, chosen.minutes, teach, place)
    nuts_seconds = against_nuts(nets, task, chosen.data_sets)
    against_exact(nets, task)
    calibration(nets["taught"], task)
    speed(nets["taught"], task, nuts_seconds)
