"""Triggers as clinicians configured them: what each is read from, by which rule, and what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.priors.vocabulary import TRIGGERS


def trigger_frame(rules: Mapping[str, TriggerRule], triggers: Sequence[TriggerFamily] = TRIGGERS) -> pl.DataFrame:
    """Rows of `priors.triggers`; by default those of this process."""
    rows = [
        {
            "trigger": trigger.name,
            "label": trigger.label,
            "exposures": ", ".join(trigger.exposures),
            "rule": row.rule,
            "threshold_low": row.low,
            "threshold_high": row.high,
            "unit": trigger.unit,
            "words": row.words(trigger.unit),
            "effect": row.effect,
            "share_of_people": row.share,
            "source": row.source,
        }
        for trigger, row in ((trigger, rules[trigger.name]) for trigger in triggers)
    ]
    return pl.DataFrame(rows)
