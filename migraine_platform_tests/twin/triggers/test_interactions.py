from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.stats import binom

from migraine_platform.twin.triggers.causal import TRIGGER_NODES
from migraine_platform.twin.triggers.interactions import (
    InteractionError,
    Interactions,
    _fit,
    _rows,
    interactions,
    pairs_of,
)

PAIRS = pairs_of(TRIGGER_NODES)
SHARES = np.array([0.14, 0.20, 0.12, 0.35])
"""Of days with the trigger, as the simulator's."""
LEVEL = 0.9
FALSE_ALARM = 1e-3
NONE = np.zeros(len(PAIRS))
FIRST, SECOND = np.array([[TRIGGER_NODES.index(name) for name in pair] for pair in PAIRS]).T


class Days(NamedTuple):
    outcome: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    offset: NDArray[np.float64]
    triggers: NDArray[np.bool_]
    seen: NDArray[np.bool_]


def plant(
    rng: np.random.Generator, persons: int, days: int, mean: NDArray[np.float64], between: float
) -> tuple[Days, NDArray[np.float64]]:
    """Days with known interactions, and each person's own [P, 6]."""
    triggers = rng.random((persons, days, 4)) < SHARES
    offset = rng.normal(-1.3, 0.8, (persons, 1)) + triggers @ np.array([0.5, 0.6, 0.5, 0.4])
    own = mean + between * rng.normal(size=(persons, len(PAIRS)))
    both = (triggers[..., FIRST] & triggers[..., SECOND]).astype(float)
    logit = offset + np.einsum("pkj,pj->pk", both, own)
    seen = np.ones_like(triggers)
    return Days(rng.random(logit.shape) < 1 / (1 + np.exp(-logit)), seen[..., 0], offset, triggers, seen), own


@pytest.fixture(scope="module")
def without() -> list[Interactions]:
    rng = np.random.default_rng(1)
    return [interactions(*plant(rng, 100, 120, NONE, 0.0)[0]) for _ in range(25)]


@pytest.fixture(scope="module")
def planted() -> tuple[Interactions, Days, NDArray[np.float64]]:
    """Short nights and stress together do more: by 0.8 log-odds on average, and persons differ."""
    mean = np.where([pair == ("trigger_sleep", "trigger_stress") for pair in PAIRS], 0.8, 0.0)
    days, own = plant(np.random.default_rng(2), 500, 150, mean, 0.4)
    return interactions(*days), days, own


def test_without_interactions_at_most_the_stated_share_is_found(without) -> None:
    """150 intervals of 90 % without an effect: more finds than one in ten gives once in 1,000 times is a failure."""
    found = sum(int(((low > 0) | (high < 0)).sum()) for low, high in (fit.interval(LEVEL) for fit in without))
    assert found <= binom.ppf(1 - FALSE_ALARM, 25 * len(PAIRS), 1 - LEVEL)


def test_without_interactions_persons_are_told_of_none(without) -> None:
    found = sum(int(((low > 0) | (high < 0)).sum()) for low, high in (fit.personal_interval(LEVEL) for fit in without))
    assert found <= (1 - LEVEL) * 25 * 100 * len(PAIRS)


def test_without_interactions_both_spreads_are_next_to_nothing(without) -> None:
    """Medians over 25 cohorts, on the scale of triggers of half a log-odds and more."""
    assert np.median([fit.between_pairs for fit in without]) <= 0.05
    assert np.median([fit.between_persons for fit in without]) <= 0.1


def test_a_planted_interaction_is_found_and_no_other(planted) -> None:
    """The others at 99.9 %: five false chances of one in 1,000."""
    fit = planted[0]
    place = PAIRS.index(("trigger_sleep", "trigger_stress"))
    low, high = fit.interval(0.999)
    assert low[place] > 0
    assert fit.probability_positive()[place] > 0.9995
    others = np.arange(len(PAIRS)) != place
    assert np.all((low < 0) & (high > 0) | ~others)
    assert 0.2 <= fit.between_persons <= 0.6


def test_ninety_in_a_hundred_intervals_hold_the_populations_interaction() -> None:
    """Means drawn from the prior; one pair of each of 60 cohorts, so that the trials are independent."""
    rng, runs = np.random.default_rng(3), 60
    hits = 0
    for run in range(runs):
        mean = rng.normal(0, 0.4, len(PAIRS))
        low, high = interactions(*plant(rng, 60, 120, mean, 0.2)[0]).interval(LEVEL)
        hits += bool(low[run % len(PAIRS)] <= mean[run % len(PAIRS)] <= high[run % len(PAIRS)])
    assert hits >= binom.ppf(FALSE_ALARM, runs, LEVEL)


