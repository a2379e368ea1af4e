"""The evaluation for programs and terminals: JSON with stable keys, and a plain table."""

from __future__ import annotations

import json
from typing import Any

from migraine_platform.evaluation.report.facts import TWINS, Difference, Estimate, ReportFacts
from migraine_platform.evaluation.report.results import known
from migraine_platform.evaluation.report.summary import summary, transfers
from migraine_platform.evaluation.report.words import (
    COMPARED,
    HEADLINE,
    SPLIT_TITLES,
    TABLE_MEASURES,
    number,
)
from migraine_platform.evaluation.scoring.metrics import BY_NAME
from migraine_platform.warehouse.tables.evaluation import SPLITS

VERSION = 1
"""Of the keys; it grows when one changes its meaning or goes."""


def machine(facts: ReportFacts) -> str:
    """The figures of the page as JSON; what is not known is null, never NaN.

    Keys: version, summary, headline (one entry per model and split), differences (of the twins), transfer, gates,
    provenance.
    """
    content = {
        "version": VERSION,
        "summary": summary(facts),
        "headline": [_headline(facts, split, model) for split in SPLITS for model in facts.of_split(split)],
        "differences": [
            {"baseline": baseline, "split": split, "subset": subset, "metric": metric, **_difference(found, metric)}
            for (model, baseline, split, subset, metric), found in sorted(facts.differences.items())
            if model == TWINS and metric in COMPARED
        ],
        "transfer": [
            {
                "simulated": one.simulated,
                "real": one.real,
                "simulated_gain": one.simulated_gain.value,
                "real_gain": one.real_gain.value,
                "ratio": one.ratio,
                "simulated_auc": one.simulated_auc.value,
                "real_auc": one.real_auc.value,
            }
            for one in transfers(facts)
        ],
        "gates": facts.gates.sort("gate").to_dicts(),
        "provenance": {row["item"]: row["value"] for row in facts.provenance.sort("item").to_dicts()},
    }
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _headline(facts: ReportFacts, split: str, model: Any) -> dict[str, Any]:
    days = facts.days.get(split)
    return {
        "split": split,
        "model": model.name,
        "title": model.title,
        "kind": model.kind,
        "threshold": model.threshold,
        "days": days.days if days else 0,
        "patients": days.patients if days else 0,
        "metrics": {name: _estimate(facts.metric(model.name, split, name)) for name in TABLE_MEASURES},
    }


def _estimate(found: Estimate) -> dict[str, float | None]:
    return {"value": found.value, "lower": found.lower, "upper": found.upper}


def _difference(found: Difference, metric: str) -> dict[str, Any]:
    return {
        "difference": found.value,
        "lower": found.lower,
        "upper": found.upper,
        "p_value": found.p,
        "p_adjusted": found.p_adjusted,
        "verdict": found.verdict(metric),
    }


def headline(facts: ReportFacts) -> str:
    """A plain table: every model of every split with log loss, AUC, Brier score and calibration error."""
    parts = []
    for split in SPLITS:
        models = [model for model in facts.of_split(split) if known(facts, model.name, split)]
        if not models:
            continue
        names = ["Model", *(BY_NAME[name].title for name in HEADLINE)]
        rows = [
            [model.title, *(number(facts.metric(model.name, split, name).value) for name in HEADLINE)]
            for model in models
        ]
        widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in (names, *rows)
        ]
        days = facts.days.get(split)
        of = f" ({days.days:,} days of {days.patients:,} patients)" if days else ""
        parts.append("\n".join([f"{SPLIT_TITLES[split]}{of}", *(f"  {line}" for line in lines)]))
    return "\n\n".join(parts) or "Nothing has been evaluated yet."
