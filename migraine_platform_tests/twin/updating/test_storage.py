from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors.numpy import load, save

from migraine_platform.twin.core.model import FORMAT
from migraine_platform.twin.core.twins import TwinError
from migraine_platform.twin.updating.evening_update import TwinState
from migraine_platform.twin.updating.storage import load_state, to_bytes, version_of


@pytest.fixture(scope="module")
def state(built) -> TwinState:
    return built.state.of(np.arange(4))


@pytest.fixture
def loaded(tmp_path):
    """What a file of these bytes says."""

    def read(content: bytes) -> TwinState:
        path = tmp_path / "0123456789ab.safetensors"
        path.write_bytes(content)
        return load_state(path)

    return read


def changed(state: TwinState, **changes: object) -> TwinState:
    """Twins of which something is otherwise, under the same watch."""
    return replace(state, twins=replace(state.twins, **changes))


def assert_identical(ours: TwinState, theirs: TwinState) -> None:
    for name in ("patient_ids", "as_of", "population"):
        assert getattr(ours.twins, name) == getattr(theirs.twins, name)
    for one, other in zip(arrays_of(ours), arrays_of(theirs), strict=True):
        assert one.dtype == other.dtype
        assert_array_equal(one, other)


def arrays_of(state: TwinState) -> list[np.ndarray]:
    twins, watch = state.twins, state.watch
    groups = (twins.beliefs, twins.ledger, twins.filter_state, twins.last, watch.filter_state)
    return [*(part for group in groups for part in group), twins.entries, twins.discarded, watch.changed, watch.strayed]


def header_of(content: bytes) -> dict:
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def with_card(content: bytes, **changes: object) -> bytes:
    """The same numbers with another card."""
    card = json.loads(header_of(content)["__metadata__"]["migraine_twins"])
    return save(load(content), {"migraine_twins": json.dumps(card | changes, sort_keys=True)})


def test_twins_survive_being_kept_to_the_last_bit(loaded, state) -> None:
    again = loaded(to_bytes(state))
    assert_identical(again, state)
    assert again.twins.versions() == state.twins.versions()


def test_odd_numbers_survive_too(loaded, state) -> None:
    """Zero of either sign, the smallest, the largest and no number at all."""
    odd = np.array([-0.0, 5e-324, 1.7e308, np.nan])
    strange = changed(state, ledger=state.twins.ledger._replace(days=odd))
    assert loaded(to_bytes(strange)).twins.ledger.days.tobytes() == odd.tobytes()


def test_the_same_twins_are_the_same_bytes(loaded, state, built) -> None:
    content = to_bytes(state)
    assert to_bytes(loaded(content)) == content
    backwards = built.state.of(np.arange(4)[::-1]).of(np.arange(4)[::-1])  # other strides, the same numbers
    assert to_bytes(backwards) == content
    assert version_of(content) == version_of(to_bytes(backwards))
    assert len(version_of(content)) == 12
    watch = state.watch
    for other in (
        changed(state, as_of=state.twins.as_of + timedelta(days=1)),
        changed(state, entries=state.twins.entries + 1),
        changed(state, population="0" * 12),
        replace(state, watch=watch._replace(changed=watch.changed + 1)),
        replace(state, watch=watch._replace(strayed=watch.strayed + 1)),
        replace(state, watch=watch._replace(filter_state=watch.filter_state.of(np.arange(4)[::-1]))),
    ):
        assert version_of(to_bytes(other)) != version_of(content)


def test_no_twins_at_all_can_be_kept(loaded, state) -> None:
    assert_identical(loaded(to_bytes(state.of(np.arange(0)))), state.of(np.arange(0)))


def test_a_file_is_plain_arrays_and_a_card(state) -> None:
    """Nothing pickled: every byte behind the header belongs to an array of numbers."""
    content = to_bytes(state)
    header = header_of(content)
    card = json.loads(header.pop("__metadata__")["migraine_twins"])
    assert card["format"] == FORMAT
    assert card["patient_ids"] == list(state.twins.patient_ids)
    assert {entry["dtype"] for entry in header.values()} <= {"F64", "I64"}
    spans = sorted(entry["data_offsets"] for entry in header.values())
    ends = [0, *(end for _, end in spans)]
    assert [begin for begin, _ in spans] == ends[:-1]
    start = 8 + int.from_bytes(content[:8], "little")
    assert len(content) == start + ends[-1]
    begin, end = header["filter_state.log_weight"]["data_offsets"]
    by_hand = np.frombuffer(content[start + begin : start + end], "<f8").reshape(
        state.twins.filter_state.log_weight.shape
    )
    assert_array_equal(by_hand, state.twins.filter_state.log_weight)


def refusal(loaded, content: bytes) -> str:
    with pytest.raises(TwinError) as error:
        loaded(content)
    message = str(error.value)
    assert message.startswith("0123456789ab.safetensors: ")
    assert "\n" not in message
    return message


def test_a_damaged_file_is_one_sentence(loaded, state) -> None:
    content = to_bytes(state)
    foreign = save({"a": np.zeros(3)}), save({"a": np.zeros(3)}, {"migraine_twins": "no card"})
    listed = save({"a": np.zeros(3)}, {"migraine_twins": "[]"})
    for damaged in (b"", b"PK\x03\x04", content[:7], content[:100], content[:-1], content + b"x", *foreign, listed):
        assert "not a file of twins; create them again" in refusal(loaded, damaged)


def test_a_file_of_another_format_is_one_sentence(loaded, state) -> None:
    other = with_card(to_bytes(state), format=FORMAT + 1)
    assert f"twins of format {FORMAT + 1}; expected {FORMAT}; create them again" in refusal(loaded, other)


def test_altered_numbers_are_one_sentence(loaded, state) -> None:
    content = to_bytes(state)
    for place in (-1, -1000, 8 + int.from_bytes(content[:8], "little")):
        altered = bytearray(content)
        altered[place] ^= 1
        assert "its numbers are not those on its card; create the twins again" in refusal(loaded, bytes(altered))


@pytest.mark.parametrize(
    "changes",
    [{"patient_ids": ["P0009", "P0002", "P0003", "P0004"]}, {"population": "0" * 12}, {"as_of": "2020-01-01"}],
    ids=["patient_ids", "population", "as_of"],
)
def test_an_altered_card_is_one_sentence(loaded, state, changes: dict[str, object]) -> None:
    assert "its numbers are not those on its card" in refusal(loaded, with_card(to_bytes(state), **changes))


def test_a_missing_file_is_one_sentence(tmp_path) -> None:
    with pytest.raises(TwinError, match=r"^nowhere\.safetensors: no twins here; materialise twins first$"):
        load_state(tmp_path / "nowhere.safetensors")


@given(st.data())
@examples(max_examples=60)
def test_no_byte_changes_what_a_file_says(tmp_path_factory, state, data) -> None:
    """Whichever byte is damaged, in header or numbers: the file is refused, or says the same."""
    content = bytearray(to_bytes(state))
    header = 8 + int.from_bytes(content[:8], "little")
    place = data.draw(st.integers(0, header - 1) | st.integers(header, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("twins") / "damaged"
    path.write_bytes(content)
    try:
        again = load_state(path)
    except TwinError as error:
        assert "\n" not in str(error)
    else:
        assert_identical(again, state)
