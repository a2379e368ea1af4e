"""The personal hazard: one filter over hypotheses of who the patient is, day by day.

    logit p[t+1] = g + sum_k beta_k s_k (x_k[t] - usual_k) + w . latent[t+1] + a h[t+1] + carry-over
                                                       an onset, none running; h: 1 at weekends, less the week's mean
    carry-over   = kappa r[t] + refractory if t was a migraine day,   r[t] = m r[t-1] + (1 - m) migraine[t]
    P(migraine on t+1) = c + (1 - c) p after a migraine day that goes on with probability c; p otherwise

After n days the weights are the exact posterior on the hypotheses, whatever its shape, and a new day costs what the
first one cost. Each hypothesis carries along whether today was a migraine day where no diary says so; it is weighed by
the gap itself, because people write less on migraine days, and by what pain does to what a device recorded. An
uncertain latent state attenuates the hazard: E expit(N(m, v)) = expit(m / sqrt(1 + pi v / 8)), nearly (MacKay 1992).

Belongs here: the recursion. Does not: the evening's signs (signs.py), what is a person's own of attacks
(own_course.py), the population's numbers (population.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.layout import all_in_one_layout
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.domain.events import BY_EVENING, MEDICATION, ONSET, PRODROME
from migraine_platform.twin.data.writing import ENTRIES_NO, ENTRIES_YES, at_log_odds, kind_of_silence
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import (
    AFTER_ILL,
    AFTER_WELL,
    AGE,
    FIRST_DAY,
    HEADACHE,
    LATE,
    LATER_DAY,
    LIVED,
    MAY_BEGIN,
    MEDICATED,
    NO_ATTACK,
    NOT_TOLD,
    SECOND_DAY,
    SILENT,
    STARTED,
    TOLD,
    UNKNOWN_DAY,
    UNSIGNED,
    WRITTEN,
    AttackEvidence,
    Effects,
    FilterState,
    Forecasts,
    Points,
    initial_filter_state,
)
from migraine_platform.twin.hazard.outlook import IMPOSSIBLE, forecast_one, late_onset, no_forecasts
from migraine_platform.twin.hazard.own_course import FLATTENING, chance_to_last, goes_on, learn_lasting
from migraine_platform.twin.hazard.signs import hear_signs

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN_SUSCEPTIBILITY = 0.55
"""At which a trigger that may or may not have been there makes the hazard uncertain."""


def follow(
    points: Points,
    effects: Effects,
    covariates: Covariates,
    evidence: AttackEvidence,
    filter_state: FilterState | None = None,
    with_spread: bool = False,
    with_likelihood: bool = False,
) -> tuple[Forecasts, FilterState]:
    """Follow every patient over K days.

    Args:
        filter_state: as of the evening before the first of the days; by default nothing is known yet.
        with_spread: whether the hypotheses' single forecasts are wanted too.
        with_likelihood: whether the days' probabilities under each hypothesis are.
    """
    patients, days = evidence.diary.shape
    old = filter_state or initial_filter_state(points, effects, patients)
    new = FilterState(*(part.copy() for part in old))
    out = no_forecasts(patients, days, with_spread, len(points.level) if with_likelihood else 0)
    predictors = _predictors(effects, covariates)
    effects, evidence = all_in_one_layout(effects), all_in_one_layout(evidence)

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            _follow_one(points, effects, evidence, predictors[i], i, new, out)

    in_parallel(patients, work)
    return out, new


def unknown(effects: Effects, covariates: Covariates, noise: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
    """[P, K] variance on the logit scale of what is not known of an evening: the latent state, triggers not recorded.

    Args:
        noise: [4, 4] covariance of the latent state that does not count.
    """
    latent = np.einsum("i,pkij,j->pk", effects.latent, covariates.spread - noise, effects.latent)
    unsure = covariates.trigger * (1 - covariates.trigger) * (effects.trigger * MEAN_SUSCEPTIBILITY) ** 2
    return np.asarray(np.maximum(latent + unsure.sum(axis=-1), 0.0))


def attenuation(effects: Effects, covariates: Covariates) -> NDArray[np.float64]:
    """[P, K] factor by which what is unknown of an evening flattens the log-odds."""
    return np.asarray(1 / np.sqrt(1 + FLATTENING * unknown(effects, covariates)))


def _predictors(effects: Effects, covariates: Covariates) -> NDArray[np.float64]:
    """[P, K, 2 + 4 + 1] of each evening: the latent state, `attenuation`, beta (x - baseline), the weekend."""
    latent = np.einsum("pki,i->pk", covariates.latent, effects.latent)[..., None]
    centred = effects.trigger * (covariates.trigger - covariates.baseline)
    weekend = effects.weekend * covariates.weekend[..., None]
    return np.concatenate([latent, attenuation(effects, covariates)[..., None], centred, weekend], axis=-1)


@njit(cache=True, nogil=True)
def _follow_one(
    points: Points,
    effects: Effects,
    evidence: AttackEvidence,
    predictors: NDArray[np.float64],
    i: int,
    filter_state: FilterState,
    out: Forecasts,
) -> None:
    share = np.exp(filter_state.log_weight[i])
    for k in range(len(predictors)):
        if k >= evidence.begun[i]:
            if filter_state.numbers[i, STARTED] == 0:
                _usual_day(points, filter_state.onset[i])
            _renew(points, effects, share, filter_state.log_weight[i])
            if out.likelihood.shape[2] > 0:
                out.likelihood[i, k] = -filter_state.log_weight[i]
            _complete_yesterday(effects, evidence.late[i, k], filter_state, i)
            learn_lasting(
                effects, evidence.diary[i, k], evidence.events[i, k], evidence.late[i, k], filter_state.numbers[i]
            )
            _weigh(effects, evidence.diary[i, k], evidence.events[i, k], evidence.pain[i, k], filter_state, i)
        _look_ahead(points, effects, predictors[k], filter_state.attack_history[i], filter_state.onset[i])
        if k >= evidence.begun[i]:
            ahead = hear_signs(effects, evidence.diary[i, k], evidence.events[i, k], filter_state, i)
            if out.likelihood.shape[2] > 0:
                out.likelihood[i, k] += filter_state.log_weight[i]
            out.log_evidence[i, k] = _normalise(filter_state.log_weight[i], share)
            ill = _mean(share, filter_state.ill[i])
            _keep_count(
                evidence.diary[i, k],
                evidence.events[i, k],
                evidence.headache[i, k],
                ill,
                ahead,
                filter_state.numbers[i],
            )
        forecast_one(effects, share, filter_state, i, k, out)


@njit(cache=True)
def _usual_day(points: Points, onset: NDArray[np.float64]) -> None:
    """A patient's first day is a usual one, however many days others were followed before."""
    for m in range(len(onset)):
        onset[m, :] = _expit(points.level[m])


