"""Claim: the watch over twins detects a change nearly as often as the test that knows the person before and after it.

python benchmarks/drift_detection.py [--patients 600] [--undrifted 400] [--particles 256] [--keep FOLDER]

Changes are planted on day 180 of 270 (planted.py). The ceiling is Page's CUSUM of log-likelihood ratios of two particle
filters (simulator/filtering/oracle.py), one of which knows the person as he was, the other as he becomes; the one
between knows the person as he was, but of a change of the hazard's level not how large it is. Detected: an alarm within
so many days, of those who were not in alarm the day before. Every detector has the same rate of false alarms: the
watch's and the classical detectors' are set on half of the undrifted patients, those of the ceilings on the days before
the change.
Errors are standard errors of a bootstrap over patients, thresholds included. What the filters said is kept in FOLDER,
if one is given, and read from there the next time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure import machine
from planted import (
    DAY,
    Cohort,
    School,
    Watched,
    alarm_days,
    drifted,
    examined,
    peaks,
    rate_of,
    school,
    threshold_for,
    undrifted,
    watched,
)

from migraine_platform.config.detectors import Detectors
from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.domain.events import HAS_MIGRAINE
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.exogenous.features import FEATURES
from migraine_platform.simulator.filtering.oracle import filter_days
from migraine_platform.simulator.generative.drift import LABEL, NEVER, SUDDEN
from migraine_platform.simulator.generative.drift import TrueChanges as Planted
from migraine_platform.simulator.generative.model import Persons
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.classical import DETECTORS, Streams, alarms
from migraine_platform.twin.drift.examination import HAZARD
from migraine_platform.twin.drift.false_alarms import FalseAlarmRateError, calibrate, false_alarms

WITHIN = (21, 30, 60)
RATES = (0.1, 0.25, 0.5, 1.0, 2.0)
SHIFTS = (-1.2, -0.72, -0.24, 0.24, 0.72, 1.2)
"""Changes of level among which the ceiling in the middle does not know the person's."""

STAGES = ((30, 120), (120, 240), (240, 365))
"""Days among which false alarms are counted apart, to see whether they come at a steady rate."""

RESAMPLES = 200


