from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from migraine_platform.simulator.random.normal import fast_normal_quantile, normal_quantile


@given(st.floats(1e-300, 1 - 1e-16))
def test_quantiles_agree_with_scipy(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(float(ndtri(p)), rel=2e-14, abs=1e-14)


@pytest.mark.parametrize("p", [0.075, 0.925, np.exp(-25.0), 1 - 2.0**-53, 2.0**-54])
def test_the_pieces_meet(p: float) -> None:
    near = [normal_quantile(float(np.nextafter(p, 0))), normal_quantile(p)]
    assert near == pytest.approx([float(ndtri(np.nextafter(p, 0))), float(ndtri(p))], rel=2e-14)


@given(st.floats(2.0**-33, 1 - 2.0**-33))
def test_fast_quantiles_agree_to_four_digits(p: float) -> None:
    assert fast_normal_quantile(p) == pytest.approx(normal_quantile(p), abs=1e-4)
