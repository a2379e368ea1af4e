"""A population of which twins learn from some patients and forecast the others, as several benchmarks need it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import polars as pl

from migraine_platform.config import Settings
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.twin.core.model import Clinical, TwinModel, learn_model
from migraine_platform.twin.data.histories import Histories, histories
from migraine_platform.warehouse import tables

LEARNED_DAYS = 120


def sizes(taught: int) -> argparse.ArgumentParser:
    """How many patients are forecast, and how many others teach the population, from the command line."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--patients", type=int, default=200)
    arguments.add_argument("--taught", type=int, default=taught)
    return arguments


@dataclass(frozen=True)
class Unseen:
    """Lives and diaries; the first patients are those whom no twin learns from."""

    settings: Settings
    simulator: CohortSimulator
    clinical: Clinical
    patients: int
    measured: pl.DataFrame
    """Everybody's rows of `measured.patient_days`."""
    lived: Trajectories
    """Of the first patients."""

    @classmethod
    def of(cls, settings: Settings, world: Simulator, patients: int) -> Unseen:
        """Simulate.

        Args:
            world: the simulator's settings, which may differ from those of `settings`.
            patients: how many are forecast.
        """
        features = configured_features(settings.priors)
        simulator = CohortSimulator(world, features, fit_parameters(world, features))
        frames = [simulator.batch(number)[tables.MeasuredDays.name] for number in range(world.cohort.batches)]
        lived = simulator.trajectories(first_patients(world, patients))
        return cls(settings, simulator, Clinical.of(world, features), patients, pl.concat(frames), lived)

    @property
    def full(self) -> np.ndarray:
        """[P, K] probability that the whole state gives."""
        return self.lived.days.migraine_probability

    def everybody(self, measured: pl.DataFrame | None = None) -> Histories:
        """What was recorded of everybody; `measured` are other rows of the same days."""
        days = self.measured if measured is None else measured
        return histories(days, days["patient_id"].unique(maintain_order=True).to_list())[0]

    def own(self, everybody: Histories) -> Histories:
        """Those who are forecast."""
        return everybody.of(slice(0, self.patients))

    def learned(self, everybody: Histories) -> TwinModel:
        """What the others' first days teach."""
        others = everybody.of(slice(self.patients, None)).until(LEARNED_DAYS)
        return learn_model(others, self.clinical, self.settings.twin)
