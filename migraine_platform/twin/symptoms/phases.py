"""The course of a person's attacks: which phases they pass through, how long each lasts, how severe they are.

    well -> prodrome -> aura -> headache -> postdrome -> well        each of the first two, and the last, or not

A semi-Markov process: a phase is entered with a personal probability and lasts a log-normal time of personal median.
A headache that goes on at the end of what is known is censored there, and so is a postdrome. The log does not say when
the aura of an attack with a prodrome began: a prodrome counts until the headache, an aura where there was no prodrome.

Belongs here: evidence from a log of attacks, and the fit. Does not: when an attack begins (survival.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.errors import UserError
from migraine_platform.twin.symptoms.shrinkage import LevelPrior, Levels, beta_population, levels, spreads, totals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from migraine_platform.twin.data.histories import Histories

PHASES = ("prodrome", "aura", "headache_untreated", "headache_treated", "postdrome")

UNTREATED, TREATED = PHASES.index("headache_untreated"), PHASES.index("headache_treated")

PROBABILITY = (0.33, 0.2, 0.4, 0.6, 0.8)
"""That an attack passes through the phase, where there is no evidence."""

HOURS = (2.0, 0.5, 24.0, 8.0, 18.0)
"""Median duration where there is no evidence; a factor of e either way is likely."""

WITHIN, BETWEEN = 0.7, 0.2
"""Log scale: usual sd of a person's durations, and of persons' means."""

SEVERITY = LevelPrior(mean=6.0, mean_sd=2.0, within=2.0, between=0.5)

SHORTEST = 1 / 60
"""Hours; a log of minutes knows nothing below."""

INTAKE = 2.0
"""Hours after which a headache that goes on and was not treated is called untreated; before, nobody knows yet."""

LEVEL = 0.9
"""Of intervals."""

NEEDED = (
    "patient_id",
    "onset_at",
    "headache_start",
    "headache_end",
    "postdrome_end",
    "with_prodrome",
    "with_aura",
    "severity",
    "treated",
)


class AttackLogError(UserError):
    """Attacks that nobody can have had."""


@dataclass(frozen=True)
class AttackLog:
    """A attacks of P patients, as they are known now."""

    patient_ids: tuple[str, ...]
    who: NDArray[np.int64]
    """[A] place of the patient."""
    entered: NDArray[np.float64]
    """[A, 5] whether it passed through the phase, 1 or 0; NaN where that is not known."""
    hours: NDArray[np.float64]
    """[A, 5] how long the phase lasted, or has gone on so far; NaN where that is not known."""
    running: NDArray[np.bool_]
    """[A, 5] whether it goes on."""
    severity: NDArray[np.float64]
    """[A] NaN until the headache is over."""


@dataclass(frozen=True)
class Phases:
    """P patients' attacks; every array of durations is [P, 5] in the order of PHASES."""

    patient_ids: tuple[str, ...]
    probability: NDArray[np.float64]
    """That an attack passes through the phase."""
    durations: tuple[Levels, ...]
    """Of log hours, by phase."""
    attacks: NDArray[np.int64]
    """Attacks whose phase was seen to its end, or until now."""
    severity_mean: NDArray[np.float64]
    """[P]"""
    severity_sd: NDArray[np.float64]
    """[P] of a person's attacks."""

    @property
    def typical_hours(self) -> NDArray[np.float64]:
        """Median duration."""
        return np.exp(np.column_stack([phase.mean for phase in self.durations]))

    def interval_hours(self, level: float = LEVEL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Central interval of a new duration."""
        ends = [phase.interval(level) for phase in self.durations]
        return np.exp(np.column_stack([low for low, _ in ends])), np.exp(np.column_stack([high for _, high in ends]))


def with_recorded(attacks: pl.DataFrame, histories: Histories) -> pl.DataFrame:
    """The attacks with a column `recorded`: whether the diary has an entry for the day the headache began.

    Args:
        attacks: NEEDED columns; attacks of others, or outside of the histories' days, were not recorded.
        histories: whose diary counts.
    """

    places = {patient: place for place, patient in enumerate(histories.patient_ids)}
    who = attacks["patient_id"].replace_strict(places, default=-1, return_dtype=pl.Int64).to_numpy()
    day = (attacks["headache_start"].dt.date() - histories.first).dt.total_days().to_numpy()
    inside = (who >= 0) & (day >= 0) & (day < histories.days)
    recorded = np.zeros(len(attacks), dtype=np.bool_)
    recorded[inside] = histories.diary[who[inside], day[inside]]
    return attacks.with_columns(recorded=pl.Series(recorded))


def attack_log(attacks: pl.DataFrame, patient_ids: Sequence[str], now: datetime) -> AttackLog:
    """What is known now of the attacks whose headache has begun.

    An end that lies ahead is not read: its phase has gone on until now. One that is missing has gone on until now, or
    until the next headache.

    Args:
        attacks: NEEDED columns, the ends null where unknown; where there is a column `recorded`, rows without it do
            not count. Attacks of other patients are left out.
        patient_ids: P
        now: nothing later is used.

    Raises:
        AttackLogError: if a phase ends before it begins.
    """

    places = {patient: place for place, patient in enumerate(patient_ids)}
    if "recorded" in attacks.columns:
        attacks = attacks.filter(pl.col("recorded"))
    rows = (
        attacks.filter((pl.col("headache_start") <= now) & pl.col("patient_id").is_in(list(places)))
        .select(NEEDED)
        .sort("patient_id", "headache_start")
        .with_columns(
            until=pl.col("headache_start").shift(-1).over("patient_id").fill_null(now),
            headache_end=pl.when(pl.col("headache_end") <= now).then("headache_end"),
            postdrome_end=pl.when(pl.col("postdrome_end") <= now).then("postdrome_end"),
            severity=pl.when(pl.col("headache_end") <= now).then("severity"),
        )
    )
    who = np.array([places[patient] for patient in rows["patient_id"]], dtype=np.int64)
    return _log(rows, tuple(patient_ids), who)


def _log(rows: pl.DataFrame, patient_ids: tuple[str, ...], who: NDArray[np.int64]) -> AttackLog:
    """Hours and marks of every attack."""
    lead, _ = _hours(rows, "onset_at", "headache_start")
    headache, aches = _hours(rows, "headache_start", "headache_end")
    after, lingers = _hours(rows, "headache_end", "postdrome_end")
    prodrome, aura, treated = (_number(rows, name) for name in ("with_prodrome", "with_aura", "treated"))
    treated[aches & (headache < INTAKE)] = np.nan
    postdrome = np.where(np.isnan(after) | lingers, np.nan, after > 0)
    entered = np.column_stack([prodrome, aura, 1 - treated, treated, postdrome])
    hours = np.column_stack([lead, np.where(prodrome == 1, np.nan, lead), headache, headache, after])
    running = np.column_stack([np.zeros((len(who), 2), dtype=np.bool_), aches, aches, lingers])
    known = entered == 1
    known[:, -1] |= lingers
    hours[~known] = np.nan
    return AttackLog(patient_ids, who, entered, hours, running, _number(rows, "severity"))


def _hours(rows: pl.DataFrame, start: str, end: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[A] hours between two times, the second or else what is known; and whether it is the latter."""

    running = rows[end].is_null() & rows[start].is_not_null()
    last = pl.coalesce(end, pl.max_horizontal("until", start))
    span = rows.select((last - pl.col(start)).dt.total_seconds().cast(pl.Float64) / 3600).to_series()
    if wrong := int((span < 0).sum()):
        raise AttackLogError(f"{wrong} attacks have {end} before {start}; expected it after, or nothing")
    return span.fill_null(np.nan).to_numpy(writable=True), running.to_numpy()


def _number(rows: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """[A] NaN for null."""

    return rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy(writable=True)


def fit_phases(log: AttackLog, has_aura: NDArray[np.bool_] | None = None) -> Phases:
    """Every patient's phases, each drawn to the population's by as much as his attacks leave open.

    Args:
        log: evidence.
        has_aura: [P] diagnosis; with it, patients with and without are two populations of aura.
    """
    persons = len(log.patient_ids)
    probability, durations = np.empty((persons, len(PHASES))), []
    seen = np.zeros((persons, len(PHASES)), dtype=np.int64)
    everybody = np.zeros(persons, dtype=np.bool_)
    for place, name in enumerate(PHASES):
        group = has_aura if name == "aura" and has_aura is not None else everybody
        probability[:, place] = _shares(log, place, group)
        known = ~np.isnan(log.hours[:, place])
        who = log.who[known]
        prior = LevelPrior(float(np.log(HOURS[place])), 1.0, WITHIN, BETWEEN)
        values = np.log(np.maximum(log.hours[known, place], SHORTEST))
        durations.append(levels(values, who, log.running[known, place], persons, prior))
        seen[:, place] = totals(who, persons)
    probability[:, UNTREATED] = 1 - probability[:, TREATED]
    return Phases(log.patient_ids, probability, tuple(durations), seen, *_severity(log, persons))


def _shares(log: AttackLog, place: int, group: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[P] posterior mean probability of a phase."""
    known = ~np.isnan(log.entered[:, place])
    who = log.who[known]
    trials = totals(who, len(group))
    successes = totals(who, len(group), log.entered[known, place])
    out = np.empty(len(group))
    for own in (group, ~group):
        if own.any():
            alpha, beta = beta_population(successes[own], trials[own], PROBABILITY[place])
            out[own] = (alpha + successes[own]) / (alpha + beta + trials[own])
    return out


def _severity(log: AttackLog, persons: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = ~np.isnan(log.severity)
    values, who = log.severity[known], log.who[known]
    fitted = levels(values, who, np.zeros(len(values), dtype=np.bool_), persons, SEVERITY)
    count = totals(who, persons)
    own = totals(who, persons, values) / np.maximum(count, 1)
    squares = totals(who, persons, (values - own[who]) ** 2)
    return fitted.mean, spreads(squares, count, fitted.within)
