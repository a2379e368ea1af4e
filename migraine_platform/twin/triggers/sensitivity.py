"""What a person's triggers do to him: direct effects on the logit scale, as far as his days tell.

    effect_k = beta_k s_k     log-odds of an onset the day after, the trigger there against not there, the load held

Only the product is told by data. Posterior quantiles are those of the weighted hypotheses (filter.py). Belongs here: a
summary of the posterior. Does not: what may be called a trigger (causal.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.hazard.hypotheses import Effects, FilterState, Points

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAILS = (0.05, 0.95)
STRONG = 0.7
"""Susceptibility beyond which a trigger is a strong one: the upper third of 0.1 to 1."""

FOUND = 0.5
"""Probability of that from which on a twin names a trigger."""

NOTHING = 1e-12
"""Variance of the population's effects below which there is nothing to be learned of a person's."""


class Sensitivities(NamedTuple):
    """Of P patients and 4 triggers."""

    mean: NDArray[np.float64]
    """[P, 4] log-odds"""
    lower: NDArray[np.float64]
    """Lower end of the 90 % credible interval."""
    upper: NDArray[np.float64]
    positive: NDArray[np.float64]
    """Posterior probability that the trigger raises the hazard; 1 where clinicians allow no other."""
    above_usual: NDArray[np.float64]
    """Posterior probability that it does more to this person than to the population's mean one."""
    strong: NDArray[np.float64]
    """Posterior probability that the person is susceptible beyond STRONG."""
    confidence: NDArray[np.float64]
    """Share of the population's variance that the person's days have taken away; 0 if they told nothing."""

    def to_frame(self, patient_ids: tuple[str, ...]) -> pl.DataFrame:
        """One row per patient and trigger whose figure is an effect, by the causal graph and what the model holds."""

        from migraine_platform.twin.triggers.causal import ADJUSTED, meaning

        names = {
            "positive": "probability_positive",
            "above_usual": "probability_above_usual",
            "strong": "probability_strong",
        }
        values = {names.get(name, name): part.ravel() for name, part in self._asdict().items()}
        keys = {
            "patient_id": np.repeat(patient_ids, len(TRIGGER_NAMES)),
            "trigger": pl.Series(TRIGGER_NAMES * len(patient_ids), dtype=pl.String),
        }
        means = {trigger: meaning(f"trigger_{trigger}", ADJUSTED) for trigger in TRIGGER_NAMES}
        reported = pl.DataFrame({**keys, **values})
        effect = pl.col("trigger").replace_strict(means, return_dtype=pl.String)
        return reported.with_columns(effect=effect).filter(pl.col("effect") != "neither")


def sensitivities(points: Points, effects: Effects, filter_state: FilterState) -> Sensitivities:
    """Summaries of the posterior of every patient's effects."""
    share, prior = np.exp(filter_state.log_weight), np.exp(points.log_prior)
    effect = points.susceptibility * effects.trigger
    mean, usual = share @ effect, population_effect(points, effects)
    variance = share @ effect**2 - mean**2
    before = prior @ effect**2 - usual**2
    known = np.where(before > NOTHING, 1 - variance / np.maximum(before, NOTHING), 0.0)
    ends = np.empty((*mean.shape, 2))
    for k in range(len(TRIGGER_NAMES)):
        ends[:, k] = quantiles(effect[:, k], share)
    return Sensitivities(
        mean=mean,
        lower=ends[..., 0],
        upper=ends[..., 1],
        positive=np.minimum(share @ (effect > 0), 1.0),
        above_usual=np.minimum(share @ (effect > usual), 1.0),
        strong=np.minimum(share @ (points.susceptibility > STRONG), 1.0),
        confidence=np.clip(known, 0.0, 1.0),
    )


def population_effect(points: Points, effects: Effects) -> NDArray[np.float64]:
    """[triggers] mean effect of each in the population, log-odds."""
    return np.exp(points.log_prior) @ (points.susceptibility * effects.trigger)


def quantiles(values: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, 2] ends of the central 90 % of values [M] under each patient's weights [P, M]."""
    order = np.argsort(values)
    own = share[:, order]
    reached = np.cumsum(own, axis=1) - own / 2
    return np.array([np.interp(TAILS, row, values[order]) for row in reached])
