"""What ALINE says of the cohort's patients: their evenings on the hourly clock, a few questions answered.

A simulated day of the cohort is simulated once more hour by hour (simulator/hourly/windows.py); the network reads what
device and station recorded until 20:00, asks its best questions, is answered, and forecasts. The patient's card is
complete, and the hours' noise is drawn anew: what it knows is not quite what the twins know. Belongs here: forecasts
for scoring. Does not: the network (aline/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.settings import Settings
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.generative.dynamics import LatentDynamics
from migraine_platform.simulator.hourly.bank import HISTORY_DAYS, fill_bank
from migraine_platform.simulator.hourly.windows import WindowSimulator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.aline.network.network import Aline

CHUNK = 512
"""Evenings that are looked at together."""


def aline_forecasts(
    net: Aline,
    settings: Settings,
    features: tuple[Feature, ...],
    calibration: FittedParameters,
    wanted: NDArray[np.bool_],
    numbers: NDArray[np.int64],
    progress: Callable[[str], None] = lambda line: None,
) -> NDArray[np.float64]:
    """[P, K] what ALINE says on some evenings of some of the cohort of the next day; NaN on the others.

    Args:
        wanted: [P, K] which evenings; those without four weeks before them, and the last one, are left out.
        numbers: [P] of the patients among all of the cohort, from 0; everybody up to the last one wanted is lived.
    """
    import torch

    from migraine_platform.aline.policies.policies import LearnedQuestions
    from migraine_platform.aline.tasks.migraine_window import MigraineWindow

    said = np.full(wanted.shape, np.nan)
    possible = wanted.copy()
    possible[:, :HISTORY_DAYS], possible[:, -1] = False, False
    who, when = np.nonzero(possible)
    if not len(who):
        return said
    torch.set_num_threads(1)
    simulated = numbers[who]
    windows, rows = windows_of(settings, features, calibration, int(simulated.max()) + 1, simulated, when)
    task, policy = MigraineWindow(windows), LearnedQuestions()
    rng = np.random.default_rng(settings.evaluation.seed)
    with torch.no_grad():
        for start in range(0, len(who), CHUNK):
            some = slice(start, start + CHUNK)
            episode = task.episode(windows.refine(rng, rows[some], settings.hours.evening))
            for _ in range(settings.train.questions):
                episode.ask(policy.choose(net, episode))
            chance = net.posterior(net.encode(episode.context)).chance()[:, -1]
            said[who[some], when[some]] = chance.double().numpy()
            progress(f"ALINE: {min(start + CHUNK, len(who)):,} of {len(who):,} evenings")
    return said


def numbers_of(patient_ids: Sequence[str]) -> NDArray[np.int64]:
    """[P] places of patients in the simulator's cohort, from 0: P0001 is the first; P10000 comes after P9999."""
    return np.array([int(patient[1:]) - 1 for patient in patient_ids], dtype=np.int64)


def windows_of(
    settings: Settings,
    features: tuple[Feature, ...],
    calibration: FittedParameters,
    patients: int,
    who: NDArray[np.int64],
    when: NDArray[np.int64],
) -> tuple[WindowSimulator, NDArray[np.int64]]:
    """What simulates the cohort's days once more, and which of its days somebody's evenings are.

    Args:
        patients: of the cohort, so many are lived.
        who: [N] numbers of the patients.
        when: [N] days, at least HISTORY_DAYS; not the last.
    """
    simulator = CohortSimulator(settings.simulator, features, calibration)
    bank = fill_bank(simulator, 0, patients)
    daily = LatentDynamics.daily(settings.simulator.latent)
    windows = WindowSimulator(settings.hours, daily, simulator.parameters.course, bank)
    return windows, who * (bank.size // patients) + when - HISTORY_DAYS
