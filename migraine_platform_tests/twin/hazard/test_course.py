from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from migraine_platform.simulator.generative.attacks import EVENING, HOURS, AttackCourse, draw_duration
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.quantiles import quantile
from migraine_platform.twin.hazard.course import ATOMS, ATTACKS, lasting_atoms, tilt
from migraine_platform.twin.hazard.hypotheses import (
    AGES,
    FIRST_DAY,
    HEADACHES,
    LATE,
    LATER_DAY,
    NO_ATTACK,
    NOT_TOLD,
    OVER,
    RUNS,
    SECOND_DAY,
    UNKNOWN_DAY,
)

DRAWS = 40_000
DIARIES_TELL = [FIRST_DAY, SECOND_DAY, LATER_DAY, UNKNOWN_DAY]


@pytest.fixture(scope="module")
def atoms(settings) -> np.ndarray:
    return lasting_atoms(settings.simulator)


def test_atoms_are_probabilities_in_order(atoms) -> None:
    assert atoms.shape == (AGES, 2, HEADACHES, ATOMS)
    assert np.all((atoms >= 0) & (atoms <= 1))
    assert np.all(np.diff(atoms, axis=-1) >= 0)
    assert np.all(atoms[[NO_ATTACK, LATE]] == 0)
    assert np.all(atoms[:, :, OVER] == 0)


@pytest.fixture(scope="module")
def attacks(settings) -> tuple[np.ndarray, np.ndarray, np.ndarray, AttackCourse]:
    """The simulator's attacks: hours of onset since midnight, durations, whether treated."""
    course = AttackCourse.of(settings.simulator.attacks, settings.simulator.treatments)
    u = np.random.default_rng(1).random((DRAWS, 4))
    start = np.array([quantile(course.onset_hours, v) for v in u[:, 0]])
    treated = u[:, 1] < course.usual_treated_share
    hours = [
        draw_duration(course.of_anybody(), 0.0, course.usual_drug if drug else UNTREATED, a, b)
        for drug, a, b in zip(treated, u[:, 2], u[:, 3], strict=True)
    ]
    return start, np.array(hours), treated, course


@pytest.mark.parametrize("age", [FIRST_DAY, SECOND_DAY])
@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("headache", [NOT_TOLD, RUNS])
def test_atoms_have_the_mean_of_the_simulator_s_attacks(atoms, attacks, age: int, taken: bool, headache: int) -> None:
    """Share of attacks on their first or second evening that make the next day a migraine day too.

    Four standard errors of both samples' shares; atoms are means of twelfths whose sizes differ by one at most.
    """
    start, hours, treated, course = attacks
    day = age - FIRST_DAY
    evening = HOURS * day + EVENING - start
    there = (evening >= 0) & ((day == 0) | (start + hours > HOURS * day + course.migraine_day_hours))
    there &= (treated & (evening >= course.intake_delay)) == taken
    there &= (hours >= evening) | (headache == NOT_TOLD)
    on = (start + hours > HOURS * (day + 1) + course.migraine_day_hours)[there]
    error = np.sqrt(on.mean() * (1 - on.mean()) * (1 / on.size + DRAWS / ATTACKS / on.size))
    rounding = 1 / (on.size * ATTACKS / DRAWS)
    assert on.size > 300
    assert abs(atoms[age, int(taken), headache].mean() - on.mean()) < 4 * error + rounding


def weights_of(values: np.ndarray, mean: float) -> np.ndarray:
    weights = np.empty(len(values))
    tilt(values, mean, weights)
    return weights


@given(st.lists(st.floats(0, 1), min_size=AGES * 2 * HEADACHES, max_size=AGES * 2 * HEADACHES))
def test_tilted_atoms_have_the_mean_that_the_diaries_tell(atoms, means: list[float]) -> None:
    """Wherever it lies among the atoms; near their ends the farthest tilt, exp(60 c), leaves a little to the others."""
    lasting = np.array(means).reshape(AGES, 2, HEADACHES)
    for age in DIARIES_TELL:
        for place in np.ndindex(2, HEADACHES):
            own, wanted = atoms[age][place], lasting[age][place]
            weights = weights_of(own, wanted)
            assert np.all(weights >= 0)
            assert_allclose(weights.sum(), 1)
            if own.max() > own.min():
                farthest = [np.exp(sign * 60 * (own - own[-1 if sign > 0 else 0])) for sign in (-1, 1)]
                low, high = (one @ own / one.sum() for one in farthest)
                assert_allclose(weights @ own, np.clip(wanted, low, high), atol=1e-9)


def test_weights_are_equal_where_the_mean_is_right_already(atoms) -> None:
    for age in DIARIES_TELL:
        for own in atoms[age].reshape(-1, ATOMS):
            assert_allclose(weights_of(own, float(own.mean())), 1 / ATOMS, rtol=1e-7)


def test_patients_without_attacks_are_left_unchanged() -> None:
    assert_allclose(weights_of(np.zeros(ATOMS), 0.3), 1 / ATOMS)