def test_persons_are_shrunk_to_the_population_and_know_themselves_better_than_it_does(planted) -> None:
    fit, _, own = planted
    shrunk = np.mean((fit.personal_mean - own) ** 2, axis=0)
    assert np.all(shrunk < np.mean((fit.mean - own) ** 2, axis=0))
    assert np.all(fit.personal_mean.std(axis=0) < own.std(axis=0))


def test_a_person_without_a_day_is_told_the_populations(planted) -> None:
    fit, days, _ = planted
    usable = days.usable.copy()
    usable[0] = False
    found = interactions(*days._replace(usable=usable))
    assert_allclose(found.personal_mean[0], found.mean, atol=1e-6)
    assert np.all(found.personal_sd[0] > fit.personal_sd[0])
    assert found.days[0].sum() == 0


def test_a_day_counts_if_its_products_are_known() -> None:
    """One trigger unknown: its product is known to be zero beside a trigger that was not there, else the day is out."""
    triggers = np.array([[[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 1], [1, 0, 0, 0]]], dtype=np.bool_)
    seen = np.ones_like(triggers)
    seen[0, 1, 3] = False  # diet unknown, beside weather and sleep that were there
    every = np.ones((1, 4), dtype=np.bool_)
    rows, days = _rows(every, every, np.zeros((1, 4)), triggers, seen)
    assert rows.x.shape == (1, 2, 6)
    assert days[0].tolist() == [2, 0, 1, 0, 1, 0]


def test_the_mode_is_where_the_joint_density_is_flat() -> None:
    """Against scipy's minimiser on the same density, of three persons."""
    from scipy.optimize import minimize

    days, _ = plant(np.random.default_rng(4), 3, 200, NONE + 0.5, 0.5)
    rows, _ = _rows(*days)

    def negative(flat: NDArray[np.float64]) -> float:
        m, d = flat[:6], flat[6:].reshape(3, 6)
        logit = rows.offset + np.einsum("prj,pj->pr", rows.x, m + d)
        height = ((rows.y * logit - np.logaddexp(0, logit)) * rows.x.any(axis=2)).sum()
        return float(-height + 0.5 * (m**2).sum() / 0.5**2 + 0.5 * (d**2).sum() / 0.3**2)

    found = _fit(rows, 0.5, 0.3, np.zeros(6), np.zeros((3, 6)))
    best = minimize(negative, np.zeros(24), tol=1e-10)
    assert_allclose(np.concatenate([found.m, found.d.ravel()]), best.x, atol=1e-4)


def test_the_evidence_of_one_pair_agrees_with_quadrature() -> None:
    """One person with one kind of product: the two normals add up, and the integral is a plain sum over a grid."""
    rng = np.random.default_rng(5)
    triggers = np.zeros((1, 60, 4), dtype=np.bool_)
    triggers[0, :, :2] = True
    every = np.ones((1, 60), dtype=np.bool_)
    rows, _ = _rows(rng.random((1, 60)) < 0.5, every, np.full((1, 60), -0.3), triggers, np.ones_like(triggers))
    effects = np.linspace(-3, 3, 2001)
    logit = -0.3 + effects[:, None]
    density = np.exp((rows.y * logit - np.logaddexp(0, logit)).sum(axis=1) - 0.5 * effects**2 / 0.5**2)
    exact = np.log(density.sum() * (effects[1] - effects[0]) / (0.5 * np.sqrt(2 * np.pi)))
    found = _fit(rows, 0.4, 0.3, np.zeros(6), np.zeros((1, 6)))
    assert found.evidence == pytest.approx(exact, abs=0.01)  # Laplace's error is of order 1 / days


def test_shapes_and_offsets_that_do_not_fit_are_refused() -> None:
    days, _ = plant(np.random.default_rng(6), 2, 30, NONE, 0.0)
    with pytest.raises(InteractionError, match=r"expected \(2, 30\)"):
        interactions(*days._replace(triggers=days.triggers[..., :3]))
    with pytest.raises(InteractionError, match="expected the same days"):
        interactions(*days._replace(offset=days.offset[:, 1:]))
    with pytest.raises(InteractionError, match="no finite offset"):
        interactions(*days._replace(offset=np.full((2, 30), np.nan)))
