from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, jaccard_score, recall_score

from migraine_platform.config.evaluation import Evaluation
from migraine_platform.evaluation.agreement import agreement, agreement_figures, perfect_list
from migraine_platform.evaluation.triggers import TriggerError
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.tables.twin import TRIGGER_NAMES
from migraine_platform_tests.evaluation.test_triggers import people, sensitivity_of, truth_of

NOTHING = pl.DataFrame(schema={"patient_id": pl.String, "trigger": pl.String})


@pytest.fixture(scope="session")
def evaluation(settings) -> Evaluation:
    return settings.evaluation


def twin_of(found: set[str]) -> pl.DataFrame:
    """One patient's."""
    return sensitivity_of(np.array([[0.9 if name in found else 0.1 for name in TRIGGER_NAMES]]))


def list_of(*triggers: str, patient: str = "P0000") -> pl.DataFrame:
    return pl.DataFrame({"patient_id": [patient] * len(triggers), "trigger": list(triggers)})


def test_a_clinician_lists_weather_and_stress_and_the_twin_finds_stress_and_sleep(evaluation) -> None:
    frame = agreement(twin_of({"stress", "sleep"}), list_of("weather", "stress", "stress"), evaluation)
    assert audit(tables.TriggerAgreement, frame).passed
    assert dict(frame.select("trigger", "verdict").iter_rows()) == {
        "stress": "agreed",
        "sleep": "novel",
        "weather": "missed",
        "diet": "neither",
    }
    figures = agreement_figures(frame)
    assert (figures["agreed"], figures["novel"], figures["missed"], figures["pairs"]) == (1, 1, 1, 4)
    assert (figures["share_same"], figures["share_agreed"], figures["listed_found"]) == (1 / 2, 1 / 3, 1 / 2)
    assert figures["kappa"] == 0


def test_the_level_itself_is_found(evaluation) -> None:
    frame = agreement(sensitivity_of(np.full((1, 4), evaluation.found)), NOTHING, evaluation)
    assert frame["verdict"].to_list() == ["novel"] * 4
    assert frame["probability"].to_list() == [evaluation.found] * 4


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_figures_are_those_of_sklearn(evaluation, seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    score, truth = rng.random((patients, len(TRIGGER_NAMES))), people(patients, seed)
    frame = agreement(sensitivity_of(score), perfect_list(truth_of(truth), evaluation), evaluation)
    assert audit(tables.TriggerAgreement, frame).passed
    figures = agreement_figures(frame)
    named, listed = score.ravel() >= evaluation.found, truth.ravel() >= evaluation.strong
    if len({*named, *listed}) == 2:  # where all is the same, sklearn warns
        assert figures["kappa"] == pytest.approx(cohen_kappa_score(named, listed), abs=1e-12)
        assert figures["share_agreed"] == pytest.approx(jaccard_score(listed, named))
    if listed.any():
        assert figures["listed_found"] == pytest.approx(recall_score(listed, named))
    assert figures["share_same"] == pytest.approx((named == listed).mean())
    assert figures["novel"] == (named & ~listed).sum()


def test_a_twin_that_knows_the_truth_agrees_with_the_perfect_list(evaluation) -> None:
    truth = people(30)
    score = truth * evaluation.found / evaluation.strong
    figures = agreement_figures(agreement(sensitivity_of(score), perfect_list(truth_of(truth), evaluation), evaluation))
    assert figures["kappa"] == figures["share_same"] == figures["share_agreed"] == 1
    assert figures["novel"] == figures["missed"] == 0
    assert figures["agreed"] == (truth >= evaluation.strong).sum()


def test_nothing_named_by_anybody_has_no_kappa(evaluation) -> None:
    figures = agreement_figures(agreement(twin_of(set()), NOTHING, evaluation))
    assert figures["share_same"] == 1
    assert np.isnan([figures["kappa"], figures["share_agreed"], figures["listed_found"]]).all()


def test_what_is_listed_of_others_is_left_out_and_what_no_twin_knows_is_told(evaluation) -> None:
    frame = agreement(twin_of({"diet"}), list_of("diet", patient="P0099"), evaluation)
    assert frame["listed"].sum() == 0
    with pytest.raises(TriggerError, match="1 entries are none of weather, sleep, stress, diet"):
        agreement(twin_of({"diet"}), list_of("diet", "red wine"), evaluation)
