"""Validation of a simulated batch, as the generator design document lists it: four points, each with its findings.

    distributions          every daily feature lies around its prior's mean with about its spread
    correlations           no trigger comes before fewer migraine days; no pain before better nights
    proportions            classes, aura and sex are as configured; migraine days as the profiles say
    temporal_consistency   days follow each other, changes are differences, attacks and days agree

Tolerances grow with the sampling noise of the batch (five standard errors, so that a sound batch fails once in millions
of times), on top of what cycles, coupling and drift may shift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from migraine_platform.config.simulator.copula import COLUMN_OF
from migraine_platform.config.simulator.settings import PopulationSettings
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH, STRATUM

ERRORS = 5.0
SHIFTED_SDS = 0.3
"""How far coupling, cycles and drift may move a feature's mean, in its standard deviations."""

SPREAD_SHARE = 0.25
"""How far they may change its spread."""

FREQUENCY_DAYS = 1.5
"""How far the mean migraine days a month may lie from the profiles', beyond noise: drift moves single patients."""

PRESSURE_STEP = 1e-3
"""hPa by which a change may differ from the difference of two days, for single precision."""


@dataclass(frozen=True)
class SimulatedBatch:
    """One batch as it lies in the lake."""

    patients: pl.DataFrame
    days: pl.DataFrame
    attacks: pl.DataFrame


@dataclass(frozen=True)
class ValidationFinding:
    """What one point found."""

    problems: tuple[str, ...]
    figures: Mapping[str, float]


def distributions(
    batch: SimulatedBatch, features: Sequence[Feature], population: PopulationSettings
) -> ValidationFinding:
    """Means and spreads of the daily features against their priors."""
    figures, problems = {}, []
    persons, days = batch.patients.height, batch.days.height
    for feature in features:
        values = batch.days[COLUMN_OF.get(feature.variable, feature.variable)]
        mean, spread = float(values.cast(float).mean()), float(values.cast(float).std())  # type: ignore[arg-type]
        lag1, between = feature.lag1 or 0.0, feature.between_share
        error = feature.sd * np.sqrt(between / persons + (1 - between) / days * (1 + lag1) / (1 - lag1))
        allowed = SHIFTED_SDS * feature.sd + ERRORS * error
        figures[feature.variable] = (mean - feature.mean) / feature.sd
        if abs(mean - feature.mean) > allowed:
            problems.append(f"{feature.variable} has mean {mean:.4g}; expected {feature.mean:.4g} +- {allowed:.2g}")
        # The spread between few persons is itself uncertain; heavy tails double its variance, roughly.
        allowed = SPREAD_SHARE + ERRORS * np.sqrt(between / persons + 2 / days)
        if abs(spread / feature.sd - 1) > allowed:
            problems.append(f"{feature.variable} has sd {spread:.4g}; expected {feature.sd:.4g} +- {allowed:.0%}")
    return ValidationFinding(tuple(problems), figures)


def correlations(
    batch: SimulatedBatch, features: Sequence[Feature], population: PopulationSettings
) -> ValidationFinding:
    """Triggers and the next day's migraine; pain and the night's sleep."""

    next_day = batch.days.select(
        "patient_id",
        *(f"{name}_trigger" for name in TRIGGER_NAMES),
        tomorrow=pl.col("has_migraine").shift(-1).over("patient_id"),
    ).drop_nulls()
    figures, problems = {}, []
    for name in TRIGGER_NAMES:
        on, off = (next_day.filter(pl.col(f"{name}_trigger") == state)["tomorrow"] for state in (True, False))
        rise, error = _difference(on, off)
        figures[f"{name}_points"] = 100 * rise
        if rise < -ERRORS * error:
            problems.append(f"after a {name} trigger migraine is {-100 * rise:.1f} points rarer; expected more of it")
    after = batch.days.with_columns(before=pl.col("has_migraine").shift(1).over("patient_id")).drop_nulls("before")
    own = pl.col("total_sleep_hours") - pl.col("total_sleep_hours").mean().over("patient_id")
    on, off = (after.with_columns(own=own).filter(pl.col("before") == state)["own"] for state in (True, False))
    change, error = _difference(on, off)
    figures["sleep_after_migraine_hours"] = change
    if change > ERRORS * error:
        problems.append(f"nights after a migraine day are {change:.2f} h longer; expected shorter")
    return ValidationFinding(tuple(problems), figures)


