from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.operations.masking import LONGEST, masked, sentence, without_values
from migraine_platform.warehouse.tables.names import PATIENT_ID


@given(st.from_regex(PATIENT_ID, fullmatch=True), st.text(), st.text())
def test_no_patient_is_left_in_any_text(patient: str, before: str, after: str) -> None:
    assert patient.strip() not in masked(before + patient.strip() + after)


@pytest.mark.parametrize("text", ["P0042", "p0042", "twin_P12345.json", "patients P0001,P0002", "P0042's"])
def test_identifiers_are_masked_wherever_they_stand(text: str) -> None:
    assert not any(digit in masked(text) for digit in "0123456789")


def test_what_is_no_patient_stays() -> None:
    assert masked("batch-002: P90 of 3 patients, P100") == "batch-002: P90 of 3 patients, P100"


def test_foreign_errors_lose_whatever_may_be_a_value() -> None:
    assert without_values("could not parse '37.5' on 2026-01-02 in sleep") == "could not parse … on … in sleep"
    assert without_values("No space left on device") == "No space left on device"


def test_a_sentence_is_one_short_line() -> None:
    assert sentence("\n  P0042 lacks days\nTraceback ...") == "P… lacks days"
    assert len(sentence("x" * 1000)) == LONGEST
    assert sentence(None) == sentence("\n") == ""
