"""Whether triggers come before migraine in the rows that were made, by as much as they were configured to.

Each patient is compared with himself: days after a trigger with his other days, so that people with many migraine days
or many triggers do not pass for an effect.

    rise = sum_i Sxy_i / sum_i Sxx_i            x: the trigger, y: migraine on the next day, both about i's own means
    error^2 = sum_i (Sxy_i - rise Sxx_i)^2 / (sum_i Sxx_i)^2      patients are the units

Belongs here: sums by patient, and what is wrong with their totals. Does not: who stops a publication for it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.vocabulary import TRIGGER_NAMES

ERRORS = 5.0
LEAST_PATIENTS = 30
"""Of fewer units a standard error says little."""

LEAST_SHARE = 0.25
"""Of the configured effect, that must be seen: attacks that go on, and what else the day brings, dilute it."""

TOGETHER = "all triggers"


def sums(days: pl.DataFrame) -> pl.DataFrame:
    """patient_id, trigger, sxx, sxy.

    Args:
        days: patient_id, date, has_migraine and the triggers' flags, every day of each patient.
    """

    y = pl.col("has_migraine").cast(pl.Float64).shift(-1).over("patient_id", order_by="date")
    known = days.with_columns(y=y).drop_nulls("y").with_columns(pl.col("y") - pl.col("y").mean().over("patient_id"))
    types = {"patient_id": pl.String, "sxx": pl.Float64, "sxy": pl.Float64, "trigger": pl.String}
    frames = [pl.DataFrame(schema=types)]
    for trigger in TRIGGER_NAMES:
        flag = pl.col(f"{trigger}_trigger").cast(pl.Float64)
        own = known.with_columns(x=flag - flag.mean().over("patient_id"))
        by = own.group_by("patient_id").agg(sxx=(pl.col("x") ** 2).sum(), sxy=(pl.col("x") * pl.col("y")).sum())
        frames.append(by.with_columns(trigger=pl.lit(trigger)))
    return pl.concat(frames).sort("trigger", "patient_id")


def rises(found: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Trigger -> rise of the next day's migraine share, and its standard error; of all that came, their mean."""

    out: dict[str, tuple[float, float]] = {}
    for trigger in TRIGGER_NAMES:
        own = found.filter(pl.col("trigger") == trigger)
        sxx, sxy = own["sxx"].to_numpy(), own["sxy"].to_numpy()
        total = float(sxx.sum())
        if total <= 0 or own.height < LEAST_PATIENTS:
            out[trigger] = (0.0, np.inf)
            continue
        rise = float(sxy.sum()) / total
        out[trigger] = (rise, float(np.sqrt(((sxy - rise * sxx) ** 2).sum())) / total)
    reported = [(rise, error) for rise, error in out.values() if np.isfinite(error)]
    mean = float(np.mean([rise for rise, _ in reported])) if reported else 0.0
    out[TOGETHER] = (
        mean,
        float(np.sqrt(sum(error**2 for _, error in reported))) / len(reported) if reported else np.inf,
    )
    return out


def weak(found: pl.DataFrame, rules: Mapping[str, TriggerRule]) -> list[str]:
    """Triggers before less migraine than configured, beyond chance, or that never came; none where nobody can tell.

    Args:
        found: rows of `sums`.
        rules: of the settings, with the effects that they state.
    """
    wanted = {trigger: rules[trigger].effect for trigger in TRIGGER_NAMES}
    seen = rises(found)
    reported = [wanted[trigger] for trigger in TRIGGER_NAMES if np.isfinite(seen[trigger][1])]
    wanted[TOGETHER] = float(np.mean(reported)) if reported else 0.0
    enough = found.height and found["patient_id"].n_unique() >= LEAST_PATIENTS
    never = [trigger for trigger in TRIGGER_NAMES if enough and not np.isfinite(seen[trigger][1])]
    return [f"{trigger}: came on no day, or on every day, of every patient" for trigger in never] + [
        f"{trigger}: migraine is {100 * rise:+.1f} points likelier the day after; expected at least "
        f"{100 * LEAST_SHARE * wanted[trigger]:.1f}"
        for trigger, (rise, error) in seen.items()
        if rise + ERRORS * error < LEAST_SHARE * wanted[trigger]
    ]
