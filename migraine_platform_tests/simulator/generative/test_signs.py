"""Signs of a coming attack: chances that keep the hazard's mean, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.simulator.generative.attacks import AttackCourse, Own, anybody
from migraine_platform.simulator.generative.signs import (
    CAME,
    NONE,
    UNASKED,
    evening_entry,
    late_onset,
    prodrome_entry,
    sign_shift,
)

chances = st.floats(1e-6, 1 - 1e-6)
shares = st.floats(0.0, 0.5)


@pytest.fixture(scope="module")
def course(settings) -> AttackCourse:
    return AttackCourse.of(settings.simulator.attacks, settings.simulator.treatments)


@pytest.fixture(scope="module")
def own(course) -> Own:
    return anybody(course)


def expit(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


@given(chances, shares, st.floats(0.1, 1.0))
def test_over_sign_and_none_the_chance_of_an_onset_stays(
    course: AttackCourse, own: Own, q: float, early: float, share: float
) -> None:
    """Near certainty too, where a sign says nothing; nowhere does it make an attack less likely."""
    changed, own = course._replace(conversion=np.array([share, share, 1.0])), own._replace(early_share=early)
    entry = evening_entry(changed, own, q)
    assert 0 <= entry <= 1
    logit = np.log(q / (1 - q))
    after = [expit(logit + sign_shift(changed, own, q, sign)) for sign in (NONE, CAME)]
    assert (1 - entry) * after[0] + entry * after[1] == pytest.approx(q, rel=1e-6, abs=1e-8)
    assert after[0] <= q + 1e-8
    assert after[1] >= q - 1e-8


def test_a_sign_is_followed_as_often_as_configured(course: AttackCourse, own: Own) -> None:
    for q in (0.02, 0.2, 0.6):
        logit = np.log(q / (1 - q))
        assert expit(logit + sign_shift(course, own, q, CAME)) == pytest.approx(0.72)
        assert expit(logit + sign_shift(course, own, q, NONE)) == pytest.approx(q * (1 - own.early_share) / (
            1 - q * own.early_share / 0.72))  # fmt: skip
        assert sign_shift(course, own, q, UNASKED) == 0


def test_whoever_had_a_sign_has_no_other_prodrome(course: AttackCourse, own: Own) -> None:
    """Nor an attack without one: what comes is what was announced."""
    assert prodrome_entry(course, own, 0.72, CAME) == pytest.approx(0.72)
    assert prodrome_entry(course, own, 0.2, UNASKED) == pytest.approx(0.2 * 0.329 / 0.72)
    assert prodrome_entry(course, own, 0.2, NONE) < prodrome_entry(course, own, 0.2, UNASKED)


@given(chances)
def test_no_onset_by_evening_makes_a_late_onset_likelier(course: AttackCourse, own: Own, p: float) -> None:
    for sign in (UNASKED, NONE, CAME):
        late = late_onset(course, own, p, sign)
        assert 0 <= late <= 1 + 1e-9
        assert late >= p * course.late_share - 1e-12


def test_without_prodromes_there_are_no_signs(settings) -> None:
    attacks = settings.simulator.attacks
    none = attacks.model_copy(update={"prodrome": attacks.prodrome.model_copy(update={"share_of_attacks": 0.0})})
    course = AttackCourse.of(none, settings.simulator.treatments)
    own = anybody(course)
    assert evening_entry(course, own, 0.4) == 0
    assert sign_shift(course, own, 0.4, NONE) == 0
    assert prodrome_entry(course, own, 0.4, NONE) == 0
