from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from migraine_platform.aline.network.heads import Posterior


def mixture(seed: int, batch: int = 5, numbers: int = 2, components: int = 3) -> Posterior:
    generator = torch.Generator().manual_seed(seed)
    weight, mean, log_sd = (torch.randn(batch, numbers, components, generator=generator).double() for _ in range(3))
    return Posterior(torch.log_softmax(weight, -1), mean, log_sd, torch.randn(batch, 1, generator=generator).double())


@given(seed=st.integers(0, 10_000))
def test_density_cdf_and_moments_are_those_of_a_mixture(seed: int) -> None:
    posterior = mixture(seed)
    value = torch.randn(5, 2, generator=torch.Generator().manual_seed(seed + 1)).double()
    parts = stats.norm(posterior.mean.numpy(), posterior.log_sd.exp().numpy())
    weight = posterior.log_weight.exp().numpy()
    at = value.numpy()[..., None]
    truth = torch.cat([value, torch.full((5, 1), 0.3).double()], 1)
    np.testing.assert_allclose(posterior.log_score(truth)[:, :2], np.log((weight * parts.pdf(at)).sum(-1)), atol=1e-9)
    np.testing.assert_allclose(posterior.cdf(value), (weight * parts.cdf(at)).sum(-1), atol=1e-9)
    mean, sd = posterior.moments()
    np.testing.assert_allclose(mean, (weight * parts.mean()).sum(-1), atol=1e-9)
    second = (weight * (parts.var() + parts.mean() ** 2)).sum(-1)
    np.testing.assert_allclose(sd, np.sqrt(second - mean.numpy() ** 2), atol=1e-9)


@given(seed=st.integers(0, 10_000), share=st.floats(0.01, 0.99))
def test_quantiles_invert_the_cdf(seed: int, share: float) -> None:
    posterior = mixture(seed)
    np.testing.assert_allclose(posterior.cdf(posterior.quantile(share)), share, atol=1e-6)


@given(p=st.floats(0.01, 0.99))
def test_a_chance_is_scored_in_expectation(p: float) -> None:
    posterior = mixture(3)
    truth = torch.cat([torch.zeros(5, 2).double(), torch.full((5, 1), p, dtype=torch.float64)], 1)
    q = posterior.chance()[:, 0]
    np.testing.assert_allclose(posterior.log_score(truth)[:, 2], p * q.log() + (1 - p) * (1 - q).log(), atol=1e-9)


def test_spread_is_the_entropy_of_a_normal_and_of_a_coin() -> None:
    log_weight = torch.zeros(1, 1, 1).double()
    posterior = Posterior(log_weight, log_weight + 2, log_weight + 0.7, torch.zeros(1, 1).double())
    expected = [stats.norm(2, np.exp(0.7)).entropy(), np.log(2)]
    np.testing.assert_allclose(posterior.spread()[0], expected, atol=1e-9)
