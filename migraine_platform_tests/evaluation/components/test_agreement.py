from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, jaccard_score, recall_score

from migraine_platform.evaluation.components.agreement import agreement, agreement_figures
from migraine_platform.evaluation.components.triggers import TriggerError
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.triggers.sensitivity import FOUND
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform_tests.evaluation.components.test_triggers import names, people, sensitivity_of

SEEN = pl.DataFrame(
    {"patient_id": ["P0000"], "trigger": [None]}, schema={"patient_id": pl.String, "trigger": pl.String}
)
"""A list of one patient, who was found to have no trigger."""


def twin_of(found: set[str]) -> pl.DataFrame:
    """One patient's."""
    return sensitivity_of(np.array([[0.9 if name in found else 0.1 for name in TRIGGER_NAMES]]))


def list_of(*triggers: str, patient: str = "P0000") -> pl.DataFrame:
    return pl.DataFrame({"patient_id": [patient] * len(triggers), "trigger": list(triggers)})


def list_by(listed: np.ndarray) -> pl.DataFrame:
    """[P, 4] who has what, as a list; everybody was seen."""
    rows = [(name, None) for name in names(len(listed))]
    rows += [(names(len(listed))[p], TRIGGER_NAMES[k]) for p, k in np.argwhere(listed)]
    return pl.DataFrame(rows, schema=SEEN.schema, orient="row")


def test_a_clinician_lists_weather_and_stress_and_the_twin_finds_stress_and_sleep() -> None:
    frame = agreement(twin_of({"stress", "sleep"}), list_of("weather", "stress", "stress"))
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


def test_the_level_itself_is_found() -> None:
    frame = agreement(sensitivity_of(np.full((1, 4), FOUND)), SEEN)
    assert frame["verdict"].to_list() == ["novel"] * 4
    assert frame["probability"].to_list() == [FOUND] * 4


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_figures_are_those_of_sklearn(seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    score, truth = rng.random((patients, len(TRIGGER_NAMES))), people(patients, seed)
    frame = agreement(sensitivity_of(score), list_by(truth > 0.7))
    assert audit(tables.TriggerAgreement, frame).passed
    figures = agreement_figures(frame)
    named, listed = score.ravel() >= FOUND, truth.ravel() > 0.7
    if len({*named, *listed}) == 2:  # where all is the same, sklearn warns
        assert figures["kappa"] == pytest.approx(cohen_kappa_score(named, listed), abs=1e-12)
        assert figures["share_agreed"] == pytest.approx(jaccard_score(listed, named))
    if listed.any():
        assert figures["listed_found"] == pytest.approx(recall_score(listed, named))
    assert figures["share_same"] == pytest.approx((named == listed).mean())
    assert figures["novel"] == (named & ~listed).sum()


def test_a_twin_and_a_list_that_name_the_same_agree() -> None:
    listed = people(30) > 0.7
    figures = agreement_figures(agreement(sensitivity_of(listed.astype(float)), list_by(listed)))
    assert figures["kappa"] == figures["share_same"] == figures["share_agreed"] == 1
    assert figures["novel"] == figures["missed"] == 0
    assert figures["agreed"] == listed.sum()


def test_nothing_named_by_anybody_has_no_kappa() -> None:
    figures = agreement_figures(agreement(twin_of(set()), SEEN))
    assert figures["share_same"] == 1
    assert np.isnan([figures["kappa"], figures["share_agreed"], figures["listed_found"]]).all()


def test_what_is_listed_of_others_is_left_out_and_what_no_twin_knows_is_told() -> None:
    assert agreement(twin_of({"diet"}), list_of("diet", patient="P0099")).is_empty()
    with pytest.raises(TriggerError, match="1 entries are none of weather, sleep, stress, diet"):
        agreement(twin_of({"diet"}), list_of("diet", "red wine"))
