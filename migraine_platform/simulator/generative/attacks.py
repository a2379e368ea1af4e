"""The course of an attack: hour of onset, prodrome, aura, headache, treatment, postdrome.

Belongs here: what happens once an attack begins, and how long it goes on. Does not: when one begins (hazard.py).

    P(headache lasts longer than x) = S(x)                              untreated, S cut to the configured range
                                    = S(x) exp(-H(x - delay))           treated

and 1 below the shortest duration, which treated ones may have of their own. S leans towards what is the person's own
(symptoms.py); H is the cumulative hazard with which a drug ends the headache (treatment.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.attacks import AttackSettings
from migraine_platform.config.simulator.treatment import Treatments
from migraine_platform.simulator.generative.symptoms import (
    AURA,
    HEADACHE,
    POSTDROME,
    PRODROME,
    SEVERITY,
    SIGNS,
    Lean,
    leaning,
    severity_deviate,
    straightened,
)
from migraine_platform.simulator.generative.treatment import STEPS_AN_HOUR, UNTREATED, drug_hazard, drug_number
from migraine_platform.simulator.random.quantiles import (
    duration_quantiles,
    onset_hour_quantiles,
    prodrome_quantiles,
    quantile,
    share_below,
)
from migraine_platform.simulator.random.streams import Stream, fill_uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS = 24
EVENING = 20
"""Hour at which the diary is filled and tomorrow is forecast. No aura spans it, and a prodrome that does is a sign."""

OWN = np.linspace(-5, 5, 81)
"""What may be a person's own, on a normal scale."""


class AttackCourse(NamedTuple):
    """The course of an attack, tabulated for the kernels."""

    onset_hours: NDArray[np.float64]
    """[K] quantiles of the hour of onset, on days on which none begins later."""
    durations: NDArray[np.float64]
    """[K] quantiles of the untreated headache's duration, in hours."""
    drug_hazard: NDArray[np.float64]
    """[drugs, L] cumulative hazard with which a drug ends the headache, by treatment.STEP hours since intake."""
    prodrome_hours: NDArray[np.float64]
    """[K] quantiles."""
    prodrome_share: float
    """Share of onsets that come by way of a prodrome."""
    conversion: NDArray[np.float64]
    """[3] share of those prodromes that become an attack."""
    early_share: float
    """Share of those prodromes that are there at 20:00 of the day before."""
    late_share: float
    """Share of attacks that begin in the evening or later."""
    late_lasting: NDArray[np.float64]
    """[1 + drugs, OWN] share of those that make the next day a migraine day: untreated, then by drug."""
    shortest: float
    shortest_treated: float
    intake_delay: float
    usual_treated_share: float
    usual_drug: int
    aura_share: float
    aura_minutes: tuple[float, float]
    severity: tuple[float, float]
    postdrome: tuple[float, float]
    migraine_day_hours: float
    lean: Lean

    @classmethod
    def of(cls, settings: AttackSettings, treatments: Treatments) -> AttackCourse:
        """Tabulate the configured course.

        Raises:
            CourseError: if no distribution of durations has the configured median.
        """
        hours = onset_hour_quantiles(np.array(settings.onset_weight_by_hour))
        lengths = prodrome_quantiles(settings.prodrome)
        course = cls(
            onset_hours=hours,
            durations=duration_quantiles(settings),
            drug_hazard=np.stack([drug_hazard(drug) for drug in treatments.acute.values()]),
            prodrome_hours=lengths,
            prodrome_share=settings.prodrome.share_of_attacks,
            conversion=np.array([settings.prodrome.conversion, settings.prodrome.conversion, 1.0]),
            early_share=float(np.mean([1 - share_below(lengths, hour + HOURS - EVENING) for hour in hours])),
            late_share=1.0 - float(share_below(hours, float(EVENING))),
            late_lasting=np.zeros((1 + len(treatments.acute), len(OWN))),
            shortest=settings.duration[0],
            shortest_treated=settings.shortest_treated,
            intake_delay=settings.intake_delay,
            usual_treated_share=settings.treated_share,
            usual_drug=drug_number(treatments, settings.treated_with),
            aura_share=settings.aura_share_of_attacks,
            aura_minutes=settings.aura_minutes,
            severity=settings.severity,
            postdrome=settings.postdrome,
            migraine_day_hours=settings.migraine_day_hours,
            lean=Lean.of(settings),
        )
        needed = HOURS + settings.migraine_day_hours - hours[hours >= EVENING]
        _tabulate_late(course, needed, course.late_lasting)
        return course

    def of_anybody(self) -> AttackCourse:
        """The course of a person of whom nothing is known: headaches last as they do in the population."""
        between, within = self.lean.between.copy(), self.lean.within.copy()
        between[HEADACHE], within[HEADACHE] = 0.0, 1.0
        return self._replace(lean=self.lean._replace(between=between, within=within))


