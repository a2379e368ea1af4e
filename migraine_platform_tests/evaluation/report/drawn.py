"""Frames of an evaluation as they may look, drawn from a seed: all keep their tables' contracts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from migraine_platform.evaluation.forecasts.models import COMPARED
from migraine_platform.evaluation.scoring.metrics import METRICS
from migraine_platform.evaluation.scoring.subsets import SUBSETS
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables import clinical, drift, evaluation, truth

SIMULATED = ("chronological", "unseen_patients")
REAL = ("real_chronological", "real_unseen_patients")
ONLY_REAL, NOT_REAL = {"mixed_logistic"}, {"gradient_boosting", "aline", "known_parameters", "full_state"}
QUALITY = {
    **{"base_rate": 0.0, "yesterday": 0.25, "personal_climatology": 0.4, "shared_logistic": 0.55, "aline": 0.6},
    **{"gradient_boosting": 0.6, "mixed_logistic": 0.6, "twins": 0.7, "known_parameters": 0.85, "full_state": 1.0},
}
"""How much of the true log-odds a model knows."""

Frames = dict[str, pl.DataFrame]


def frame(table: type[Table], rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a table, in its types and by its key."""
    schema = {column.name: polars_type(column) for column in table.columns}
    return pl.DataFrame(rows, schema=schema, orient="row").sort(table.key)


def empty() -> Frames:
    """Every table, without rows."""
    return {table.name: frame(table, []) for table in tables.ALL}


def reader(frames: Frames):
    """`read` of frames; of a table that is not among them, no rows."""
    return lambda table: frames.get(table.name, frame(table, []))


def evaluated(seed: int = 1, real: bool = True, twins: float = 0.7) -> Frames:
    """A whole evaluation.

    Args:
        real: whether a real study is installed.
        twins: how much of the true log-odds the twins know; 0 makes them lose.
    """
    rng = np.random.default_rng(seed)
    rows: dict[type[Table], list[dict[str, Any]]] = {
        table: []
        for table in (
            *(evaluation.EvaluatedModels, evaluation.EvaluatedDays, evaluation.Metrics, evaluation.Differences),
            *(evaluation.CalibrationCurve, evaluation.WarningThresholds),
        )
    }
    for split in SIMULATED + (REAL if real else ()):
        _split(split, rng, rows, QUALITY | {"twins": twins})
    frames = {table.name: frame(table, own) for table, own in rows.items()}
    frames |= {table.name: frame(table, own) for table, own in _others(rng).items()}
    if real:
        frames |= {table.name: frame(table, own) for table, own in _study(rng).items()}
    return empty() | frames


def _split(split: str, rng: np.random.Generator, rows, quality: dict[str, float]) -> None:
    real = split in REAL
    patients, days = (40, 15) if real else (60, 25)
    own = rng.normal(-1.3, 0.9, patients)[:, None] + rng.normal(0, 0.7 if real else 1.0, (patients, days))
    came = rng.random((patients, days)) < 1 / (1 + np.exp(-own))
    start = date(2000, 1, 2) if real else date(2024, 3, 1)
    for person in range(patients):
        for day in range(days):
            rows[evaluation.EvaluatedDays].append(
                {
                    "split": split,
                    "patient_id": f"{'K' if real else 'P'}{person + 1:04d}",
                    "for_date": start + timedelta(day),
                    "migraine": bool(came[person, day]),
                    "recorded": True,
                    "after_migraine": bool(came[person, day - 1]),
                    "after_signs": None if real else person % 5 == day % 5,
                    "history_days": 14 + day,
                    "full_state": None if real else float(1 / (1 + np.exp(-own[person, day]))),
                    "hours_ahead": None,
                    "sex": "F" if person % 4 else "M",
                    "course": None if real else "episodic",
                    "aura": "aura" if person % 3 else "no aura",
                    "adherence_quartile": 1 + person % 4,
                }
            )
    losses = {}
    for compared in COMPARED:
        if compared.model in (NOT_REAL if real else ONLY_REAL):
            continue
        known = quality[compared.model] * (0.6 if real else 1)
        log_odds = -1.1 + known * (own + 1.1) + (1 - known) * rng.normal(0, 0.2, own.shape)
        p = 1 / (1 + np.exp(-log_odds))
        names = {"model": compared.model, "split": split}
        rows[evaluation.EvaluatedModels].append(
            {**names, "title": compared.title, "kind": compared.kind, "about": compared.about, "threshold": 0.27}
        )
        losses[compared.model] = _scores(names, p, came, rng, rows, whole=compared.model == "twins")
        _curves(names, p, came, rows)
    for baseline in losses:
        if baseline != "twins":
            for metric in METRICS:
                a, b = losses["twins"].get(metric.name), losses[baseline].get(metric.name)
                gap, p_value = (None, None) if a is None else (a - b, float(np.exp(-2000 * abs(a - b))))
                ends = (None, None) if gap is None else (gap - 0.004, gap + 0.004)
                rows[evaluation.Differences].append(
                    {"model": "twins", "baseline": baseline, "split": split, "subset": "all", "metric": metric.name}
                    | {"difference": gap, "lower": ends[0], "upper": ends[1]}
                    | {"p_value": p_value, "p_adjusted": None if p_value is None else min(1.0, 5 * p_value)}
                )


