"""What twins must show before their forecasts are published: said probabilities come true, intervals hold.

Held against what the simulation knows (outcomes of all days, recorded or not; the probability that the whole state
gives), and on days that neither the filters nor the population had seen. Belongs here: the figures and what is wrong
with them. Does not: who stops a publication for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migraine_platform.config.twin import TwinPromotionSettings
from migraine_platform.forecast_scores import calibration_error, log_loss

if TYPE_CHECKING:
    import polars as pl

NOBODY = "no day that was forecast has come yet; expected some to judge by"


class ForecastChecks(NamedTuple):
    """Of some forecasts."""

    days: int
    calibration_error: float
    """Mean distance between said and realised shares, over tenths of the probability (expected calibration error)."""
    coverage: float
    """Share of the 90 % intervals that hold what the whole state gives."""
    brier: float
    log_loss: float
    """Expected, against what the whole state gives."""

    def calibration_problems(self, wanted: TwinPromotionSettings) -> list[str]:
        """What is wrong with the probabilities."""
        if not self.days:
            return [NOBODY]
        if self.calibration_error <= wanted.calibration_error:
            return []
        return [f"calibration error {self.calibration_error:.3f}; expected at most {wanted.calibration_error:g}"]

    def coverage_problems(self, wanted: TwinPromotionSettings) -> list[str]:
        """What is wrong with the intervals."""
        low, high = wanted.coverage_90
        if not self.days:
            return [NOBODY]
        if low <= self.coverage <= high:
            return []
        return [f"90 % intervals hold {100 * self.coverage:.1f} %; expected {100 * low:.0f} to {100 * high:.0f} %"]


def check_forecasts(predictions: pl.DataFrame, days: pl.DataFrame, truth: pl.DataFrame) -> ForecastChecks:
    """Judge forecasts of days that have come.

    Args:
        predictions: rows of `twin.predictions`.
        days: patient_id, date, has_migraine of `cohort.patient_days`.
        truth: patient_id, date, migraine_probability of `truth.patient_days`.
    """
    key = ["patient_id", "for_date"]
    both = predictions.join(days.rename({"date": "for_date"}), on=key).join(truth.rename({"date": "for_date"}), on=key)
    p, outcome = both["probability"].to_numpy(), both["has_migraine"].to_numpy()
    full = both["migraine_probability"].to_numpy()
    if not len(p):
        return ForecastChecks(0, *[float("nan")] * 4)
    return ForecastChecks(
        days=len(p),
        calibration_error=calibration_error(p, outcome),
        coverage=float(((both["lower"].to_numpy() <= full) & (full <= both["upper"].to_numpy())).mean()),
        brier=float(((p - outcome) ** 2).mean()),
        log_loss=float(log_loss(p, full).mean()),
    )
