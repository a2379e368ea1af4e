from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydantic import ValidationError

from migraine_platform.errors import UserError
from migraine_platform.twin.data.features import FEATURES, NAMES, POSITION
from migraine_platform.twin.data.histories import NEEDED, Histories, histories
from migraine_platform.twin.data.state import PatientState, Physiological, StateError, Temporal, Trigger, state_of

FIRST = date(2024, 3, 1)
DAYS = 6
FLAGS = {"has_migraine", "onset", *(feature.column.name for feature in FEATURES if feature.is_flag)}
SCALARS = (
    "physiological.temperature",
    "physiological.activity_level",
    "environmental.light_exposure",
    "environmental.noise_level",
    "trigger.stress_level",
    "trigger.sleep_quality",
    "temporal.time_since_last_migraine",
    "treatment.acute_medication",
)
GROUPS = (
    "physiological.hrv",
    "physiological.eeg",
    "physiological.eda",
    "environmental.weather",
    "environmental.air_quality",
    "trigger.sleep",
    "trigger.dietary",
    "trigger.hormonal",
    "symptom.prodrome",
    "symptom.aura",
    "symptom.headache",
    "symptom.associated",
    "treatment.current_medications",
    "treatment.recent_interventions",
)

keys = st.text(min_size=1).filter(lambda key: "." not in key)
places = st.one_of(st.sampled_from(SCALARS), st.builds("{}.{}".format, st.sampled_from(GROUPS), keys))
numbers = st.floats(allow_nan=False, allow_infinity=False)
metadata = st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans(), numbers))


def state_from(content: dict[str, float], **beside: object) -> PatientState:
    """A state that is put together part by part, not from a vector."""
    parts: dict[str, dict] = {}
    for name, number in content.items():
        component, part, *key = name.split(".")
        own = parts.setdefault(component, {})
        if key:
            own.setdefault(part, {})[key[0]] = number
        else:
            own[part] = number
    return PatientState.model_validate({**parts, **beside})


def row(patient: str, day: int, **recorded: object) -> dict[str, object]:
    """A measured day; nothing but what is named was recorded."""
    return {**dict.fromkeys(NEEDED), "patient_id": patient, "date": FIRST + timedelta(days=day), **recorded}


def measured(rows: list[dict[str, object]]) -> pl.DataFrame:
    kinds = {name: pl.Boolean if name in FLAGS else pl.Float32 for name in NEEDED}
    return pl.DataFrame(rows, schema={**kinds, "patient_id": pl.String, "date": pl.Date}, orient="row")


def entry(**events: bool) -> dict[str, bool]:
    return {"has_migraine": False, "onset": False, "migraine_by_evening": False, "prodrome": False, **events}


@pytest.fixture(scope="module")
def some() -> Histories:
    """P0001 has gaps and two migraine days, one of which began at night; P0002 never had any; P0003 has no day."""
    rng = np.random.default_rng(1)
    ill = entry(has_migraine=True, migraine_by_evening=True)
    rows = [row("P0001", day, temperature=rng.normal(10, 5), rmssd=rng.uniform(20, 60)) for day in range(DAYS)]
    for day, said in ((0, entry()), (1, ill), (3, entry(has_migraine=True)), (5, entry())):
        rows[day] |= {**said, "stress_level": 4, "alcohol_consumed": day == 1, "cycle_day": day + 1}
    rows += [row("P0002", day, **entry(), steps=1e4 / 3, sleep_quality=71.3) for day in range(DAYS)]
    return histories(measured(rows), ["P0001", "P0002", "P0003"])[0]


@given(st.dictionaries(places, numbers), st.none() | st.datetimes(), metadata)
def test_any_state_survives_the_way_to_a_vector_and_back(content, timestamp, beside) -> None:
    state = state_from(content, metadata=beside)
    state = state.model_copy(update={"temporal": state.temporal.model_copy(update={"timestamp": timestamp})})
    values, names, present = state.to_feature_vector()
    assert dict(zip(names, values.tolist(), strict=True)) == content
    assert present.all()
    assert PatientState.from_feature_vector(values, names, present, timestamp, beside) == state


