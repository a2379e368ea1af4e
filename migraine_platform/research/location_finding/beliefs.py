"""Beliefs: where the source may be, as seen from where it probably is.

A belief is the exact posterior at the points of a small grid, in a frame of its own: axes along the posterior's
principal axes, lengths in its standard deviations, each axis turned so that the skewness is positive. Two data sets
that differ by a shift, a rotation or a reflection look alike there, whatever their scale.

    1. rings about the strongest signal, a fixed number of levels up and down from it: all that can hold the source
    2. mean and covariance of those points make a frame; a coarse grid in it gives better ones, until they agree
    3. a fine grid in the last frame: 20 x 20 over +- 4 standard deviations

Belongs here: inference by the known likelihood, about 1,000 evaluations at most times. Does not:
anything learned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from migraine_platform.compiled import njit
from migraine_platform.research.location_finding.signal import NOISE, signal, square_at

Floats = NDArray[np.float64]

GRID, COARSE = 20, 12
REACH = 4.0
"""Standard deviations that a frame covers to each side."""

ANGLES, LEVELS = 24, 14
UP, DOWN = 2.0, 2.5
"""Levels of the rings, above and below the strongest signal; more below, for noise helped to make it the strongest."""

HIGHEST = float(signal(0.0))
ZOOMS = 8
AGREED = 0.75
"""A frame is kept when the standard deviations found in it are at least this share of its own, at most 1 over it."""

SMALLEST_SD = 1e-5


class SourceBeliefs(NamedTuple):
    """B beliefs."""

    weight: Floats
    """[B, GRID * GRID] probability of each point, in the frame's order."""
    mean: Floats
    """[B, 2] middle of the frame."""
    axes: Floats
    """[B, 2, 2] its axes in its rows, as long as the standard deviations; the longer first."""

    def points(self) -> Floats:
        """[B, GRID * GRID, 2] where the source may be."""
        return np.asarray(self.mean[:, None] + frame_points() @ self.axes)

    def take(self, rows: NDArray[np.int64] | slice) -> SourceBeliefs:
        """Some of the batch.

        Args:
            rows: [N] places of those wanted.
        """
        return SourceBeliefs(self.weight[rows], self.mean[rows], self.axes[rows])


def frame_points() -> Floats:
    """[GRID * GRID, 2] points of every frame, in its own units."""
    side = REACH * ((np.arange(GRID) + 0.5) * 2 / GRID - 1)
    return np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)


def believe(x: Floats, y: Floats) -> SourceBeliefs:
    """Beliefs after queries [B, n, 2] and signals [B, n], n >= 1."""
    size = len(x)
    weight, mean, axes = np.empty((size, GRID * GRID)), np.empty((size, 2)), np.empty((size, 2, 2))
    _believe(np.ascontiguousarray(x), np.ascontiguousarray(y), weight, mean, axes)
    return SourceBeliefs(weight, mean, axes)


@njit(cache=True, fastmath=True)
def _believe(x: Floats, y: Floats, weight: Floats, mean: Floats, axes: Floats) -> None:
    rings, ring_points = np.empty(ANGLES * LEVELS), np.empty((ANGLES * LEVELS, 2))
    coarse, coarse_points = np.empty(COARSE * COARSE), np.empty((COARSE * COARSE, 2))
    points = np.empty((GRID * GRID, 2))
    for row in range(len(x)):
        if _rings(x[row], y[row], rings, ring_points):
            a, b, aa, ab, bb = _moments(rings, ring_points)
        else:  # so weak a signal that every ring lies outside the square
            a, b, aa, ab, bb = 0.5, 0.5, 1 / 12, 0.0, 1 / 12
        mean[row, 0], mean[row, 1] = a, b
        _principal(aa, ab, bb, axes[row])
        for _ in range(ZOOMS):
            _on_grid(x[row], y[row], mean[row], axes[row], COARSE, coarse, coarse_points)
            a, b, aa, ab, bb = _moments(coarse, coarse_points)
            cell = (2 * REACH / COARSE) ** 2 / 12
            for axis in range(2):  # a cell's own width counts, lest one that holds all the mass pass for a point
                u, v = axes[row, axis, 0], axes[row, axis, 1]
                aa, ab, bb = aa + cell * u * u, ab + cell * u * v, bb + cell * v * v
            before_long, before_short = _lengths(axes[row])
            moved = np.hypot(a - mean[row, 0], b - mean[row, 1])
            mean[row, 0], mean[row, 1] = a, b
            _principal(aa, ab, bb, axes[row])
            after_long, after_short = _lengths(axes[row])
            if (
                moved < before_short
                and AGREED < after_long / before_long < 1 / AGREED
                and AGREED < after_short / before_short < 1 / AGREED
            ):
                break
        _on_grid(x[row], y[row], mean[row], axes[row], GRID, weight[row], points)
        if _turn(weight[row], points, mean[row], axes[row]):
            _on_grid(x[row], y[row], mean[row], axes[row], GRID, weight[row], points)