class Own(NamedTuple):
    """What is a person's own of an attack's course, as far as a forecast hangs on it."""

    headache: float
    """Its length, on a normal scale."""
    sign_share: NDArray[np.float64]
    """[3] share of the day's onsets that come by way of a prodrome, by what the evening before said (signs.py)."""
    early_share: float
    """Share of onsets whose prodrome is there at 20:00 of the day before."""


def own_signs(course: AttackCourse, symptoms: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P, 3] and [P]: `sign_share` and `early_share` of persons; their means are the population's.

    Args:
        symptoms: [P, SYMPTOMS]
    """
    from scipy.special import ndtr, ndtri

    lean = course.lean
    share = np.full(len(symptoms), course.prodrome_share)
    if course.prodrome_share > 0.0 and lean.between[SIGNS] > 0.0:
        share = ndtr((ndtri(share) - lean.between[SIGNS] * symptoms[:, SIGNS]) / lean.within[SIGNS])
    early = share * course.early_share
    return np.column_stack([share, (share - early) / (1 - early), np.ones_like(share)]), early


def anybody(course: AttackCourse) -> Own:
    """Of whom nothing is known; to be taken with `AttackCourse.of_anybody`."""
    early = course.prodrome_share * course.early_share
    shares = np.array([course.prodrome_share, (course.prodrome_share - early) / (1 - early), 1.0])
    return Own(0.0, shares, early)


class Attack(NamedTuple):
    """One attack; hours count from the first simulated midnight."""

    start: float
    """Start of the headache."""
    duration: float
    drug: int
    """Number of the acute drug, or UNTREATED."""
    prodrome: float
    """Hours of prodrome before the headache; 0 without."""
    aura: float
    """Hours of aura before it; 0 without."""
    severity: float
    postdrome: float
    """Hours after it."""


@njit(cache=True)
def shortest_headache(course: AttackCourse, drug: int) -> float:
    """Hours that every headache lasts at least."""
    return course.shortest if drug == UNTREATED else course.shortest_treated


@njit(cache=True)
def lasting_share(course: AttackCourse, own: float, drug: int, hours: float) -> float:
    """Share of a person's headaches that last longer than `hours`.

    Args:
        own: how long his last, on a normal scale.
    """
    if hours < shortest_headache(course, drug):
        return 1.0
    share = 1.0 - straightened(course.lean, HEADACHE, own, share_below(course.durations, hours))
    if drug != UNTREATED and hours > course.intake_delay:
        share *= np.exp(-drug_hazard_at(course.drug_hazard[drug], hours - course.intake_delay))
    return share


@njit(cache=True)
def drug_hazard_at(table: NDArray[np.float64], hours: float) -> float:
    """Cumulative hazard that many hours after intake; flat once the table ends.

    Args:
        table: [steps] a drug's cumulative hazard at equal steps of time.
    """
    last = len(table) - 1
    return float(quantile(table, min(hours * STEPS_AN_HOUR / last, 1.0)))


@njit(cache=True)
def late_lasting(course: AttackCourse, own: float, drug: int) -> float:
    """Share of his attacks of the evening and the night that make the next day a migraine day."""
    place = (own - OWN[0]) / (OWN[-1] - OWN[0])
    return quantile(course.late_lasting[drug + 1], min(max(place, 0.0), 1.0))


@njit(cache=True)
def draw_duration(course: AttackCourse, own: float, drug: int, u: float, u_drug: float) -> float:
    """Hours of a person's headache from two uniform deviates."""
    hours = quantile(course.durations, leaning(course.lean, HEADACHE, own, u))
    if drug == UNTREATED:
        return hours
    table = course.drug_hazard[drug]
    needed = -np.log(u_drug)
    if needed < table[-1]:
        after = share_below(table, needed) * (len(table) - 1) / STEPS_AN_HOUR
        hours = min(hours, course.intake_delay + after)
    return max(hours, course.shortest_treated)


