"""Claim: twins reach what an ideal learner reaches: forecasts, intervals, susceptibilities.

[MIGRAINE_PRESET=literature] python benchmarks/twin_forecast.py [--patients 400] [--learner FILE]
                                                                [--hypotheses 256] [--particles 64] [--coins]

The default population, or another preset's: 1,000 patients x 180 days. Twins of the first patients are made twice:
with a population learned from the others alone (patients never seen), and with one learned from everybody's first 120
days (days never seen). Expected log loss is against (a), the probability that the whole state gives; (c) is the ideal
learner of research/ideal_learner/learner.py, (b) the filter that knows a patient's parameters. The learner takes most
of an hour: what it said is kept in FILE, if one is given, and read from there the next time. With --coins diaries are
kept evening by evening, whatever the preset says.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import polars as pl
from diaries import COINS, kept_as
from measure import machine
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from migraine_platform.config import load_settings
from migraine_platform.domain.events import AT_EVENING, HAS_MIGRAINE, MEDICATION
from migraine_platform.forecast_scores import calibration_error, log_loss
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.research.ideal_learner.learner import learn
from migraine_platform.simulator.checks.realism import auc
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import Clinical, TwinModel, learn_model
from migraine_platform.twin.data.histories import Histories, histories
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import AttackEvidence
from migraine_platform.twin.hazard.uncertainty import uncertainty
from migraine_platform.twin.triggers.sensitivity import sensitivities
from migraine_platform.warehouse import tables

SPANS = {30: slice(30, 60), 60: slice(60, 90), 120: slice(120, 180)}
"""Days that are scored after so many days of history."""


def interval_score(lower: np.ndarray, upper: np.ndarray, truth: np.ndarray) -> float:
    """Gneiting and Raftery's score of 90 % intervals; less is better."""
    return float((upper - lower + 20 * np.maximum(lower - truth, 0) + 20 * np.maximum(truth - upper, 0)).mean())


def within_auc(migraine: np.ndarray, forecast: np.ndarray) -> float:
    """Mean over persons of their own AUC."""
    return float(np.nanmean([auc(days, p) for days, p in zip(migraine, forecast, strict=True)]))


def shared_logistic(replay: twin.Replay, own: Histories, rows: slice, target: slice) -> np.ndarray:
    """One logistic regression for everybody: triggers, load, today's attack, recent and usual migraine days."""
    baseline = twin.climatology(own)
    logit = np.log(baseline / (1 - baseline))
    columns = [
        *np.moveaxis(replay.covariates.trigger, -1, 0),
        *np.moveaxis(replay.covariates.latent, -1, 0),
        replay.forecasts.ill,
        own.events[..., MEDICATION] * replay.forecasts.ill,
        own.events[..., AT_EVENING],
        replay.forecasts.attack_history,
        logit,
    ]
    x = np.stack(columns, axis=-1)[:, :-1]
    y, reported = own.events[:, 1:, HAS_MIGRAINE], own.diary[:, 1:]
    days = slice(30, 119)
    model = LogisticRegression(max_iter=1000).fit(
        x[rows, days][reported[rows, days]], y[rows, days][reported[rows, days]]
    )
    flat = model.predict_proba(x[target].reshape(-1, x.shape[-1]))[:, 1]
    return np.concatenate([np.full((len(x[target]), 1), np.nan), flat.reshape(x[target].shape[:2])], axis=1)


def learner_of(
    simulator: CohortSimulator, trajectories: Trajectories, path: Path | None, hypotheses: int, particles: int
) -> dict[str, np.ndarray]:
    """What the ideal learner said, from the file if it is there."""
    if path is None or not path.is_file():
        found = learn(
            simulator, trajectories, hypotheses, particles, lambda done: print(f"{done} learned", file=sys.stderr)
        )
        said = {
            "forecast": found.forecast,
            "interval": found.interval,
            "s": found.susceptibility,
            "si": found.susceptibility_interval,
            "eff": found.effective,
        }
        if path is None:
            return said
        np.savez(path, **said)
    with np.load(path) as kept:
        return {name: kept[name] for name in ("forecast", "interval", "s", "si", "eff")}


