"""Columns come out of a pickled data frame as they went in; another pickle is refused, whatever it is."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from migraine_platform.ingest.sources.inert_frame import NAMES, read_frame
from migraine_platform.ingest.sources.inert_pickle import UnreadableError
from migraine_platform_tests.ingest.hostile import Harm, data_frame, packed, pickled

INTEGERS, NUMBERS = st.integers(-(2**63), 2**63 - 1), st.floats(width=64)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[object]]:
    """Columns of whole numbers, numbers and texts, in any order, of one length."""
    rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from((INTEGERS, NUMBERS, TEXTS)), min_size=1, max_size=7))
    names = draw(st.lists(TEXTS, min_size=len(kinds), max_size=len(kinds), unique=True))
    return {name: draw(st.lists(kind, min_size=rows, max_size=rows)) for name, kind in zip(names, kinds, strict=True)}


@given(tables())
def test_pickles_written_by_pandas_are_read(table: dict[str, list[object]]) -> None:
    assert_frame_equal(read_frame(packed(data_frame(table))), pl.DataFrame(table, strict=False), check_exact=True)


def test_many_texts_are_read() -> None:
    table = {"name": [f"text {row}" for row in range(700)], "number": list(range(700))}
    assert read_frame(packed(data_frame(table))).equals(pl.DataFrame(table))


@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_are_read_in_either_order(order: str) -> None:
    values = np.arange(12.0).reshape(4, 3, order=order)
    frame = pd.DataFrame(values, columns=pd.Index(["a", "b", "c"], dtype=object))
    assert read_frame(packed(frame)).equals(pl.DataFrame(values, ["a", "b", "c"]))


def test_a_column_may_be_put_anywhere() -> None:
    table = {"z": ["a", "b"], "i": [1, 2], "y": ["c", "d"], "f": [0.5, 1.5], "x": ["e", "f"], "j": [3, 4]}
    frame = data_frame(table)
    frame["k"] = [5, 6]  # a block of its own
    frame.columns = pd.Index([*table, "k"], dtype=object)
    assert read_frame(packed(frame)).equals(pl.DataFrame({**table, "k": [5, 6]}))


class Other:
    """A class of nobody's."""


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2],
        {"_mgr": 1},
        slice(1),
        np.arange(3),
        pd.Index(["a"], dtype=object),
        pd.Series([1]),
        Other(),
        pd.DataFrame({"a": ["texts as pandas 3 keeps them"]}),
        data_frame({"a": [1]}).astype("int32"),
        data_frame({"a": [1]}).astype(bool),
        data_frame({"a": [1]}).astype(">i8"),
        data_frame({"a": [1]}).astype("complex128"),
        data_frame({"a": [1]}).astype("category"),
        data_frame({"a": [1]}).astype(object),
        data_frame({"a": ["text", None]}),
        data_frame({"a": ["text", 1.5]}),
        pd.DataFrame(pd.to_datetime(["2020-01-01"]), columns=pd.Index(["a"], dtype=object)),
        pd.DataFrame([[1, 2]], columns=pd.Index(["a", "a"], dtype=object)),
        pd.DataFrame([[1, 2]], columns=pd.Index(["a", 2], dtype=object)),
        pd.DataFrame([[1, 2]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(UnreadableError):
        read_frame(packed(value))


def test_a_command_in_a_frame_is_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    hidden, amid = data_frame({"a": ["x", "y"]}), data_frame({"a": ["x", "y"]})
    hidden.attrs = {"note": Harm(made)}
    amid.iloc[1, 0] = Harm(made)
    for frame in (hidden, amid):
        with pytest.raises(UnreadableError) as error:
            read_frame(packed(frame))
        assert "\n" not in str(error.value)
        assert str(tmp_path) not in str(error.value)
    assert not made.exists()


FRAME = pickled(data_frame({"i": [1, 2, 3], "f": [0.5, 1.5, 2.5], "a": ["x", "y", "x"], "b": ["u", "v", "w"]}))
SHAPE, PLACES = b"K\x02K\x03\x86", b"K\x02K\x04K\x01\x87"


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (SHAPE, b"J\xff\xff\xff\x7fK\x03\x86"),
        (SHAPE, b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
        (SHAPE, b"J\xfe\xff\xff\xffJ\xfd\xff\xff\xff\x86"),
        (SHAPE, b"K\x06\x85"),
        (SHAPE, b"K\x03K\x02\x86"),
        (PLACES, b"K\x00J\xff\xff\xff\x7fK\x01\x87"),
        (PLACES, b"K\x02K\x04K\x00\x87"),
        (PLACES, b"K\x01K\x03K\x01\x87"),
        (PLACES, b"K\x03K\x05K\x01\x87"),
        (PLACES, b"J\xff\xff\xff\xffK\x01K\x01\x87"),
        (b"\x8c\x02f8", b"\x8c\x02M8"),
        (b"\x8c\x01<", b"\x8c\x01>"),
        (b"\x8c\x02O8", b"\x8c\x02f8"),
    ],
)
def test_a_frame_that_contradicts_itself_is_refused(there: bytes, instead: bytes) -> None:
    assert there in FRAME
    frame = FRAME[:2] + FRAME[11:]  # without the length of its frame
    assert read_frame(lzma.compress(frame)).shape == (3, 4)
    with pytest.raises(UnreadableError):
        read_frame(lzma.compress(frame.replace(there, instead)))


@given(st.data())
@settings(max_examples=400)
def test_a_damaged_frame_is_a_table_or_is_refused(data: st.DataObject) -> None:
    damaged = bytearray(FRAME)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(FRAME) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_frame(lzma.compress(bytes(damaged), preset=0))
    except UnreadableError:
        return
    assert found.width == 4


def test_nothing_that_a_frame_may_name_does_anything_by_its_name() -> None:
    assert {name.module.partition(".")[0] for name in NAMES} == {"pandas", "numpy", "builtins"}
    assert [name.name for name in NAMES if name.module == "builtins"] == ["slice"]
