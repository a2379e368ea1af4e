from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.research.pooling import PoolingError, pooled


def test_pooling_follows_rubins_rules() -> None:
    """By hand: estimates 1, 2, 3 with variances 0.5, 0.6, 0.7 have within 0.6, between 1, total 0.6 + 4/3."""
    one = pooled(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.6, 0.7]))
    assert_allclose(one.estimate, 2.0)
    assert_allclose(one.variance, 0.6 + 4 / 3)
    assert_allclose(one.freedom, 2 * (1 + 0.6 / (4 / 3)) ** 2)
    agreed = pooled(np.ones((2, 3)), np.full((2, 3), 0.5))
    assert_array_equal(agreed.freedom, np.inf)
    assert_allclose(agreed.variance, 0.5)


@pytest.mark.parametrize("shapes", [((1,), (1,)), ((2,), (3,)), ((), ())])
def test_too_few_estimates_or_other_shapes_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(PoolingError, match="expected the same, of two or more"):
        pooled(*(np.ones(shape) for shape in shapes))
