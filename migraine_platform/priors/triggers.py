"""Triggers as clinicians configured them: what each is read from, by which rule, and what it does."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.features import NO_AXIS

SCHEMA = {
    **dict.fromkeys(("trigger", "label", "exposures", "rule"), pl.String),
    **dict.fromkeys(("threshold_low", "threshold_high"), pl.Float64),
    "unit": pl.String,
    **dict.fromkeys(("lag_first", "lag_last"), pl.Int64),
    "words": pl.String,
    **dict.fromkeys(("effect", "share_of_people"), pl.Float64),
    "latent_axis": pl.String,
    "load": pl.Float64,
    "source": pl.String,
}


def trigger_frame(rules: Mapping[str, TriggerRule]) -> pl.DataFrame:
    """Rows of `priors.triggers`."""
    rows = [
        {
            "trigger": trigger.name,
            "label": trigger.label,
            "exposures": ", ".join(trigger.exposures),
            "rule": row.rule,
            "threshold_low": row.low,
            "threshold_high": row.high,
            "unit": trigger.unit,
            "lag_first": row.lag[0],
            "lag_last": row.lag[1],
            "words": row.words(trigger.unit),
            "effect": row.effect,
            "share_of_people": row.share,
            "latent_axis": row.axis or NO_AXIS,
            "load": row.load or 0.0,
            "source": row.source,
        }
        for trigger, row in ((row.family(name), row) for name, row in rules.items())
    ]
    return pl.DataFrame(rows, schema=SCHEMA)