def _scores(names, p, came, rng, rows, whole: bool) -> dict[str, float]:
    """Some figures as they are, the others null, on all days and for the twins on parts of them."""
    from sklearn.metrics import roc_auc_score

    warned = p >= 0.27
    within = [roc_auc_score(c, q) for c, q in zip(came, p, strict=True) if 0 < c.sum() < len(c)]
    values = {
        "log_loss": -np.where(came, np.log(p), np.log1p(-p)).mean(),
        "brier": ((p - came) ** 2).mean(),
        "ece": abs(p.mean() - came.mean()) + 0.01,
        "auc_roc": roc_auc_score(came.ravel(), p.ravel()),
        "auc_within": np.mean(within),
        "sensitivity": warned[came].mean(),
        "specificity": (~warned)[~came].mean(),
        "ppv": came[warned].mean() if warned.any() else None,
        "npv": (~came)[~warned].mean(),
    }
    values = {name: None if value is None else float(value) for name, value in values.items()}
    for subset in SUBSETS if whole else SUBSETS[:1]:
        shift = 0.0 if subset.name == "all" else float(rng.normal(0, 0.01))
        there = 0 if subset.name == "history 120+" else came.size
        for metric in METRICS:
            value = values.get(metric.name) if there else None
            value = None if value is None else value + shift
            rows[evaluation.Metrics].append(
                {**names, "subset": subset.name, "metric": metric.name, "value": value, "days": there}
                | {"lower": None if value is None else value - 0.012, "upper": None if value is None else value + 0.012}
                | {"patients": len(came) if there else 0}
            )
    return values


def _curves(names, p, came, rows) -> None:
    tenth = np.minimum(9, (10 * p).astype(int))
    for k in range(10):
        if (own := tenth == k).any():
            share, error = float(came[own].mean()), 1 / np.sqrt(own.sum())
            rows[evaluation.CalibrationCurve].append(
                {**names, "bin": k, "days": int(own.sum()), "said": float(p[own].mean()), "came": share}
                | {"lower": max(0.0, share - error), "upper": min(1.0, share + error)}
            )
    for threshold in np.linspace(0, 1, 21).round(3):
        warned = p >= threshold
        odds = threshold / (1 - threshold) if threshold < 1 else 0.0
        rows[evaluation.WarningThresholds].append(
            {**names, "threshold": float(threshold), "sensitivity": float(warned[came].mean())}
            | {"specificity": float((~warned)[~came].mean())}
            | {"net_benefit": float((warned & came).mean() - (warned & ~came).mean() * odds)}
            | {"warn_always": float(came.mean() - (1 - came.mean()) * odds)}
        )


