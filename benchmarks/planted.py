"""Planted changes, for the benchmarks of drift: who lives, what the watch says of them, how it is scored.

The default population. Everybody's model is learned from the same 400 patients x 120 days; those whose changes are
looked for, and those who never change, are others. A rate of false alarms is that of first alarms: patients who alarmed
per year of those who have not yet, from day WARM_UP on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from migraine_platform.config import Settings, load_settings
from migraine_platform.config.loading import resized
from migraine_platform.priors.features import Feature
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.drift import TrueChanges as Planted
from migraine_platform.simulator.generative.drift import draw_changes
from migraine_platform.simulator.generative.profiles import Profiles, draw_patients
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import Clinical, TwinModel, learn_model
from migraine_platform.twin.data.histories import Histories, histories
from migraine_platform.twin.drift.examination import ChangeCourse, DetectedChange, examine
from migraine_platform.twin.drift.watch import Suspicion, Watcher
from migraine_platform.twin.dynamics.kalman import FilteredStates
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import AttackEvidence, Forecasts

TAUGHT_BY, TAUGHT_DAYS = 400, 120
DRIFTED, DRIFTED_DAYS, DAY = 5000, 270, 180
"""First index of those who change, how long they live, and the day of the change."""

UNDRIFTED, UNDRIFTED_DAYS = 7000, 365
WARM_UP = 30
"""First days of a history on which no alarm counts."""

YEAR = 365.25


@dataclass(frozen=True)
class School:
    """The population, and what was learned of it."""

    settings: Settings
    features: tuple[Feature, ...]
    calibration: FittedParameters
    clinical: Clinical
    model: TwinModel

    def simulator(self, days: int) -> CohortSimulator:
        """Of lives that are so long."""
        return CohortSimulator(resized(self.settings, days=days).simulator, self.features, self.calibration)


class Cohort(NamedTuple):
    """Some patients' lives, and what of them was recorded."""

    simulator: CohortSimulator
    trajectories: Trajectories
    own: Histories
    full: np.ndarray
    """[P, K] probability of a migraine day that the whole state gives."""
    change: Planted


class Watched(NamedTuple):
    """What twins and watch said of a cohort, evening by evening."""

    replay: twin.Replay
    suspicion: Suspicion


def school() -> School:
    """Learn the population."""
    settings = load_settings("default")
    features = configured_features(settings.priors)
    calibration = fit_parameters(settings.simulator, features)
    clinical = Clinical.of(settings.simulator, features)
    simulator = CohortSimulator(resized(settings, days=TAUGHT_DAYS).simulator, features, calibration)
    teachers = recorded(simulator, simulator.trajectories(patients_of(simulator, 0, TAUGHT_BY)))
    return School(settings, features, calibration, clinical, learn_model(teachers, clinical, settings.twin))


def patients_of(simulator: CohortSimulator, first: int, count: int) -> Profiles:
    """So many of the population, from one on."""
    settings = simulator.settings
    indices = np.arange(first, first + count)
    return draw_patients(indices, settings)


def recorded(simulator: CohortSimulator, trajectories: Trajectories) -> Histories:
    """What diaries and devices recorded of these lives."""
    own, refused = histories(simulator.measured(trajectories), trajectories.patients.ids)
    assert not refused
    assert own.diary.shape == trajectories.days.migraine_probability.shape
    return own


def drifted(taught: School, count: int) -> Cohort:
    """Patients all of whom change on DAY, as the population's would."""
    simulator = taught.simulator(DRIFTED_DAYS)
    return _lived(simulator, patients_of(simulator, DRIFTED, count), 1.0)


def undrifted(taught: School, count: int) -> Cohort:
    """Patients of whom nobody changes."""
    simulator = taught.simulator(UNDRIFTED_DAYS)
    return _lived(simulator, patients_of(simulator, UNDRIFTED, count), 0.0)


def _lived(simulator: CohortSimulator, patients: Profiles, share: float) -> Cohort:
    cohort, drift = simulator.settings.cohort, simulator.settings.drift.model_copy(update={"share": share})
    change = draw_changes(drift, patients.index, patients.susceptibility, cohort.burn_in_days, cohort.seed)
    if share:
        change = change._replace(onset=np.full(len(patients.index), cohort.burn_in_days + DAY))
    trajectories = simulator.trajectories(patients, change=change)
    return Cohort(
        simulator, trajectories, recorded(simulator, trajectories), trajectories.days.migraine_probability, change
    )


def watched(taught: School, own: Histories) -> Watched:
    """Twins of these histories, under watch."""
    model, settings = taught.model, taught.settings
    _, replay = twin.create(model, taught.clinical, model.points(settings.twin.points), own)
    watcher = Watcher.of(model, settings.twin.drift, settings.simulator.drift.covariate_features)
    evidence = AttackEvidence.of(own, replay.channels)
    _, suspicion = watcher.follow(watcher.begin(own.count), replay.covariates, evidence, replay.channels.innovation)
    return Watched(replay, suspicion)


def course(taught: School) -> ChangeCourse:
    """How changes go in this population."""
    drift = taught.settings.simulator.drift
    return ChangeCourse(drift.gradual_days, drift.recurring_days, taught.settings.twin.drift.oldest_days)


def examined(taught: School, own: Histories, said: Watched, i: int, evening: int) -> DetectedChange:
    """What patient i's twin makes of an alarm on an evening, from the days until then alone."""
    row, days = np.array([i]), slice(0, evening + 1)
    replay = said.replay
    *channels, beliefs = replay.channels
    *recorded_days, begun = replay.evidence
    until = twin.Replay(
        Forecasts(*(part[row, days] for part in replay.forecasts)),
        Covariates(*(part[row, days] for part in replay.covariates)),
        FilteredStates(*(part[row, days] for part in channels), beliefs=beliefs),
        AttackEvidence(*(part[row, days] for part in recorded_days), begun=begun[row]),
    )
    suspicion = Suspicion(*(part[row, days] for part in said.suspicion))
    return examine(suspicion, taught.model.effects, until, own.of(row).until(evening + 1), course(taught))


def peaks(statistic: np.ndarray) -> np.ndarray:
    """[P, K - WARM_UP] largest value so far of statistics [P, K]."""
    return np.maximum.accumulate(statistic[:, WARM_UP:], axis=1)


def rate_of(peak: np.ndarray, threshold: float) -> float:
    """First alarms per year of patients who have not alarmed yet."""
    calm = peak <= threshold
    return float((~calm[:, -1]).sum() / max(1, calm.sum()) * YEAR)


def threshold_for(peak: np.ndarray, rate: float) -> float:
    """At which a statistic with these peaks alarms that often of nothing."""
    low, high = float(peak.min()), float(peak.max())
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rate_of(peak, middle) > rate else (low, middle)
    return high


def alarm_days(statistic: np.ndarray, threshold: float, first: int, within: int) -> np.ndarray:
    """[P] day, from `first` on, on which a statistic alarms; -1 if on none, -2 if already the day before."""
    hit = statistic[:, first : first + within] > threshold
    day = np.where(hit.any(axis=1), first + hit.argmax(axis=1), -1)
    return np.where(statistic[:, first - 1] > threshold, -2, day)
