"""Claim: a twin that is told of an alarm forecasts the month after it nearly as well as one that knows the change.

python benchmarks/drift_adaptation.py [--patients 600] [--undrifted 400]

Changes are planted on day 180 of 270 (planted.py). For everybody whose alarm goes off within 60 days of the change:
expected log loss, against the probability that the whole state gives, of the forecasts of the 30 days after the alarm,
by twins that

    none     do not adapt
    adapted  live again with what examination.py makes of the alarm (what the platform does)
    dated    live again with the true date, kind and target instead
    certain  the same, and with no doubt that there was a change
    knowing  are changed as the person is, on the day and by as much: hypotheses move with him; of a covariate change,
             whose size days soon tell, they know date and channel

The share of what knowing gives is (none - adapted) / (none - knowing). Patients who do not change pay for false alarms:
what they lose in the 30 days after one, against what their twins gain over personal climatology in all days. Thresholds
for the cost of either half of them are set on the other half. Errors are standard errors of a bootstrap over patients.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from measure import machine
from planted import (
    DAY,
    Cohort,
    School,
    Watched,
    alarm_days,
    course,
    drifted,
    examined,
    peaks,
    school,
    threshold_for,
    undrifted,
    watched,
)

from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.forecast_scores import log_loss
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.exogenous.features import FEATURES
from migraine_platform.simulator.generative.drift import CONCEPT, COVARIATE, LABEL, SUDDEN
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.adaptation import renewals, replay_with_changes
from migraine_platform.twin.drift.examination import HAZARD, DetectedChange, levels
from migraine_platform.twin.hazard.hypotheses import Points

WITHIN, AFTER = 60, 30
"""Days in which an alarm is waited for; days after it that are scored."""

SCORED = slice(120, 335)
"""Evenings of undrifted patients on which an alarm counts; 30 days follow each."""

RESAMPLES = 500
RULES = ("none", "adapted", "dated", "certain", "knowing")


class Taught(NamedTuple):
    """The population, and what all adaptations share."""

    school: School
    points: Points
    after: np.ndarray
    """[WAYS, M, M]"""

    @classmethod
    def of(cls, school: School) -> Taught:
        """A population's."""
        settings, model = school.settings.twin, school.model
        points = model.points(settings.points)
        return cls(school, points, renewals(points, model.personal.susceptibility, settings.drift.level_change))

    def applied(self, own: Histories, change: DetectedChange, probability: float) -> np.ndarray:
        """[K] forecasts of each evening by a twin that lives again with a change that is so probable."""
        model, clinical = self.school.model, self.school.clinical
        _, replay = replay_with_changes(model, clinical, self.points, self.after, own, [change], probability)
        return replay.forecasts.probability[0]


def true_change(cohort: Cohort, i: int) -> DetectedChange:
    """What examination would say of patient i if it knew."""
    kind, target = int(cohort.change.kind[i]), int(cohort.change.target[i])
    name = HAZARD if kind == LABEL else {COVARIATE: FEATURES, CONCEPT: TRIGGER_NAMES}[kind][target]
    way = 1 + TRIGGER_NAMES.index(name) if kind == CONCEPT else 0
    ways = tuple(float(place == way) for place in range(1 + len(TRIGGER_NAMES)))
    since = cohort.own.first + timedelta(days=DAY)
    return DetectedChange(
        since,
        CHANGE_SHAPES[cohort.change.shape[i]],
        CHANGE_KINDS[kind - 1],
        name,
        float(cohort.change.strength[i]),
        ways,
    )


def moved(points: Points, change: DetectedChange, level: float) -> Points:
    """Hypotheses of who the person is once so much of a change has come about."""
    if change.kind == CHANGE_KINDS[LABEL - 1]:
        return points._replace(level=points.level + change.size * level)
    if change.kind == CHANGE_KINDS[CONCEPT - 1]:
        susceptibility = points.susceptibility.copy()
        susceptibility[:, TRIGGER_NAMES.index(change.target)] += change.size * level
        return points._replace(susceptibility=susceptibility)
    return points


