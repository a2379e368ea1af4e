"""A bank of days: what the hours of a window are refined from, taken from simulated trajectories.

The patients of a bank are in no cohort: their numbers lie far beyond any cohort's, so that nobody whose twin is kept or
whose forecast is scored was ever learned from. A bank for training and one for scoring share no patient either.

Belongs here: which days, and what is known of them at the midnight that ends them. Does not: the hours (windows.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.latent import INPUTS
from migraine_platform.priors.features import select
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories
from migraine_platform.simulator.exogenous.trigger_rules import loads_of
from migraine_platform.simulator.generative.attacks import EVENING, HOURS, AttackCourse, prodrome_length
from migraine_platform.simulator.generative.latent_inputs import CYCLE_INPUT, LATENT
from migraine_platform.simulator.generative.profiles import draw_patients
from migraine_platform.simulator.generative.symptoms import HEADACHE
from migraine_platform.simulator.random.quantiles import quantile
from migraine_platform.simulator.random.streams import Stream, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAINING, SCORING, REFERENCE, VALIDATION = 2**44, 2**45, 2**46, 2**47
"""Number of the first patient of each bank: to train on, to be scored on, to average over, to choose weights by."""

HISTORY_DAYS = 28
CHUNK = 2000

VALUE_OF_INPUT = {"water_liters": "water_consumed_liters"}
"""Columns of the days whose names differ from the inputs'."""

NEVER = -1e6
"""Hours at which a headache lies that never was."""


class DayBank(NamedTuple):
    """D days of simulated trajectories."""

    z: NDArray[np.float64]
    """[D, 4] Z at the midnight that begins the day."""
    drive: NDArray[np.float64]
    """[D, 4] B u of the day."""
    rest: NDArray[np.float64]
    """[D] log-odds of an onset tomorrow, less w . Z."""
    weights: NDArray[np.float64]
    """[D, 4] w_i"""
    headache: NDArray[np.float64]
    """[D] how long the person's headaches last, on a normal scale."""
    susceptibility: NDArray[np.float64]
    """[D, 4]"""
    trigger: NDArray[np.bool_]
    """[D, 4]"""
    diet: NDArray[np.bool_]
    """[D, 3] alcohol, caffeine, chocolate."""
    fact: NDArray[np.float64]
    """[D, 3] in the order and the units of config.hours.DAY_FACTS, unstandardised."""
    cycle_score: NDArray[np.float64]
    """[D] centred impact score of the day of the cycle; NaN without a cycle."""
    before: NDArray[np.int64]
    """[D] migraine days among the HISTORY_DAYS - 1 days before."""
    since: NDArray[np.int64]
    """[D] days since the last migraine day before this one, at most HISTORY_DAYS."""
    carried_over: NDArray[np.bool_]
    """[D] a headache of an earlier day makes this a migraine day."""
    start: NDArray[np.float64]
    """[D] hours from the day's first midnight to the start of the last headache that began by its end."""
    end: NDArray[np.float64]
    drug: NDArray[np.int64]
    prodrome: NDArray[np.float64]
    """[D] hours of prodrome before that headache."""
    announced: NDArray[np.bool_]
    """[D] at 20:00 there was a sign of an attack of tomorrow."""
    sign_from: NDArray[np.float64]
    """[D] hours from the day's first midnight to other signs of an attack: of one that did not come, or of tomorrow's;
    NEVER if there are none."""
    sign_until: NDArray[np.float64]
    """[D] as it ends; it lies before or after that headache."""

    def take(self, rows: NDArray[np.int64]) -> DayBank:
        """These days.

        Args:
            rows: [N] places of those wanted.
        """
        return DayBank._make([column[rows] for column in self])

    @property
    def size(self) -> int:
        """Number of days."""
        return len(self.rest)


