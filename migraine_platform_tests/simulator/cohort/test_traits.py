"""What a person's attacks are like on average."""

from __future__ import annotations

import numpy as np
import pytest

from migraine_platform.simulator.cohort.traits import traits
from migraine_platform.simulator.generative.attacks import AttackCourse, draw_duration, prodrome_length
from migraine_platform.simulator.generative.symptoms import (
    AURA,
    HEADACHE,
    POSTDROME,
    PRODROME,
    SEVERITY,
    SYMPTOMS,
    leaning,
    own_symptoms,
)
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.quantiles import quantile


@pytest.fixture(scope="module")
def course(settings) -> AttackCourse:
    return AttackCourse.of(settings.simulator.attacks, settings.simulator.treatments)


def test_a_person_s_figures_are_those_of_many_of_his_attacks(course) -> None:
    """20,000 attacks of each of five persons; five standard errors."""
    own = np.random.default_rng(4).standard_normal((5, SYMPTOMS))
    said = traits(course, own, np.array([True, True, True, True, False]))
    u = np.random.default_rng(5).random(20_000)
    for person in range(5):
        severity = [leaning(course.lean, SEVERITY, own[person, SEVERITY], one) for one in u]
        low, high = course.severity
        found = low + (high - low) * np.array(severity)
        assert abs(found.mean() - said.severity[person]) < 5 * found.std() / np.sqrt(len(u))
        aura = np.mean([leaning(course.lean, AURA, own[person, AURA], one) < course.aura_share for one in u])
        expected = said.aura_share[person] if person < 4 else aura
        assert abs(aura - expected) < 5 * np.sqrt(0.25 / len(u))
        hours = course.postdrome[0] + (course.postdrome[1] - course.postdrome[0]) * np.array(
            [leaning(course.lean, POSTDROME, own[person, POSTDROME], one) for one in u]
        )
        assert np.exp(np.log(hours).mean()) == pytest.approx(said.postdrome_hours[person], rel=0.03)
        headaches = [draw_duration(course, own[person, HEADACHE], UNTREATED, one, one) for one in u]
        assert np.exp(np.log(headaches).mean()) == pytest.approx(said.headache_hours[person], rel=0.03)
    assert said.aura_share[4] == 0


def test_the_mean_over_persons_is_the_configured_one(course) -> None:
    own = own_symptoms(np.arange(40_000), 7)
    said = traits(course, own, np.ones(40_000, dtype=np.bool_))
    for found, expected in (
        (said.severity, np.mean(course.severity)),
        (said.aura_share, course.aura_share),
        (said.prodrome_share, course.prodrome_share),
    ):
        assert abs(found.mean() - expected) < 5 * found.std() / np.sqrt(len(found))
        assert found.std() > 0.05 * expected
    assert np.abs(np.corrcoef(own.T) - np.eye(SYMPTOMS)).max() < 5 / np.sqrt(40_000)


def test_typical_prodromes_are_those_of_many_attacks(course) -> None:
    """30,000 prodromes of each of four persons, early ones among them; five standard errors and the table's 1 %."""
    own = np.zeros((4, SYMPTOMS))
    own[:, PRODROME] = [-1.5, -0.3, 0.4, 1.8]
    said = traits(course, own, np.ones(4, dtype=np.bool_)).prodrome_hours
    assert np.all(np.diff(said) > 0)
    rng = np.random.default_rng(6)
    for person in range(4):
        logs = []
        for u, v, w in rng.random((30_000, 3)):
            hour = quantile(course.onset_hours, u)
            early = v < course.early_share
            since = hour + 4 if early or hour < 20 else hour - 20
            share = leaning(course.lean, PRODROME, own[person, PRODROME], w)
            logs.append(np.log(max(prodrome_length(course, since, early, share), 1e-3)))
        error = 5 * np.std(logs) / np.sqrt(len(logs)) + 0.01
        assert abs(np.mean(logs) - np.log(said[person])) < error