def uncertain(taught: School, twins: twin.TwinArrays, change: DetectedChange) -> twin.TwinArrays:
    """Twins that know nothing any more of their persons' own level of the channel that changes."""
    place, between = CHANNELS.index(change.target), taught.model.dynamics.between
    covariance = twins.beliefs.covariance.copy()
    covariance[:, place, place] += between[place, place]
    return replace(twins, beliefs=twins.beliefs._replace(covariance=covariance))


def knowing(taught: Taught, own: Histories, change: DetectedChange) -> np.ndarray:
    """[K] forecasts of each evening by a twin that knows; NaN before the change.

    An evening's hypotheses are those of the day that it forecasts.
    """
    known = taught.school
    model, clinical, covariate = known.model, known.clinical, change.kind == CHANGE_KINDS[COVARIATE - 1]
    day = (change.since - own.first).days
    begin = day if covariate else day - 1
    tomorrow = levels(change.shape, np.array([day]), own.days + 1, course(known))[0, 1:]
    twins, _ = twin.create(model, clinical, taught.points, own.until(begin))
    if covariate:
        twins = uncertain(known, twins, change)
    out = np.full(own.days, np.nan)
    steps = np.flatnonzero(np.diff(tomorrow[begin:])) + begin + 1
    edges = [begin, *([] if covariate else steps.tolist()), own.days]
    for first, last in pairwise(edges):
        here = moved(taught.points, change, float(tomorrow[first]))
        twins, replay = twin.update(model, clinical, here, twins, own.until(last).since(first - 1))
        out[first:last] = replay.forecasts.probability[0]
    return out


def after_alarm(taught: Taught, cohort: Cohort, said: Watched, i: int, evening: int) -> np.ndarray:
    """[RULES] mean expected log loss of the days after an alarm."""
    row, days = np.array([i]), slice(evening, evening + AFTER)
    own, true = cohort.own.of(row).until(evening + AFTER + 1), true_change(cohort, i)
    baseline = taught.school.settings.twin.drift.change_probability
    forecasts = (
        said.replay.forecasts.probability[i],
        taught.applied(own, examined(taught.school, cohort.own, said, i, evening), baseline),
        taught.applied(own, true, baseline),
        taught.applied(own, true, 1.0),
        knowing(taught, own, true),
    )
    full = cohort.full[i, evening + 1 : evening + AFTER + 1]
    return np.array([log_loss(forecast[days], full).mean() for forecast in forecasts])


def gained(losses: np.ndarray) -> np.ndarray:
    """[3] shares of what knowing gives that the rules between give."""
    none, *between, known = losses.mean(axis=0)
    return (none - np.array(between)) / (none - known)


def resampled(score: Callable[[np.ndarray], np.ndarray], rows: int) -> np.ndarray:
    """Standard errors of `score` of patients [N], by a bootstrap."""
    rng = np.random.default_rng(1)
    return np.std([score(rng.integers(rows, size=rows)) for _ in range(RESAMPLES)], axis=0)


def print_gains(taught: Taught, cohort: Cohort, said: Watched, threshold: float) -> None:
    """By kind: losses by rule, and shares of what knowing gives."""
    days = alarm_days(said.suspicion.log_odds(), threshold, DAY, WITHIN)
    rows = np.flatnonzero(days >= DAY)
    losses = np.array([after_alarm(taught, cohort, said, i, int(days[i])) for i in rows.tolist()])
    kind = cohort.change.kind[rows]
    print("\nexpected log loss of the 30 days after an alarm; share of what knowing gives")
    print(
        f"{'':13}{'n':>5}" + "".join(f"{rule:>10}" for rule in RULES) + f"{'adapted':>20}{'dated':>20}{'certain':>20}"
    )
    sudden = cohort.change.shape[rows] == SUDDEN
    groups = [*((name, kind == 1 + n) for n, name in enumerate(CHANGE_KINDS)), ("all", kind > 0), ("sudden", sudden)]
    for group, some in [*groups, ("sudden level", sudden & (kind == LABEL))]:
        if some.sum() < 2:
            continue
        of = losses[some]
        share, error = gained(of), resampled(lambda draw, of=of: gained(of[draw]), len(of))
        print(
            f"{group:13}{some.sum():5}"
            + "".join(f"{one:10.4f}" for one in of.mean(axis=0))
            + "".join(f"{one:11.2f} +- {sd:5.2f}" for one, sd in zip(share, error, strict=True))
        )


