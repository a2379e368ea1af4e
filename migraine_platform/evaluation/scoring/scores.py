"""Every figure of every model on every subset of the days, with intervals, differences and curves.

Belongs here: from rows of `evaluation.days`, `evaluation.forecasts` and `evaluation.models` to rows of the tables that
are made of them. Does not: what is measured (metrics.py, curves.py), on which days (subsets.py), or how sure it is
(bootstrap.py). A model is scored on the days that it forecast; two models are compared on the days that both did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.config.evaluation import Evaluation
from migraine_platform.errors import UserError
from migraine_platform.evaluation.scoring import bootstrap, curves
from migraine_platform.evaluation.scoring.metrics import METRICS, NAMES, figures
from migraine_platform.evaluation.scoring.subsets import ALL, ONSET, SUBSETS, members
from migraine_platform.evaluation.scoring.totals import Cases, totals
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables.evaluation import SPLITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPARED_MODELS = ("twins", "aline")
"""They are held against every other model of the split."""

COMPARED_METRICS = ("log_loss", "expected_log_loss", "brier", "auc_roc", "auc_within")
COMPARED_SUBSETS = (ALL, ONSET)

DAY = ["patient_id", "for_date"]


class ForecastError(UserError):
    """Forecasts of days, or by models, that are not there."""


class Scored(NamedTuple):
    """Rows of the tables that are made of forecasts."""

    metrics: pl.DataFrame
    differences: pl.DataFrame
    calibration_curve: pl.DataFrame
    warning_thresholds: pl.DataFrame


class Block(NamedTuple):
    """One split as arrays: N days of P patients, ordered by patient and date, and M models."""

    split: str
    models: tuple[str, ...]
    cases: tuple[Cases, ...]
    """[M] each [N]; said is NaN where the model forecast nothing."""
    subsets: NDArray[np.bool_]
    """[SUBSETS, N]"""
    weights: NDArray[np.float64]
    """[P, 1 + B] of the bootstrap; the same for all models."""

    def taken(self, model: int, days: NDArray[np.bool_]) -> Cases:
        """What the model forecast of these days.

        Args:
            days: [N] which of the days.
        """
        cases = self.cases[model]
        return cases.of(days & ~np.isnan(cases.said))


def score(
    days: pl.DataFrame,
    forecasts: pl.DataFrame,
    models: pl.DataFrame,
    settings: Evaluation,
    progress: Callable[[str], None] = lambda line: None,
) -> Scored:
    """Score all models. The order of rows changes nothing, nor does another split.

    A split without days, or without models, has no rows. Otherwise every model has a row for each subset and metric,
    null where the days do not tell the figure.

    Args:
        days: rows of `evaluation.days`.
        forecasts: rows of `evaluation.forecasts`.
        models: rows of `evaluation.models`.
        progress: told one line a split.

    Raises:
        ForecastError: if a forecast is by a model, or of a day, that is not there.
    """
    found: dict[type[Table], list[Sequence[object]]] = {table: [] for table in _TABLES}
    for number, split in enumerate(SPLITS):
        block = _block(split, number, _of(days, split), _of(forecasts, split), _of(models, split), settings)
        if block is None:
            continue
        progress(f"{split}: {len(block.models)} models, {block.subsets.shape[1]:,} days, {len(block.weights)} patients")
        replicates = _replicates(block)
        found[tables.Metrics] += _metrics(block, replicates)
        found[tables.Differences] += _differences(block, replicates)
        for model, name in enumerate(block.models):
            taken = block.taken(model, block.subsets[0])
            found[tables.CalibrationCurve] += [(name, split, *row) for row in curves.calibration(taken)]
            found[tables.WarningThresholds] += [(name, split, *row) for row in curves.thresholds(taken)]
    return Scored(*(_frame(table, rows) for table, rows in found.items()))


_TABLES = (tables.Metrics, tables.Differences, tables.CalibrationCurve, tables.WarningThresholds)


def _of(frame: pl.DataFrame, split: str) -> pl.DataFrame:

    return frame.filter(pl.col("split") == split)


def _block(
    split: str, number: int, days: pl.DataFrame, forecasts: pl.DataFrame, models: pl.DataFrame, settings: Evaluation
) -> Block | None:
    """One split as arrays; nothing if it has no days, or no models."""

    days = days.sort(DAY).with_row_index("row")
    names = tuple(models["model"])
    unknown = sorted(set(forecasts["model"]) - set(names))
    if unknown:
        raise ForecastError(f"evaluation.forecasts, {split}: by {unknown[0]}; expected a model of evaluation.models")
    placed = forecasts.join(days.select("row", *DAY), on=DAY, how="left", validate="m:1")
    strays = placed.filter(pl.col("row").is_null())
    if strays.height:
        raise ForecastError(
            f"evaluation.forecasts, {split}: {strays.height:,} forecasts, one by {strays['model'][0]}, are of days "
            "unknown to evaluation.days; expected none"
        )
    if days.is_empty() or models.is_empty():
        return None
    said = np.full((len(names), days.height), np.nan)
    place = {name: position for position, name in enumerate(names)}
    row = placed["row"].to_numpy()
    said[[place[name] for name in placed["model"]], row] = placed["probability"].to_numpy()
    patients, patient = np.unique(days["patient_id"].to_numpy(), return_inverse=True)
    came = days["migraine"].to_numpy()
    full, hours = (days[name].fill_null(float("nan")).to_numpy() for name in ("full_state", "hours_ahead"))
    return Block(
        split=split,
        models=names,
        cases=tuple(
            Cases(patient, came, full, hours, own, threshold)
            for own, threshold in zip(said, models["threshold"], strict=True)
        ),
        subsets=members(days),
        weights=bootstrap.draws(len(patients), settings.replicates, settings.seed, number),
    )


class BootstrapReplicates(NamedTuple):
    """Figures of one model on one subset: of the days as they are, and of each replicate."""

    figures: NDArray[np.float64]
    """[1 + B, METRICS]"""
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    days: int
    patients: int


def _replicates(block: Block) -> list[list[BootstrapReplicates]]:
    """[M][SUBSETS]"""
    found: dict[tuple[int, int], BootstrapReplicates] = {}
    tasks = [(model, subset) for subset in range(len(SUBSETS)) for model in range(len(block.models))]

    def work(first: int, last: int) -> None:
        for model, subset in tasks[first:last]:
            found[model, subset] = _replicated(block, block.taken(model, block.subsets[subset]))

    in_parallel(len(tasks), work, shares=SHARES, smallest=1)
    return [[found[model, subset] for subset in range(len(SUBSETS))] for model in range(len(block.models))]


SHARES = 16
"""Parts per core of the models' subsets, since some subsets are much larger than others."""