def report(
    name: str, model: TwinModel, clinical: Clinical, own: Histories, ideal: dict, full: np.ndarray,
    migraine: np.ndarray, s: np.ndarray, known: np.ndarray, shared: np.ndarray,
) -> None:  # fmt: skip
    """Print one model's figures."""
    points = model.points(load_settings("default").twin.points)
    _, replay = twin.create(model, clinical, points, own)
    evidence = AttackEvidence.of(own, replay.channels)
    said, _ = follow(points, model.effects, replay.covariates, evidence, None, True)
    reported = uncertainty(said, model.effects, replay.covariates, clinical.prior.Q, clinical.atoms)
    mend = model.recalibration.apply
    nothing = np.full((own.count, 1), np.nan)
    p, lower, upper = (
        np.concatenate([nothing, mend(part[:, :-1])], axis=1)
        for part in (said.probability, reported.lower, reported.upper)
    )
    baseline = twin.climatology(own)
    print(f"\n{name}")
    print("days of history   (a)     (b)     (c)    twin  climatology  shared  share of (c)'s gain, (b)'s, (a)'s")
    for history, span in SPANS.items():
        a, b, c, t, u, one = (
            log_loss(part[:, span], full[:, span]).mean()
            for part in (full, known, ideal["forecast"], p, baseline, shared)
        )
        shares = "  ".join(f"{100 * (u - t) / (u - ceiling):6.1f} %" for ceiling in (c, b, a))
        print(f"{history:15}{a:8.4f}{b:8.4f}{c:8.4f}{t:8.4f}{u:10.4f}{one:10.4f}   {shares}")
    last = SPANS[120]
    y = migraine[:, last]
    onset_days = np.zeros_like(migraine, dtype=bool)
    onset_days[:, 1:] = migraine[:, :-1] == 0
    fresh = onset_days[:, last]
    print(f"{'last 60 days':22}{'AUC':>8}{'within':>8}{'Brier':>8}{'ECE':>8}{'AUC, onset days':>17}")
    forecasts = {"(c)": ideal["forecast"], "twin": p, "shared": shared, "climatology": baseline, "(b)": known}
    for label, forecast in forecasts.items():
        f = forecast[:, last]
        print(
            f"{label:22}{auc(y.ravel(), f.ravel()):8.4f}{within_auc(y, f):8.4f}{((f - y) ** 2).mean():8.4f}"
            f"{calibration_error(f.ravel(), y.ravel() > 0):8.4f}{auc(y[fresh], f[fresh]):17.4f}"
        )
    print(f"{'90 % intervals of (a)':24}{'cover':>8}{'score':>8}   (c): cover, score, ratio of scores")
    for history, span in SPANS.items():
        t = full[:, span]
        mine = interval_score(lower[:, span], upper[:, span], t)
        li, ui = ideal["interval"][:, span, 0], ideal["interval"][:, span, 1]
        his = interval_score(li, ui, t)
        held = ((lower[:, span] <= t) & (t <= upper[:, span])).mean()
        print(f"{history:24}{held:8.3f}{mine:8.4f}   {((li <= t) & (t <= ui)).mean():.3f} {his:.4f}  {mine / his:.3f}")
    susceptibilities(model, clinical, points, own, ideal, s)


def is_it_mine(guess: np.ndarray, s: np.ndarray) -> float:
    """Mean over the triggers of the area under the curve; NaN where everybody has all of them."""
    own = s > 0
    areas = [auc(own[:, k].astype(float), guess[:, k]) for k in range(s.shape[1]) if 0 < own[:, k].mean() < 1]
    return float(np.mean(areas)) if areas else np.nan


