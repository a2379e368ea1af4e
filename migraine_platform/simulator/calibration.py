"""Calibration: trigger strengths and intercepts that give the configured effects and frequencies.

    beta_k    averaged over days at risk of episodic patients with s_k = 1 and their b_i fixed, switching trigger k
              on raises the next-day probability of an onset by `trigger_effect`
    b_i       = theta_class . phi(frequency_i, s_i): migraine days come as often as the profile says

Fitted once, on a reference cohort of its own seed and a fixed horizon, with common random numbers in every iteration;
never refitted to a cohort or its length, so that a longer history rewrites no life. The fit solves the moment
equations  sum_i phi_i (realised_i - profile_i) = 0  per class, which makes realised days unbiased along every term of
phi: overall, along the frequency and along each susceptibility.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator import Simulator
from migraine_platform.errors import UserError
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.attacks import AttackHistory, Course, simulate_attacks
from migraine_platform.simulator.calendar import Calendar
from migraine_platform.simulator.days import simulate_exposures, trigger_days
from migraine_platform.simulator.exogenous import exposure_copula
from migraine_platform.simulator.patients import DAYS_A_MONTH, TRIGGERS, Patients, draw_patients
from migraine_platform.simulator.weather import simulate_sites

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

CLASSES = ("episodic", "chronic")
TERMS = ("one", "logit", "logit_squared", *(f"susceptibility_{name}" for name in TRIGGERS))
DAMPING = 0.7
"""Share of a full step that each iteration takes: the realised days answer less than in proportion."""

EFFECT_SLOPE = 0.2
"""Roughly what one unit of log-odds does to a probability near the base rate: p (1 - p) at 0.28."""

PROGRESS_EVERY = 4

QUINTILES = 5
LARGEST_QUINTILE_ERROR_DAYS = 0.5

LARGEST_ERROR_DAYS = 0.25
"""Realised minus profile days a month, averaged over a class, beyond which the fit has failed."""


class CalibrationError(UserError):
    """No intercept or trigger strength meets the configured targets; the message names them."""


@dataclass(frozen=True)
class Calibration:
    """The calibrated hazard."""

    beta: NDArray[np.float64]
    """[4] log-odds of a trigger at susceptibility 1, in the order of TRIGGERS."""
    theta: NDArray[np.float64]
    """[2, terms] coefficients of the intercept: episodic, chronic."""

    def intercept(self, patients: Patients) -> NDArray[np.float64]:
        """[P] b_i."""
        theta = self.theta[patients.is_chronic.astype(np.int64)]
        return _weighted_sum(basis(patients.frequency, patients.susceptibility), theta)

    def weights(self, patients: Patients) -> NDArray[np.float64]:
        """[P, 4] beta_k s_ik."""
        return patients.susceptibility * self.beta


def basis(frequency: NDArray[np.float64], susceptibility: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, terms] phi of the profile frequency (share of days) and the susceptibilities [P, 4]."""
    logit = np.log(frequency / (1 - frequency))
    return np.column_stack([np.ones_like(logit), logit, logit**2, susceptibility])


def calibrate(
    settings: Simulator, features: Sequence[Feature], progress: Callable[[str], None] = lambda line: None
) -> Calibration:
    """Fit the hazard on the reference cohort; `progress` is told a line now and then.

    Raises:
        CalibrationError: if the configured frequencies or effects cannot be reached.
    """
    reference = _Reference(settings, features)
    calibration = reference.first_guess()
    total = settings.calibration.iterations
    for iteration in range(1, total + 1):
        calibration = reference.improve(calibration)
        if iteration % PROGRESS_EVERY == 0 or iteration == total:
            progress(f"iteration {iteration} of {total}: trigger strengths {np.round(calibration.beta, 2).tolist()}")
    reference.demand_met(calibration)
    return calibration


def to_frame(calibration: Calibration) -> pl.DataFrame:
    """Rows of `truth.calibration`."""
    import polars as pl

    rows = [("beta", name, float(value)) for name, value in zip(TRIGGERS, calibration.beta, strict=True)]
    for name, theta in zip(CLASSES, calibration.theta, strict=True):
        rows += [(name, term, float(value)) for term, value in zip(TERMS, theta, strict=True)]
    return pl.DataFrame(rows, schema=["parameter", "term", "value"], orient="row")


def from_frame(frame: pl.DataFrame) -> Calibration:
    """Inverse of `to_frame`."""
    values = {(parameter, term): value for parameter, term, value in frame.iter_rows()}
    return Calibration(
        beta=np.array([values["beta", name] for name in TRIGGERS]),
        theta=np.array([[values[name, term] for term in TERMS] for name in CLASSES]),
    )


