from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.core.twins import Replay, TwinArrays, climatology, create
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.drift.adaptation import KEPT_SUSCEPTIBILITY, SPREAD, applied, renewals, replay_with_changes
from migraine_platform.twin.drift.examination import HAZARD, DetectedChange
from migraine_platform.twin.drift.hazard_change import Grid
from migraine_platform.twin.dynamics.kalman import StateBeliefs
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import Points
from migraine_platform.twin.hazard.population import Personal
from migraine_platform_tests.twin.conftest import DAYS, POINTS
from migraine_platform_tests.twin.drift.planted import EFFECTS, PERSONAL, persons

LEVEL_CHANGE = 0.7
RANGE = (0.1, 1.0)
PRIOR = SusceptibilityPrior.of_everybody(*RANGE)
LABEL = DetectedChange(date.min, "sudden", "label", HAZARD, 1.0, (1.0, 0.0, 0.0, 0.0, 0.0))
CONCEPT = DetectedChange(date.min, "sudden", "concept", "stress", 0.4, (0.0, 0.0, 0.0, 1.0, 0.0))
EITHER = replace(LABEL, ways=(0.6, 0.1, 0.1, 0.1, 0.1))
COVARIATE = DetectedChange(date.min, "sudden", "covariate", "stress_level", 0.8, (0.2, 0.2, 0.2, 0.2, 0.2))


@pytest.fixture(scope="module")
def points(model) -> Points:
    return model.points(POINTS)


@pytest.fixture(scope="module")
def after(points) -> np.ndarray:
    return renewals(points, PRIOR, LEVEL_CHANGE)


@pytest.fixture(scope="module")
def relive(model, clinical, points, after):
    def result(own, changes, probability: float) -> tuple[TwinArrays, Replay]:
        return replay_with_changes(model, clinical, points, after, own, changes, probability)

    return result


@pytest.fixture(scope="module")
def made(model, clinical, points, histories):
    return [create(model, clinical, points, histories.of(np.array([i]))) for i in range(histories.count)]


def on(change: DetectedChange, own, day: int) -> DetectedChange:
    return replace(change, since=own.first + timedelta(days=day))


def forecasts(result: tuple[TwinArrays, Replay]) -> np.ndarray:
    return result[1].forecasts.probability[0]


def lattice() -> Points:
    """All pairs of nine levels and three values of each susceptibility."""
    level, *axes = np.meshgrid(np.linspace(-3, 1, 9), *[np.linspace(*RANGE, 3)] * 4, indexing="ij")
    susceptibility = np.stack([axis.ravel() for axis in axes], axis=1)
    prior = np.exp(-0.5 * (level.ravel() + 1) ** 2)
    return Points(level.ravel(), susceptibility, np.zeros(level.size), np.log(prior / prior.sum()))


@pytest.fixture(scope="module")
def moved() -> np.ndarray:
    return renewals(lattice(), PRIOR, LEVEL_CHANGE)


def test_a_renewal_is_a_person(after, moved) -> None:
    for each in (after, moved):
        assert_allclose(each.sum(axis=2), 1)
        assert np.all(each >= 0)


def test_a_renewed_level_is_nearby_and_leaves_the_susceptibilities(moved) -> None:
    """P(level after | before) ~ prior x N(before, level_change); each susceptibility as without a renewal of it."""
    points = lattice()
    grid = np.unique(points.level)
    for m in (0, 300, 728):
        after = moved[0, m]
        near = np.exp(-0.5 * ((grid + 1) ** 2 + ((grid - points.level[m]) / LEVEL_CHANGE) ** 2))
        share = np.array([after[points.level == level].sum() for level in grid])
        assert_allclose(share, near / near.sum(), rtol=1e-9)
        for kind in range(4):
            kept = np.abs(points.susceptibility[:, kind] - points.susceptibility[m, kind]) < 1e-9
            step = (RANGE[1] - RANGE[0]) / 2 / (KEPT_SUSCEPTIBILITY * (RANGE[1] - RANGE[0]))
            assert after[kept].sum() > 1 - 2.1 * np.exp(-0.5 * step**2)


