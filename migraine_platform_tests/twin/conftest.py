"""A small simulated cohort, as diaries and devices recorded it, and what clinicians say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from migraine_platform.config import Settings
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.twin.cohort.build import Built, build
from migraine_platform.twin.cohort.inputs import learn_experts, updater_of
from migraine_platform.twin.core.model import Clinical, TwinModel, learn_model
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.histories import histories as read_histories
from migraine_platform.twin.drift.alarms import AlarmThresholds
from migraine_platform.twin.dynamics.experts.network import Experts
from migraine_platform.twin.updating.evening_update import TwinUpdater
from migraine_platform.warehouse import tables

torch.set_num_threads(1)  # networks this small gain nothing from more, and lose much where cores are busy
PATIENTS, DAYS = 24, 70
POINTS = 128
POPULATION = "0123456789abcdef"
NO_ALARM = AlarmThresholds(np.inf, {}, {})
"""Of detectors that never speak."""


def simulated(
    settings: Settings, features: tuple[Feature, ...], calibration: FittedParameters, patients: int, days: int
) -> dict[str, pl.DataFrame]:
    """All tables of a cohort of one batch, without the oracle's forecasts."""
    cohort = settings.simulator.cohort.model_copy(update={"patients": patients, "batch_size": patients, "days": days})
    ceilings = settings.simulator.ceilings.model_copy(update={"oracle_patients": 0})
    changed = settings.simulator.model_copy(update={"cohort": cohort, "ceilings": ceilings})
    return CohortSimulator(changed, features, calibration).batch(0)


def everybody(days: pl.DataFrame) -> Histories:
    """Histories of all patients who have days."""
    return read_histories(days, days["patient_id"].unique().to_list())[0]


@pytest.fixture(scope="session")
def lives_truth(settings, features, calibration) -> dict[str, pl.DataFrame]:
    """What 24 patients lived in 70 days, by table; `cohort.patient_days` has no gaps."""
    return simulated(settings, features, calibration, PATIENTS, DAYS)


@pytest.fixture(scope="session")
def measured(lives_truth) -> pl.DataFrame:
    """What of it was recorded: rows of `measured.patient_days`."""
    return lives_truth["measured.patient_days"]


@pytest.fixture(scope="session")
def histories(measured) -> Histories:
    """The recorded days as arrays."""
    return everybody(measured)


@pytest.fixture(scope="session")
def complete(lives_truth) -> Histories:
    """The same lives if diary and device had never missed a day."""
    return everybody(lives_truth["cohort.patient_days"])


@pytest.fixture(scope="session")
def clinical(settings, features) -> Clinical:
    """What clinicians say."""
    return Clinical.of(settings.simulator, features)


@pytest.fixture(scope="session")
def model(histories, clinical, settings) -> TwinModel:
    """What a few steps learn from these days."""
    few = settings.twin.population.model_copy(update={"points": POINTS, "steps": 3, "state_space_steps": 3})
    return learn_model(histories, clinical, settings.twin.model_copy(update={"population": few}))


@pytest.fixture(scope="session")
def experts(model, histories, settings) -> Experts:
    """A mixture of experts that has hardly learned."""
    return learn_experts(model, histories, settings.twin, lambda line: None)


@pytest.fixture(scope="session")
def has_aura(lives_truth) -> dict[str, bool]:
    """Diagnosis by patient."""
    return dict(lives_truth["cohort.patients"].select("patient_id", "has_aura").iter_rows())


@pytest.fixture(scope="session")
def make_updater(model, settings, features):
    """What twins are kept by; by default nobody's alarm goes off."""

    def made(thresholds: AlarmThresholds = NO_ALARM, **changes: int) -> TwinUpdater:
        chosen = settings.model_copy(update={"twin": settings.twin.model_copy(update=changes)})
        return updater_of(model, chosen, features, thresholds)

    return made


@pytest.fixture(scope="session")
def make_twins(make_updater, experts, lives_truth, has_aura):
    """Everything that twins of some histories say."""

    def made(histories: Histories, thresholds: AlarmThresholds = NO_ALARM, **changes: int) -> Built:
        aura = np.array([has_aura.get(patient, False) for patient in histories.patient_ids])
        attacks = lives_truth[tables.Attacks.name]
        return build(make_updater(thresholds, **changes), experts, histories, attacks, aura, POPULATION)

    made.attacks = lives_truth[tables.Attacks.name]  # type: ignore[attr-defined]
    return made


@pytest.fixture(scope="session")
def built(make_twins, histories) -> Built:
    """Of all patients."""
    return make_twins(histories)