class _Reference:
    """The reference cohort: its exposures are simulated once, its attacks in every iteration."""

    def __init__(self, settings: Simulator, features: Sequence[Feature]) -> None:
        chosen = settings.calibration
        cohort = settings.cohort.model_copy(
            update={
                "seed": chosen.seed,
                "patients": chosen.patients,
                "days": chosen.days,
                "start_date": chosen.start_date,
                "burn_in_days": chosen.burn_in_days,
            }
        )
        self.target_effect = chosen.trigger_effect
        self.iterations = chosen.iterations
        self.seed = chosen.seed
        self.calendar = Calendar.of(cohort)
        self.patients = draw_patients(
            np.arange(chosen.patients), chosen.seed, settings.population, len(settings.weather.sites)
        )
        sites = simulate_sites(settings.weather, self.calendar, chosen.seed)
        copula = exposure_copula(features, settings.exogenous)
        exposures = simulate_exposures(
            settings.model_copy(update={"cohort": cohort}), copula, sites, self.patients, self.calendar
        )
        self.triggers = trigger_days(exposures, settings.triggers)
        self.course = Course.of(settings.attacks)
        self.phi = basis(self.patients.frequency, self.patients.susceptibility)

    def first_guess(self) -> Calibration:
        theta = np.zeros((len(CLASSES), len(TERMS)))
        theta[:, TERMS.index("one")] = -1.0
        theta[:, TERMS.index("logit")] = 1.0
        return Calibration(np.ones(len(TRIGGERS)), theta)

    def run(self, calibration: Calibration) -> AttackHistory:
        return simulate_attacks(
            self.course,
            self.triggers,
            calibration.intercept(self.patients),
            calibration.weights(self.patients),
            self.patients.has_aura,
            self.patients.index,
            self.seed,
        )

    def improve(self, calibration: Calibration) -> Calibration:
        """One damped Newton step on the moment equations and on the effects."""
        history = self.run(calibration)
        error = self.realised(history) - self.patients.frequency
        spread = self.patients.frequency * (1 - self.patients.frequency)
        theta = calibration.theta.copy()
        for row, members in enumerate(self.members()):
            if members.any():
                phi = self.phi[members]
                curvature = (phi * spread[members, None]).T @ phi
                curvature += 1e-9 * np.eye(len(TERMS))  # a range of width zero leaves two terms the same
                theta[row] -= DAMPING * np.linalg.solve(curvature, phi.T @ error[members])
        effects = self.effects(calibration, history)
        beta = calibration.beta + DAMPING * (self.target_effect - effects) / EFFECT_SLOPE
        return Calibration(beta, theta)

    def realised(self, history: AttackHistory) -> NDArray[np.float64]:
        """[P] migraine days as a share of days."""
        return np.asarray(history.migraine[:, self.calendar.burn_in :].mean(axis=1))

    def members(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return ~self.patients.is_chronic, self.patients.is_chronic

    def effects(self, calibration: Calibration, history: AttackHistory) -> NDArray[np.float64]:
        """[4] by trigger: rise of the next-day probability, averaged over days at risk of episodic patients."""
        return trigger_effects(
            calibration,
            self.patients,
            self.triggers,
            history.at_risk,
            ~self.patients.is_chronic,
            self.calendar,
        )

    def demand_met(self, calibration: Calibration) -> None:
        history = self.run(calibration)
        error = DAYS_A_MONTH * (self.realised(history) - self.patients.frequency)
        for name, members in zip(CLASSES, self.members(), strict=True):
            if members.any() and not abs(error[members].mean()) <= LARGEST_ERROR_DAYS:
                raise CalibrationError(
                    f"simulator.population.{name}_frequency: not reached in {self.iterations} iterations; the best "
                    f"intercept is off by {error[members].mean():+.2f} migraine days a month on average, expected "
                    f"within {LARGEST_ERROR_DAYS}"
                )
        rank = self.patients.frequency.argsort().argsort()
        for quintile in range(QUINTILES):
            off = error[rank * QUINTILES // len(rank) == quintile].mean()
            if not abs(off) <= LARGEST_QUINTILE_ERROR_DAYS:
                raise CalibrationError(
                    f"simulator.population: quintile {quintile + 1} of the frequencies is off by {off:+.2f} migraine "
                    f"days a month on average, expected within {LARGEST_QUINTILE_ERROR_DAYS}"
                )
        for name, effect in zip(TRIGGERS, self.effects(calibration, history), strict=True):
            if not abs(effect - self.target_effect) <= 0.01:
                raise CalibrationError(
                    f"simulator.calibration.trigger_effect: {self.target_effect:g} not reached for the {name} trigger "
                    f"in {self.iterations} iterations; the best strength gives {effect:.3f}"
                )


def trigger_effects(
    calibration: Calibration,
    patients: Patients,
    triggers: NDArray[np.bool_],
    at_risk: NDArray[np.bool_],
    members: NDArray[np.bool_],
    calendar: Calendar,
) -> NDArray[np.float64]:
    """[4] by trigger k: P(onset | k on) - P(onset | k off), averaged over days at risk of `members`, had they s_k = 1.

    Both worlds share everything else: the other triggers of the day, the person, and b_i as it is at s_k = 1.
    """
    yesterday = triggers[members, calendar.burn_in - 1 : -1]
    days = at_risk[members, calendar.burn_in :]
    frequency, susceptibility = patients.frequency[members], patients.susceptibility[members]
    theta = calibration.theta[patients.is_chronic[members].astype(np.int64)]
    effects = np.empty(len(TRIGGERS))
    for k in range(len(TRIGGERS)):
        raised = susceptibility.copy()
        raised[:, k] = 1.0
        intercept = _weighted_sum(basis(frequency, raised), theta)
        others = [other for other in range(len(TRIGGERS)) if other != k]
        logit = intercept[:, None] + sum(
            yesterday[:, :, other] * (calibration.beta[other] * susceptibility[:, other])[:, None] for other in others
        )
        rise = _expit(logit + calibration.beta[k]) - _expit(logit)
        effects[k] = rise[days].mean() if days.any() else np.nan
    return effects


def _weighted_sum(phi: NDArray[np.float64], theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] sum of products over the terms, in a fixed order (a matrix product's order depends on the batch)."""
    total = np.zeros(len(phi))
    for term in range(phi.shape[1]):
        total += phi[:, term] * theta[:, term]
    return total


def _expit(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))
