"""What the evaluation's page shows, read from its tables.

Belongs here: which rows are looked up how, and that nothing of them is NaN. Does not: wording (words.py, summary.py)
or pictures (figures.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from migraine_platform.evaluation.forecasts.baselines import CLIMATOLOGY as CLIMATOLOGY
from migraine_platform.evaluation.forecasts.models import TWINS as TWINS
from migraine_platform.evaluation.report.words import SURE, plain
from migraine_platform.evaluation.scoring.metrics import BY_NAME
from migraine_platform.evaluation.scoring.subsets import ALL as ALL
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables import clinical, drift, evaluation, truth

if TYPE_CHECKING:
    import polars as pl

Read: TypeAlias = "Callable[[type[Table]], pl.DataFrame]"
"""All rows of a declared table."""


class ReportedModel(NamedTuple):
    """One model that was compared on a split."""

    name: str
    split: str
    title: str
    kind: str
    about: str
    threshold: float | None


class Estimate(NamedTuple):
    """A figure with its 95 % interval."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    days: int = 0
    patients: int = 0


class Difference(NamedTuple):
    """Model less baseline, on the same days."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    p_adjusted: float | None = None

    def verdict(self, metric: str) -> str:
        """`better`, `worse`, `not told apart` or `not known`: by the adjusted p if there is one, else the interval."""
        if self.value is None:
            return "not known"
        if self.p_adjusted is not None:
            sure = self.p_adjusted < SURE
        elif self.lower is not None and self.upper is not None:
            sure = self.lower > 0 or self.upper < 0
        else:
            return "not known"
        if not sure or self.value == 0:
            return "not told apart"
        wanted = BY_NAME[metric].better
        if wanted == "neither":
            return "different"
        return "better" if (self.value > 0) == (wanted == "higher") else "worse"


class SplitDays(NamedTuple):
    """The days that a split forecast."""

    days: int
    patients: int
    migraine: float


class ReportedChange(NamedTuple):
    """A change of a patient: when it happened, when it was noticed; None where it did not, or was not."""

    happened: date | None
    noticed: date | None


@dataclass(frozen=True, eq=False)
class ReportFacts:
    """Everything the page shows."""

    models: tuple[ReportedModel, ...]
    """By split, then kind, then log loss from the worst."""
    days: Mapping[str, SplitDays]
    metrics: Mapping[tuple[str, str, str, str], Estimate]
    """By model, split, subset, metric."""
    differences: Mapping[tuple[str, str, str, str, str], Difference]
    """By model, baseline, split, subset, metric."""
    calibration: pl.DataFrame
    thresholds: pl.DataFrame
    state_errors: pl.DataFrame
    recovery: pl.DataFrame
    symptoms: pl.DataFrame
    """Rows of `evaluation.symptom_recovery`."""
    agreement: pl.DataFrame
    """Triggers and verdicts with their counts: trigger, verdict, patients."""
    questions: pl.DataFrame
    gates: pl.DataFrame
    provenance: pl.DataFrame
    changes: tuple[ReportedChange, ...]
    study_patients: pl.DataFrame
    study_days: int
    study_headaches: float | None

    def of_split(self, split: str) -> tuple[ReportedModel, ...]:
        """The split's models."""
        return tuple(model for model in self.models if model.split == split)

    def title(self, model: str) -> str:
        """A model's name for people."""
        return next((found.title for found in self.models if found.name == model), plain(model))

    def metric(self, model: str, split: str, metric: str, subset: str = ALL) -> Estimate:
        """A figure; without values where there is none."""
        return self.metrics.get((model, split, subset, metric), Estimate())

    def against(self, baseline: str, split: str, metric: str, subset: str = ALL) -> Difference:
        """The twins less a baseline; without values where they were not compared."""
        return self.differences.get((TWINS, baseline, split, subset, metric), Difference())

    def rivals(self, split: str) -> tuple[str, ...]:
        """Models that the twins are held against on a split, ceilings left out."""
        compared = {key[1] for key in self.differences if key[0] == TWINS and key[2] == split}
        return tuple(model.name for model in self.of_split(split) if model.name in compared and model.kind != "ceiling")

    def subsets(self, split: str) -> tuple[str, ...]:
        """Subsets that the twins were scored on, as they were listed."""
        return tuple(dict.fromkeys(key[2] for key in self.metrics if key[0] == TWINS and key[1] == split))


