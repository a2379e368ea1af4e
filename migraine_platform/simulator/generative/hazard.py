"""The hazard of an onset, and the best forecast of tomorrow that knows the whole state.

    logit P(onset on day t+1) = b_i + w_i . Z[t+1] + sum_k beta_k s_ik trigger_k[t] + carry-over
    carry-over                = refractory if day t was a migraine day + kappa r[t] + shift of a sign (signs.py) if not
    r[t]                      = m r[t-1] + (1 - m) migraine[t]

The forecast is made at 20:00 of day t. It integrates out what is drawn later: tomorrow's latent noise, the end of a
running headache, and an onset later this evening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.attacks import CarryOver
from migraine_platform.simulator.generative.attacks import (
    EVENING,
    HOURS,
    AttackCourse,
    Own,
    lasting_share,
    late_lasting,
)
from migraine_platform.simulator.generative.signs import late_onset
from migraine_platform.simulator.generative.treatment import UNTREATED

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERMITE_NODE = np.sqrt(3.0)
"""Gauss-Hermite rule of three nodes for a standard normal: 0 with weight 2/3, +- sqrt(3) with 1/6 each."""

LARGEST_LOGIT = 300.0
"""Beyond it the odds would overflow; the probability is 1 long before."""


class Carry(NamedTuple):
    """What an attack does to the hazard of the next."""

    refractory: float
    attack_history: float
    memory: float

    @classmethod
    def of(cls, settings: CarryOver) -> Carry:
        """The configured carry-over."""
        return cls(settings.refractory_log_odds, settings.trace_log_odds, settings.trace_memory)


class Evening(NamedTuple):
    """What decides tomorrow, as of 20:00."""

    logit: float
    """Tomorrow's log-odds of an onset without latent noise and carry-over."""
    noise_factor: float
    """`noise_factor` of the standard deviation of w . eta."""
    attack_history: float
    """Of yesterday."""
    is_migraine: bool
    """Today is a migraine day by now."""
    elapsed: float
    """Hours since the start of a headache that still runs; negative if none does."""
    drug: int
    """The drug taken against it."""
    may_begin: bool
    """No attack or prodrome has come today and none hinders one."""
    p_today: float
    """Today's probability of an onset, as it was this morning."""
    sign_today: int
    """What yesterday evening said of today's attack (signs.py)."""
    shift: float
    """What a sign of tomorrow's attack, or its absence, adds to tomorrow's log-odds."""
    treated_share: float
    usual_drug: int


@njit(cache=True)
def expit(logit: float) -> float:
    """Probability of log-odds."""
    return float(1.0 / (1.0 + np.exp(-logit)))


def noise_factor(sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `mean_expit` needs of a standard deviation: exp(sqrt(3) sd).

    Args:
        sd: [...] of the noise of w . Z.
    """
    return np.asarray(np.exp(HERMITE_NODE * sd))


@njit(cache=True)
def mean_expit(logit: float, factor: float) -> float:
    """E expit(logit + sd n), n standard normal, by three nodes (error below 1e-4 for sd < 0.5).

    Args:
        factor: exp(sqrt(3) sd), so that one exponential serves all nodes.
    """
    odds = np.exp(min(logit, LARGEST_LOGIT))
    return float((4.0 * odds / (1.0 + odds) + odds * factor / (1.0 + odds * factor) + odds / (odds + factor)) / 6.0)


@njit(cache=True)
def carried(carry: Carry, attack_history: float, was_migraine: bool) -> float:
    """Log-odds that today adds to tomorrow.

    Args:
        attack_history: of yesterday.
        was_migraine: whether today was a migraine day.
    """
    if was_migraine:
        return carry.refractory + carry.attack_history * (carry.memory * attack_history + 1.0 - carry.memory)
    return carry.attack_history * carry.memory * attack_history


@njit(cache=True)
def next_attack_history(carry: Carry, attack_history: float, was_migraine: bool) -> float:
    """r[t] from r[t-1]."""
    return carry.memory * attack_history + (1.0 - carry.memory if was_migraine else 0.0)


@njit(cache=True)
def running_tomorrow(course: AttackCourse, own: float, drug: int, elapsed: float) -> float:
    """Probability that a headache of `elapsed` hours at 20:00 makes tomorrow a migraine day.

    Args:
        own: how long the person's last, on a normal scale.
    """
    if elapsed < 0:
        return 0.0
    needed = elapsed + (HOURS - EVENING) + course.migraine_day_hours
    now = lasting_share(course, own, drug, elapsed)
    return lasting_share(course, own, drug, needed) / now if now > 0 else 0.0


@njit(cache=True)
def forecast(course: AttackCourse, own: Own, carry: Carry, evening: Evening) -> float:
    """Probability that tomorrow is a migraine day."""
    after_migraine = mean_expit(evening.logit + carried(carry, evening.attack_history, True), evening.noise_factor)
    if evening.is_migraine:
        goes_on = running_tomorrow(course, own.headache, evening.drug, evening.elapsed)
        return goes_on + (1.0 - goes_on) * after_migraine
    p = mean_expit(evening.logit + carried(carry, evening.attack_history, False) + evening.shift, evening.noise_factor)
    if not evening.may_begin:
        return p
    late = late_onset(course, own, evening.p_today, evening.sign_today)
    goes_on = (1.0 - evening.treated_share) * late_lasting(course, own.headache, UNTREATED)
    goes_on += evening.treated_share * late_lasting(course, own.headache, evening.usual_drug)
    return float(late * (goes_on + (1.0 - goes_on) * after_migraine) + (1.0 - late) * p)
