"""Simulation-based calibration: a stated posterior is right if truths fall anywhere in it equally often.

    rank_k = q(theta_k < truth | D),   theta ~ p(theta), D ~ p(D | theta)   =>   rank_k ~ U[0, 1]

Belongs here: ranks and what they say, for marginals that have a distribution function.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.stats import chisquare
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior

BINS = 20
CREDIBLE = 0.90
"""Share of truths that stated intervals are to hold."""


@dataclass(frozen=True)
class PosteriorCalibration:
    """How true the stated posteriors of M numbers are."""

    names: tuple[str, ...]
    ranks: Tensor
    """[B, M]"""
    share: Tensor
    """[M] of truths within the central CREDIBLE interval."""
    p_value: list[float]
    """[M] of the hypothesis that ranks are uniform."""

    @classmethod
    def of(cls, names: tuple[str, ...], posterior: Posterior, truth: Tensor) -> PosteriorCalibration:
        """Hold stated marginals against the truths of targets of these names.

        Args:
            truth: [B, K]
        """
        found = ranks(posterior, truth)
        return cls(names[: found.shape[1]], found, coverage(found, CREDIBLE), uniformity(found))


def ranks(posterior: Posterior, truth: Tensor) -> Tensor:
    """[B, M] where the true numbers lie in their posteriors, 0 to 1.

    Args:
        truth: [B, K], the M numbers first.
    """
    return posterior.cdf(truth[:, : posterior.mean.shape[1]])


def rank_counts(ranks: Tensor, bins: int = BINS) -> Tensor:
    """[M, bins] histograms of ranks [B, M]."""
    place = (ranks * bins).long().clamp(0, bins - 1)
    return torch.stack([torch.bincount(column, minlength=bins) for column in place.unbind(1)])


def uniformity(ranks: Tensor, bins: int = BINS) -> list[float]:
    """[M] p-values of chi-square tests that ranks [B, M] are uniform."""
    return [float(chisquare(counts.numpy()).pvalue) for counts in rank_counts(ranks, bins)]


def coverage(ranks: Tensor, share: float) -> Tensor:
    """[M] how often the truth lies in the central interval of that share.

    Args:
        ranks: [B, M] of truths in their posteriors, from 0 to 1.
    """
    return ((ranks - 0.5).abs() <= share / 2).double().mean(0)
