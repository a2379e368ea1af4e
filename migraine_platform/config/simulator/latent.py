"""Settings of the latent state: how it evolves, what drives it, what it does to the hazard.

    Z[t+1] = A Z[t] + B u[t] + eta,   eta ~ N(0, Q);   logit P(onset) = b + w . Z + ...

Plain Python: settings load without numpy.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import model_validator

from migraine_platform.config.base import Frozen
from migraine_platform.config.simulator.matrices import Matrix, is_positive_semidefinite, is_stable, is_symmetric

Axis = Literal["stress", "sleep_debt", "hormonal", "env_load"]
AXES: Final[tuple[Axis, ...]] = get_args(Axis)
"""Components of Z, in order."""

INPUTS: Final = (
    "total_sleep_hours",
    "awake_time_mins",
    "stress_level",
    "water_liters",
    "cycle_day",
    "pressure_change_24h",
    "temperature",
    "humidity",
)
"""Features of the workbook whose impact scores may drive Z."""

Vector = tuple[float, ...]


class Latent(Frozen):
    """The linear-Gaussian process of the four latent states, and their weights in the hazard."""

    A: Matrix
    B: dict[str, Vector]
    """Columns of B by input: what the input's centred impact score adds to each axis."""

    Q: Matrix
    w: Vector
    b: float

    @model_validator(mode="after")
    def _shapes_are_those_of_the_axes(self) -> Latent:
        axes = f"{len(AXES)} numbers, one an axis ({', '.join(AXES)})"
        for name, matrix in (("A", self.A), ("Q", self.Q)):
            if len(matrix) != len(AXES) or any(len(row) != len(AXES) for row in matrix):
                shape = f"{len(matrix)} rows of {sorted({len(row) for row in matrix})} numbers"
                raise ValueError(f"{name} has {shape}; expected {len(AXES)} rows of {axes}")
        for name, vector in (("w", self.w), *((f"B.{name}", column) for name, column in self.B.items())):
            if len(vector) != len(AXES):
                raise ValueError(f"{name} has {len(vector)} numbers; expected {axes}")
        return self

    @model_validator(mode="after")
    def _process_is_possible(self) -> Latent:
        unknown = sorted(set(self.B) - set(INPUTS))
        if unknown:
            raise ValueError(f"B has no column for {', '.join(unknown)}; expected some of: {', '.join(INPUTS)}")
        if not is_stable(self.A):
            raise ValueError("A is unstable: an eigenvalue lies at or beyond 1, so that Z would grow without bound")
        if not is_symmetric(self.Q):
            raise ValueError("Q is not symmetric; expected a covariance")
        if not is_positive_semidefinite(self.Q):
            raise ValueError("Q is not positive semidefinite; expected a covariance")
        return self

    def columns(self) -> Matrix:
        """B as rows by axis and columns by INPUTS; inputs that are not configured are zero."""
        nothing = (0.0,) * len(AXES)
        return tuple(tuple(self.B.get(name, nothing)[axis] for name in INPUTS) for axis in range(len(AXES)))
