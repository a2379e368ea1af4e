from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.generative import drift
from migraine_platform.twin.core.twins import Replay
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.examination import HAZARD, YEAR, ChangeCourse, DetectedChange, examine, levels
from migraine_platform.twin.drift.watch import Suspicion
from migraine_platform.twin.dynamics.kalman import FilteredStates, StateBeliefs
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import NOT_TOLD, AttackEvidence, Forecasts
from migraine_platform_tests.twin.drift.planted import EFFECTS, STRESS, STRESSED
from migraine_platform_tests.twin.modelled import expit

COURSE = ChangeCourse(gradual_days=45, recurring_days=56, oldest_days=120)
FIRST = date(2024, 3, 1)
USUAL = 0.25


def suspected(kind: str) -> Suspicion:
    """Of that kind; if of the hazard, the level is three times as likely as all triggers, or the other way round."""
    odds = dict(zip(CHANGE_KINDS, (1.0, 1.0, 1.0), strict=True)) | {kind: 30.0}
    channel, trigger = np.zeros((1, 2, len(CHANNELS))), np.zeros((1, 2, len(TRIGGER_NAMES)))
    channel[0, -1, STRESS], channel[0, -1, 0] = 0.9 * odds["covariate"], 0.1 * odds["covariate"]
    trigger[0, -1, STRESSED], trigger[0, -1, 0] = 0.9 * odds["concept"], 0.1 * odds["concept"]
    return Suspicion(channel, trigger, np.array([[0.0, odds["label"]]]))


def result(seed: int, days: int, kind: str, shape: str, day: int, size: float, wrote: float = 0.9):
    """One patient's replay and history: forecasts of somebody who has not changed, days of one who has."""
    rng = np.random.default_rng(seed)
    level = levels(shape, np.array([day]), days, COURSE)[0]
    trigger = (rng.random((1, days, 4)) < USUAL).astype(float)
    covariates = Covariates(
        trigger, np.full_like(trigger, USUAL), np.zeros_like(trigger), np.zeros((1, days, 4, 4)), np.zeros((1, days))
    )
    strength = EFFECTS.trigger[STRESSED] * (trigger[0, :, STRESSED] - USUAL)
    yesterday = np.concatenate([[0.0], strength[:-1]])
    logit = -0.8 + 0.1 * yesterday
    really = logit + level * {"label": size, "concept": size * yesterday, "covariate": 0.0}[kind]
    migraine = rng.random(days) < expit(really)
    diary = rng.random(days) < wrote
    innovation = rng.normal(size=(1, days, len(CHANNELS))) * (rng.random((1, days, len(CHANNELS))) < 0.8)
    if kind == "covariate":
        innovation[0, :, STRESS] += np.where(innovation[0, :, STRESS] != 0, size * level, 0)
    events = np.zeros((1, days, len(EVENTS)), dtype=bool)
    events[0, :, :3] = (migraine & diary)[:, None]
    forecast = expit(np.append(logit[1:], -0.8))[None]  # each evening, of the day that follows
    nothing = np.zeros((1, days))
    forecasts = Forecasts._make((forecast, *[nothing] * 8, np.zeros((1, days, 2, 0)), np.zeros((1, days, 0))))
    none = np.zeros((1, days, len(CHANNELS)))
    beliefs = StateBeliefs(np.zeros((1, 26)), np.zeros((1, 26, 26)))
    channels = FilteredStates._make((*[none] * 7, innovation, nothing, nothing, beliefs))
    begun = np.zeros(1, dtype=np.int64)
    evidence = AttackEvidence(
        diary[None], events, np.full((1, days), NOT_TOLD), np.zeros((1, days), dtype=bool), nothing, begun
    )
    own = Histories(
        ("P0001",), FIRST, np.zeros((1, days, 1)), np.zeros((1, days, 1), dtype=bool), diary[None],
        np.ones((1, days), dtype=bool), events, begun, np.zeros((1, days), dtype=np.int64),
    )  # fmt: skip
    return Replay(forecasts, covariates, channels, evidence), own


def examined(
    seed: int, days: int, kind: str, shape: str, day: int, size: float, course: ChangeCourse = COURSE
) -> DetectedChange:
    replay, own = result(seed, days, kind, shape, day, size)
    return examine(suspected(kind), EFFECTS, replay, own, course)


def off(change: DetectedChange, day: int) -> int:
    return (change.since - FIRST).days - day


@pytest.mark.parametrize("shape", CHANGE_SHAPES)
def test_courses_are_those_that_are_simulated(shape: str) -> None:
    starts = np.array([0, 7, 60])
    one = np.ones(3, dtype=np.int64)
    change = drift.TrueChanges(one, one * CHANGE_SHAPES.index(shape), starts, one, np.ones(3), 45.0, 56.0)
    expected = [[drift.level_at(change, i, day) for day in range(200)] for i in range(3)]
    assert_allclose(levels(shape, starts, 200, COURSE), expected)