def fill_bank(simulator: CohortSimulator, first: int, patients: int) -> DayBank:
    """Simulate patients who are in no cohort, and keep their days.

    Args:
        first: number of the first of them (TRAINING, SCORING or REFERENCE).
        patients: how many; each gives one row per day of the simulator's horizon that has a full history and a
            tomorrow.
    """
    settings = simulator.settings
    parts = []
    for begin in range(0, patients, CHUNK):
        index = np.arange(first + begin, first + min(begin + CHUNK, patients), dtype=np.int64)
        drawn = draw_patients(index, settings)
        parts.append(_days_of(simulator, simulator.trajectories(drawn)))
    return DayBank._make([np.concatenate(columns) for columns in zip(*parts, strict=True)])


def sign_hours(days: DayBank) -> NDArray[np.bool_]:
    """[D, 24] hours of a headache, of its prodrome, or of other signs of an attack."""
    hours = np.arange(HOURS) + 1.0
    headache = (hours > (days.start - days.prodrome)[:, None]) & (hours <= days.end[:, None])
    return np.asarray(headache | ((hours > days.sign_from[:, None]) & (hours <= days.sign_until[:, None])))


def _days_of(simulator: CohortSimulator, trajectories: Trajectories) -> DayBank:
    days, persons = trajectories.days, trajectories.persons
    kept = days.at_risk.shape[1]
    today = slice(HISTORY_DAYS, kept - 1)
    tomorrow = slice(HISTORY_DAYS + 1, kept)
    width = kept - 1 - HISTORY_DAYS

    def each_day(of_person: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(of_person, width, axis=0)

    weights = each_day(persons.latent_weights)
    ahead = np.moveaxis(days.z[:, :, tomorrow], 0, -1).reshape(-1, LATENT)
    p = np.clip(days.onset_probability[:, tomorrow].ravel(), 1e-12, 1 - 1e-12)
    migraine = days.flag("has_migraine")
    before, since = _history(migraine)
    start, end, drug, prodrome = _last_headache(
        days.attack, days.start, days.duration, days.drug, days.prodrome, simulator.calendar.burn_in, kept
    )
    stress = days.value("stress_level").astype(np.float64)
    rise = np.diff(stress, axis=1, prepend=stress[:, :1])
    facts = (rise, days.value("total_sleep_hours"), days.value("water_consumed_liters"))
    cycle = persons.cycle_standard[:, simulator.calendar.burn_in :][:, today].ravel()
    scores = np.where(cycle > 0, simulator.parameters.inputs.by_cycle_day[cycle], np.nan)
    signs = _other_signs(simulator, trajectories, start - prodrome, end)
    return DayBank(
        z=np.moveaxis(days.z[:, :, today], 0, -1).reshape(-1, LATENT),
        drive=_drive(simulator, trajectories)[:, today].reshape(-1, LATENT),
        rest=np.log(p / (1 - p)) - (weights * ahead).sum(axis=1),
        weights=weights,
        headache=each_day(persons.symptoms[:, HEADACHE]),
        susceptibility=each_day(persons.susceptibility),
        trigger=np.moveaxis(days.trigger()[:, :, today], 0, -1).reshape(len(p), len(days.trigger())),
        diet=np.stack(
            [days.flag(f"{name}_consumed")[:, today].ravel() for name in ("alcohol", "caffeine", "chocolate")],
            axis=1,
        ),
        fact=np.stack([fact[:, today].ravel() for fact in facts], axis=1).astype(np.float64),
        cycle_score=scores,
        before=before[:, today].ravel(),
        since=since[:, today].ravel(),
        carried_over=~days.at_risk[:, today].ravel(),
        start=start[:, today].ravel(),
        end=end[:, today].ravel(),
        drug=drug[:, today].ravel(),
        prodrome=prodrome[:, today].ravel(),
        announced=days.announced[:, today].ravel(),
        sign_from=signs[:, today, 0].ravel(),
        sign_until=signs[:, today, 1].ravel(),
    )


def _other_signs(
    simulator: CohortSimulator, trajectories: Trajectories, begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P, K, 2] hours of the signs that are not the last headache's; one is drawn for each day.

    Args:
        begins: [P, K] start of that headache with its prodrome, in hours of the day.
        ends: [P, K] of it.
    """
    days = trajectories.days
    alarm = days.flag("prodrome") & ~days.flag("onset") & ~days.announced
    u = uniforms(simulator.settings.cohort.seed, Stream.SIGN, trajectories.patients.index, days.announced.shape[1], 2)
    out = np.full((*alarm.shape, 2), NEVER)
    _draw_signs(simulator.parameters.course, alarm, days.announced, begins, ends, u, out)
    return out


@njit(cache=True)
def _draw_signs(
    course: AttackCourse,
    alarm: NDArray[np.bool_],
    announced: NDArray[np.bool_],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
    u: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """A sign of today fades at an hour of onset before 20:00; one of tomorrow is there at midnight."""
    for i in range(alarm.shape[0]):
        for k in range(alarm.shape[1]):
            if not alarm[i, k] and not announced[i, k]:
                continue
            early = announced[i, k]
            hour = quantile(course.onset_hours, u[i, k, 0] * (1.0 if early else 1.0 - course.late_share))
            hours = prodrome_length(course, hour + HOURS - EVENING, early, u[i, k, 1])
            until = HOURS + hour if early else hour
            first, last = until - hours, min(until, float(HOURS))
            if first < begins[i, k] < last:
                last = begins[i, k]
            elif begins[i, k] <= first < ends[i, k]:
                first = min(ends[i, k], last)
            out[i, k, 0], out[i, k, 1] = first, last


def _drive(simulator: CohortSimulator, trajectories: Trajectories) -> NDArray[np.float64]:
    """[P, K, 4] B u of each kept day, and what its triggers load, from the values of the day."""
    days, persons, inputs = trajectories.days, trajectories.persons, simulator.parameters.inputs
    features = dict(zip(INPUTS, select(simulator.features, INPUTS), strict=True))
    drive = np.zeros((*days.at_risk.shape, LATENT))
    for k, name in enumerate(INPUTS):
        if k == CYCLE_INPUT:
            u = inputs.by_cycle_day[persons.cycle_standard[:, simulator.calendar.burn_in :]]
        else:
            values = days.value(VALUE_OF_INPUT.get(name, name)).astype(np.float64)
            u = ImpactScorer([features[name]]).centred(values[..., None])[..., 0]
        drive += u[..., None] * inputs.B[:, k]
    for flags, load in zip(days.trigger(), loads_of(simulator.parameters.rules).T, strict=True):
        drive += flags[..., None] * load
    return drive


@njit(cache=True)
def _history(migraine: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[P, K] migraine days in the days before each day, and days since the last of them."""
    before = np.zeros(migraine.shape, dtype=np.int64)
    since = np.full(migraine.shape, HISTORY_DAYS, dtype=np.int64)
    for i in range(migraine.shape[0]):
        last = -HISTORY_DAYS
        for k in range(migraine.shape[1]):
            since[i, k] = min(k - last, HISTORY_DAYS)
            for back in range(1, min(HISTORY_DAYS, k + 1)):
                before[i, k] += migraine[i, k - back]
            if migraine[i, k]:
                last = k
    return before, since


@njit(cache=True)
def _last_headache(
    attack: NDArray[np.bool_],
    start: NDArray[np.float64],
    duration: NDArray[np.float64],
    drug: NDArray[np.int8],
    prodrome: NDArray[np.float64],
    burn_in: int,
    kept: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """[P, K] the last headache that began by the end of each kept day; hours from that day's first midnight."""
    patients = attack.shape[0]
    begins, ends = np.full((patients, kept), NEVER), np.full((patients, kept), NEVER)
    drugs, warning = np.full((patients, kept), -1, dtype=np.int64), np.zeros((patients, kept))
    for i in range(patients):
        last = -1
        for t in range(burn_in + kept):
            if attack[i, t]:
                last = t
            k = t - burn_in
            if k >= 0 and last >= 0:
                begins[i, k] = start[i, last] - HOURS * t
                ends[i, k] = begins[i, k] + duration[i, last]
                drugs[i, k] = drug[i, last]
                warning[i, k] = prodrome[i, last]
    return begins, ends, drugs, warning
