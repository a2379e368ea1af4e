from __future__ import annotations

from pathlib import Path

import pytest

from migraine_platform.ingest.sources.clinicians import ListError, trigger_list

PATIENTS = {"P0001", "P0002", "P0003"}


def listed(tmp_path: Path, text: str | bytes):
    path = tmp_path / "clinician_triggers.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return trigger_list(path, PATIENTS).rows()


def test_a_list_is_read_with_those_who_were_found_to_have_none(tmp_path) -> None:
    text = "\ufeffpatient_id,Trigger,\r\nP0001,stress,\r\nP0001,Sleep \r\n\r\nP0002,\r\nP0001,stress\r\n"
    assert listed(tmp_path, text) == [("P0001", "stress"), ("P0001", "sleep"), ("P0002", None)]


def test_no_file_is_no_list(tmp_path) -> None:
    found = trigger_list(tmp_path / "clinician_triggers.csv", PATIENTS)
    assert found.is_empty()
    assert found.columns == ["patient_id", "trigger"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "clinician_triggers.csv: the first row's titles are others; expected patient_id,trigger"),
        ("person,trigger\nP0001,stress\n", "the first row's titles are others; expected patient_id,trigger"),
        ("patient_id;trigger\nP0001;stress\n", "cells are between semicolons; expected commas"),
        ("patient_id,trigger\nP0001,stress\nP0009,stress\n", "row 3, patient_id: no such patient"),
        ("patient_id,trigger\nP0001,red wine\n", "row 2, trigger: none of weather, sleep, stress, diet"),
        ("patient_id,trigger\nP0001,stress,sleep\n", "row 2: 3 cells; expected 2"),
        (b"patient_id,trigger\nP0001,caf\xe9\n", "not UTF-8"),
        ('patient_id,trigger\n"P0001,stress\n', "cannot be read as CSV"),
    ],
)
def test_a_list_that_cannot_be_meant_is_one_sentence_without_its_values(tmp_path, text, complaint: str) -> None:
    with pytest.raises(ListError) as error:
        listed(tmp_path, text)
    assert complaint in str(error.value)
    assert "red wine" not in str(error.value)
    assert "P0009" not in str(error.value)