def kept(folder: Path | None, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """An array, from its file if it is there."""
    if folder is None:
        return make()
    path = folder / f"{name}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, make())
    return np.asarray(np.load(path))


def log_evidence(cohort: Cohort, rows: np.ndarray, change: Planted, particles: int) -> np.ndarray:
    """[R, K] log probability of the days of some patients who are known, and in whom this has always been changed.

    Args:
        change: of these patients.
    """
    simulator, trajectories = cohort.simulator, cohort.trajectories
    evidence = simulator.evidence(trajectories)
    persons = Persons(*(part[rows] for part in trajectories.persons[:-1]), change=change)
    print(f"filtering {len(rows)} patients", file=sys.stderr)
    return filter_days(simulator.parameters, persons, simulator.day_effects, evidence, particles, rows).log_evidence


def known_ratios(cohort: Cohort, particles: int, folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood ratios of days after a change against before: [P, K], the change being known; and, for those whose
    level changes, [SHIFTS, R, K], any of SHIFTS being it."""
    change = cohort.change
    everybody, level = np.arange(cohort.own.count), np.flatnonzero(change.kind == LABEL)

    def of(name: str, rows: np.ndarray, onset: int, strength: np.ndarray) -> np.ndarray:
        always = Planted(
            change.kind[rows],
            np.full(len(rows), SUDDEN),
            np.full(len(rows), onset),
            change.target[rows],
            strength,
            change.gradual_days,
            change.recurring_days,
        )
        name = f"{name}_{cohort.own.count}_{particles}"
        return kept(folder, name, lambda: log_evidence(cohort, rows, always, particles))

    never = of("never", everybody, NEVER, change.strength)
    always = of("always", everybody, 0, change.strength)
    shifted = [of(f"level{shift:+.2f}", level, 0, np.full(len(level), shift)) for shift in SHIFTS]
    return always - never, np.stack(shifted) - never[level]


def cusum(ratio: np.ndarray) -> np.ndarray:
    """[P, K] Page's statistic of log-likelihood ratios."""
    out, so_far = np.zeros_like(ratio), np.zeros(len(ratio))
    for k in range(ratio.shape[1]):
        so_far = np.maximum(so_far, 0) + ratio[:, k]
        out[:, k] = so_far
    return out


def mixed(ratios: np.ndarray, memory: float) -> np.ndarray:
    """[R, K] log of Shiryaev and Roberts' statistic, averaged over what a change may be; as forgetful as the watch."""
    out, odds = np.zeros(ratios.shape[1:]), np.zeros(ratios.shape[:2])
    for k in range(ratios.shape[2]):
        odds = memory * (odds + 1) * np.exp(ratios[:, :, k])
        out[:, k] = np.log(odds.mean(axis=0))
    return out


class Statistic(NamedTuple):
    """A detector's statistic of drifted patients, and what its threshold is set on."""

    said: np.ndarray
    """[P, K]"""
    peak: np.ndarray
    """[P, K] of those who have not changed."""
    own: bool
    """Whether those are the drifted patients themselves before their change, kind by kind."""


def days_of_alarm(one: Statistic, kind: np.ndarray, rate: float) -> np.ndarray:
    """[P] day of the first alarm after the change, as planted.alarm_days tells it."""
    out = np.zeros(len(kind), dtype=np.int64)
    for number in np.unique(kind):
        rows = kind == number
        threshold = threshold_for(one.peak[rows] if one.own else one.peak, rate)
        out[rows] = alarm_days(one.said[rows], threshold, DAY, max(WITHIN))
    return out


def shares(days: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """[KINDS + 1, WITHIN] share detected by kind, and of all."""
    groups = [kind == 1 + number for number in range(len(CHANGE_KINDS))] + [kind > 0]
    return np.array(
        [
            [((days >= DAY) & (days < DAY + within))[rows].sum() / max(1, (days > -2)[rows].sum()) for within in WITHIN]
            for rows in groups
        ]
    )


def compared(ours: Statistic, ceiling: Statistic, kind: np.ndarray, rate: float) -> np.ndarray:
    """[3, KINDS + 1, WITHIN] shares detected by ours and by the ceiling, and their ratio."""
    mine, best = (shares(days_of_alarm(one, kind, rate), kind) for one in (ours, ceiling))
    return np.stack([mine, best, mine / np.where(best > 0, best, np.nan)])


def resampled(ours: Statistic, ceiling: Statistic, kind: np.ndarray, rate: float) -> np.ndarray:
    """Standard errors of `compared`; patients are drawn within their kind."""
    rng, out = np.random.default_rng(1), []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rng.choice(np.flatnonzero(kind == n), (kind == n).sum()) for n in np.unique(kind)])
        calm = rng.integers(len(ours.peak), size=len(ours.peak))
        mine = Statistic(ours.said[rows], ours.peak[calm], False)
        best = Statistic(ceiling.said[rows], ceiling.peak[rows], True)
        out.append(compared(mine, best, kind[rows], rate))
    return np.ma.filled(np.ma.masked_invalid(out).std(axis=0), np.nan)


def print_shares(ours: Statistic, ceiling: Statistic, kind: np.ndarray, rate: float, name: str) -> None:
    """By kind: detected by ours, by the ceiling, the ratio."""
    found, error = compared(ours, ceiling, kind, rate), resampled(ours, ceiling, kind, rate)
    print(f"\ndetected within {WITHIN} days at {rate:g} a patient-year: watch; {name}; ratio")
    for place, group in enumerate((*CHANGE_KINDS, "all")):
        if not np.isfinite(found[2, place]).all():
            continue
        cells = [
            "  ".join(f"{part[place, w]:.3f} +- {sd[place, w]:.3f}" for w in range(len(WITHIN)))
            for part, sd in zip(found, error, strict=True)
        ]
        print(f"{group:10}" + "   |   ".join(cells))


def print_curves(ours: Statistic, ceiling: Statistic, kind: np.ndarray) -> None:
    """Shares detected at several rates."""
    print("\noperating curves, detected within 30 and 60 days: watch / CUSUM knowing both")
    print(f"{'a patient-year':16}" + "".join(f"{group:>32}" for group in (*CHANGE_KINDS, "all")))
    for rate in RATES:
        mine, best, _ = compared(ours, ceiling, kind, rate)
        cells = [
            "   ".join(f"{mine[place, w]:.3f} / {best[place, w]:.3f}" for w in (1, 2)) for place in range(len(mine))
        ]
        print(f"{rate:<16g}" + "".join(f"{cell:>32}" for cell in cells))


def print_examined(taught: School, cohort: Cohort, said: Watched, days: np.ndarray) -> None:
    """What is said of the changes that were detected."""
    change, rows = cohort.change, np.flatnonzero(days >= DAY)
    reported = [examined(taught, cohort.own, said, i, int(days[i])) for i in rows.tolist()]
    kind, shape = change.kind[rows], change.shape[rows]
    right = np.array([one.kind for one in reported]) == np.array(CHANGE_KINDS)[kind - 1]
    same = np.array([one.shape for one in reported]) == np.array(CHANGE_SHAPES)[shape]
    names = {1: FEATURES, 2: TRIGGER_NAMES}
    true = [names[k][n] if k in names else HAZARD for k, n in zip(kind.tolist(), change.target[rows], strict=True)]
    target = right & (np.array([one.target for one in reported]) == np.array(true))
    late = np.array([(one.since - cohort.own.first).days - DAY for one in reported])
    print("\nof those detected within 60 days    n   kind right   target right   shape right   date error, quartiles")
    for group, some in [*((name, kind == 1 + n) for n, name in enumerate(CHANGE_KINDS)), ("all", kind > 0)]:
        if some.any():
            print(
                f"{group:32}{some.sum():6}{right[some].mean():10.3f} +- {spread(right[some]):.3f}"
                f"{target[some].mean():10.3f}{same[some].mean():14.3f}      "
                f"{np.quantile(late[some], [0.25, 0.5, 0.75])}"
            )
    for number, name in enumerate(CHANGE_SHAPES):
        some = shape == number
        print(f"  {name}: shape right {same[some].mean():.3f} of {some.sum()}")


def spread(right: np.ndarray) -> float:
    """Standard error of a share."""
    return float(right.std() / np.sqrt(len(right)))


def classical_streams(own: Histories, said: Watched) -> dict[str, Streams]:
    """The two streams that classical detectors read."""
    p = np.clip(said.replay.forecasts.probability[:, :-1], 1e-6, 1 - 1e-6)
    y = own.events[:, 1:, HAS_MIGRAINE]
    surprise = -np.log(np.where(y, p, 1 - p)) + p * np.log(p) + (1 - p) * np.log1p(-p)
    reported = own.diary[:, 1:] & (np.arange(1, own.days) > own.begun[:, None])
    before = np.zeros((own.count, 1))
    innovation = said.replay.channels.innovation
    seen = innovation != 0
    size = np.sqrt((innovation**2).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1))
    return {
        "log loss minus its expectation": Streams(np.hstack([before, surprise]), np.hstack([before > 0, reported])),
        "root mean square of innovations": Streams(size, seen.any(axis=-1)),
    }


