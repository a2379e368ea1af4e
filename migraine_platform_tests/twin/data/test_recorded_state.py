from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.priors.vocabulary import LIVED
from migraine_platform.twin.data.features import COLUMNS, REPORTED_NAMES
from migraine_platform.twin.data.recorded_state import PLACES, in_words, state_of_row
from migraine_platform.twin.data.state import SINCE, PatientState
from migraine_platform.warehouse.tables.ingest import OBSERVABLE, ONLY_REPORTED

KEY = {"patient_id": "P0001", "date": date(2024, 3, 1), "reported": True}
NUMBER = st.floats(0, 100, allow_subnormal=False)


def test_whatever_may_be_observed_has_a_place_in_the_state() -> None:
    """But what an attack is made of afterwards: it is told by what an evening knows of it."""
    late = {"has_migraine", "onset", "light_sleep_pct"}
    assert {column.name for column in OBSERVABLE} - late == {name for name in PLACES if "pressure" not in name} - {
        "temperature",
        "humidity",
    }
    assert set(REPORTED_NAMES) == {column.name for column in ONLY_REPORTED}
    assert set(PLACES) == {*COLUMNS, *REPORTED_NAMES}


@given(st.dictionaries(st.sampled_from(sorted(PLACES)), NUMBER))
def test_a_state_holds_what_the_row_says_and_nothing_else(reported: dict[str, float]) -> None:
    row = {**KEY, **dict.fromkeys(PLACES), **reported}
    found = state_of_row(row, None).numbers()
    assert found == {PLACES[column]: value for column, value in reported.items()}


def test_every_component_can_be_filled_from_a_row() -> None:
    state = state_of_row({**KEY, **dict.fromkeys(PLACES, 1.0)}, 3)
    for component in ("physiological", "environmental", "trigger", "symptom", "temporal", "treatment"):
        own = getattr(state, component)
        for part, value in own:
            if part != "further" or LIVED:  # of this project there are none
                assert value not in (None, {}), f"{component}.{part}"
    assert state.numbers()[SINCE] == 3
    assert PatientState.model_validate_json(state.model_dump_json()) == state


def test_a_state_is_told_with_its_units() -> None:
    lines = list(in_words(state_of_row({**KEY, "pm25": 12.5, "steps": 8123.0, "nausea": True}, 2)))
    assert lines[0] == "P0001, evening of 2024-03-01"
    reported = [" ".join(line.split()) for line in lines]
    for wanted in ("air_quality.pm25 12.5 ug/m3", "activity_level 8,123 steps", "associated.nausea 1"):
        assert wanted in reported
    assert "time_since_last_migraine 2 days" in reported
    assert not any("None" in line for line in lines)
