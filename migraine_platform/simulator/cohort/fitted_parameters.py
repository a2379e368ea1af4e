"""Fitted parameters of the hazard: trigger strengths, and intercepts as a function of who a person is.

    b_i = theta_class . phi(frequency_i, s_i, usual days_i)

Belongs here: the parameters and their rows. Does not: how they are fitted (parameter_fitting.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.exposure import AverageDays
from migraine_platform.simulator.generative.profiles import Profiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = ("episodic", "chronic")
TERMS = ("one", "logit", "logit_squared", *(f"load_{name}" for name in TRIGGER_NAMES), "latent", "headache")


@dataclass(frozen=True)
class FittedParameters:
    """The calibrated hazard."""

    beta: NDArray[np.float64]
    """[K] log-odds of a trigger at susceptibility 1, in the order of TRIGGERS."""
    theta: NDArray[np.float64]
    """[2, terms] coefficients of the intercept: episodic, chronic."""
    preventive: dict[str, float]
    """Log-odds of each preventive, once it works fully."""

    def intercept(self, patients: Profiles, average: AverageDays) -> NDArray[np.float64]:
        """[P] b_i."""
        return self.intercept_of(patients.is_chronic, patients.frequency, patients.susceptibility, average)

    def intercept_of(
        self,
        is_chronic: NDArray[np.bool_],
        frequency: NDArray[np.float64],
        susceptibility: NDArray[np.float64],
        average: AverageDays,
    ) -> NDArray[np.float64]:
        """[P] b_i of persons of that class, profile and these days.

        Args:
            is_chronic, frequency: [P] class, and profile as a share of days.
            susceptibility: [P, KINDS]
        """
        theta = self.theta[is_chronic.astype(np.int64)]
        return weighted_sum(basis(frequency, susceptibility, average), theta)


def basis(
    frequency: NDArray[np.float64], susceptibility: NDArray[np.float64], average: AverageDays
) -> NDArray[np.float64]:
    """[P, terms] phi of the profile frequency (share of days), the susceptibilities [P, 4] and the usual days.

    Args:
        frequency: [P] profile, as a share of days.
        susceptibility: [P, KINDS]
    """
    logit = np.log(frequency / (1 - frequency))
    return np.column_stack(
        [np.ones_like(logit), logit, logit**2, susceptibility * average.rates, average.latent, average.headache]
    )


def weighted_sum(phi: NDArray[np.float64], theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] sum of products over the terms, in a fixed order (a matrix product's order depends on the batch).

    Args:
        phi, theta: [P, terms]
    """
    total = np.zeros(len(phi))
    for term in range(phi.shape[1]):
        total += phi[:, term] * theta[:, term]
    return total


def to_frame(calibration: FittedParameters) -> pl.DataFrame:
    """Rows of `truth.calibration`."""

    rows = [("beta", name, float(value)) for name, value in zip(TRIGGER_NAMES, calibration.beta, strict=True)]
    for name, theta in zip(CLASSES, calibration.theta, strict=True):
        rows += [(name, term, float(value)) for term, value in zip(TERMS, theta, strict=True)]
    rows += [("preventive", name, value) for name, value in calibration.preventive.items()]
    return pl.DataFrame(rows, schema=["parameter", "term", "value"], orient="row")


def from_frame(frame: pl.DataFrame) -> FittedParameters:
    """Inverse of `to_frame`."""
    values = {(parameter, term): value for parameter, term, value in frame.iter_rows()}
    return FittedParameters(
        beta=np.array([values["beta", name] for name in TRIGGER_NAMES]),
        theta=np.array([[values[name, term] for term in TERMS] for name in CLASSES]),
        preventive={term: value for (parameter, term), value in sorted(values.items()) if parameter == "preventive"},
    )
