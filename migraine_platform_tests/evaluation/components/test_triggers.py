from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm, spearmanr
from sklearn.metrics import ndcg_score, precision_score, recall_score, roc_auc_score

from migraine_platform.evaluation.components.triggers import ALL, Beside, TriggerError, figures, rankings, recovery
from migraine_platform.evaluation.scoring.bootstrap import draws
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.triggers.sensitivity import FOUND, STRONG
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit

PATIENTS = 120
FALSE_ALARM = 1e-4
TRIGGERS = len(TRIGGER_NAMES)


def people(patients: int, seed: int = 0) -> np.ndarray:
    """[P, 4] susceptibilities, as persons have them."""
    return np.random.default_rng(seed).uniform(0.1, 1.0, (patients, TRIGGERS))


def names(patients: int) -> list[str]:
    return [f"P{number:04d}" for number in range(patients)]


def truth_of(susceptibility: np.ndarray) -> pl.DataFrame:
    columns = {f"susceptibility_{name}": susceptibility[:, k] for k, name in enumerate(TRIGGER_NAMES)}
    return pl.DataFrame({"patient_id": names(len(susceptibility)), **columns})


def sensitivity_of(score: np.ndarray) -> pl.DataFrame:
    """As `twin.trigger_sensitivity`, in no particular order."""
    rows = {
        "patient_id": np.repeat(names(len(score)), TRIGGERS),
        "trigger": np.tile(TRIGGER_NAMES, len(score)),
        "probability_strong": score.ravel(),
    }
    return pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=1)


def found_in(frame: pl.DataFrame, metric: str, trigger: str = ALL) -> dict[str, float]:
    return frame.row(by_predicate=(pl.col("trigger") == trigger) & (pl.col("metric") == metric), named=True)


def recovered(score: np.ndarray, truth: np.ndarray, replicates: int = 50) -> pl.DataFrame:
    frame = recovery(sensitivity_of(score), truth_of(truth), replicates, 3)
    assert audit(tables.TriggerRecovery, frame).passed
    return frame


def test_twins_that_know_the_truth_are_perfect() -> None:
    truth = people(PATIENTS)
    frame = recovered(truth * FOUND / STRONG, truth)
    for metric in ("precision", "recall", "auc", "ranking_top1"):
        row = found_in(frame, metric)
        assert (row["value"], row["lower"], row["upper"]) == (1, 1, 1)
    for metric in ("ranking_ndcg", "ranking_spearman"):
        assert found_in(frame, metric)["value"] == pytest.approx(1)
    strong = (truth > STRONG).mean()
    assert found_in(frame, "prevalence")["value"] == found_in(frame, "share_found")["value"] == pytest.approx(strong)


def test_twins_that_have_it_the_wrong_way_round_are_worse_than_chance() -> None:
    truth = people(PATIENTS)
    frame = recovered(1 - truth, truth)
    for trigger in (*TRIGGER_NAMES, ALL):
        assert found_in(frame, "auc", trigger)["value"] == 0
        assert found_in(frame, "rank_correlation", trigger)["value"] == pytest.approx(-1)
        assert found_in(frame, "precision", trigger)["value"] == 0
    assert found_in(frame, "ranking_top1")["value"] == 0
    assert found_in(frame, "ranking_spearman")["value"] == pytest.approx(-1)
    assert found_in(frame, "ranking_ndcg")["upper"] < found_in(frame, "chance_ranking_ndcg")["lower"]


def test_uninformed_twins_score_at_the_stated_chance_level() -> None:
    """3,000 patients; every difference within the standard errors of a false alarm in 10,000."""
    patients = 3000
    truth, score = people(patients, 1), np.random.default_rng(2).random((patients, TRIGGERS))
    beside = Beside(score, truth, score >= FOUND, truth > STRONG)
    value = {
        metric: float(one[0]) for (name, metric), one in figures(beside, np.ones((1, patients))).items() if name == ALL
    }
    z, cases = norm.isf(FALSE_ALARM / 2), TRIGGERS * patients
    strong, named = value["prevalence"], value["share_found"]
    assert abs(value["precision"] - strong) < z * np.sqrt(strong * (1 - strong) / (named * cases))
    assert abs(value["recall"] - named) < z * np.sqrt(named * (1 - named) / (strong * cases))
    assert abs(value["auc"] - 0.5) < z * np.sqrt((cases + 1) / (12 * strong * (1 - strong) * cases**2))
    assert abs(value["rank_correlation"]) < z / np.sqrt(cases - 1)
    assert value["chance_ranking_top1"] == pytest.approx(1 / TRIGGERS)
    assert abs(value["ranking_top1"] - 1 / TRIGGERS) < z * np.sqrt(3 / 16 / patients)
    assert abs(value["ranking_spearman"]) < z * np.sqrt(1 / (TRIGGERS - 1) / patients)
    spread = rankings(score, truth)["ranking_ndcg"].std() / np.sqrt(patients)
    assert abs(value["ranking_ndcg"] - value["chance_ranking_ndcg"]) < z * spread


