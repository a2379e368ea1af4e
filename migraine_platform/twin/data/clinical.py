"""What clinicians say before any diary is read: how the latent load builds up, what a trigger is, how strong it may be.

    latent[t+1] = A latent[t] + B u[t] + L x[t] + noise,   noise ~ N(0, Q)

with u the day's centred impact scores and x its triggers. These are the priors that the platform's configuration
states; what a population's diaries say is learned elsewhere (population.py). Belongs here: those priors as arrays. Does
not: a patient's days (covariates.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.change import Hormones
from migraine_platform.config.simulator.latent import INPUTS
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.families import Prior
from migraine_platform.priors.features import Feature, select
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.simulator.exogenous.trigger_rules import CompiledRules, loads_of
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNEL_OF_INPUT = {"water_liters": "water_consumed_liters"}
"""Inputs that the workbook calls otherwise than the tables."""

BY_CHANNEL = INPUTS[: INPUTS.index("cycle_day")]
"""Inputs that diary or device must record; then come the cycle and the weather."""

BY_WEATHER = INPUTS[INPUTS.index("cycle_day") + 1 :]
CYCLE_DAYS = 28
QUANTILES = 400
"""Of a weather prior, over which its mean score is taken."""


@dataclass(frozen=True)
class ClinicalPrior:
    """The clinicians' numbers."""

    scorers: dict[str, ImpactScorer]
    """By INPUTS."""
    cycle_scores: NDArray[np.float64]
    """[29] by day of the cycle; 0 at 0, for persons without one."""
    weather_scores: dict[str, float]
    """By BY_WEATHER, the mean score of the prior: of a day whose weather is not known."""
    A: NDArray[np.float64]
    B: NDArray[np.float64]
    """[4, inputs]"""
    Q: NDArray[np.float64]
    loads: NDArray[np.float64]
    """[4, K] what each trigger adds to the latent state of the next day."""
    rules: dict[str, TriggerRule]
    """By the trigger's name."""
    susceptibility: SusceptibilityPrior
    conversion: float
    """Share of early signs that an attack follows."""
    hormones: Hormones
    """How long cycles last."""

    @classmethod
    def of(cls, settings: Simulator, features: Sequence[Feature]) -> ClinicalPrior:
        """The configuration's and the workbook's."""
        cycle = ImpactScorer(select(features, ("cycle_day",)))
        scorers = {name: ImpactScorer(select(features, (name,))) for name in INPUTS}
        shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
        weather = {name: Prior(select(features, (name,))[0]).quantile(shares) for name in BY_WEATHER}
        return cls(
            scorers=scorers,
            cycle_scores=np.concatenate([[0.0], cycle.centred(np.arange(1.0, CYCLE_DAYS + 1)[:, None])[:, 0]]),
            weather_scores={
                name: float(scorers[name].centred(values[:, None]).mean()) for name, values in weather.items()
            },
            A=np.array(settings.latent.A),
            B=np.array(settings.latent.columns()),
            Q=np.array(settings.latent.Q),
            loads=loads_of(CompiledRules.of(settings.triggers)),
            rules=settings.triggers,
            susceptibility=SusceptibilityPrior.of(settings),
            conversion=settings.attacks.prodrome.conversion,
            hormones=settings.hormones,
        )

    def score(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Centred impact scores, -1 to 1, of an input's values in its units.

        Args:
            values: [...] in the feature's unit.
        """
        return self.scorers[name].centred(values[..., None])[..., 0]

    def hidden(self) -> NDArray[np.float64]:
        """[4, 4] covariance of the latent state that no record explains: P = A P A' + Q."""
        from scipy.linalg import solve_discrete_lyapunov

        return np.asarray(solve_discrete_lyapunov(self.A, self.Q))
