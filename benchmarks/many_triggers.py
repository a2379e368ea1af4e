"""Claim: a thousand hypotheses of who a person is are enough for a dozen triggers.

MIGRAINE_PRESET=literature python benchmarks/many_triggers.py [--patients 200] [--taught 600] [--coins]

The literature's population, 180 days; with --coins its diaries are kept evening by evening, else in streaks. Twins of
patients never seen, by the number of hypotheses; the largest stands for exact Bayes. Expected log loss is against the
probability that the whole state gives. A trigger is a person's own if the true susceptibility is above 0: how well the
twin's mean tells (area under the curve, 0.5 is guessing), by days of history.
"""

from __future__ import annotations

import time

import numpy as np
from diaries import COINS, kept_as
from measure import machine
from unseen import Unseen, sizes

from migraine_platform.config import load_settings, resized
from migraine_platform.forecast_scores import log_loss
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.checks.realism import auc
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import AttackEvidence
from migraine_platform.twin.hazard.uncertainty import uncertainty
from migraine_platform.twin.triggers.sensitivity import sensitivities

POINTS = (256, 1024, 4096)
LATER = slice(120, 180)
HISTORIES = (30, 60, 120, 180)


def forecasts(model: TwinModel, clinical: Clinical, own: Histories, count: int) -> tuple[np.ndarray, ...]:
    """[P, K] probability and the ends of its 90 % intervals, each of the day that it is of, and seconds."""
    begun = time.perf_counter()
    points = model.points(count)
    _, replay = twin.create(model, clinical, points, own)
    evidence = AttackEvidence.of(own, replay.channels)
    said, _ = follow(points, model.effects, replay.covariates, evidence, None, True)
    reported = uncertainty(said, model.effects, replay.covariates, clinical.prior.Q, clinical.atoms)
    mend, nothing = model.recalibration.apply, np.full((own.count, 1), np.nan)
    parts = (said.probability, reported.lower, reported.upper)
    placed = (np.concatenate([nothing, mend(part[:, :-1])], axis=1) for part in parts)
    return (*placed, time.perf_counter() - begun)


def of_each_trigger(model: TwinModel, clinical: Clinical, own: Histories, s: np.ndarray, count: int) -> np.ndarray:
    """[K] how well the twins' means tell to whom each trigger can do anything; NaN where it can to everybody."""
    points = model.points(count)
    made, _ = twin.create(model, clinical, points, own)
    mean = sensitivities(points, model.effects, made.filter_state).mean
    mine = s > 0
    return np.array(
        [auc(mine[:, k].astype(float), mean[:, k]) if 0 < mine[:, k].mean() < 1 else np.nan for k in range(s.shape[1])]
    )


def main() -> None:
    """Simulate, learn, compare."""
    arguments = sizes(taught=600)
    arguments.add_argument("--coins", action="store_true")
    given = arguments.parse_args()
    settings = load_settings()
    settings = resized(settings, patients=given.patients + given.taught, days=LATER.stop)
    simulated = kept_as(settings.simulator, COINS) if given.coins else settings.simulator
    people = Unseen.of(settings, simulated, given.patients)
    everybody, full, clinical = people.everybody(), people.full, people.clinical
    own, model, s = people.own(everybody), people.learned(everybody), people.lived.patients.susceptibility
    print(machine())
    print(f"{settings.preset}: {len(TRIGGER_NAMES)} triggers, {given.patients} patients x {own.days} days never seen")
    baseline = log_loss(twin.climatology(own)[:, LATER], full[:, LATER]).mean()
    floor = log_loss(full[:, LATER], full[:, LATER]).mean()
    print(f"after 120 days: climatology {baseline:.4f}, whole state {floor:.4f}")
    print(f"{'hypotheses':>10}{'log loss':>10}{'intervals hold':>16}{'seconds':>9}")
    for count in POINTS:
        p, lower, upper, seconds = forecasts(model, clinical, own, count)
        held = ((lower <= full) & (full <= upper))[:, LATER].mean()
        print(f"{count:10}{log_loss(p[:, LATER], full[:, LATER]).mean():10.4f}{held:16.3f}{seconds:9.1f}")
    print("strengths, log-odds at susceptibility 1: learned and true")
    for name, learned, true in zip(TRIGGER_NAMES, model.effects.trigger, people.simulator.parameters.beta, strict=True):
        print(f"  {name:14}{learned:7.2f}{true:7.2f}")
    for count in (settings.twin.points, POINTS[-1]):
        print(f"is it mine? area by days of history, {count} hypotheses: {', '.join(TRIGGER_NAMES)}; mean")
        for days in HISTORIES:
            found = of_each_trigger(model, clinical, own.until(days), s, count)
            print(f"  {days:4}  {' '.join(f'{one:.2f}' for one in found)}   {np.nanmean(found):.3f}")


if __name__ == "__main__":
    main()
