"""Rows of `evaluation.days`, `forecasts` and `models` as they may come: ties, gaps, patients with one outcome only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config import load_settings
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform_tests.conftest import REPOSITORY

SETTINGS = load_settings("default", REPOSITORY).evaluation.model_copy(update={"replicates": 60, "seed": 5})

MODELS = ("twins", "aline", "personal", "base_rate", "certain")


class Frames(NamedTuple):
    """What is scored."""

    days: pl.DataFrame
    forecasts: pl.DataFrame
    models: pl.DataFrame


def typed(table: type[Table], rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Rows with the declared types; null where they say nothing."""
    types = {column.name: polars_type(column) for column in table.columns}
    return pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types)


def draw(seed: int, split: str = tables.CHRONOLOGICAL, patients: int = 12, most_days: int = 25) -> Frames:
    """A split: patient 0 never has a migraine, patient 1 always, patient 2 has one day; twins and aline lack days.

    Forecasts of aline lie on few values, those of base_rate on one; certain says 0 and 1, and is sometimes wrong.
    """
    rng = np.random.default_rng(seed)
    days: list[dict[str, object]] = []
    said: list[dict[str, object]] = []
    for i in range(patients):
        own = {
            "split": split,
            "patient_id": f"P{i + 1:04d}",
            "sex": str(rng.choice(["F", "M"])),
            "course": [None, "chronic", "episodic"][rng.integers(3)],
            "aura": str(rng.choice(["aura", "no aura"])),
            "adherence_quartile": int(rng.integers(1, 5)),
        }
        level = rng.normal(-0.8, 1.0)
        first, yesterday = int(rng.choice([8, 22, 52, 112])), False
        for day in range(1 if i == 2 else int(rng.integers(2, most_days))):
            full = 1 / (1 + np.exp(-level - rng.normal()))
            migraine = bool(rng.random() < full) if i > 1 else i == 1
            key = {"split": split, "patient_id": own["patient_id"], "for_date": date(2024, 3, 1) + timedelta(days=day)}
            known = {
                "migraine": migraine,
                "recorded": bool(rng.random() < 0.7),
                "after_migraine": yesterday,
                "after_signs": [None, True, False][rng.integers(3)],
                "history_days": first + day,
                "full_state": float(full) if rng.random() < 0.9 else None,
                "hours_ahead": float(rng.uniform(0, 30)) if migraine and rng.random() < 0.8 else None,
            }
            days.append({**own, **key, **known})
            yesterday = migraine
            forecasts = {
                "twins": float(np.clip(full + rng.normal(0, 0.1), 0, 1)),
                "aline": float(rng.integers(0, 11) / 10),
                "personal": float(1 / (1 + np.exp(-level))),
                "base_rate": 0.3,
                "certain": float(migraine if rng.random() < 0.8 else not migraine),
            }
            for model, probability in forecasts.items():
                if model not in ("twins", "aline") or rng.random() < 0.85:
                    said.append({"model": model, **key, "probability": probability})
    about = {"kind": "learned", "about": "It is drawn."}
    models = [
        {"model": model, "split": split, "title": model.title(), "threshold": 0.3 + 0.1 * k, **about}
        for k, model in enumerate(MODELS)
    ]
    return Frames(
        typed(tables.EvaluatedDays, days),
        typed(tables.EvaluatedForecasts, said),
        typed(tables.EvaluatedModels, models),
    )


def together(*frames: Frames) -> Frames:
    """Several splits as one."""
    return Frames(*(pl.concat(parts) for parts in zip(*frames, strict=True)))


def both(frames: Frames, model: str) -> pl.DataFrame:
    """What the model said beside what came."""
    return frames.forecasts.filter(model=model).join(frames.days, on=["split", "patient_id", "for_date"])
