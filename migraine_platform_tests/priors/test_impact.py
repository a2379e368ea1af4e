from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from migraine_platform.priors.distributions import direction
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.priors.normalizer import Normalizer
from migraine_platform_tests.priors.test_families import EXAMPLE

PATTERNS = st.lists(st.integers(1, 10), min_size=10, max_size=10).map(tuple)


@given(PATTERNS)
def test_the_clinicians_scores_stand_at_the_bins_centres(pattern: tuple[int, ...]) -> None:
    scorer = ImpactScorer([replace(EXAMPLE, impact_pattern=pattern)])
    centres = np.arange(10) + 0.5
    assert_allclose(scorer.score(centres[:, None])[:, 0], pattern, atol=1e-12)


@given(PATTERNS, st.floats(0.5, 9.49))
def test_between_centres_a_score_stays_between_its_neighbours(pattern: tuple[int, ...], value: float) -> None:
    scorer = ImpactScorer([replace(EXAMPLE, impact_pattern=pattern)])
    left = int(value - 0.5)
    low, high = sorted(pattern[left : left + 2])
    assert low - 1e-9 <= scorer.score([[value]])[0, 0] <= high + 1e-9


@given(PATTERNS, st.floats(-5, 15))
def test_the_scorer_is_smooth_everywhere(pattern: tuple[int, ...], value: float) -> None:
    """The stated slope agrees with a central difference, outside of the range too."""
    scorer = ImpactScorer([replace(EXAMPLE, impact_pattern=pattern)])
    h = 1e-5
    difference = (scorer.score([[value + h]]) - scorer.score([[value - h]]))[0, 0] / (2 * h)
    assert abs(difference - scorer.slope([[value]])[0, 0]) < 1e-2


@given(PATTERNS, st.floats(-1e6, 1e6))
def test_centred_inputs_lie_in_minus_one_to_one(pattern: tuple[int, ...], value: float) -> None:
    centred = ImpactScorer([replace(EXAMPLE, impact_pattern=pattern)]).centred([[value]])[0, 0]
    assert -1 - 1e-9 <= centred <= 1 + 1e-9


def test_directions_follow_the_pattern() -> None:
    def of(*pattern: int) -> int:
        return direction(replace(EXAMPLE, mean=5.0, impact_pattern=pattern))

    assert of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) == 1
    assert of(10, 9, 8, 7, 6, 5, 4, 3, 2, 1) == -1
    assert of(9, 7, 5, 3, 1, 1, 3, 5, 7, 9) == 0
    assert of(5, 5, 5, 5, 5, 5, 5, 5, 5, 5) == 0


@given(hnp.arrays(np.float64, (7, 60), elements=st.floats(-1e4, 1e4)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_normalising_is_inverted_exactly_to_float_precision(features, values: np.ndarray) -> None:
    normalizer, values = Normalizer.of(features), values[:, : len(features)]
    back = normalizer.denormalise(normalizer.normalise(values))
    scale = np.maximum(np.abs(values), np.array(normalizer.range_high))
    assert np.all(np.abs(back - values) <= 16 * np.finfo(float).eps * np.maximum(scale, 1))


def test_the_typical_range_lies_where_the_clinician_puts_it() -> None:
    normalizer = Normalizer.of([replace(EXAMPLE, normalized_low=2.0, normalized_high=8.0)])
    assert_allclose(normalizer.normalise([[0.0], [5.0], [10.0]])[:, 0], [2.0, 5.0, 8.0])