def facts_of(read: Read) -> ReportFacts:
    """Read what the page shows.

    Args:
        read: gives all rows of a declared table; of one that is not there, none.
    """
    metrics = {
        (row["model"], row["split"], row["subset"], row["metric"]): Estimate(
            row["value"], row["lower"], row["upper"], row["days"], row["patients"]
        )
        for row in _clean(read(evaluation.Metrics)).iter_rows(named=True)
    }
    differences = {
        (row["model"], row["baseline"], row["split"], row["subset"], row["metric"]): Difference(
            row["difference"], row["lower"], row["upper"], row["p_value"], row["p_adjusted"]
        )
        for row in _clean(read(evaluation.Differences)).iter_rows(named=True)
    }
    agreement = read(evaluation.TriggerAgreement)
    study = read(clinical.StudyDays)
    return ReportFacts(
        models=_models(read(evaluation.EvaluatedModels), metrics),
        days=_split_days(read(evaluation.EvaluatedDays)),
        metrics=metrics,
        differences=differences,
        calibration=_clean(read(evaluation.CalibrationCurve)),
        thresholds=_clean(read(evaluation.WarningThresholds)),
        state_errors=_clean(read(evaluation.StateErrors)),
        recovery=_clean(read(evaluation.TriggerRecovery)),
        symptoms=_clean(read(evaluation.SymptomRecovery)),
        agreement=agreement.group_by("trigger", "verdict").len("patients").sort("trigger", "verdict"),
        questions=_clean(read(evaluation.QuestionCurve)),
        gates=_clean(read(evaluation.Gates)),
        provenance=read(evaluation.Provenance),
        changes=changes_of(read(truth.TruthDrift), read(drift.Drift)),
        study_patients=read(clinical.StudyPatients),
        study_days=study.height,
        study_headaches=float(study["headache"].to_numpy().mean()) if study.height else None,
    )


def _clean(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers that are none become null."""
    import polars as pl
    import polars.selectors as cs

    floats = cs.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats).otherwise(None))


def _models(frame: pl.DataFrame, metrics: Mapping[tuple[str, str, str, str], Estimate]) -> tuple[ReportedModel, ...]:
    found = [
        ReportedModel(row["model"], row["split"], row["title"], row["kind"], row["about"], row["threshold"])
        for row in _clean(frame).iter_rows(named=True)
    ]

    def place(model: ReportedModel) -> tuple[int, int, float, str]:
        loss = metrics.get((model.name, model.split, ALL, "log_loss"), Estimate()).value
        return (
            evaluation.SPLITS.index(model.split),
            evaluation.KINDS_OF_MODEL.index(model.kind),
            -loss if loss is not None else 0.0,
            model.name,
        )

    return tuple(sorted(found, key=place))


def _split_days(frame: pl.DataFrame) -> dict[str, SplitDays]:
    import polars as pl

    found = frame.group_by("split").agg(
        days=pl.len(), patients=pl.col("patient_id").n_unique(), migraine=pl.col("migraine").mean()
    )
    return {
        row["split"]: SplitDays(row["days"], row["patients"], row["migraine"]) for row in found.iter_rows(named=True)
    }


def changes_of(true: pl.DataFrame, found: pl.DataFrame) -> tuple[ReportedChange, ...]:
    """Changes that happened beside those noticed.

    An alarm belongs to the patient's latest change that had begun by then; only a change's first alarm counts.

    Args:
        true: rows of `truth.drift`; changes after the last alarm's day are kept, for they may yet be noticed.
        found: rows of `twin.drift`.
    """
    happened: dict[str, dict[date, date | None]] = {}
    for patient, day in sorted(true.select("patient_id", "date").rows()):
        happened.setdefault(patient, {})[day] = None
    false: list[ReportedChange] = []
    for patient, noticed in sorted(found.select("patient_id", "detected_on").rows()):
        own = happened.get(patient, {})
        before = [day for day in own if day <= noticed]
        if not before:
            false.append(ReportedChange(None, noticed))
        elif own[max(before)] is None:
            own[max(before)] = noticed
    pairs = [ReportedChange(day, noticed) for own in happened.values() for day, noticed in own.items()]
    return tuple(sorted(pairs + false, key=lambda change: change.happened or change.noticed or date.min))
