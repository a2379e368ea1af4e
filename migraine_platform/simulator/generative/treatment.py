"""Treatments: what a drug or a habit does, and when.

Acute drugs end the running headache with a hazard in proportion to their concentration (first-order absorption and
elimination, the Bateman function):

    c(t) = exp(-k_e t) - exp(-k_a t), scaled to a peak of 1;   H(t) = h int_0^t c

h is such that the drug alone leaves the configured share pain-free at two hours. Preventives lower the hazard of
attacks, behaviour moves features; both build up and fade exponentially.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.treatment import Acute, Treatments
from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNTREATED = -1
STEPS_AN_HOUR = 4
LONGEST_HOURS = 72
PAIN_FREE_AFTER = 2.0


class TreatmentError(UserError):
    """A treatment that the configuration does not know."""


def drug_number(treatments: Treatments, name: str) -> int:
    """Position of an acute drug.

    Raises:
        TreatmentError: if it is not configured.
    """
    names = list(treatments.acute)
    if name not in names:
        raise TreatmentError(f'acute drug "{name}" is not configured; expected one of: {", ".join(names)}')
    return names.index(name)


def absorption_rate(drug: Acute) -> float:
    """k_a per hour: the rate at which the peak of c lies at `tmax_hours`."""
    from scipy.optimize import brentq

    elimination = np.log(2) / drug.half_life_hours

    def peak_minus_target(ratio: float) -> float:
        return float(np.log(ratio) / (elimination * (ratio - 1)) - drug.tmax_hours)

    return float(elimination * brentq(peak_minus_target, 1 + 1e-9, 1e9))


def concentration(drug: Acute, hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """c at some hours since intake, as a share of its peak.

    Args:
        hours: [N] since the drug was taken.
    """
    elimination, absorption = np.log(2) / drug.half_life_hours, absorption_rate(drug)

    def raw(t: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-elimination * t) - np.exp(-absorption * t))

    return np.asarray(raw(hours) / raw(np.array(drug.tmax_hours)))


def drug_hazard(drug: Acute) -> NDArray[np.float64]:
    """[72 h in quarters] H, the cumulative hazard with which the drug ends the headache."""
    fine = 30
    hours = np.linspace(0, LONGEST_HOURS, LONGEST_HOURS * STEPS_AN_HOUR * fine + 1)
    c = concentration(drug, hours)
    area = np.concatenate([[0.0], np.cumsum((c[1:] + c[:-1]) / 2 * np.diff(hours))])
    strength = -np.log1p(-drug.pain_free_at_2h) / np.interp(PAIN_FREE_AFTER, hours, area)
    table = strength * area[::fine]
    # Strictly rising, so that the table has an inverse even where the drug is long gone.
    return np.asarray(table + 1e-9 * np.arange(len(table)))