def print_classical(
    cohort: Cohort, said: Watched, calm: Histories, calm_said: Watched, settings: Detectors, rate: float
) -> None:
    """Shares detected by ADWIN, Page-Hinkley and KSWIN on either stream."""
    half = calm.count // 2
    streams, undrifted_streams = classical_streams(cohort.own, said), classical_streams(calm, calm_said)
    print(f"\nclassical detectors at {rate:g} a patient-year: detected within {WITHIN} days (all kinds; by kind, 60)")
    for name, quiet in undrifted_streams.items():
        first, second = (
            Streams(quiet.values[rows], quiet.seen[rows]) for rows in (slice(None, half), slice(half, None))
        )
        for detector in DETECTORS:
            try:
                found = calibrate(detector, first, rate, settings)
            except FalseAlarmRateError as error:
                print(f"{name:34}{detector:14}{error}")
                continue
            said_so = alarms(found.threshold, streams[name], settings).on
            hit = said_so[:, DAY : DAY + max(WITHIN)]
            days = np.where(hit.any(axis=1), DAY + hit.argmax(axis=1), -1)
            share = shares(days, cohort.change.kind)
            other = false_alarms(found.threshold, second, settings)
            print(
                f"{name:34}{detector:14}"
                + "  ".join(f"{one:.3f}" for one in share[-1])
                + "   by kind "
                + "  ".join(f"{one:.3f}" for one in share[:-1, -1])
                + f"   rate {found.realised.value:.2f}, others {other.value:.2f} +- {other.error:.2f}"
            )


