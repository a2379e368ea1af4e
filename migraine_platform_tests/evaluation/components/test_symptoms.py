from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from migraine_platform.evaluation.components.symptoms import UNITS, symptom_recovery
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit

PATIENTS = 80


def frames(noise: float, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Twins, phases and truth of patients; half of them have no aura."""
    rng = np.random.default_rng(seed)
    names = [f"P{number:04d}" for number in range(PATIENTS)]
    severity, hours = rng.uniform(3, 9, PATIENTS), rng.uniform(5, 30, (2, PATIENTS))
    aura = np.where(np.arange(PATIENTS) % 2 == 0, rng.uniform(0.1, 1, PATIENTS), 0.0)

    def off(values: np.ndarray, spread: float) -> np.ndarray:
        return values + noise * spread * rng.standard_normal(PATIENTS)

    truth = pl.DataFrame(
        {
            **{"patient_id": names, "severity": severity, "aura_share": aura},
            **{"prodrome_hours": hours[0], "postdrome_hours": hours[1], "headache_hours": hours[1]},
            **{"prodrome_share": aura, "weekend_log_odds": severity - 6},
        }
    )
    twins = pl.DataFrame({"patient_id": names, "severity": off(severity, 2.0), "weekend": off(severity - 6, 1.0)})
    said = {
        "aura": (off(aura, 0.3), np.full(PATIENTS, 0.5)),
        "prodrome": (off(aura, 0.2), off(hours[0], 7.0)),
        "headache_untreated": (np.full(PATIENTS, 0.4), off(hours[1], 7.0)),
        "postdrome": (np.full(PATIENTS, 1.0), off(hours[1], 7.0)),
    }
    phases = pl.concat(
        pl.DataFrame({"patient_id": names, "phase": [phase] * PATIENTS, "probability": p, "typical_hours": h})
        for phase, (p, h) in said.items()
    )
    return twins, phases.sample(fraction=1, shuffle=True, seed=1), truth


def value(found: pl.DataFrame, symptom: str, metric: str) -> float:
    return found.row(by_predicate=(pl.col("symptom") == symptom) & (pl.col("metric") == metric), named=True)["value"]


def test_twins_that_know_the_truth_make_no_error() -> None:
    found = symptom_recovery(*frames(0.0), 50, 1)
    assert audit(tables.SymptomRecovery, found).passed
    for symptom in UNITS:
        assert value(found, symptom, "mae") == pytest.approx(0, abs=1e-12)
        assert value(found, symptom, "rank_correlation") == pytest.approx(1)
        assert value(found, symptom, "mae_population_mean") > 0


def test_figures_are_those_of_plain_arithmetic() -> None:
    twins, phases, truth = frames(1.0)
    found = symptom_recovery(twins, phases, truth, 50, 1)
    said, true = twins["severity"].to_numpy(), truth["severity"].to_numpy()
    assert value(found, "severity", "mae") == pytest.approx(np.abs(said - true).mean())
    assert value(found, "severity", "mae_population_mean") == pytest.approx(np.abs(true.mean() - true).mean())
    assert value(found, "severity", "rank_correlation") == pytest.approx(spearmanr(said, true)[0])
    assert found.filter(pl.col("symptom") == "aura")["patients"].to_list() == [PATIENTS // 2] * 3


def test_twins_that_give_everybody_the_same_are_no_better_than_everybody_s_mean() -> None:
    twins, phases, truth = frames(1.0)
    mean = truth["severity"].mean()
    found = symptom_recovery(twins.with_columns(severity=pl.lit(mean)), phases, truth, 50, 1)
    assert value(found, "severity", "mae") == pytest.approx(value(found, "severity", "mae_population_mean"))
    assert value(found, "severity", "rank_correlation") is None


def test_an_empty_cohort_has_no_figures() -> None:
    twins, phases, truth = frames(1.0)
    assert symptom_recovery(twins, phases, truth.clear(), 50, 1).is_empty()