@njit(cache=True)
def begin_attack(
    course: AttackCourse,
    has_aura: bool,
    own: NDArray[np.float64],
    drug: int,
    day: int,
    hour: float,
    free_from: float,
    prodromal: bool,
    early: bool,
    treatment: float,
    u: NDArray[np.float64],
) -> Attack:
    """An attack whose headache begins at `hour` of a day.

    Args:
        own: [SYMPTOMS] what is the person's own.
        free_from: before this hour since the first midnight neither prodrome nor aura begins.
        prodromal: whether signs come before it.
        early: whether they were there at 20:00 of the day before; if not, they begin later.
        treatment: uniform deviate; treated are the attacks of which it is below a share.
        u: [8] uniform deviates: duration, drug, aura or not, aura's length, severity, prodrome's length, postdrome.
    """
    start = HOURS * day + hour
    evening = HOURS * day + EVENING if hour >= EVENING else HOURS * (day - 1) + EVENING
    free = start - max(free_from, float(evening))
    aura = 0.0
    low, high = course.aura_minutes
    if has_aura and leaning(course.lean, AURA, own[AURA], u[2]) < course.aura_share and 60.0 * free >= low:
        aura = min((low + u[3] * (high - low)) / 60.0, free)
    prodrome = 0.0
    if prodromal:
        share = leaning(course.lean, PRODROME, own[PRODROME], u[5])
        since = hour + HOURS - EVENING if early else start - evening
        prodrome = min(prodrome_length(course, since, early, share), max(start - free_from, 0.0))
    low, high = course.severity
    deviate = severity_deviate(course.lean, u[0], treatment, u[4])
    severity = low + leaning(course.lean, SEVERITY, own[SEVERITY], deviate) * (high - low)
    low, high = course.postdrome
    postdrome = low + leaning(course.lean, POSTDROME, own[POSTDROME], u[6]) * (high - low)
    hours = draw_duration(course, own[HEADACHE], drug, u[0], u[1])
    return Attack(start, hours, drug, prodrome, aura, severity, postdrome)


@njit(cache=True)
def prodrome_length(course: AttackCourse, since: float, early: bool, u: float) -> float:
    """Hours of a prodrome, from a uniform deviate.

    Args:
        since: hours to the headache from 20:00 of the day before; from the last 20:00 if the prodrome is not early.
        early: whether it was there by then; if so it began within the day before, else it began later.
    """
    return prodrome_beyond(course, share_below(course.prodrome_hours, since), since, early, u)


@njit(cache=True)
def prodrome_beyond(course: AttackCourse, later: float, since: float, early: bool, u: float) -> float:
    """The same, of a known share `later` of prodromes that are shorter than `since` hours."""
    if early:
        return min(quantile(course.prodrome_hours, later + u * (1.0 - later)), since + HOURS)
    return min(quantile(course.prodrome_hours, u * later), since)


@njit(cache=True)
def draw_day(out: NDArray[np.float64], seed: int, person: int, day: int, block: int, replicate: int) -> None:
    """The attack process's uniform deviates of a day into `out` [8]: block 0 whether, block 1 how.

    Args:
        out: [8] to be filled with uniform deviates.
    """
    fill_uniforms(out, seed, ATTACK_STREAM, person, day, block, replicate)


ATTACK_STREAM = int(Stream.ATTACK)


@njit(cache=True)
def _tabulate_late(course: AttackCourse, needed: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Mean over equally likely late attacks, which need so many hours each, of the share that lasts as long."""
    for drug in range(UNTREATED, len(course.drug_hazard)):
        for place in range(len(OWN)):
            for wait in needed:
                out[drug + 1, place] += lasting_share(course, OWN[place], drug, wait) / len(needed)