@pytest.mark.parametrize("kind", range(4))
def test_a_renewed_susceptibility_may_be_any_and_leaves_the_others(moved, kind: int) -> None:
    points = lattice()
    for m in (0, 300, 728):
        after = moved[1 + kind, m]
        for value in np.unique(points.susceptibility):
            assert after[points.susceptibility[:, kind] == value].sum() == pytest.approx(1 / 3)
        for other in set(range(4)) - {kind}:
            assert_allclose(
                after @ points.susceptibility[:, other], moved[0, m] @ points.susceptibility[:, other], atol=1e-9
            )
        near = after @ np.abs(points.level - points.level[m])
        assert near < 0.1 < moved[0, m] @ np.abs(points.level - points.level[m])


@pytest.mark.parametrize("change", [LABEL, CONCEPT, EITHER])
def test_a_change_that_did_not_happen_changes_nothing(relive, made, histories, change: DetectedChange) -> None:
    own = histories.of(np.array([2]))
    result = relive(own, [on(change, own, 40)], 0.0)
    assert_allclose(forecasts(result), forecasts(made[2]), rtol=1e-9)
    assert_allclose(
        np.exp(result[0].filter_state.log_weight), np.exp(made[2][0].filter_state.log_weight), rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize("change", [LABEL, COVARIATE])
@pytest.mark.parametrize("day", [-100, -max(SPREAD) - 1, DAYS - min(SPREAD), DAYS + 50])
def test_changes_to_come_and_from_before_the_first_day_change_nothing(relive, made, histories, change, day) -> None:
    own = histories.of(np.array([1]))
    result = relive(own, [on(change, own, day)], 0.5)
    for ours, theirs in zip(
        (*result[0].filter_state, *result[1].forecasts), (*made[1][0].filter_state, *made[1][1].forecasts), strict=True
    ):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("day", [1, 5, 30, DAYS - 1, DAYS])
def test_every_evening_is_updated_wherever_a_change_is_dated(relive, made, histories, day: int) -> None:
    """Evenings before it, and what it does not touch, are as they were."""
    own = histories.of(np.array([3]))
    twins, replay = relive(own, [on(LABEL, own, day)], 0.3)
    assert twins.as_of == own.last
    assert replay.forecasts.probability.shape == (1, DAYS)
    before = max(0, day + min(SPREAD))
    assert_array_equal(replay.forecasts.probability[0, :before], forecasts(made[3])[:before])
    assert_allclose(replay.covariates.trigger, made[3][1].covariates.trigger, rtol=1e-9, atol=1e-12)
    assert_allclose(replay.channels.innovation, made[3][1].channels.innovation, rtol=1e-9, atol=1e-9)
    assert_array_equal(replay.evidence.diary, made[3][1].evidence.diary)


def test_changes_may_come_in_any_order(relive, histories) -> None:
    own = histories.of(np.array([4]))
    changes = [on(LABEL, own, 20), on(COVARIATE, own, 25), on(CONCEPT, own, 45)]
    ours, theirs = relive(own, changes, 0.3), relive(own, changes[::-1], 0.3)
    assert_allclose(forecasts(ours), forecasts(theirs), rtol=1e-9)


def test_a_change_of_exposure_makes_its_channel_uncertain_and_nothing_else(model, after, made) -> None:
    """After all of SPREAD, by the variance between persons."""
    twins = made[0][0]
    place = CHANNELS.index("stress_level")
    changed = twins
    for _ in SPREAD:
        changed = applied(model, after, changed, COVARIATE, 0.3)
    more = changed.beliefs.covariance - twins.beliefs.covariance
    expected = np.zeros_like(more)
    expected[:, place, place] = model.dynamics.between[place, place]
    assert_allclose(more, expected, atol=1e-12)
    assert_array_equal(changed.beliefs.mean, twins.beliefs.mean)
    for ours, theirs in zip(
        (*changed.filter_state, *changed.ledger), (*twins.filter_state, *twins.ledger), strict=True
    ):
        assert_array_equal(ours, theirs)


def test_a_change_of_the_hazard_leaves_the_channels(model, after, made) -> None:
    twins = made[0][0]
    changed = applied(model, after, twins, EITHER, 0.3)
    for ours, theirs in zip(changed.beliefs, twins.beliefs, strict=True):
        assert_array_equal(ours, theirs)
    assert_allclose(np.exp(changed.filter_state.log_weight).sum(axis=1), 1)
    weight, kernel = np.exp(twins.filter_state.log_weight), np.tensordot(np.array(EITHER.ways), after, axes=1)
    assert_allclose(np.exp(changed.filter_state.log_weight), 0.7 * weight + 0.3 * weight @ kernel, rtol=1e-9)


def test_telling_leaves_the_twin_before_as_it_was(model, after, made) -> None:
    twins = made[5][0]
    copies = StateBeliefs(*(part.copy() for part in twins.beliefs)), twins.filter_state.log_weight.copy()
    applied(model, after, twins, COVARIATE, 0.3)
    applied(model, after, twins, LABEL, 0.3)
    assert_array_equal(twins.beliefs.covariance, copies[0].covariance)
    assert_array_equal(twins.filter_state.log_weight, copies[1])


def loss(full, forecast) -> float:
    return float(-(full * np.log(forecast) + (1 - full) * np.log1p(-forecast)).mean())


@pytest.mark.parametrize(
    ("kind", "change", "size"), [("label", LABEL, 2.0), ("label", LABEL, -1.5), ("concept", CONCEPT, 0.52)]
)
def test_a_person_who_moved_on_is_learned_again(model, made, kind: str, change: DetectedChange, size: float) -> None:
    """100 persons known for 150 days, who then change: told of it, their next 40 days are forecast better.

    By more than four standard errors, and by more than those who are told and have not changed lose.
    """
    gains = {}
    for really in (kind, ""):
        days = persons(8, 100, 190, really, 150, size)
        points = Grid.of(PERSONAL, LEVEL_CHANGE, EFFECTS.trigger).points
        known, rest = days.between(0, 150), days.between(150, 190)
        _, filter_state = follow(points, EFFECTS, known.covariates, known.evidence)
        twins = replace(made[0][0], filter_state=filter_state)
        wise = applied(model, renewals(points, PRIOR, LEVEL_CHANGE), twins, change, 0.2)
        stubborn, adapted = (
            follow(points, EFFECTS, rest.covariates, rest.evidence, one.filter_state)[0].probability[:, :-1]
            for one in (twins, wise)
        )
        migraine = rest.evidence.events[:, 1:, 0]
        gains[really] = np.log(np.where(migraine, adapted / stubborn, (1 - adapted) / (1 - stubborn))).mean(axis=1)
    gain, lost = gains[kind], -gains[""]
    assert gain.mean() > 4 * gain.std() / 10
    assert gain.mean() > lost.mean()


@pytest.mark.parametrize("change", [LABEL, CONCEPT, COVARIATE])
def test_unchanged_patients_lose_little(relive, made, histories, lives_truth, settings, change: DetectedChange) -> None:
    """24 patients falsely told of day 40 lose at most a tenth of what they gain over climatology in the days after."""
    truth = lives_truth["truth.patient_days"].sort("patient_id", "date")
    full = truth["migraine_probability"].to_numpy().reshape(histories.count, DAYS)
    baseline, probability = climatology(histories), settings.twin.drift.change_probability
    cost, gain = [], []
    for i in range(histories.count):
        own, days = histories.of(np.array([i])), slice(40, DAYS - 1)
        adapted, as_is = forecasts(relive(own, [on(change, own, 40)], probability)), forecasts(made[i])
        cost.append(loss(full[i, 41:], adapted[days]) - loss(full[i, 41:], as_is[days]))
        gain.append(loss(full[i, 41:], baseline[i, 41:]) - loss(full[i, 41:], as_is[days]))
    assert np.mean(gain) > 0
    assert np.mean(cost) < 0.1 * np.mean(gain)


def test_renewals_take_each_way_of_a_change(model, after, made) -> None:
    """Ways of a concept change: each trigger's susceptibility has a place of its own."""
    twins, spread = made[6][0], []
    points = Personal(model.personal.levels, model.personal.susceptibility).points(POINTS)
    for kind in range(len(TRIGGER_NAMES)):
        ways = tuple(float(place == 1 + kind) for place in range(5))
        weight = np.exp(applied(model, after, twins, replace(CONCEPT, ways=ways), 1.0).filter_state.log_weight[0])
        mean = weight @ points.susceptibility
        spread.append(weight @ (points.susceptibility - mean) ** 2)
    assert np.all(np.argmax(spread, axis=0) == np.arange(4))