def _others(rng: np.random.Generator) -> dict[type[Table], list[dict[str, Any]]]:
    features = {"total_sleep_hours": "h", "stress_level": "points", "rmssd": "ms", "steps": "steps"}
    features |= {"pressure": "hPa", "temperature": "degC", "resting_heart_rate": "bpm", "light_exposure": "lux"}
    errors = [
        {"feature": feature, "unit": unit, "model": model, "days": 900, "mae": 1.0, "mse": 2.0, "coverage_90": 0.9}
        | {"skill": None if feature == "steps" else float(rng.uniform(-0.2, 0.5)) if model != "own_mean" else 0.0}
        for feature, unit in features.items()
        for model in ("state_space", "experts", "yesterday", "own_mean")
    ]

    def found(trigger: str, metric: str, value: float) -> dict[str, Any]:
        return {"trigger": trigger, "metric": metric, "value": value, "lower": value - 0.05, "upper": value + 0.05}

    recovery = [
        found(trigger, metric, float(rng.uniform(0.3, 0.7)))
        for trigger in TRIGGER_NAMES
        for metric in ("precision", "recall", "rank_correlation")
    ]
    recovery += [found("all", "chance_ranking_top1", 0.25), found("all", "chance_ranking_ndcg", 0.8)]
    recovery += [found(trigger, "prevalence", 0.33) for trigger in TRIGGER_NAMES]
    recovery += [
        found("all", f"ranking_{name}", value) for name, value in (("top1", 0.45), ("spearman", 0.3), ("ndcg", 0.9))
    ]
    agreement = [
        {"patient_id": f"P{person:04d}", "trigger": trigger, "probability": float(rng.random())}
        | {"found": bool(kind in (0, 1)), "listed": bool(kind in (0, 2))}
        | {"verdict": ("agreed", "novel", "missed", "neither")[kind]}
        for person in range(1, 41)
        for trigger in TRIGGER_NAMES
        for kind in [int(rng.choice(4, p=[0.3, 0.2, 0.15, 0.35]))]
    ]
    curve = [
        {"rule": rule, "questions": n, "information": gain * (1 - np.exp(-n / 3)), "windows": 1000}
        | {"lower": 0.97 * gain * (1 - np.exp(-n / 3)), "upper": 1.03 * gain * (1 - np.exp(-n / 3))}
        for rule, gain in (("aline", 1.9), ("fixed_order", 1.2), ("greedy", 1.8), ("oracle", 2.1), ("random", 1.0))
        for n in range(9)
    ]
    gates = [
        {"gate": "calibration error, chronological", "value": 0.021, "limit": 0.05, "passed": True},
        {"gate": "ahead of personal_climatology, chronological: upper end", "value": -0.01, "limit": 0, "passed": True},
        {"gate": "90 % intervals hold, at least", "value": 0.83, "limit": 0.85, "passed": False},
        {"gate": "not behind shared_logistic, unseen_patients", "value": None, "limit": 0, "passed": False},
    ]
    provenance = [
        {"item": "configuration", "value": "4b1f0a9e22d01c77"},
        {"item": "population", "value": "b3ef4078c299aad1"},
        {"item": "code", "value": "0.1.0+64c27b2c"},
    ]
    true, noticed = _changes(rng)
    return {
        evaluation.StateErrors: errors,
        evaluation.TriggerRecovery: recovery,
        evaluation.TriggerAgreement: agreement,
        evaluation.QuestionCurve: curve,
        evaluation.Gates: gates,
        evaluation.Provenance: provenance,
        truth.TruthDrift: true,
        drift.Drift: noticed,
    }


def _changes(rng: np.random.Generator) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    start = date(2024, 1, 10)
    ways = {f"way_{way}": 0.2 for way in ("level", "weather", "sleep", "stress", "diet")}
    true, noticed = [], []
    for person in range(1, 41):
        day = start + timedelta(int(rng.integers(0, 90)))
        change = {"patient_id": f"P{person:04d}", "shape": "sudden", "kind": "label", "target": "hazard"}
        if person % 8:
            true.append({**change, "date": day, "strength": 0.8})
        if person % 3 == 0:
            found = day + timedelta(int(rng.integers(3, 30)))
            noticed.append(
                {**change, "detected_on": found, "since": day, "size": 0.8, "statistic": 5.0}
                | {"detector": "likelihood_ratio", **ways}
            )
    return true, noticed


def _study(rng: np.random.Generator) -> dict[type[Table], list[dict[str, Any]]]:
    patients = [
        {"patient_id": f"K{person:03d}", "sex": "M" if person % 6 == 0 else "F", "age": 40, "aura": "aura"}
        | {"medication": "continuing"}
        for person in range(1, 61)
    ]
    days = [
        {"patient_id": f"K{person:03d}", "study_day": day, "treatment_day": day - 3, "air_quality": None}
        | {"headache": bool(rng.random() < 0.6)}
        for person in range(1, 61)
        for day in range(1, 31)
    ]
    return {clinical.StudyPatients: patients, clinical.StudyDays: days}
