"""Made-up diaries of a study, from a law that is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from migraine_platform.warehouse.tables.clinical import TREATMENTS


def made_up(
    patients: int, days: int, seed: int, level_sd: float = 1.2, lag: float = 1.0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `clinical.patients` and `clinical.diary_days`: logit p = u_i + lag yesterday + 0.8 exp(-t / 12).

    Some days have no entry; everybody begins on another day of the study.
    """
    rng = np.random.default_rng(seed)
    level = level_sd * rng.standard_normal(patients) - 0.3
    rows = []
    for i in range(patients):
        first, before, ill = int(rng.integers(700, 900)), int(rng.integers(-4, 2)), False
        for k in range(int(rng.integers(days // 2, days + 1))):
            new = 0.8 * np.exp(-(before + k) / 12) if before + k > 0 else 0.0
            ill = bool(rng.random() < 1 / (1 + np.exp(-(level[i] + lag * ill + new))))
            if k == 0 or rng.random() < 0.95:
                air = None if rng.random() < 0.05 else float(rng.normal(20, 5))
                rows.append((f"K{i + 1:03}", first + k, before + k, ill, air))
    types = {
        "patient_id": pl.String, "study_day": pl.Int64, "treatment_day": pl.Int64, "headache": pl.Boolean,
        "air_quality": pl.Float64,
    }  # fmt: skip
    who = pl.DataFrame(
        {
            "patient_id": [f"K{i + 1:03}" for i in range(patients)],
            "sex": rng.choice(["F", "M"], patients),
            "age": rng.integers(18, 70, patients),
            "aura": rng.choice(["aura", "no aura"], patients),
            "medication": rng.choice(TREATMENTS, patients),
        }
    )
    return who, pl.DataFrame(rows, schema=types, orient="row")