@pytest.mark.parametrize(
    ("kind", "size", "target", "half"),
    [("covariate", 1.5, "stress_level", 2), ("concept", 1.0, "stress", 7), ("label", 4.0, HAZARD, 2)],
)
def test_a_sudden_change_is_dated_and_named(kind: str, size: float, target: str, half: int) -> None:
    """40 patients, 60 days after a big change: half within days, nine of ten within three weeks, all of that name.

    A susceptibility shows only on the days after its trigger, a quarter of all.
    """
    found = [examined(seed, 200, kind, "sudden", 140, size) for seed in range(40)]
    assert {(one.kind, one.target) for one in found} == {(kind, target)}
    apart = np.abs([off(one, 140) for one in found])
    assert np.median(apart) <= half
    assert np.quantile(apart, 0.9) <= 21
    assert np.mean([one.shape == "sudden" for one in found]) > 0.8
    sizes = np.array([one.size for one in found])
    assert np.all(np.sign(sizes) == 1)
    if kind == "covariate":
        assert sizes.mean() == pytest.approx(size, abs=0.1)


def test_a_slow_change_is_called_gradual() -> None:
    """In nine of ten of 40 patients, 100 days after it began; dated to within a week in most."""
    found = [examined(seed, 220, "covariate", "gradual", 120, 3.0) for seed in range(40)]
    assert np.mean([one.shape == "gradual" for one in found]) > 0.9
    assert np.median(np.abs([off(one, 120) for one in found])) <= 7


def test_a_change_that_comes_and_goes_is_recurring_only_after_a_year() -> None:
    found = [examined(seed, YEAR + 35, "covariate", "recurring", 150, 1.2) for seed in range(20)]
    assert np.mean([one.shape == "recurring" for one in found]) > 0.9
    recurring = [off(one, 150) for one in found if one.shape == "recurring"]
    assert np.median(np.abs(recurring)) <= 3
    for days in (230, YEAR):
        assert "recurring" not in {
            examined(seed, days, "covariate", "recurring", days - 80, 1.2).shape for seed in range(10)
        }


def test_a_change_that_went_down_has_a_negative_size() -> None:
    assert examined(1, 200, "label", "sudden", 100, -3.0).size < 0
    assert examined(1, 200, "covariate", "sudden", 100, -1.0).size == pytest.approx(-1.0, abs=0.3)


def test_nothing_is_dated_before_what_is_looked_for() -> None:
    short = ChangeCourse(45, 56, oldest_days=30)
    assert off(examined(2, 200, "covariate", "sudden", 50, 1.5, short), 170) >= 0
    assert off(examined(2, 20, "covariate", "sudden", 0, 1.5), 0) >= 0


def test_ways_share_out_what_may_have_changed_of_the_hazard() -> None:
    label, concept = examined(3, 150, "label", "sudden", 100, 2.0), examined(3, 150, "concept", "sudden", 100, 0.5)
    for change in (label, concept):
        assert sum(change.ways) == pytest.approx(1)
    assert label.ways[0] == pytest.approx(30 / 31)
    assert concept.ways[1 + STRESSED] == pytest.approx(27 / 31)


@pytest.mark.parametrize("kind", ["label", "concept"])
def test_days_without_an_entry_say_nothing(kind: str) -> None:
    replay, own = result(4, 200, kind, "sudden", 140, 1.0, wrote=0.6)
    silent = replay.forecasts.probability.copy()
    silent[0, :-1][~own.diary[0, 1:]] = 0.999
    other = Replay(replay.forecasts._replace(probability=silent), replay.covariates, replay.channels, replay.evidence)
    assert examine(suspected(kind), EFFECTS, other, own, COURSE) == examine(
        suspected(kind), EFFECTS, replay, own, COURSE
    )


def test_channels_without_a_value_say_nothing() -> None:
    """Of a patient who recorded nothing of stress at all, any day is as likely; nothing fails."""
    replay, own = result(5, 100, "covariate", "sudden", 60, 1.0)
    innovation = replay.channels.innovation.copy()
    innovation[..., STRESS] = 0
    blind = Replay(
        replay.forecasts, replay.covariates, replay.channels._replace(innovation=innovation), replay.evidence
    )
    found = examine(suspected("covariate"), EFFECTS, blind, own, COURSE)
    assert found.size == 0
    assert FIRST <= found.since <= own.last


def test_only_the_last_evening_of_the_suspicion_counts() -> None:
    replay, own = result(6, 150, "label", "sudden", 100, 2.0)
    one = suspected("label")
    noisy = Suspicion(*(np.concatenate([np.full_like(part[:, :1], 1e6), part[:, 1:]], axis=1) for part in one))
    assert examine(one, EFFECTS, replay, own, COURSE) == examine(noisy, EFFECTS, replay, own, COURSE)


def test_dates_are_those_of_the_history() -> None:
    """The same days a week later are dated a week later."""
    replay, own = result(7, 150, "label", "sudden", 100, 3.0)
    later = replace(own, first=own.first + timedelta(days=7))
    ours, theirs = (examine(suspected("label"), EFFECTS, replay, each, COURSE) for each in (own, later))
    assert theirs == replace(ours, since=ours.since + timedelta(days=7))
    assert_array_equal(ours.ways, theirs.ways)
