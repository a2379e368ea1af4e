"""What drives the latent state: centred impact scores u of a day's features, and B u.

Belongs here: the tabulated scores. Does not: the features themselves (features.py, weather.py, cycle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.latent import AXES, INPUTS, Latent
from migraine_platform.priors.features import Feature, select
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.simulator.exogenous.features import FEATURES, Copula
from migraine_platform.simulator.generative.dynamics import LatentDynamics, to_hourly

if TYPE_CHECKING:
    from numpy.typing import NDArray

CYCLE_INPUT = INPUTS.index("cycle_day")
WEATHER_INPUTS = ("pressure_change_24h", "temperature", "humidity")
FIRST_WEATHER_INPUT = INPUTS.index(WEATHER_INPUTS[0])
DRAWN_INPUTS = tuple(FEATURES.index(name) for name in INPUTS[:CYCLE_INPUT])
"""Position among FEATURES of the inputs that the copula draws; they are the first of INPUTS."""

INPUT_COUNT = len(INPUTS)
LATENT = len(AXES)
SCORE_TABLE = 1025


class Inputs(NamedTuple):
    """Centred impact scores, tabulated, and the dynamics they drive."""

    by_z: NDArray[np.float64]
    """[drawn inputs, K] u over the copula's z."""
    by_cycle_day: NDArray[np.float64]
    """[29] u by standardised cycle day 1-28; 0 at 0, for persons without a cycle."""
    by_weather: NDArray[np.float64]
    """[3, L] u over the weather's typical ranges."""
    weather_low: NDArray[np.float64]
    weather_scale: NDArray[np.float64]
    """[3] table steps per unit."""
    A: NDArray[np.float64]
    B: NDArray[np.float64]
    root: NDArray[np.float64]
    """[4, 4] factor of Q."""

    @classmethod
    def of(cls, features: Sequence[Feature], latent: Latent, copula: Copula) -> Inputs:
        """Tabulate the scores.

        Raises:
            UnknownVariableError: naming the inputs that the feature table lacks.
            DynamicsError: if no hourly process makes these daily dynamics.
        """
        daily = LatentDynamics.daily(latent)
        to_hourly(daily)
        chosen = dict(zip(INPUTS, select(features, INPUTS), strict=True))

        def scores(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
            return ImpactScorer([chosen[name]]).centred(values[:, None])[:, 0]

        weather = [chosen[name] for name in WEATHER_INPUTS]
        low = np.array([feature.range_low for feature in weather])
        high = np.array([feature.range_high for feature in weather])
        return cls(
            by_z=np.stack(
                [scores(INPUTS[i], copula.tables[position]) for i, position in enumerate(DRAWN_INPUTS)],
            ),
            by_cycle_day=np.concatenate([[0.0], scores("cycle_day", np.arange(1.0, 29.0))]),
            by_weather=np.stack(
                [
                    scores(feature.variable, np.linspace(feature.range_low, feature.range_high, SCORE_TABLE))
                    for feature in weather
                ]
            ),
            weather_low=low,
            weather_scale=(SCORE_TABLE - 1) / (high - low),
            A=daily.A,
            B=daily.B,
            root=daily.root(),
        )


@njit(cache=True)
def weather_score(inputs: Inputs, which: int, value: float) -> float:
    """u of a weather value; beyond the typical range it stays what it is at the end."""
    table = inputs.by_weather[which]
    position = (value - inputs.weather_low[which]) * inputs.weather_scale[which]
    position = min(max(position, 0.0), len(table) - 1.000001)
    left = int(position)
    return float(table[left] + (position - left) * (table[left + 1] - table[left]))


@njit(cache=True)
def drift_of(inputs: Inputs, z: NDArray[np.float64], u: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """A z + B u into `out` [4]: tomorrow's latent state without its noise; sums in a fixed order.

    Args:
        z: [LATENT] today's state.
        u: [INPUT_COUNT] centred scores of the day.
        out: [LATENT] to be filled with tomorrow's mean.
    """
    for axis in range(LATENT):
        total = 0.0
        for other in range(LATENT):
            total += inputs.A[axis, other] * z[other]
        for k in range(len(u)):
            total += inputs.B[axis, k] * u[k]
        out[axis] = total


@njit(cache=True)
def add_noise(inputs: Inputs, e: NDArray[np.float64], z: NDArray[np.float64]) -> None:
    """Add eta = root e to z, in place.

    Args:
        e: [LATENT] standard normal.
        z: [LATENT] to be moved.
    """
    for axis in range(LATENT):
        for other in range(LATENT):
            z[axis] += inputs.root[axis, other] * e[other]
