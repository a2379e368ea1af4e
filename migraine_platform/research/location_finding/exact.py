"""The exact posterior of one source, and how much an episode told, to any precision.

    posterior    p(theta | D) on a 64 x 64 grid that zooms in, four rounds, to the mean +- 6 standard deviations
    gain         KL[p(theta | D) || U[0, 1]^2], in nats
    sPCE         log p(y | theta_0) - log [ (1 / (L + 1)) sum_l p(y | theta_l) ],  theta_l ~ prior, l = 0 the true one

Belongs here: the yardsticks. Does not: anything learned, nor the quick belief that the network looks at (beliefs.py).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from migraine_platform.compiled import njit
from migraine_platform.research.location_finding.signal import NOISE, signal

Floats = NDArray[np.float64]

GRID, ROUNDS = 64, 4
KEPT_SD = 6.0
"""How far a zoomed grid reaches beyond the posterior's mean, in standard deviations."""

NEGLIGIBLE = 60.0
"""Nats by which a contrast may trail the best before the rest of its likelihood no longer matters."""


class ExactPosterior(NamedTuple):
    """A posterior on an axis-parallel grid of GRID x GRID cells, per episode."""

    low: Floats
    """[B, 2] corner of the grid."""
    high: Floats
    log_evidence: Floats
    """[B] log integral of the likelihood over the square."""
    gain: Floats
    """[B] nats gained over the uniform prior."""
    weight: Floats
    """[B, GRID, GRID] probability of each cell."""

    def points(self) -> Floats:
        """[B, GRID, GRID, 2] middles of the cells."""
        middle = (np.arange(GRID) + 0.5) / GRID
        cells = np.stack(np.meshgrid(middle, middle, indexing="ij"), -1)
        return np.asarray(self.low[:, None, None] + (self.high - self.low)[:, None, None] * cells)

    def log_density(self) -> Floats:
        """[B, GRID, GRID] log of the density at the middles."""
        area = (self.high - self.low).prod(1) / GRID**2
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weight) - np.log(area)[:, None, None])


def exact_posterior(x: Floats, y: Floats) -> ExactPosterior:
    """Posteriors given queries [B, n, 2] and signals [B, n]."""
    size = len(x)
    low, high = np.empty((size, 2)), np.empty((size, 2))
    log_evidence, gain = np.empty(size), np.empty(size)
    weight = np.empty((size, GRID, GRID))
    for row in range(size):
        log_evidence[row], gain[row] = _zoom(x[row], y[row], low[row], high[row], weight[row])
    return ExactPosterior(low, high, log_evidence, gain, weight)


def log_likelihood(x: Floats, y: Floats, theta: Floats) -> Floats:
    """[B, G] log p(y | theta) of points theta [B, G, 2], up to a constant."""
    expected = signal(((x[:, None] - theta[:, :, None]) ** 2).sum(-1))
    return np.asarray(-0.5 * (((y[:, None] - expected) / NOISE) ** 2).sum(-1))


def log_posterior(x: Floats, y: Floats, theta: Floats) -> Floats:
    """[B] exact log-density of the posterior at points theta [B, 2], per unit area of the square."""
    return np.asarray(log_likelihood(x, y, theta[:, None])[:, 0] - exact_posterior(x, y).log_evidence)


def spce(x: Floats, y: Floats, theta: Floats, contrasts: int, seed: int) -> Floats:
    """[B] sequential prior contrastive estimate, a lower bound of the information in expectation.

    Contrasts are drawn once and shared by the batch; at most log(contrasts + 1).
    """
    others = np.random.default_rng(seed).random((contrasts, 2))
    own = log_likelihood(x, y, theta[:, None])[:, 0]
    total = np.array([_log_sum(x[row], y[row], others, own[row]) for row in range(len(x))])
    return np.asarray(own - total + math.log(contrasts + 1))


@njit(cache=True, fastmath=True)
def _zoom(x: Floats, y: Floats, low: Floats, high: Floats, weight: Floats) -> tuple[float, float]:
    low[:], high[:] = 0.0, 1.0
    log_evidence, gain = 0.0, 0.0
    for round_ in range(ROUNDS):
        width, height = (high[0] - low[0]) / GRID, (high[1] - low[1]) / GRID
        best = -1e300
        for i in range(GRID):
            a = low[0] + (i + 0.5) * width
            for j in range(GRID):
                b = low[1] + (j + 0.5) * height
                total = 0.0
                for k in range(len(y)):
                    off = y[k] - signal((x[k, 0] - a) ** 2 + (x[k, 1] - b) ** 2)
                    total -= off * off
                weight[i, j] = total / (2 * NOISE * NOISE)
                best = max(best, weight[i, j])
        total = 0.0
        for i in range(GRID):
            for j in range(GRID):
                weight[i, j] = np.exp(weight[i, j] - best)
                total += weight[i, j]
        log_evidence = best + np.log(total * width * height)
        gain = 0.0
        mean_a, mean_b, square_a, square_b = 0.0, 0.0, 0.0, 0.0
        for i in range(GRID):
            a = low[0] + (i + 0.5) * width
            for j in range(GRID):
                b = low[1] + (j + 0.5) * height
                w = weight[i, j] / total
                weight[i, j] = w
                if w > 0:
                    gain += w * np.log(w / (width * height))
                mean_a += w * a
                mean_b += w * b
                square_a += w * a * a
                square_b += w * b * b
        if round_ < ROUNDS - 1:
            reach_a = KEPT_SD * (np.sqrt(max(square_a - mean_a**2, 0.0)) + width)
            reach_b = KEPT_SD * (np.sqrt(max(square_b - mean_b**2, 0.0)) + height)
            low[0], high[0] = max(mean_a - reach_a, 0.0), min(mean_a + reach_a, 1.0)
            low[1], high[1] = max(mean_b - reach_b, 0.0), min(mean_b + reach_b, 1.0)
    return log_evidence, gain


@njit(cache=True, fastmath=True)
def _log_sum(x: Floats, y: Floats, others: Floats, own: float) -> float:
    """Log of the summed likelihoods of the true source and of the others; the last answers, the sharpest, first."""
    best, total = own, 1.0
    for other in range(len(others)):
        a, b = others[other, 0], others[other, 1]
        value = 0.0
        for k in range(len(y) - 1, -1, -1):
            off = y[k] - signal((x[k, 0] - a) ** 2 + (x[k, 1] - b) ** 2)
            value -= off * off / (2 * NOISE * NOISE)
            if value < best - NEGLIGIBLE:
                break
        else:
            if value > best:
                total = total * np.exp(best - value) + 1.0
                best = value
            else:
                total += np.exp(value - best)
    return float(best + np.log(total))
