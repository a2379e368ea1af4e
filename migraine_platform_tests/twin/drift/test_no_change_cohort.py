from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.generative.drift import draw_changes
from migraine_platform.twin.data.histories import histories
from migraine_platform.twin.drift.no_change_cohort import FIRST, no_change_patients, undrifted

COUNT = 12


def with_changes(settings, share: float):
    """The simulator's settings with everybody changing early, or nobody."""
    drift = settings.simulator.drift.model_copy(update={"share": share, "daily_hazard": 0.2})
    return settings.simulator.model_copy(update={"drift": drift})


@pytest.fixture(scope="module")
def trajectories(settings, features, calibration):
    def made(share: float):
        return undrifted(CohortSimulator(with_changes(settings, share), features, calibration), COUNT)

    return made


def test_they_never_change_however_many_others_do(trajectories) -> None:
    calm, wild = trajectories(0.0), trajectories(1.0)
    for name in ("values", "present", "diary", "events"):
        assert_array_equal(getattr(calm, name), getattr(wild, name))


def test_the_same_patients_change_when_drift_is_on(settings, features, calibration) -> None:
    """Else the comparison above would say nothing: the same persons, not kept from changing."""
    own = with_changes(settings, 1.0)
    simulator = CohortSimulator(own, features, calibration)
    who = no_change_patients(simulator, COUNT)
    change = draw_changes(own.drift, who.index, who.susceptibility, own.cohort.burn_in_days, own.cohort.seed)
    changed, _ = histories(
        simulator.measured(simulator.trajectories(who, change=change)), who.ids, own.cohort.last_date
    )
    reported = undrifted(simulator, COUNT)
    assert changed.patient_ids == reported.patient_ids
    assert np.any(changed.values != reported.values)


def test_nobody_of_a_cohort_is_among_them(settings, simulator) -> None:
    who = no_change_patients(simulator, COUNT)
    assert len(set(who.index.tolist())) == COUNT
    assert who.index.min() == FIRST > settings.simulator.cohort.patients
    assert len({int(patient[1:]) for patient in who.ids} & set(range(1, settings.simulator.cohort.patients + 1))) == 0


def test_no_change_patients_have_the_configured_days(settings, trajectories) -> None:
    found = trajectories(0.0)
    assert (found.count, found.days) == (COUNT, settings.simulator.cohort.days)
    assert found.last == settings.simulator.cohort.last_date
    assert found.diary.any(axis=1).all()


def test_the_same_seed_is_the_same_patients_and_more_of_them_the_same_first(settings, features, calibration) -> None:
    simulator = CohortSimulator(settings.simulator, features, calibration)
    few, many = undrifted(simulator, 5), undrifted(simulator, COUNT)
    assert few.patient_ids == many.patient_ids[:5]
    assert_array_equal(few.events, many.events[:5])
    seeded = settings.simulator.cohort.model_copy(update={"seed": settings.simulator.cohort.seed + 1})
    other = CohortSimulator(settings.simulator.model_copy(update={"cohort": seeded}), features, calibration)
    assert np.any(undrifted(other, 5).events != few.events)