def print_cost(taught: Taught, cohort: Cohort, said: Watched, rate: float) -> None:
    """What false alarms cost those who do not change."""
    statistic, forecast = said.suspicion.log_odds(), said.replay.forecasts.probability
    half = cohort.own.count // 2
    halves = np.arange(cohort.own.count) < half
    cost, of_alarmed = np.zeros(cohort.own.count), np.zeros(cohort.own.count)
    baseline = log_loss(twin.climatology(cohort.own), cohort.full)
    gain_a_day = baseline[:, 1:] - log_loss(forecast[:, :-1], cohort.full[:, 1:])
    for mine in (halves, ~halves):
        threshold = threshold_for(peaks(statistic[~mine]), rate)
        days = alarm_days(statistic, threshold, SCORED.start, SCORED.stop - SCORED.start)
        for i in np.flatnonzero(mine & (days >= 0)).tolist():
            evening = int(days[i])
            own, span = cohort.own.of(np.array([i])).until(evening + AFTER + 1), slice(evening, evening + AFTER)
            change = examined(taught.school, cohort.own, said, i, evening)
            adapted = taught.applied(own, change, taught.school.settings.twin.drift.change_probability)
            full = cohort.full[i, evening + 1 : evening + AFTER + 1]
            cost[i] = (log_loss(adapted[span], full) - log_loss(forecast[i, span], full)).sum()
            of_alarmed[i] = gain_a_day[i, span].sum()
    gain = gain_a_day[:, SCORED.start :].sum(axis=1)

    def shares(rows: np.ndarray) -> np.ndarray:
        return np.array([cost[rows].sum() / gain[rows].sum(), cost[rows].sum() / of_alarmed[rows].sum()])

    everybody = np.arange(cohort.own.count)
    (of_all, alone), error = shares(everybody), resampled(shares, len(everybody))
    alarmed = int((of_alarmed != 0).sum())
    print(
        f"\n{alarmed} of {cohort.own.count} undrifted patients alarm; a false alarm costs "
        f"{cost.sum() / max(1, alarmed) / AFTER:.5f} nats a day for {AFTER} days"
    )
    print(
        f"share of the gain over climatology: of all patients' days {100 * of_all:.2f} +- {100 * error[0]:.2f} %, "
        f"of the days after their alarms alone {100 * alone:.1f} +- {100 * error[1]:.1f} %"
    )


def main() -> None:
    """Simulate, watch, adapt, compare."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=600)
    arguments.add_argument("--undrifted", type=int, default=400)
    given = arguments.parse_args()
    taught = Taught.of(school())
    rate = taught.school.settings.twin.drift.false_alarms_a_year
    cohort, calm = drifted(taught.school, given.patients), undrifted(taught.school, given.undrifted)
    said, calm_said = watched(taught.school, cohort.own), watched(taught.school, calm.own)
    print(machine())
    print(f"{given.patients} drifted and {given.undrifted} undrifted patients; {rate:g} false alarms a patient-year")
    quiet = calm_said.suspicion.log_odds()
    print_gains(taught, cohort, said, threshold_for(peaks(quiet[: given.undrifted // 2]), rate))
    print_cost(taught, calm, calm_said, rate)


if __name__ == "__main__":
    main()
