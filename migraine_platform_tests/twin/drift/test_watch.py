from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.domain.changes import CHANGE_KINDS
from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.drift.watch import CHUNK, COVARIATE, Suspicion, Watcher
from migraine_platform.twin.hazard.filter import follow
from migraine_platform_tests.twin.drift.planted import EFFECTS, MEMORY, PERSONAL, STRESS, Days, persons, watcher

WATCHER = watcher()
THRESHOLD = 6.0
DAY = 100


def watched(days: Days, by: Watcher = WATCHER):
    return by.follow(by.begin(len(days.innovation)), days.covariates, days.evidence, days.innovation)


@pytest.fixture(scope="module")
def many() -> Days:
    """More patients than are held at a time, of whom some began later or not at all."""
    days = persons(1, CHUNK + 6, 20)
    begun = np.random.default_rng(0).choice([0, 0, 3, 11, 20], CHUNK + 6)
    begun[-1] = 3
    return days._replace(evidence=days.evidence._replace(begun=begun))


def flat(suspicion: Suspicion) -> list[np.ndarray]:
    return list(suspicion)


def test_odds_are_summed_by_kind(many) -> None:
    _, said = watched(many)
    assert said.channel.shape == (CHUNK + 6, 20, len(CHANNELS))
    by_kind = said.by_kind()
    assert_allclose(by_kind[..., 0], said.channel.sum(axis=2))
    assert_allclose(by_kind[..., 1], said.trigger.sum(axis=2))
    assert_allclose(by_kind[..., 2], said.level)
    assert_allclose(
        np.exp(said.log_odds()[:, -1])[many.evidence.begun < 20], by_kind.sum(axis=2)[:, -1][many.evidence.begun < 20]
    )


def test_days_on_which_nothing_was_recorded_say_nothing() -> None:
    """Only the prior weights are left: of each kind, times the days that may have been the first, as they fade."""
    days = persons(2, 3, 15)
    silent = days.evidence._replace(
        diary=np.zeros((3, 15), bool), events=np.zeros((3, 15, len(EVENTS)), bool), late=np.zeros((3, 15), bool)
    )
    _, said = watched(Days(days.covariates, silent, np.zeros_like(days.innovation)))
    faded = np.cumsum(MEMORY ** np.arange(1, 16))
    assert_allclose(said.by_kind(), faded[:, None] * WATCHER.kinds * np.ones((3, 1, 1)), rtol=1e-9)


