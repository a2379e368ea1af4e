from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import truncnorm

from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGER_NAMES
from migraine_platform.twin.hazard.hypotheses import FilterState, Points, initial_filter_state
from migraine_platform.twin.triggers import causal
from migraine_platform.twin.triggers.causal import Edge
from migraine_platform.twin.triggers.sensitivity import STRONG, sensitivities
from migraine_platform_tests.twin.modelled import effects_of

EFFECTS = effects_of()
RANGE = (0.1, 1.0)


def points_of(rng: np.random.Generator, count: int) -> Points:
    """A population in which every susceptibility is equally likely."""
    return Points(
        rng.normal(-2, 1, count),
        rng.uniform(*RANGE, (count, TRIGGER_COUNT)),
        np.zeros(count),
        np.full(count, -np.log(count)),
    )


def standing_of(points: Points, weight: np.ndarray) -> FilterState:
    """Patients who have weighed the hypotheses so."""
    share = np.atleast_2d(weight) / np.atleast_2d(weight).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return initial_filter_state(points, EFFECTS, len(share))._replace(log_weight=np.log(share))


def test_a_person_without_records_has_the_populations_effects() -> None:
    points = points_of(np.random.default_rng(1), 512)
    found = sensitivities(points, EFFECTS, initial_filter_state(points, EFFECTS, 3))
    effect = points.susceptibility * EFFECTS.trigger
    assert_allclose(found.mean, np.tile(effect.mean(axis=0), (3, 1)))
    assert_allclose(found.confidence, 0, atol=1e-9)
    assert_allclose(found.lower, np.tile(np.quantile(effect, 0.05, axis=0, method="hazen"), (3, 1)))
    assert_allclose(found.upper, np.tile(np.quantile(effect, 0.95, axis=0, method="hazen"), (3, 1)))
    assert_allclose(found.strong, np.tile((points.susceptibility > STRONG).mean(axis=0), (3, 1)))


def test_moments_are_those_of_the_weighted_hypotheses() -> None:
    rng = np.random.default_rng(2)
    points = points_of(rng, 64)
    weight = rng.dirichlet(np.full(64, 0.5), 5)
    found = sensitivities(points, EFFECTS, standing_of(points, weight))
    for i in range(5):
        for k in range(TRIGGER_COUNT):
            effect = EFFECTS.trigger[k] * points.susceptibility[:, k]
            mean = np.average(effect, weights=weight[i])
            variance = np.average((effect - mean) ** 2, weights=weight[i])
            assert_allclose(found.mean[i, k], mean)
            assert_allclose(found.confidence[i, k], max(0.0, 1 - variance / effect.var()), atol=1e-9)
            assert_allclose(found.strong[i, k], weight[i][points.susceptibility[:, k] > STRONG].sum())
    assert_allclose(found.positive, 1)


def test_intervals_are_those_of_a_posterior_in_closed_form() -> None:
    """A susceptibility found to be 0.6 +- 0.1; points so dense that two of them are 0.0005 apart."""
    s = np.linspace(*RANGE, 2001)
    points = Points(np.zeros(2001), np.tile(s[:, None], TRIGGER_COUNT), np.zeros(2001), np.full(2001, -np.log(2001)))
    posterior = truncnorm((RANGE[0] - 0.6) / 0.1, (RANGE[1] - 0.6) / 0.1, 0.6, 0.1)
    found = sensitivities(points, EFFECTS, standing_of(points, posterior.pdf(s)))
    for k in range(TRIGGER_COUNT):
        apart = 0.0005 * EFFECTS.trigger[k]
        assert_allclose(found.mean[0, k], EFFECTS.trigger[k] * posterior.mean(), atol=apart)
        assert_allclose(found.lower[0, k], EFFECTS.trigger[k] * posterior.ppf(0.05), atol=apart)
        assert_allclose(found.upper[0, k], EFFECTS.trigger[k] * posterior.ppf(0.95), atol=apart)
        assert_allclose(found.strong[0, k], posterior.sf(STRONG), atol=0.0005 * posterior.pdf(STRONG))
        assert_allclose(found.confidence[0, k], 1 - posterior.var() / s.var(), atol=1e-3)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 20))
def test_ends_are_ordered_and_shares_are_shares(seed: int, concentration: float) -> None:
    rng = np.random.default_rng(seed)
    points = points_of(rng, 64)
    found = sensitivities(points, EFFECTS, standing_of(points, rng.gamma(concentration, size=(3, 64)) + 1e-300))
    effect = points.susceptibility * EFFECTS.trigger
    assert np.all(found.lower <= found.upper)
    assert np.all((found.lower >= effect.min(axis=0)) & (found.upper <= effect.max(axis=0)))
    for share in (found.positive, found.strong, found.confidence):
        assert np.all((share >= 0) & (share <= 1))


def test_a_certain_person_is_told_with_all_confidence() -> None:
    """All weight on one hypothesis; the ends reach into the gaps to the next ones, as points are all that is there."""
    points = points_of(np.random.default_rng(3), 256)
    weight = np.zeros(256)
    weight[7] = 1.0
    found = sensitivities(points, EFFECTS, standing_of(points, weight))
    assert_allclose(found.mean[0], points.susceptibility[7] * EFFECTS.trigger)
    assert_allclose(found.confidence, 1, atol=1e-9)
    assert np.all((found.lower <= found.mean) & (found.mean <= found.upper))


def test_a_trigger_without_an_effect_raises_nothing_and_teaches_nothing() -> None:
    """The population's diaries may give a trigger no effect at all; then there is nothing to be learned of a person."""
    rng = np.random.default_rng(4)
    points = points_of(rng, 64)
    effects = EFFECTS._replace(trigger=np.array([0.0, 1.0, 1.0, 0.0]))
    found = sensitivities(points, effects, standing_of(points, rng.dirichlet(np.full(64, 0.2), 3)))
    for k in (0, 3):
        assert_allclose(found.positive[:, k], 0)
        assert_allclose(found.confidence[:, k], 0)
        assert_allclose([found.mean[:, k], found.lower[:, k], found.upper[:, k]], 0)


def test_rows_are_patient_by_patient_and_trigger_by_trigger() -> None:
    rng = np.random.default_rng(5)
    points = points_of(rng, 64)
    found = sensitivities(points, EFFECTS, standing_of(points, rng.dirichlet(np.ones(64), 2)))
    frame = found.to_frame(("P0001", "P0002"))
    assert frame.select("patient_id", "trigger").rows() == [(p, t) for p in ("P0001", "P0002") for t in TRIGGER_NAMES]
    row = frame.row(5, named=True)
    assert row["mean"] == pytest.approx(found.mean[1, 1])
    assert row["probability_strong"] == pytest.approx(found.strong[1, 1])


def test_a_figure_that_is_no_effect_is_not_told(monkeypatch) -> None:
    """Something that nobody recorded sets both the pressure and the attacks: what the model holds does not help."""
    points = points_of(np.random.default_rng(9), 64)
    found = sensitivities(points, EFFECTS, initial_filter_state(points, EFFECTS, 1))
    assert found.to_frame(("P0001",))["effect"].to_list() == ["direct"] * 4
    hidden = [Edge("hazard_drift", "trigger_weather", "planted")]
    monkeypatch.setattr(causal, "EDGES", (*causal.EDGES, *hidden))
    assert "weather" not in set(found.to_frame(("P0001",))["trigger"])
