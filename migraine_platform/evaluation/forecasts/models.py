"""Every model that is compared: its name, what kind it is, and what it forecasts by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migraine_platform.evaluation.forecasts.baselines import BASE_RATE, BOOSTING, CLIMATOLOGY, LOGISTIC, YESTERDAY

if TYPE_CHECKING:
    import polars as pl

TWINS, ALINE, MIXED = "twins", "aline", "mixed_logistic"
KNOWN_PARAMETERS, FULL_STATE = "known_parameters", "full_state"


@dataclass(frozen=True)
class ComparedModel:
    """A model's row of `evaluation.models`, but for split and threshold."""

    model: str
    title: str
    kind: str
    about: str


COMPARED = (
    ComparedModel(
        BASE_RATE, "Base rate", "floor", "The share of migraine days in the population, the same every evening."
    ),
    ComparedModel(
        YESTERDAY, "Today's status", "floor", "That share after an evening with migraine, without, without entry."
    ),
    ComparedModel(
        CLIMATOLOGY, "Personal climatology", "baseline", "The person's own share so far, shrunk to everybody's."
    ),
    ComparedModel(
        LOGISTIC, "Shared logistic regression", "baseline", "One regression for everybody on all that is recorded."
    ),
    ComparedModel(BOOSTING, "Gradient boosting", "baseline", "Boosted trees for everybody on all that is recorded."),
    ComparedModel(
        MIXED, "Mixed-effects logistic", "baseline", "The regression with a level for each person, kept up daily."
    ),
    ComparedModel(
        ALINE,
        "ALINE",
        "learned",
        "The amortised network on the hours of some evenings; told more: three answers, complete weeks.",
    ),
    ComparedModel(TWINS, "Digital twins", "learned", "Each person's own twin, kept night by night."),
    ComparedModel(
        KNOWN_PARAMETERS, "Ceiling: person known", "ceiling", "The filter that knows who the person truly is."
    ),
    ComparedModel(
        FULL_STATE, "Ceiling: whole state", "ceiling", "What somebody would say who knew everything that evening."
    ),
)
"""Worst to best, as far as one knows beforehand."""


def model_rows(split: str, names: Sequence[str], threshold: float) -> pl.DataFrame:
    """Rows of `evaluation.models` of one split.

    Args:
        names: the models that were compared there.
        threshold: from which on a forecast is a warning.
    """
    import polars as pl

    rows = [vars(entry) | {"split": split, "threshold": threshold} for entry in COMPARED if entry.model in names]
    columns = ("model", "split", "title", "kind", "about")
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(columns, pl.String) | {"threshold": pl.Float64}
    return pl.DataFrame(rows, schema=schema)