@given(st.dictionaries(places, numbers), st.lists(places, unique=True), st.randoms())
def test_a_wanted_layout_is_kept_and_what_is_absent_stays_absent(content, others, random) -> None:
    wanted = list(dict.fromkeys([*content, *others]))
    random.shuffle(wanted)
    state = state_from(content)
    values, names, present = state.to_feature_vector(wanted)
    assert names == tuple(wanted)
    assert_array_equal(present, [name in content for name in wanted])
    assert_array_equal(values, [content.get(name, 0.0) for name in wanted])
    unread = np.where(present, values, np.nan)
    assert PatientState.from_feature_vector(unread, names, present) == state


@given(st.dictionaries(places, numbers))
def test_equal_states_have_equal_vectors_whatever_they_were_made_from(content) -> None:
    one, other = state_from(content), state_from(dict(reversed(content.items())))
    assert one.to_feature_vector()[1] == other.to_feature_vector()[1]


def test_names_are_those_of_the_features_and_in_a_canonical_order() -> None:
    state = PatientState(
        temporal=Temporal(time_since_last_migraine=2),
        trigger=Trigger(sleep={"total_sleep_hours": 7, "awake_time_mins": 20}, stress_level=4),
        physiological=Physiological(hrv={"rmssd": 31.5}, temperature=33.1),
    )
    values, names, _ = state.to_feature_vector()
    assert names == (
        "physiological.hrv.rmssd",
        "physiological.temperature",
        "trigger.stress_level",
        "trigger.sleep.awake_time_mins",
        "trigger.sleep.total_sleep_hours",
        "temporal.time_since_last_migraine",
    )
    assert values.tolist() == [31.5, 33.1, 4, 20, 7, 2]
    assert set(names) <= {*NAMES, "temporal.time_since_last_migraine"}


def test_a_state_survives_json() -> None:
    state = state_from(
        {"symptom.aura.zigzag": 1.0}, temporal={"timestamp": datetime(2024, 3, 1, 20)}, metadata={"patient_id": "P0001"}
    )
    assert PatientState.model_validate_json(state.model_dump_json()) == state


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (["physiological.hrv"], [1], '"physiological.hrv" names no number; expected "physiological.hrv." and one key'),
        (["physiological.hrv."], [1], '"physiological.hrv." names no number'),
        (["trigger.sleep.total.hours"], [1], '"trigger.sleep.total.hours" names no number'),
        (["physiological.temperature.skin"], [1], '"physiological.temperature.skin" is too long'),
        (["physiological.pulse"], [1], '"physiological.pulse" is no place of a state; expected one of: phys'),
        (["temporal.timestamp"], [1], '"temporal.timestamp" is no place'),
        (["metadata.patient_id"], [1], '"metadata.patient_id" is no place'),
        ([""], [1], '"" is no place'),
        (["trigger.stress_level"] * 2, [1, 1], '"trigger.stress_level" is there twice'),
        (["trigger.stress_level"], [math.nan], '"trigger.stress_level" is nan; expected a finite number'),
        (["physiological.hrv.rmssd"], [math.inf], '"physiological.hrv.rmssd" is inf; expected a finite number'),
        (["trigger.stress_level"], [1, 2], "2 values, 1 names and 2 marks of presence"),
    ],
)
def test_a_vector_that_makes_no_sense_is_one_clear_sentence(names, values, message: str) -> None:
    with pytest.raises(StateError) as caught:
        PatientState.from_feature_vector(np.array(values, dtype=float), names, np.ones(len(values), dtype=bool))
    assert message in str(caught.value)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UserError)


