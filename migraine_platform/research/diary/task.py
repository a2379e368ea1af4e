"""A new patient's diary: which past days to ask about, to learn whose triggers do what.

    known        every day's weather and, where the wearable was worn, whether the night counts as a trigger
    query        one day of the last DAYS
    answer       rise of stress, diet, migraine that day, and migraine the day after
    targets      susceptibilities, base log-odds of an onset, whether the patient is chronic

It says what to ask somebody of whom nothing but the weather is known, and where a twin may start. Patients are
in no cohort; an episode is a stretch of one of their trajectories.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.tasks.task import CHANCE, Context, Episode, Layout, Target
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.generative.profiles import draw_patients

NAME = "patient_diary"
DAYS = 60
"""Length of a diary; all of it can still be told from notes."""

HORIZON = 20
QUERY_FEATURES = 4
"""How long ago, weather trigger, trigger of the night, whether the wearable knows."""

ANSWER_FEATURES = 4


class DiaryTrajectories(NamedTuple):
    """P patients who are in no cohort, K days: what a diary could tell."""

    trigger: np.ndarray
    """[P, K, 4]"""
    migraine: np.ndarray
    """[P, K]"""
    worn: np.ndarray
    """[P, K] days of the wearable."""
    own: np.ndarray
    """[P, 6] truth: susceptibilities, intercept, chronic."""


def fill_trajectories(simulator: CohortSimulator, first: int, patients: int) -> DiaryTrajectories:
    """Simulate patients who are in no cohort (`simulator.hourly.bank` says who they are)."""
    settings = simulator.settings
    index = np.arange(first, first + patients, dtype=np.int64)
    drawn = draw_patients(index, settings)
    trajectories = simulator.trajectories(drawn)
    own = np.column_stack([trajectories.persons.susceptibility, trajectories.persons.intercept, drawn.is_chronic])
    return DiaryTrajectories(
        np.moveaxis(trajectories.days.trigger(), 0, -1),
        trajectories.days.flag("has_migraine"),
        trajectories.recorded.device,
        own,
    )


@dataclass
class DiaryEpisode(Episode):
    """Stretches of trajectories."""

    told: Tensor | None = None

    def answers(self, choice: Tensor) -> Tensor:
        """Look them up.

        Args:
            choice: [B] the day that each episode asks about.
        """
        assert self.told is not None
        return self.told.gather(1, choice[..., None].expand(-1, -1, ANSWER_FEATURES))


class PatientDiary:
    """The task."""

    name = NAME

    def __init__(
        self, trajectories: DiaryTrajectories, validation: DiaryTrajectories | None = None, days: int = DAYS
    ) -> None:
        self.trajectories, self.days = trajectories, days
        intercept = trajectories.own[:, 4]
        self.layout = Layout(
            QUERY_FEATURES,
            ANSWER_FEATURES,
            (
                *(
                    Target(f"susceptibility_{name}", group="susceptibility", mean=0.55, sd=0.26)
                    for name in TRIGGER_NAMES
                ),
                Target("intercept", group="base", mean=round(intercept.mean(), 1), sd=round(intercept.std(), 1)),
                Target("chronic", CHANCE, "class"),
            ),
            HORIZON,
        )
        self.validation = self if validation is None else self.on(validation)

    def on(self, trajectories: DiaryTrajectories) -> PatientDiary:
        """The same task, targets in the same units, on other patients."""
        other = PatientDiary(trajectories, days=self.days)
        other.layout = self.layout
        return other

    def draw(self, size: int, seed: tuple[int, ...]) -> Episode:
        """Diaries of patients drawn at random, from a day drawn at random."""
        rng = np.random.default_rng(seed)
        patient = rng.integers(len(self.trajectories.own), size=size)
        first = rng.integers(self.trajectories.migraine.shape[1] - self.days, size=size)
        return self.episode(patient, first)

    def draw_complete(self, size: int, seed: tuple[int, ...]) -> Episode:
        """Diaries of which every day has been told."""
        episode = self.draw(size, seed)
        episode.ask(torch.arange(self.days).expand(size, -1))
        return episode

    def episode(self, patient: np.ndarray, first: np.ndarray) -> DiaryEpisode:
        """The diaries of some patients from some days on."""
        day = first[:, None] + np.arange(self.days)
        row = patient[:, None]
        trigger, worn = self.trajectories.trigger[row, day], self.trajectories.worn[row, day]
        ago = np.broadcast_to(np.linspace(1, 0, self.days), day.shape)
        x = np.stack([ago, trigger[..., 0], trigger[..., 1] & worn, worn], axis=2).astype(np.float32)
        told = np.stack(
            [
                trigger[..., 2],
                trigger[..., 3],
                self.trajectories.migraine[row, day],
                self.trajectories.migraine[row, day + 1],
            ],
            axis=2,
        )
        candidates = torch.from_numpy(x)
        known = torch.ones(len(patient), self.days, dtype=torch.bool)
        # A day that has only been read carries an impossible answer, so that silence is not taken for "no".
        silent = torch.full((len(patient), self.days, ANSWER_FEATURES), -1.0)
        truth = torch.from_numpy(self.trajectories.own[patient].astype(np.float32))
        return DiaryEpisode(
            Context(candidates, silent, known),
            candidates,
            known.clone(),
            self.layout.standardised(truth),
            told=torch.from_numpy(told.astype(np.float32)),
        )
