"""A watch over every twin: how likely it is, evening by evening, that the person has changed, and in what.

    odds(kind) = prior(kind) x mean over what may have changed of that kind of its Shiryaev-Roberts statistic
    suspicion  = log sum of odds over kinds                      an alarm: above the threshold of `false_alarms.py`

Kinds are those of the truth: covariate (a channel of the person's days), concept (the susceptibility to a trigger),
label (the level of the hazard). Belongs here: the state of the watch and its evenings. Does not: its tests
(hazard_change.py, exposure_change.py), what follows from an alarm (examination.py, adaptation.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.twin import DriftDetectionSettings
from migraine_platform.domain.changes import CHANGE_KINDS
from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.drift.exposure_change import expectations, follow_exposures, no_exposure_changes
from migraine_platform.twin.drift.hazard_change import WATCHED, WAYS, Grid, follow_changes
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import AttackEvidence, Effects, FilterState, initial_filter_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

COVARIATE, CONCEPT, LABEL = range(len(CHANGE_KINDS))
MONTH = 28
CHUNK = 64
"""Patients whose likelihoods are held at a time."""


class DriftWatch(NamedTuple):
    """What is carried along for P patients from evening to evening."""

    filter_state: FilterState
    """On the grid's hypotheses, had nothing ever changed."""
    changed: NDArray[np.float64]
    """[P, WAYS, M]"""
    strayed: NDArray[np.float64]
    """[P, C, MEANS]"""

    def of(self, rows: NDArray[np.int64] | slice) -> DriftWatch:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return DriftWatch(self.filter_state.of(rows), self.changed[rows], self.strayed[rows])

    @classmethod
    def of_all(cls, parts: Sequence[DriftWatch]) -> DriftWatch:
        """Several batches, one after the other."""
        standings = zip(*(part.filter_state for part in parts), strict=True)
        return cls(
            FilterState(*(np.concatenate(arrays) for arrays in standings)),
            np.concatenate([part.changed for part in parts]),
            np.concatenate([part.strayed for part in parts]),
        )


class Suspicion(NamedTuple):
    """How the odds of a change stand for P patients on K evenings."""

    channel: NDArray[np.float64]
    """[P, K, C] of a change of each channel, prior included."""
    trigger: NDArray[np.float64]
    """[P, K, triggers] of a change of each susceptibility; 0 of those that are not watched."""
    level: NDArray[np.float64]
    """[P, K] of a change of the hazard's level."""

    def by_kind(self) -> NDArray[np.float64]:
        """[P, K, 3] in the order of KINDS."""
        return np.stack([self.channel.sum(axis=-1), self.trigger.sum(axis=-1), self.level], axis=-1)

    def log_odds(self) -> NDArray[np.float64]:
        """[P, K] that anything has changed."""
        return np.asarray(np.log(np.maximum(self.by_kind().sum(axis=-1), 1e-12)))

    def of(self, rows: NDArray[np.int64] | slice) -> Suspicion:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return Suspicion(*(part[rows] for part in self))


@dataclass(frozen=True)
class Watcher:
    """What all watches share."""

    grid: Grid
    effects: Effects
    kinds: NDArray[np.float64]
    """[3] prior of each kind."""
    channels: NDArray[np.float64]
    """[C, MEANS] prior of what may change of a covariate."""
    memory: float
    rate: float
    """Probability that a person changes on a given day, of whom an alarm speaks."""

    @classmethod
    def of(cls, model: TwinModel, settings: DriftDetectionSettings, expected: Mapping[str, float]) -> Watcher:
        """A population's.

        Args:
            expected: channel -> sign of the change that clinicians expect of it.
        """
        return cls(
            grid=Grid.of(model.personal, settings.level_change, model.effects.trigger),
            effects=model.effects._replace(renewal=0.0),
            kinds=np.array([settings.kinds[kind] for kind in CHANGE_KINDS]),
            channels=expectations(expected, settings.expected_share),
            memory=1 - 1 / settings.memory_days,
            rate=settings.change_probability / MONTH,
        )

    def begin(self, patients: int) -> DriftWatch:
        """Over persons of whom nothing is known."""
        points = self.grid.points
        return DriftWatch(
            initial_filter_state(points, self.effects, patients),
            np.zeros((patients, WAYS, len(points.level))),
            no_exposure_changes(patients, len(self.channels)),
        )

    def follow(
        self, watch: DriftWatch, covariates: Covariates, evidence: AttackEvidence, innovation: NDArray[np.float64]
    ) -> tuple[DriftWatch, Suspicion]:
        """The next K evenings.

        Args:
            innovation: [P, K, C] of the state-space model.
        """
        parts = [
            self._follow_some(
                watch.of(rows), Covariates(*(part[rows] for part in covariates)), evidence.of_patients(rows)
            )
            for rows in (slice(first, first + CHUNK) for first in range(0, max(1, len(watch.strayed)), CHUNK))
        ]
        strayed = watch.strayed.copy()
        channel = self.kinds[COVARIATE] * follow_exposures(
            strayed, innovation, self.channels, self.memory, evidence.begun
        )
        changed = np.concatenate([part[1] for part in parts])
        odds = np.concatenate([part[2] for part in parts])
        filter_state = FilterState(
            *(np.concatenate(arrays) for arrays in zip(*(part[0] for part in parts), strict=True))
        )
        trigger = np.zeros((*odds.shape[:2], TRIGGER_COUNT))
        trigger[..., self.grid.watched] = self.kinds[CONCEPT] / max(TRIGGER_COUNT, 1) * odds[..., 1:]
        return DriftWatch(filter_state, changed, strayed), Suspicion(channel, trigger, self.kinds[LABEL] * odds[..., 0])

    def _follow_some(
        self, watch: DriftWatch, covariates: Covariates, evidence: AttackEvidence
    ) -> tuple[FilterState, NDArray[np.float64], NDArray[np.float64]]:
        said, filter_state = follow(
            self.grid.points, self.effects, covariates, evidence, watch.filter_state, with_likelihood=True
        )
        changed = watch.changed.copy()
        odds = follow_changes(
            self.grid, watch.filter_state.log_weight, changed, said.likelihood, self.memory, evidence.begun
        )
        return filter_state, changed, odds

    def reset(self, watch: DriftWatch) -> DriftWatch:
        """After an alarm the person is whom the odds make him now, and the watch begins anew."""
        prior = np.concatenate([[self.kinds[LABEL]], np.full(WATCHED, self.kinds[CONCEPT] / max(TRIGGER_COUNT, 1))])
        weight = np.exp(watch.filter_state.log_weight) + self.rate * np.einsum("c,pcm->pm", prior, watch.changed)
        log_weight = np.log(np.maximum(weight / weight.sum(axis=1, keepdims=True), 1e-300))
        return DriftWatch(
            watch.filter_state._replace(log_weight=log_weight),
            np.zeros_like(watch.changed),
            np.zeros_like(watch.strayed),
        )
