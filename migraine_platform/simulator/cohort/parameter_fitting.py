"""Parameter fitting: trigger strengths and intercepts that give the configured effects and frequencies.

    beta_k    averaged over days at risk of episodic patients with s_k = 1 and their b_i fixed, switching trigger k
              on raises the next-day probability of an onset by the `effect` of its row, all else of the day held (the
              direct effect: Z is as it was)
    b_i       = theta_class . phi(frequency_i, s_i, usual days_i): migraine days come as often as the profile says
    delta_d   log-odds with which preventive d changes migraine days a month as configured, in patients of 4-14 days

Fitted once, on a reference cohort of its own seed and a fixed horizon, coupling on and nobody drifting, with common
random numbers in every iteration; never refitted to a cohort or its length, so that a longer history rewrites nothing.
The fit solves the moment equations  sum_i phi_i (realised_i - profile_i) = 0  per class, which makes realised days
unbiased along every term of phi: overall, along the frequency, along the load of each trigger (susceptibility times how
often it comes to this person), along the level of the latent state and along how long the person's headaches last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.errors import UserError
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_NAMES, TRIGGERS
from migraine_platform.simulator.cohort.exposure import ExposureTables, average_days
from migraine_platform.simulator.cohort.fitted_parameters import CLASSES, TERMS, FittedParameters, basis
from migraine_platform.simulator.cohort.populate import baseline_day_effects, build_parameters, build_persons
from migraine_platform.simulator.cohort.trigger_effects import trigger_effects
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.weather import simulate_sites
from migraine_platform.simulator.generative.drift import NONE
from migraine_platform.simulator.generative.model import SimulatedDays
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH, draw_patients
from migraine_platform.simulator.generative.trajectories import simulate_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAMPING = 0.7
"""Share of a full step that each iteration takes: the realised days answer less than in proportion."""

EFFECT_SLOPE = 0.2
"""Roughly what one unit of log-odds does to a probability near the base rate: p (1 - p) at 0.28."""

PROGRESS_EVERY = 4

QUINTILES = 5
LARGEST_QUINTILE_ERROR_DAYS = 0.5
LARGEST_EFFECT_ERROR = 0.01

TRIAL_DAYS_A_MONTH = (4, 14)
"""Migraine days a month of those in whom preventives are tried."""

TRIAL_LOG_ODDS = (0.0, -0.25, -0.5, -1.0, -1.5, -2.5)
"""Changes of the hazard at which the days they save are simulated; between them, interpolated."""

LARGEST_ERROR_DAYS = 0.25
"""Realised minus profile days a month, averaged over a class, beyond which the fit has failed."""


RAREST_TRIGGER = 0.001
"""Least share of days on which a trigger must happen, and on which it must not."""


class ParameterFittingError(UserError):
    """No intercept or trigger strength meets the configured targets; the message names them."""


def fit_parameters(
    settings: Simulator, features: Sequence[Feature], progress: Callable[[str], None] = lambda line: None
) -> FittedParameters:
    """Fit the hazard on the reference cohort; `progress` is told a line now and then.

    Raises:
        ParameterFittingError: if the configured frequencies or effects cannot be reached, or a trigger never or always
            happens.
    """
    reference = _Reference(settings, features)
    reference.demand_trigger_days()
    calibration = reference.first_guess()
    total = settings.calibration.iterations
    for iteration in range(1, total + 1):
        calibration = reference.improve(calibration)
        if iteration % PROGRESS_EVERY == 0 or iteration == total:
            progress(f"iteration {iteration} of {total}: trigger strengths {np.round(calibration.beta, 2).tolist()}")
    reference.demand_met(calibration)
    return replace(calibration, preventive=reference.preventives(calibration))


class _Reference:
    """The reference cohort: drawn once, simulated in every iteration under the same draws."""

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
        settings = settings.model_copy(update={"cohort": cohort})
        self.settings = settings
        self.iterations = chosen.iterations
        self.target_effect = np.array([settings.triggers[name].effect for name in TRIGGER_NAMES])
        self.calendar = Calendar.of(cohort)
        sites = simulate_sites(settings.weather, self.calendar, cohort.seed)
        index = np.arange(chosen.patients, dtype=np.int64)
        self.patients = draw_patients(index, settings)
        guess = self.first_guess()
        self.parameters = build_parameters(settings, features, self.calendar, sites, guess.beta)
        made = self.parameters
        persons = build_persons(settings, features, self.patients, made.copula, made.course, self.calendar)
        self.persons = persons._replace(change=persons.change._replace(kind=np.full(len(index), NONE)))
        self.average = average_days(
            settings, self.parameters, ExposureTables.of(settings, self.parameters), self.persons
        )
        self.phi = basis(self.patients.frequency, self.patients.susceptibility, self.average)
        self.day_effects = baseline_day_effects(settings, self.parameters.copula, self.parameters.course, self.calendar)
        self.days = SimulatedDays.empty(len(index), self.calendar)

    def demand_trigger_days(self) -> None:
        """Every trigger must happen on some days and not on others: else there is no effect to fit."""
        for trigger, share in zip(TRIGGERS, self.average.rates.mean(axis=0).tolist(), strict=True):
            if not RAREST_TRIGGER <= share <= 1 - RAREST_TRIGGER:
                words = self.settings.triggers[trigger.name].words(trigger.unit)
                raise ParameterFittingError(
                    f"simulator.triggers.{trigger.name}: by its rule ({words}), {100 * share:.3g} % of the reference "
                    f"cohort's days are trigger days; expected {100 * RAREST_TRIGGER:g} to "
                    f"{100 * (1 - RAREST_TRIGGER):g} %"
                )

    def first_guess(self) -> FittedParameters:
        """A frequency's log-odds, and the configured base log-odds of the latent-state model."""
        theta = np.zeros((len(CLASSES), len(TERMS)))
        theta[:, TERMS.index("one")] = self.settings.latent.b
        theta[:, TERMS.index("logit")] = 1.0
        return FittedParameters(np.ones(len(TRIGGER_NAMES)), theta, {})

    def run(self, calibration: FittedParameters, hazard: float = 0.0) -> SimulatedDays:
        """The reference cohort's days, overwritten by the next run."""
        persons = self.persons._replace(intercept=calibration.intercept(self.patients, self.average))
        day_effects = self.day_effects._replace(hazard=np.full(self.calendar.total, hazard))
        return simulate_days(self.parameters._replace(beta=calibration.beta), persons, day_effects, self.days)

    def improve(self, calibration: FittedParameters) -> FittedParameters:
        """One damped Newton step on the moment equations and on the effects."""
        days = self.run(calibration)
        error = self.realised(days) - self.patients.frequency
        spread = self.patients.frequency * (1 - self.patients.frequency)
        theta = calibration.theta.copy()
        for row, members in enumerate(self.members()):
            if members.any():
                phi = self.phi[members]
                curvature = (phi * spread[members, None]).T @ phi
                curvature += 1e-9 * np.eye(len(TERMS))  # a range of width zero leaves two terms the same
                theta[row] -= DAMPING * np.linalg.solve(curvature, phi.T @ error[members])
        effects = self.effects(calibration, days)
        beta = calibration.beta + DAMPING * (self.target_effect - effects) / EFFECT_SLOPE
        return FittedParameters(beta, theta, {})

    def realised(self, days: SimulatedDays) -> NDArray[np.float64]:
        """[P] migraine days as a share of days."""
        return np.asarray(days.flag("has_migraine").mean(axis=1))

    def members(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return ~self.patients.is_chronic, self.patients.is_chronic

    def effects(self, calibration: FittedParameters, days: SimulatedDays) -> NDArray[np.float64]:
        """[K] by trigger: rise of the next-day probability, averaged over days at risk of episodic patients."""
        return trigger_effects(calibration, self.patients, self.average, days, ~self.patients.is_chronic)

    def preventives(self, calibration: FittedParameters) -> dict[str, float]:
        """Log-odds that save the configured days in patients of a trial.

        Raises:
            ParameterFittingError: if a preventive is to save more days than these have.
        """
        low, high = (days / DAYS_A_MONTH for days in TRIAL_DAYS_A_MONTH)
        trial = (self.patients.frequency >= low) & (self.patients.frequency <= high)
        if not self.settings.treatments.preventive or not trial.any():
            return {}
        days = [
            DAYS_A_MONTH * self.realised(self.run(calibration, log_odds))[trial].mean() for log_odds in TRIAL_LOG_ODDS
        ]
        saved = np.array(days) - days[0]
        found = {}
        for name, drug in self.settings.treatments.preventive.items():
            if drug.days_a_month < saved[-1]:
                raise ParameterFittingError(
                    f"simulator.treatments.preventive.{name}.days_a_month: {drug.days_a_month:g} cannot be reached; "
                    f"expected at most {-saved[-1]:.1f} days saved of the {days[0]:.1f} that patients of a trial have"
                )
            found[name] = float(np.interp(-drug.days_a_month, -saved, TRIAL_LOG_ODDS))
        return found

    def demand_met(self, calibration: FittedParameters) -> None:
        days = self.run(calibration)
        error = DAYS_A_MONTH * (self.realised(days) - self.patients.frequency)
        for name, members in zip(CLASSES, self.members(), strict=True):
            if members.any() and not abs(error[members].mean()) <= LARGEST_ERROR_DAYS:
                raise ParameterFittingError(
                    f"simulator.population.{name}_frequency: not reached in {self.iterations} iterations; the best "
                    f"intercept is off by {error[members].mean():+.2f} migraine days a month on average, expected "
                    f"within {LARGEST_ERROR_DAYS}"
                )
        rank = self.patients.frequency.argsort().argsort()
        for quintile in range(QUINTILES):
            off = error[rank * QUINTILES // len(rank) == quintile].mean()
            if not abs(off) <= LARGEST_QUINTILE_ERROR_DAYS:
                raise ParameterFittingError(
                    f"simulator.population: quintile {quintile + 1} of the frequencies is off by {off:+.2f} migraine "
                    f"days a month on average, expected within {LARGEST_QUINTILE_ERROR_DAYS}"
                )
        effects = self.effects(calibration, days)
        for name, target, effect in zip(TRIGGER_NAMES, self.target_effect, effects, strict=True):
            if not abs(effect - target) <= LARGEST_EFFECT_ERROR:
                raise ParameterFittingError(
                    f"simulator.triggers.{name}.effect: {target:g} not reached in {self.iterations} "
                    f"iterations; the best strength gives {effect:.3f}"
                )