def stage_rate(statistic: np.ndarray, threshold: float, first: int, last: int) -> float:
    """First alarms a year between two days, of those not in alarm the day before."""
    calm = statistic[:, first - 1] <= threshold
    return rate_of(np.maximum.accumulate(statistic[calm, first:last], axis=1), threshold)


def main() -> None:
    """Simulate, watch, compare."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=600)
    arguments.add_argument("--undrifted", type=int, default=400)
    arguments.add_argument("--particles", type=int, default=256)
    arguments.add_argument("--keep", type=Path)
    given = arguments.parse_args()
    taught = school()
    settings = taught.settings.twin.drift
    rate = settings.false_alarms_a_year
    cohort, calm = drifted(taught, given.patients), undrifted(taught, given.undrifted)
    said, calm_said = watched(taught, cohort.own), watched(taught, calm.own)
    kind = cohort.change.kind
    print(machine())
    counts = dict(zip(CHANGE_KINDS, np.bincount(kind)[1:].tolist(), strict=True))
    print(f"{given.patients} drifted patients by kind {counts}")
    half = given.undrifted // 2
    quiet = calm_said.suspicion.log_odds()
    ours = Statistic(said.suspicion.log_odds(), peaks(quiet[:half]), False)
    others = peaks(quiet[half:])
    print(
        "\nfalse alarms of undrifted patients a year: wanted, threshold, realised by others, by days 30-120, -240, -365"
    )
    for wanted in RATES:
        threshold = threshold_for(ours.peak, wanted)
        alarmed = int((others[:, -1] > threshold).sum())
        stages = [stage_rate(quiet[half:], threshold, a, b) for a, b in STAGES]
        print(
            f"{wanted:<6g}{threshold:7.2f}   {rate_of(others, threshold):.2f} "
            f"+- {rate_of(others, threshold) / np.sqrt(max(1, alarmed)):.2f}   {np.round(stages, 2)}"
        )
    before = peaks(ours.said[:, :DAY])
    print(f"on the drifted patients' days before the change: {rate_of(before, threshold_for(ours.peak, rate)):.2f}")
    print_examined(taught, cohort, said, days_of_alarm(ours, kind, rate))
    print_classical(cohort, said, calm.own, calm_said, settings.detectors, rate)
    known, shifted = known_ratios(cohort, given.particles, given.keep)
    both = cusum(known)
    ceiling = Statistic(both, peaks(both[:, :DAY]), True)
    print_shares(ours, ceiling, kind, rate, "CUSUM knowing the person before and after")
    same_days = compared(Statistic(ours.said, before, False), ceiling, kind, rate)[2, -1]
    print(f"all, the watch's threshold set on the same days as the CUSUM's: ratio {np.round(same_days, 3)}")
    print_curves(ours, ceiling, kind)
    level = np.flatnonzero(kind == LABEL)
    middle = mixed(shifted, 1 - 1 / settings.memory_days)
    print_shares(
        Statistic(ours.said[level], ours.peak, False),
        Statistic(middle, peaks(middle[:, :DAY]), True),
        kind[level],
        rate,
        "knowing the person before alone",
    )


if __name__ == "__main__":
    main()