def _replicated(block: Block, cases: Cases) -> BootstrapReplicates:
    if not len(cases.said):
        nothing = np.full((block.weights.shape[1], len(METRICS)), np.nan)
        return BootstrapReplicates(nothing, nothing[0], nothing[0], 0, 0)
    found, patients = figures(totals(cases, block.weights)), cases.patients
    lower, upper = bootstrap.interval(found)
    if patients < bootstrap.FEWEST:
        lower, upper = np.full_like(lower, np.nan), np.full_like(upper, np.nan)
    return BootstrapReplicates(found, lower, upper, len(cases.said), patients)


def _metrics(block: Block, replicates: list[list[BootstrapReplicates]]) -> list[Sequence[object]]:
    return [
        (name, block.split, subset.name, metric, value, lower, upper, found.days, found.patients)
        for name, of_model in zip(block.models, replicates, strict=True)
        for subset, found in zip(SUBSETS, of_model, strict=True)
        for metric, value, lower, upper in zip(NAMES, found.figures[0], found.lower, found.upper, strict=True)
    ]


class PairedDifferences(NamedTuple):
    """One model less another, metric by metric of COMPARED_METRICS."""

    difference: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    p_value: NDArray[np.float64]


def _differences(block: Block, replicates: list[list[BootstrapReplicates]]) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for name in COMPARED_MODELS:
        if name not in block.models:
            continue
        model = block.models.index(name)
        baselines = [other for other in range(len(block.models)) if other != model]
        for subset in (number for number, subset in enumerate(SUBSETS) if subset.name in COMPARED_SUBSETS):
            compared = [_compared(block, replicates, model, other, subset) for other in baselines]
            for k, metric in enumerate(COMPARED_METRICS):
                adjusted = bootstrap.holm(np.array([pair.p_value[k] for pair in compared]))
                for other, pair, p_adjusted in zip(baselines, compared, adjusted, strict=True):
                    key = (name, block.models[other], block.split, SUBSETS[subset].name, metric)
                    rows.append((*key, *(column[k] for column in pair), p_adjusted))
    return rows


def _compared(
    block: Block, replicates: list[list[BootstrapReplicates]], model: int, other: int, subset: int
) -> PairedDifferences:
    """On the days that both forecast, by the same draws."""
    common = block.subsets[subset] & ~np.isnan(block.cases[model].said) & ~np.isnan(block.cases[other].said)
    ours, theirs = (
        replicates[one][subset]
        if replicates[one][subset].days == np.count_nonzero(common)
        else _replicated(block, block.taken(one, common))
        for one in (model, other)
    )
    columns = [NAMES.index(metric) for metric in COMPARED_METRICS]
    apart = (ours.figures - theirs.figures)[:, columns]
    lower, upper, p = *bootstrap.interval(apart), bootstrap.p_values(apart)
    if ours.patients < bootstrap.FEWEST:
        lower, upper, p = (np.full_like(column, np.nan) for column in (lower, upper, p))
    return PairedDifferences(apart[0], lower, upper, p)


def _frame(table: type[Table], rows: list[Sequence[object]]) -> pl.DataFrame:
    """Rows with the declared types; NaN is null."""

    from migraine_platform.warehouse.contracts import polars_type

    types = {column.name: polars_type(column) for column in table.columns}
    columns = dict(zip(types, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(types, ())
    frame = pl.DataFrame(columns, schema=types, strict=False, nan_to_null=True)
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))