@njit(cache=True)
def _renew(points: Points, effects: Effects, share: NDArray[np.float64], log_weight: NDArray[np.float64]) -> None:
    """Overnight, with a small probability, the person is anybody again."""
    if effects.renewal > 0.0:
        for m in range(len(share)):
            anew = effects.renewal * np.exp(points.log_prior[m])
            log_weight[m] = np.log((1.0 - effects.renewal) * share[m] + anew)


@njit(cache=True)
def _normalise(log_weight: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    """Make the weights sum to one, and put them into `share`; the log of what they summed to."""
    top, total = -np.inf, 0.0
    for m in range(len(share)):
        top = max(top, log_weight[m])
    for m in range(len(share)):
        share[m] = np.exp(log_weight[m] - top)
        total += share[m]
    log_total = top + np.log(total)
    for m in range(len(share)):
        log_weight[m] -= log_total
        share[m] /= total
    return float(log_total)


@njit(cache=True)
def _mean(share: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    total = 0.0
    for m in range(len(share)):
        total += share[m] * values[m]
    return total


@njit(cache=True)
def _expit(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-x)))


@njit(cache=True)
def _complete_yesterday(effects: Effects, late: bool, filter_state: FilterState, i: int) -> None:
    """What yesterday's diary told late.

    After it, `ill` says whether yesterday was a migraine day, and `hazard` whether an attack of yesterday made today
    one.
    """
    log_weight, ill, hazard, own = (
        filter_state.log_weight[i],
        filter_state.ill[i],
        filter_state.hazard[i],
        filter_state.numbers[i],
    )
    on, late_on = chance_to_last(effects, own), goes_on(effects, LATE, 0, NOT_TOLD, own)
    for m in range(len(ill)):
        chance = late_onset(effects, hazard[m], own)
        if own[TOLD] > 0 and ill[m] < 0.5:
            log_weight[m] += np.log(max(chance if late else 1.0 - chance, IMPOSSIBLE))
            chance = 1.0 if late else 0.0
        began = (1.0 - ill[m]) * chance
        hazard[m] = ill[m] * on + began * late_on
        ill[m] += began


