"""Simulated patients who do not change: how often a watch would speak up over them.

They have numbers far beyond any cohort's, so that nobody whose twin is kept is among them. They live by the
clinicians' configuration, with drift switched off. Belongs here: their evenings. Does not: thresholds (alarms.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.generative.drift import draw_changes
from migraine_platform.simulator.generative.profiles import draw_patients
from migraine_platform.twin.data.histories import Histories, histories

if TYPE_CHECKING:
    from migraine_platform.simulator.generative.profiles import Profiles

FIRST = 3 * 2**41
"""Number of the first of them; reference patients of other purposes have lower ones."""


def undrifted(simulator: CohortSimulator, count: int) -> Histories:
    """What patients who never change recorded over the simulator's days."""
    patients = no_change_patients(simulator, count)
    settings = simulator.settings
    nobody = settings.drift.model_copy(update={"share": 0.0})
    change = draw_changes(
        nobody, patients.index, patients.susceptibility, settings.cohort.burn_in_days, settings.cohort.seed
    )
    trajectories = simulator.trajectories(patients, change=change)
    found, _ = histories(simulator.measured(trajectories), patients.ids, simulator.settings.cohort.last_date)
    return found


def no_change_patients(simulator: CohortSimulator, count: int) -> Profiles:
    """Patients of nobody's cohort."""
    settings = simulator.settings
    index = FIRST + np.arange(count)
    return draw_patients(index, settings)