def susceptibilities(
    model: TwinModel, clinical: Clinical, points: object, own: Histories, ideal: dict, s: np.ndarray
) -> None:
    """Print what was learned of the triggers."""
    low, high = np.quantile(model.points(4096).susceptibility, (0.05, 0.95), axis=0)
    prior = interval_score(low, high, s)
    print(f"susceptibilities (the prior's interval scores {prior:.4f}); rank correlation by {', '.join(TRIGGER_NAMES)}")
    for history in (30, 60, 120, 180):
        made, _ = twin.create(model, clinical, points, own.until(history))
        found = sensitivities(points, model.effects, made.filter_state)
        mean, lower, upper = (part / model.effects.trigger for part in (found.mean, found.lower, found.upper))
        im, ii = ideal["s"][:, history - 1, :, 0], ideal["si"][:, history - 1]
        mine = [spearmanr(mean[:, k], s[:, k])[0] for k in range(len(TRIGGER_NAMES))]
        his = [spearmanr(im[:, k], s[:, k])[0] for k in range(len(TRIGGER_NAMES))]
        scores = interval_score(lower, upper, s), interval_score(ii[..., 0], ii[..., 1], s)
        strong, weak = s > 0.7, s < 0.3
        calls = []
        for guess in (mean, im):
            call = guess > s.mean()
            precision = (call & strong).sum() / max(1, (call & (strong | weak)).sum())
            calls.append(f"{precision:.3f}/{(call & strong).sum() / strong.sum():.3f}")
        mine_at_all = " against ".join(f"{is_it_mine(guess, s):.3f}" for guess in (mean, im))
        print(
            f"{history:5} days: twin {np.round(mine, 3)} (c) {np.round(his, 3)}; intervals hold "
            f"{((lower <= s) & (s <= upper)).mean():.3f}, score {scores[0]:.4f} against (c)'s {scores[1]:.4f}; "
            f"strong or not, precision/recall {calls[0]} against {calls[1]}; is it mine? {mine_at_all}; "
            f"(c)'s effective hypotheses "
            f"{np.median(ideal['eff'][:, history - 1]):.0f}"
        )


def main() -> None:
    """Simulate, learn, compare."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=400)
    arguments.add_argument("--learner", type=Path)
    arguments.add_argument("--hypotheses", type=int, default=256)
    arguments.add_argument("--particles", type=int, default=64)
    arguments.add_argument("--coins", action="store_true")
    given = arguments.parse_args()
    settings = load_settings(os.environ.get("MIGRAINE_PRESET", "default"))
    if given.coins:
        settings = settings.model_copy(update={"simulator": kept_as(settings.simulator, COINS)})
    features = configured_features(settings.priors)
    simulator = CohortSimulator(settings.simulator, features, fit_parameters(settings.simulator, features))
    frames = [simulator.batch(number) for number in range(settings.simulator.cohort.batches)]
    measured = pl.concat([frame[tables.MeasuredDays.name] for frame in frames])
    everybody, _ = histories(measured, measured["patient_id"].unique().to_list())
    clinical = Clinical.of(settings.simulator, features)
    rows = slice(0, given.patients)
    own = everybody.of(rows)
    trajectories = simulator.trajectories(first_patients(settings.simulator, given.patients))
    full, migraine = trajectories.days.migraine_probability, trajectories.days.flag("has_migraine").astype(float)
    known = simulator.filtered(trajectories, 128).forecast
    ideal = learner_of(simulator, trajectories, given.learner, given.hypotheses, given.particles)
    print(machine())
    print(f"{settings.preset}: {given.patients} patients x {own.days} days; ", end="")
    print(f"(c) of {given.hypotheses} hypotheses x {given.particles} particles")
    others = slice(given.patients, None)
    for name, teachers in (("patients never seen", everybody.of(others)), ("days never seen", everybody)):
        model = learn_model(teachers.until(120), clinical, settings.twin)
        _, replay = twin.create(model, clinical, model.points(256), everybody)
        shared = shared_logistic(replay, everybody, others, rows)
        s = trajectories.patients.susceptibility
        report(name, model, clinical, own, ideal, full, migraine, s, known, shared)


if __name__ == "__main__":
    main()