def proportions(
    batch: SimulatedBatch, features: Sequence[Feature], population: PopulationSettings
) -> ValidationFinding:
    """Classes exact by stratum; aura, sex and migraine days within noise of what is configured."""

    figures, problems = {}, []
    persons = batch.patients.height
    chronic = float(batch.patients["is_chronic"].mean())  # type: ignore[arg-type]
    # A batch may cut a stratum at either end.
    allowed = 2 * STRATUM * min(population.chronic_share, 1 - population.chronic_share) / persons + 1 / persons
    if abs(chronic - population.chronic_share) > allowed:
        problems.append(f"{chronic:.1%} are chronic; expected {population.chronic_share:.1%} +- {allowed:.1%}")
    shares = {
        "aura": (batch.patients["has_aura"].mean(), population.aura_share),
        "female": ((batch.patients["sex"] == "F").mean(), population.female_share),
    }
    for name, (share, expected) in shares.items():
        found = float(share)  # type: ignore[arg-type]
        allowed = ERRORS * np.sqrt(expected * (1 - expected) / persons) + 1e-9
        figures[f"{name}_share"] = found
        if abs(found - expected) > allowed:
            problems.append(f"{name} share {found:.1%}; expected {expected:.1%} +- {allowed:.1%}")
    realised = batch.days.group_by("patient_id").agg(share=pl.col("has_migraine").mean())
    joined = realised.join(batch.patients, on="patient_id")
    off = DAYS_A_MONTH * (joined["share"] - joined["base_frequency"])
    mean, error = float(off.mean()), float(off.std() or 0.0) / np.sqrt(persons)  # type: ignore[arg-type]
    figures |= {"chronic_share": chronic, "days_a_month_off": mean}
    if abs(mean) > FREQUENCY_DAYS + ERRORS * error:
        problems.append(f"migraine days are {mean:+.2f} a month off the profiles; expected within {FREQUENCY_DAYS:g}")
    return ValidationFinding(tuple(problems), figures)


def temporal_consistency(
    batch: SimulatedBatch, features: Sequence[Feature], population: PopulationSettings
) -> ValidationFinding:
    """Days without holes, pressure changes that are differences, attacks that agree with the days and each other."""

    days = batch.days.sort("patient_id", "date").with_columns(
        step=(pl.col("date") - pl.col("date").shift(1).over("patient_id")).dt.total_days(),
        difference=pl.col("pressure") - pl.col("pressure").shift(1).over("patient_id"),
    )
    attacks = batch.attacks.sort("patient_id", "headache_start").with_columns(
        previous_end=pl.col("headache_end").shift(1).over("patient_id"),
        date=pl.col("headache_start").dt.date(),
    )
    began = attacks.filter(pl.col("attack_id") >= 0).select("patient_id", "date")
    marked = days.filter(pl.col("onset")).select("patient_id", "date")
    counts = {
        "days that do not follow the day before": days.filter(pl.col("step") != 1).height,
        "pressure changes that are no difference": days.filter(
            (pl.col("difference") - pl.col("pressure_change_24h")).abs() > PRESSURE_STEP
        ).height,
        "attacks whose day bears no onset": began.join(marked, on=["patient_id", "date"], how="anti").height,
        "onsets without an attack": marked.join(began, on=["patient_id", "date"], how="anti").height,
        "attacks that begin before the last has ended": attacks.filter(
            pl.col("onset_at") < pl.col("previous_end") - pl.duration(seconds=1)
        ).height,
    }
    problems = tuple(f"{count:,} {what}" for what, count in counts.items() if count)
    return ValidationFinding(problems, {what: float(count) for what, count in counts.items()})


POINTS: dict[str, Callable[[SimulatedBatch, Sequence[Feature], PopulationSettings], ValidationFinding]] = {
    "distributions": distributions,
    "correlations": correlations,
    "proportions": proportions,
    "temporal_consistency": temporal_consistency,
}
"""Point -> what it looks at; the names are the audits of `cohort.patient_days`."""


def _difference(on: pl.Series, off: pl.Series) -> tuple[float, float]:
    """Difference of two means and its standard error; days of one person are alike, which doubles it."""
    if not len(on) or not len(off):
        return 0.0, np.inf
    first, second = on.cast(float).to_numpy(), off.cast(float).to_numpy()
    error = 2 * np.sqrt(first.var() / len(first) + second.var() / len(second))
    return float(first.mean() - second.mean()), float(error)
