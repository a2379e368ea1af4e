"""A pickle is described, never carried out; whatever it demands, it gets nothing."""

from __future__ import annotations

import contextlib
import lzma
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migraine_platform.ingest.sources.inert_pickle import MOST_BYTES, Call, Name, UnreadableError, described, unpacked
from migraine_platform_tests.ingest.hostile import Harm, demanding, pickled

SLICE = Name("builtins", "slice")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text(max_size=60) | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=9), inner) | st.tuples(inner)
    ),
    max_leaves=30,
)


@given(PLAIN)
def test_plain_values_are_kept(value: object) -> None:
    assert described(pickled(value), ()) == value


def test_a_call_is_a_record_of_it() -> None:
    found = described(pickled([slice(2, 5, None)]), {SLICE})
    assert isinstance(found, list)
    assert isinstance(found[0], Call)
    assert (found[0].function, found[0].arguments, found[0].state) == (SLICE, (2, 5, None), None)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "wrapped", [lambda x: x, lambda x: [[x]], lambda x: {"a": ("b", x)}], ids=["bare", "in lists", "in a dict"]
)
def test_a_command_is_refused_and_not_run(tmp_path: Path, protocol: int, wrapped: object) -> None:
    made = tmp_path / "made"
    with pytest.raises(UnreadableError) as error:
        described(pickled(wrapped(Harm(made)), protocol), {SLICE})  # type: ignore[operator]
    assert not made.exists()
    assert str(tmp_path) not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\nslice\n)R.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"\x80\x05\x8c\x08builtins\x8c\x05slice\x93\x94h\x00)\x81}\x8c\x01a\x8c\x01bs\x86b\x93.",
        b"\x80\x02\x82\x01.",
        b"\x80\x05Pname\n.",
        b"\x80\x05\x8c\x01aQ.",
        b"\x80\x05\x97.",
        b"(ibuiltins\nslice\n.",
        b"\x80\x05\x8c\x01aR.",
        b"\x80\x05NNR.",
    ],
    ids=["os.system", "an old name", "eval", "a name of a call", "extension", "persistent", "from the stack",
         "buffer", "instance", "no function", "None called"],
)  # fmt: skip
def test_what_no_table_needs_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="nothing of it was carried out"):
        described(content, {SLICE})


@pytest.mark.parametrize(
    "content",
    [
        b"", b".", b"\x80\x05", b"\x80\x05N", b"\x80\x05NN.", b"\x80\x05N.N", b"\x80\x05(N.", b"\x80\x05t.",
        b"\x80\x05\x94.", b"\x80\x05h\x00.", b"\x80\x05Na.", b"\x80\x05}(Ne.", b"\x80\x05}(Nu.",
        b"\x80\x05}K\x01Ns.", b"\x80\x05}NNs.",
        b"\x80\x05}(\x8c\x01aN\x8c\x01aNu.", b"\x80\x05Nb.", b"\x80\x05\x85.", b"\xff",
        b"\x80\x05\x8c\x03\xed\xa0\x80.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.", b"\x80\x05K\x01K\x02\x93.", b"\x80\x05u.", b"\x80\x05e.",
    ],
    ids=repr,
)  # fmt: skip
def test_inconsistent_values_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        described(content, {SLICE})


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=300)
def test_whatever_the_bytes_are_they_are_described_or_refused(content: bytes, ended: bool) -> None:
    with contextlib.suppress(UnreadableError):
        described(b"\x80\x05" + content + b"." * ended, {SLICE})


@given(st.data())
def test_truncated_content_is_refused(data: st.DataObject) -> None:
    whole = pickled({"a": [slice(1, 2, 3), "text", b"bytes", bytearray(20), 70_000, (1, 2, 3, 4)] * 2})
    with pytest.raises(UnreadableError):
        described(whole[: data.draw(st.integers(0, len(whole) - 1))], {SLICE})


def test_a_list_of_two_lists_of_two_lists_is_small() -> None:
    bomb: list[object] = []
    for _ in range(100):
        bomb = [bomb, bomb]  # 2^100 lists, were they not shared
    found = described(pickled(bomb), ())
    for _ in range(100):
        assert isinstance(found, list)
        assert found[0] is found[1]
        found = found[0]
    assert found == []


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x05N" + b"\x85" * 200_000 + b".",
        b"\x80\x05" + b"(" * 200_000 + b"N" + b"t" * 200_000 + b".",
        b"\x80\x05\x8c\x08builtins\x8c\x05slice\x93\x94N" + b"\x85\x94h\x00h\x01R" * 1000 + b".",
    ],
    ids=["tuples", "marks", "calls"],
)
def test_depth_breaks_nothing(content: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        described(content, {SLICE})


def test_a_list_that_holds_itself_is_described() -> None:
    knot: list[object] = []
    knot.append(knot)
    found = described(pickle.dumps(knot, protocol=5), ())
    assert isinstance(found, list)
    assert found[0] is found


def test_too_large_files_are_refused() -> None:
    with pytest.raises(UnreadableError, match="larger than"):
        described(b"\x80\x05N" + b"0N" * MOST_BYTES + b".", ())


@given(st.binary(max_size=300))
def test_an_xz_file_is_unpacked(content: bytes) -> None:
    assert unpacked(lzma.compress(content)) == content


def test_as_much_as_may_be_is_unpacked() -> None:
    assert len(unpacked(lzma.compress(bytes(MOST_BYTES)))) == MOST_BYTES


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no xz file", lzma.compress(b"text")[:-1], lzma.compress(b"text") + b"more", lzma.compress(b"a") * 2,
        lzma.compress(bytes(MOST_BYTES + 1)), lzma.compress(bytes(16 * MOST_BYTES)), demanding(lzma.compress(b"text")),
        lzma.compress(b"text", lzma.FORMAT_ALONE),
    ],
    ids=["empty", "a text", "cut off", "followed", "two", "a byte too much", "a bomb", "a large dictionary",
         "another format"],
)  # fmt: skip
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        unpacked(content)
