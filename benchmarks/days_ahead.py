"""Claims: the week ahead is told with honest chances, and so is what its days may be like.

python benchmarks/days_ahead.py

The default population of 1,000 x 180 days; learned from 800 patients' first 120 days, scored on the 200 others, on the
evenings of days 60 to 165, a fortnight apart. Migraine: log loss by days ahead of what truly came, against the
person's own share of migraine days so far. States: which model of the next day fits a person is found on his days up to
the evening of day 120, and scored on the days after it; intervals should hold nine in ten.
"""

from __future__ import annotations

import cohort_at_hand as at_hand
import numpy as np
import torch
from measure import machine

from migraine_platform.twin.cohort.inputs import clinical_of, learn_experts
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import Clinical, TwinModel, learn_model
from migraine_platform.twin.core.prediction import predict
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.experts.network import Experts
from migraine_platform.twin.dynamics.transition import EXPERTS, STATE_SPACE, StateSpace, choose
from migraine_platform.twin.updating.days_ahead import HALF_WIDTH, WEEK, migraine_ahead, states_ahead
from migraine_platform.warehouse import tables

EVENINGS = range(60, 180 - WEEK, 15)


def log_loss(said: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Of each forecast."""
    return -np.log(np.where(outcome, said, 1 - said))


def migraine(model: TwinModel, clinical: Clinical, own: Histories, outcome: np.ndarray, points: int) -> None:
    """Log loss by days ahead, standard errors over patients, shares of what came within the bins of what was said."""
    said, baseline, truth = [], [], []
    for evening in EVENINGS:
        known = own.until(evening)
        twins, _ = twin.create(model, clinical, model.points(points), known)
        tonight = predict(model, clinical, model.points(points), twins)
        said.append(migraine_ahead(model, clinical, model.points(points), twins, known, tonight).probability)
        baseline.append(np.repeat(twin.climatology(own.until(evening + 1))[:, -1:], WEEK, axis=1))
        truth.append(outcome[:, evening : evening + WEEK])
    p, base, y = np.stack(said), np.stack(baseline), np.stack(truth)
    for ahead in range(WEEK):
        gain = (log_loss(base[..., ahead], y[..., ahead]) - log_loss(p[..., ahead], y[..., ahead])).mean(axis=0)
        print(
            f"migraine, {ahead + 1} days ahead: twin {log_loss(p[..., ahead], y[..., ahead]).mean():.4f}, usual share "
            f"{log_loss(base[..., ahead], y[..., ahead]).mean():.4f}, gain {gain.mean():.4f} +- "
            f"{gain.std() / len(gain) ** 0.5:.4f}; said {p[..., ahead].mean():.3f}, came {y[..., ahead].mean():.3f}"
        )
    later = p[..., 1:].ravel()
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0)):
        inside = (later >= low) & (later < high)
        print(
            f"  said {low:.1f} to {high:.1f}: {later[inside].mean():.3f}, came {y[..., 1:].ravel()[inside].mean():.3f}"
        )


def states(model: TwinModel, clinical: Clinical, experts: Experts, own: Histories) -> None:
    """Nats a recorded value and coverage, by days ahead: of either model, and of each person's better one."""
    scales, points = model.scales, model.points(16)
    days = scales.standard(own)
    _, replay = twin.create(model, clinical, points, own.until(120))
    fitted = choose(
        {STATE_SPACE: StateSpace(model.dynamics, replay.channels), EXPERTS: experts},
        scales.standard(own.until(120)),
        60,
    )
    better = np.array([name == EXPERTS for name in fitted.model])
    winner = fitted.log_likelihood[EXPERTS] > fitted.log_likelihood[STATE_SPACE]
    print(f"experts fit {better.mean():.0%} of the persons better on days 61-120")
    everybody = np.ones(own.count, dtype=np.bool_)
    scores: dict[str, list[np.ndarray]] = {"linear-Gaussian": [], "experts": [], "own winner": [], "each person's": []}
    held: list[np.ndarray] = []
    for evening in (120, 135, 150, 165):
        known = own.until(evening)
        twins, _ = twin.create(model, clinical, points, known)
        later, seen = days.z[:, evening : evening + WEEK], days.seen[:, evening : evening + WEEK]
        for name, chosen in zip(scores, (~everybody, everybody, winner, better), strict=True):
            said = states_ahead(model, experts, twins, known, chosen)
            off = (later - said.mean) ** 2 / said.variance
            nats = np.where(seen, 0.5 * (np.log(2 * np.pi * said.variance) + off), np.nan)
            scores[name].append(np.nanmean(nats, axis=(0, 2)))
            if name == "each person's":
                held.append(np.nanmean(np.where(seen, off <= HALF_WIDTH**2, np.nan), axis=(0, 2)))
    for name, found in scores.items():
        print(f"state, {name}: " + ", ".join(f"{value:.4f}" for value in np.mean(found, axis=0)))
    print("intervals hold: " + ", ".join(f"{value:.3f}" for value in np.mean(held, axis=0)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    settings, cohort = at_hand.settings(), at_hand.recorded()
    outcome = at_hand.rows(tables.PatientDays)["has_migraine"].to_numpy().reshape(cohort.count, cohort.days)
    clinical = clinical_of(settings, at_hand.features())
    taught = cohort.of(slice(0, 800)).until(120)
    learned = learn_model(taught, clinical, settings.twin)
    print(machine())
    migraine(learned, clinical, cohort.of(slice(800, None)), outcome[800:], settings.twin.points)
    trained = learn_experts(learned, taught, settings.twin, lambda line: None)
    states(learned, clinical, trained, cohort.of(slice(800, None)))