def test_figures_are_those_of_other_libraries() -> None:
    truth, score = people(PATIENTS, 4), np.round(np.random.default_rng(5).random((PATIENTS, TRIGGERS)), 1)
    frame = recovered(score, truth)
    for k, trigger in enumerate((*TRIGGER_NAMES, ALL)):
        own = slice(None) if trigger == ALL else slice(k, k + 1)
        said, true = score[:, own].ravel(), truth[:, own].ravel()
        strong, named = true > STRONG, said >= FOUND
        expected = {
            "precision": precision_score(strong, named),
            "recall": recall_score(strong, named),
            "prevalence": strong.mean(),
            "share_found": named.mean(),
            "auc": roc_auc_score(strong, said),
            "rank_correlation": spearmanr(said, true)[0],
        }
        for metric, value in expected.items():
            assert found_in(frame, metric, trigger)["value"] == pytest.approx(value, rel=1e-9), (trigger, metric)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_rankings_within_patients_are_those_of_other_libraries(seed: int, levels: int) -> None:
    """Ties are averaged: sklearn's default; the first place is won as often as a random order of equals gives it."""
    rng = np.random.default_rng(seed)
    truth, score = rng.uniform(0.1, 1, (6, TRIGGERS)), rng.integers(0, levels, (6, TRIGGERS)) / 4
    found = rankings(score, truth)
    for p in range(6):
        assert_allclose(found["ranking_ndcg"][p], ndcg_score(truth[[p]], score[[p]]), rtol=1e-9)
        assert_allclose(found["chance_ranking_ndcg"][p], ndcg_score(truth[[p]], np.ones((1, TRIGGERS))), rtol=1e-9)
        flat = len(set(score[p])) == 1
        assert_allclose(found["ranking_spearman"][p], 0 if flat else spearmanr(score[p], truth[p])[0], atol=1e-9)
        first = np.flatnonzero(score[p] == score[p].max())
        assert found["ranking_top1"][p] == (truth[p].argmax() in first) / len(first)


def test_intervals_are_of_patients_drawn_with_all_their_triggers() -> None:
    """Against the slow way: rows repeated, figures anew; and the same seed says the same."""
    truth = people(40, 6)
    score = (0.5 * truth + 0.5 * np.random.default_rng(7).random(truth.shape)).clip(0, 1)
    frame = recovered(score, truth, 130)
    assert frame.equals(recovered(score, truth, 130))
    rows = [np.repeat(np.arange(40), often) for often in draws(40, 130, 3)[:, 1:].T.astype(int)]
    slow = [spearmanr(score[chosen].ravel(), truth[chosen].ravel())[0] for chosen in rows]
    found = found_in(frame, "rank_correlation")
    assert_allclose([found["lower"], found["upper"]], np.quantile(slow, [0.025, 0.975]), rtol=1e-9)
    assert found["lower"] < found["value"] < found["upper"]


def test_where_nobody_is_strong_there_is_no_recall() -> None:
    frame = recovered(np.full((9, TRIGGERS), 0.9), np.full((9, TRIGGERS), 0.2))
    for metric, value in (("recall", None), ("auc", None), ("rank_correlation", None), ("precision", 0.0)):
        assert found_in(frame, metric)["value"] == value
        assert (found_in(frame, metric)["upper"] is None) == (value is None)


def test_patients_without_a_twin_are_left_out_and_a_missing_trigger_is_told() -> None:
    truth = people(20, 8)
    sensitivity = sensitivity_of(truth)
    some = sensitivity.filter(pl.col("patient_id") < "P0010")
    frame = recovery(some, truth_of(truth), 50, 0)
    assert found_in(frame, "prevalence")["value"] == pytest.approx((truth[:10] > STRONG).mean())
    with pytest.raises(TriggerError, match="20 patients with a truth, 1 of their triggers missing"):
        recovery(sensitivity[1:], truth_of(truth), 50, 0)
    with pytest.raises(TriggerError, match="0 patients"):
        recovery(sensitivity, truth_of(truth).clear(), 50, 0)
    with pytest.raises(TriggerError, match="expected rows of weather, sleep, stress, diet"):
        recovery(sensitivity.filter(pl.col("trigger") == "diet"), truth_of(truth), 50, 0)
    assert recovery(sensitivity.clear(), truth_of(truth), 50, 0).is_empty()  # everybody reports of himself


def test_the_score_matches_the_documented_level(settings) -> None:
    """Of 0.1 to 1, the upper third."""
    low, high = settings.simulator.population.susceptibility
    assert pytest.approx(low + 2 / 3 * (high - low)) == STRONG