@njit(cache=True)
def _weigh(
    effects: Effects, diary: bool, events: NDArray[np.bool_], pain: float, filter_state: FilterState, i: int
) -> None:
    """Weigh the hypotheses by what today recorded of attacks, a missing entry included."""
    log_weight, ill, hazard, own = (
        filter_state.log_weight[i],
        filter_state.ill[i],
        filter_state.hazard[i],
        filter_state.numbers[i],
    )
    usual = (own[WRITTEN] + ENTRIES_YES) / (own[LIVED] + ENTRIES_YES + ENTRIES_NO)
    wrote = at_log_odds(usual, effects.writing[kind_of_silence(own[SILENT])])
    odds = wrote / (1.0 - wrote) * effects.entry_odds
    wrote_ill, device = odds / (1.0 + odds), np.exp(pain)
    onset, migraine = events[ONSET], events[BY_EVENING]
    for m in range(len(ill)):
        yesterday, goes_on = (ill[m], hazard[m]) if own[STARTED] > 0 else (0.0, 0.0)
        if own[STARTED] > 0:
            filter_state.attack_history[i, m] = (
                effects.memory * filter_state.attack_history[i, m] + (1.0 - effects.memory) * yesterday
            )
        free = max(yesterday - goes_on, 0.0)
        any_onset = (1.0 - yesterday) * filter_state.onset[i, m, AFTER_WELL] + free * filter_state.onset[
            i, m, AFTER_ILL
        ]
        begins = any_onset * effects.by_evening
        if diary:
            if migraine and not onset and own[STARTED] > 0:
                chance = goes_on
            elif migraine:
                chance = begins
            else:
                chance = 1.0 - goes_on - begins  # its signs are weighed by hear_signs
            log_weight[m] += np.log(max(chance * (wrote_ill if migraine else wrote), IMPOSSIBLE))
            ill[m] = 1.0 if migraine else 0.0
        else:
            there = goes_on + begins
            painful = there * (1.0 - wrote_ill) * device
            silent = max(painful + (1.0 - there) * (1.0 - wrote), IMPOSSIBLE)
            log_weight[m] += np.log(silent)
            ill[m] = min(painful / silent, 1.0)
        hazard[m] = min(any_onset / max(1.0 - goes_on, IMPOSSIBLE), 1.0)


@njit(cache=True)
def _keep_count(
    diary: bool, events: NDArray[np.bool_], headache: int, ill: float, ahead: float, own: NDArray[np.float64]
) -> None:
    """How far the attack is, whether a drug was taken, whether it is over, how often the person writes."""
    onset, migraine, prodrome, drug = events[ONSET], events[BY_EVENING], events[PRODROME], events[MEDICATION]
    if not diary:
        own[AGE], own[MEDICATED] = UNKNOWN_DAY, 0.0
    elif not migraine:
        own[AGE], own[MEDICATED] = NO_ATTACK, 0.0
    elif onset:
        own[AGE], own[MEDICATED] = FIRST_DAY, 1.0 if drug else 0.0
    else:
        own[AGE] = LATER_DAY if own[AGE] in (SECOND_DAY, LATER_DAY) else SECOND_DAY
        own[MEDICATED] = 1.0 if drug or own[MEDICATED] > 0 else 0.0
    own[HEADACHE] = headache if diary and migraine else NOT_TOLD
    own[MAY_BEGIN] = (0.0 if migraine else ahead if prodrome else 1.0) if diary else 1.0
    own[TOLD], own[STARTED] = 1.0 if diary else 0.0, 1.0
    free = max(1.0 - ill, 0.0)
    own[WRITTEN] += own[TOLD] * free
    own[LIVED] += free
    own[SILENT] = 0.0 if diary else own[SILENT] + 1.0


@njit(cache=True)
def _look_ahead(
    points: Points,
    effects: Effects,
    predictors: NDArray[np.float64],
    attack_history: NDArray[np.float64],
    onset: NDArray[np.float64],
) -> None:
    """Each hypothesis' probability of an onset tomorrow."""
    offset, flattened, triggers = predictors[0], predictors[1], points.susceptibility.shape[1]
    for m in range(len(attack_history)):
        logit = points.level[m] + offset + effects.attack_history * effects.memory * attack_history[m]
        logit += points.weekend[m] * predictors[2 + triggers]
        for kind in range(triggers):
            logit += points.susceptibility[m, kind] * predictors[2 + kind]
        after = logit + effects.refractory + effects.attack_history * (1.0 - effects.memory)
        onset[m, AFTER_WELL], onset[m, AFTER_ILL] = _expit(logit * flattened), _expit(after * flattened)
        onset[m, UNSIGNED] = onset[m, AFTER_WELL]