@njit(cache=True, fastmath=True)
def _rings(x: Floats, y: Floats, weight: Floats, points: Floats) -> bool:
    """Probabilities of points on rings about the strongest signal, each for the area about it; whether any count."""
    centre = 0
    for k in range(len(y)):
        if y[k] > y[centre]:
            centre = k
    high = min(y[centre] + UP, HIGHEST)
    low = min(y[centre] - DOWN, HIGHEST - DOWN)
    step = (high - low) / LEVELS
    for level in range(LEVELS):
        inner, outer = square_at(high - level * step), square_at(high - (level + 1) * step)
        radius = np.sqrt(square_at(high - (level + 0.5) * step))
        for angle in range(ANGLES):
            phi = 2 * np.pi * (angle + 0.5 * (level % 2)) / ANGLES
            at = level * ANGLES + angle
            points[at, 0] = x[centre, 0] + radius * np.cos(phi)
            points[at, 1] = x[centre, 1] + radius * np.sin(phi)
            weight[at] = np.log(outer - inner + 1e-30)
    return bool(_normalise(x, y, points, weight))


@njit(cache=True, fastmath=True)
def _on_grid(x: Floats, y: Floats, mean: Floats, axes: Floats, side: int, weight: Floats, points: Floats) -> None:
    """Probabilities of a frame's points."""
    for i in range(side):
        u = REACH * ((i + 0.5) * 2 / side - 1)
        for j in range(side):
            v = REACH * ((j + 0.5) * 2 / side - 1)
            at = i * side + j
            points[at, 0] = mean[0] + u * axes[0, 0] + v * axes[1, 0]
            points[at, 1] = mean[1] + u * axes[0, 1] + v * axes[1, 1]
            weight[at] = 0.0
    _normalise(x, y, points, weight)


@njit(cache=True, fastmath=True)
def _normalise(x: Floats, y: Floats, points: Floats, weight: Floats) -> bool:
    """Turn log areas into probabilities, by the likelihood; nothing lies outside the square. Whether any is left."""
    best = -1e300
    for at in range(len(weight)):
        a, b = points[at, 0], points[at, 1]
        if a < 0 or a > 1 or b < 0 or b > 1:
            weight[at] = -1e300
            continue
        total = 0.0
        for k in range(len(y)):
            off = y[k] - signal((x[k, 0] - a) ** 2 + (x[k, 1] - b) ** 2)
            total += off * off
        weight[at] -= total / (2 * NOISE * NOISE)
        best = max(best, weight[at])
    total = 0.0
    for at in range(len(weight)):
        weight[at] = np.exp(weight[at] - best) if weight[at] > -1e299 else 0.0
        total += weight[at]
    if total == 0:
        return False
    for at in range(len(weight)):
        weight[at] /= total
    return True


@njit(cache=True, fastmath=True)
def _moments(weight: Floats, points: Floats) -> tuple[float, float, float, float, float]:
    """Mean and covariance."""
    a, b = 0.0, 0.0
    for at in range(len(weight)):
        a += weight[at] * points[at, 0]
        b += weight[at] * points[at, 1]
    aa, ab, bb = 0.0, 0.0, 0.0
    for at in range(len(weight)):
        da, db = points[at, 0] - a, points[at, 1] - b
        aa += weight[at] * da * da
        ab += weight[at] * da * db
        bb += weight[at] * db * db
    return a, b, aa, ab, bb


@njit(cache=True, fastmath=True)
def _principal(aa: float, ab: float, bb: float, axes: Floats) -> None:
    """Principal axes of a covariance, as long as its standard deviations."""
    middle, half = (aa + bb) / 2, np.hypot((aa - bb) / 2, ab)
    long, short = np.sqrt(middle + half), np.sqrt(max(middle - half, 0.0))
    long = max(long, SMALLEST_SD)
    short = max(short, 0.01 * long)
    angle = 0.5 * np.arctan2(2 * ab, aa - bb)
    axes[0, 0], axes[0, 1] = long * np.cos(angle), long * np.sin(angle)
    axes[1, 0], axes[1, 1] = -short * np.sin(angle), short * np.cos(angle)


@njit(cache=True, fastmath=True)
def _lengths(axes: Floats) -> tuple[float, float]:
    return np.hypot(axes[0, 0], axes[0, 1]), np.hypot(axes[1, 0], axes[1, 1])


@njit(cache=True, fastmath=True)
def _turn(weight: Floats, points: Floats, mean: Floats, axes: Floats) -> bool:
    """Turn axes along which the skewness is negative; whether one was."""
    turned = False
    for axis in range(2):
        square = axes[axis, 0] ** 2 + axes[axis, 1] ** 2
        centre, skew = 0.0, 0.0
        for at in range(len(weight)):
            centre += weight[at] * (
                (points[at, 0] - mean[0]) * axes[axis, 0] + (points[at, 1] - mean[1]) * axes[axis, 1]
            )
        for at in range(len(weight)):
            u = (points[at, 0] - mean[0]) * axes[axis, 0] + (points[at, 1] - mean[1]) * axes[axis, 1]
            skew += weight[at] * ((u - centre) / square) ** 3
        if skew < 0:
            axes[axis] *= -1.0
            turned = True
    return turned