@pytest.mark.parametrize("step", [1, 7])
def test_day_by_day_is_as_all_at_once(many, step: int) -> None:
    end, at_once = watched(many)
    watch, said = WATCHER.begin(CHUNK + 6), []
    for first in range(0, 20, step):
        part = many.between(first, first + step)
        watch, suspicion = WATCHER.follow(watch, part.covariates, part.evidence, part.innovation)
        said.append(suspicion)
    for place, whole in enumerate(at_once):
        assert_allclose(np.concatenate([part[place] for part in said], axis=1), whole, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip((*watch.filter_state, *watch[1:]), (*end.filter_state, *end[1:]), strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_following_leaves_the_watch_before_it_as_it_was(many) -> None:
    before, _ = watched(many)
    copies = [part.copy() for part in (*before.filter_state, *before[1:])]
    WATCHER.follow(before, many.covariates, many.evidence, many.innovation)
    for part, copy in zip((*before.filter_state, *before[1:]), copies, strict=True):
        assert_array_equal(part, copy)


def test_rows_may_come_in_any_order_and_in_any_batch(many) -> None:
    end, said = watched(many)
    order = np.random.default_rng(3).permutation(CHUNK + 6)
    other_end, shuffled = watched(many.of(order))
    for ours, theirs in zip((*shuffled, *other_end.filter_state), (*said, *end.filter_state), strict=True):
        assert_array_equal(ours, theirs[order])
    for i in (0, CHUNK, CHUNK + 5):
        _, alone = watched(many.of(slice(i, i + 1)))
        for ours, theirs in zip(flat(alone), flat(said.of(slice(i, i + 1))), strict=True):
            assert_array_equal(ours, theirs)


def test_a_late_comer_is_as_suspicious_as_without_the_days_before_him(many) -> None:
    late = many.of(np.flatnonzero(many.evidence.begun == 3))
    _, said = watched(late)
    _, alone = watched(late.between(3, 20))
    assert_array_equal(said.by_kind()[:, :3], 0)
    for ours, theirs in zip(flat(said), flat(alone), strict=True):
        assert_allclose(ours[:, 3:], theirs, rtol=1e-9)


def test_the_filter_state_is_that_of_an_unchanged_person(many) -> None:
    end, _ = watched(many)
    _, filter_state = follow(WATCHER.grid.points, WATCHER.effects, many.covariates, many.evidence)
    for ours, theirs in zip(end.filter_state, filter_state, strict=True):
        assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def calm() -> np.ndarray:
    """[P, K] log-odds of persons who do not change."""
    return watched(persons(4, 150, 160))[1].log_odds()


def test_unchanged_patients_alarm_rarely(calm) -> None:
    """At THRESHOLD, 0.3 a patient-year at most; a few of 150 patients x 160 days."""
    alarmed = (calm > THRESHOLD).any(axis=1).sum()
    assert alarmed / (150 * 160 / 365) < 0.3


@pytest.mark.parametrize(
    ("kind", "size", "least"), [("label", 3.0, 0.8), ("concept", 0.52, 0.7), ("covariate", 1.0, 0.95)]
)
def test_a_big_change_is_found_and_called_by_its_name(kind: str, size: float, least: float) -> None:
    """60 patients; an alarm within 40 days in most, of the right kind and target in nine of ten of these."""
    _, said = watched(persons(5, 60, DAY + 40, kind, DAY, size))
    hit = said.log_odds()[:, DAY:] > THRESHOLD
    found = np.flatnonzero(hit.any(axis=1))
    day = DAY + hit.argmax(axis=1)[found]
    assert len(found) >= least * 60
    assert np.mean(said.by_kind()[found, day].argmax(axis=1) == CHANGE_KINDS.index(kind)) > 0.9
    target = {"concept": (said.trigger, TRIGGER_NAMES.index("stress")), "covariate": (said.channel, STRESS)}
    if kind in target:
        odds, expected = target[kind]
        assert np.mean(odds[found, day].argmax(axis=1) == expected) > 0.9


def test_a_suspicion_that_nothing_feeds_fades() -> None:
    """A change of stress that is over after three weeks is forgotten at the rate that the watch says, or faster."""
    days = persons(6, 30, DAY + 200, "covariate", DAY, 1.0)
    innovation = days.innovation.copy()
    innovation[:, DAY + 21 :, STRESS] -= 1.0
    _, said = watched(days._replace(innovation=innovation))
    peak, last = said.channel[:, DAY + 20, STRESS], said.channel[:, -1, STRESS]
    assert np.median(last / peak) < MEMORY**179


def test_after_an_alarm_the_watch_begins_anew_with_the_person_he_may_have_become() -> None:
    end, _ = watched(persons(7, 5, 40, "label", 10, 3.0))
    anew = WATCHER.reset(end)
    assert_array_equal(anew.changed, 0)
    assert_array_equal(anew.strayed, 0)
    weight = np.exp(anew.filter_state.log_weight)
    assert_allclose(weight.sum(axis=1), 1)
    prior = np.array([WATCHER.kinds[2], *[WATCHER.kinds[1] / 4] * 4])
    expected = np.exp(end.filter_state.log_weight) + WATCHER.rate * (prior[:, None] * end.changed).sum(axis=1)
    assert_allclose(weight, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)
    level = WATCHER.grid.points.level
    assert np.all(weight @ level >= np.exp(end.filter_state.log_weight) @ level)
    for ours, theirs in zip(anew.filter_state[1:], end.filter_state[1:], strict=True):
        assert_array_equal(ours, theirs)


def test_shared_parts_of_watches_come_from_settings(settings) -> None:
    chosen, effects = settings.twin.drift, EFFECTS._replace(renewal=0.01)
    made = Watcher.of(SimpleNamespace(personal=PERSONAL, effects=effects), chosen, {"stress_level": 1.0})
    assert made.memory == 1 - 1 / chosen.memory_days
    assert made.kinds[COVARIATE] == chosen.kinds["covariate"]
    assert made.effects.renewal == 0
    assert made.channels.sum() == pytest.approx(1)
    assert made.channels[STRESS].sum() > chosen.expected_share