def test_a_wanted_name_that_is_no_place_is_refused() -> None:
    with pytest.raises(StateError, match=r'"physiological\.hrv" names no number'):
        PatientState().to_feature_vector(["physiological.hrv"])
    with pytest.raises(StateError, match="is there twice"):
        PatientState().to_feature_vector(["trigger.stress_level", "trigger.stress_level"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"hrv": {"a.b": 1.0}}, 'physiological.hrv has the key "a.b"; expected a key without dots'),
        ({"eeg": {"": 1.0}}, 'physiological.eeg has the key ""'),
        ({"eda": {"tonic": np.float32("nan")}}, '"physiological.eda.tonic" is nan'),
        ({"temperature": -math.inf}, '"physiological.temperature" is -inf'),
    ],
)
def test_an_ambiguous_or_impossible_number_makes_no_state(content, message: str) -> None:
    with pytest.raises(StateError) as caught:
        Physiological(**content)
    assert message in str(caught.value)


def test_a_state_cannot_be_changed_nor_given_unknown_parts() -> None:
    state = PatientState()
    with pytest.raises(ValidationError, match="frozen"):
        state.trigger.stress_level = 3.0
    with pytest.raises(ValidationError, match="pulse"):
        Physiological.model_validate({"pulse": 60})


def test_a_states_vector_is_the_row_of_the_histories_exactly(some) -> None:
    for place, patient in enumerate(some.patient_ids):
        for day in range(some.days):
            state = state_of(some, patient, some.first + timedelta(days=day))
            values, names, present = state.to_feature_vector(NAMES)
            assert names == NAMES
            assert_array_equal(values, some.values[place, day])
            assert_array_equal(present, some.present[place, day])


def test_simulated_days_survive_the_view_and_know_nothing_of_eeg_and_air(simulator) -> None:
    days = simulator.batch(0)["measured.patient_days"].head(200)
    cohort, _ = histories(days, days["patient_id"].unique().to_list())
    for place, patient in enumerate(cohort.patient_ids):
        for day in range(cohort.days):
            state = state_of(cohort, patient, cohort.first + timedelta(days=day))
            values, _, present = state.to_feature_vector(NAMES)
            assert_array_equal(values, cohort.values[place, day])
            assert_array_equal(present, cohort.present[place, day])
            assert state.physiological.eeg == state.environmental.air_quality == {}


def test_a_day_says_whose_it_is_when_and_what_was_recorded(some) -> None:
    state = state_of(some, "P0001", FIRST + timedelta(days=1))
    assert state.temporal.timestamp == datetime(2024, 3, 2, 20)
    assert state.metadata == {"patient_id": "P0001", "diary": True, "device": True}
    assert state.trigger.stress_level == 4
    assert state.trigger.dietary == {"alcohol": 1}
    assert state.physiological.hrv == {"rmssd": some.values[0, 1, POSITION["rmssd"]]}
    assert state.physiological.temperature is None


def test_time_since_the_last_migraine_counts_from_what_was_known_that_evening(some) -> None:
    """Day 1 was one by its evening; day 3 became one at night, which its own evening could not know."""
    since = [
        state_of(some, "P0001", FIRST + timedelta(days=day)).temporal.time_since_last_migraine for day in range(DAYS)
    ]
    assert since == [None, 0, 1, 2, 1, 2]
    assert state_of(some, "P0002", some.last).temporal.time_since_last_migraine is None
    assert state_of(some, "P0003", some.last).numbers() == {}


def test_no_later_day_changes_a_state(some) -> None:
    for day in range(some.days):
        known = some.until(day + 1)
        assert state_of(known, "P0001", known.last) == state_of(some, "P0001", known.last)


def test_an_unknown_patient_or_day_is_refused(some) -> None:
    with pytest.raises(StateError, match='no patient "P0009"; expected one of the 3 that have a history'):
        state_of(some, "P0009", FIRST)
    for day in (FIRST - timedelta(days=1), FIRST + timedelta(days=DAYS)):
        with pytest.raises(
            StateError, match=f"{day} is not among the days of P0001; expected 2024-03-01 to 2024-03-06"
        ):
            state_of(some, "P0001", day)
