"""What a configured matrix must be, checked in plain Python: settings load without numpy."""

from __future__ import annotations

import math

Matrix = tuple[tuple[float, ...], ...]

ROUNDING = 1e-12


def is_symmetric(matrix: Matrix) -> bool:
    """Whether a square matrix equals its transpose."""
    return all(matrix[i][j] == matrix[j][i] for i in range(len(matrix)) for j in range(i))


def is_positive_definite(matrix: Matrix) -> bool:
    """Whether a symmetric matrix has a Cholesky factor."""
    return _pivots_are_above(matrix, ROUNDING)


def is_positive_semidefinite(matrix: Matrix) -> bool:
    """Whether no direction has a negative variance: adding a trace of variance makes the matrix definite."""
    size = max((abs(value) for row in matrix for value in row), default=0.0)
    lifted = tuple(
        tuple(value + 1e-9 * (size + 1e-300) * (i == j) for j, value in enumerate(row)) for i, row in enumerate(matrix)
    )
    return _pivots_are_above(lifted, 0.0)


def is_stable(matrix: Matrix) -> bool:
    """Whether all eigenvalues lie inside the unit circle: the powers of such a matrix vanish, squared often enough."""
    power = matrix
    for _ in range(60):
        size = max(abs(value) for row in power for value in row)
        if size < 1e-6 or size > 1e100:
            return size < 1e-6
        columns = list(zip(*power, strict=True))
        power = tuple(tuple(sum(a * b for a, b in zip(row, col, strict=True)) for col in columns) for row in power)
    return False


def _pivots_are_above(matrix: Matrix, smallest: float) -> bool:
    """Whether every pivot of the Cholesky factorisation is larger than that."""
    factor: list[list[float]] = []
    for i, row in enumerate(matrix):
        factor.append([0.0] * len(matrix))
        for j in range(i + 1):
            rest = row[j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            if i == j:
                if rest <= smallest:
                    return False
                factor[i][i] = math.sqrt(rest)
            else:
                factor[i][j] = rest / factor[j][j]
    return True
