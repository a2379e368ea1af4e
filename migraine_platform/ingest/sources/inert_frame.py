"""The columns of a pickled pandas DataFrame, without pandas.

A DataFrame keeps its columns in blocks, one for each type, and says which column each row of a block is:

    DataFrame, state {"_mgr": BlockManager((block, ...), [columns, rows])}
    block:   _unpickle_block(values, placement, 2)       values: (columns of the block, rows)
    values:  _frombuffer(bytes, dtype, shape, order)     numbers
             _reconstruct(ndarray, ...), state (1, shape, dtype, fortran, [text, ...])    texts

Belongs here: columns of numbers in double precision, whole numbers of 64 bits, and texts. All else is refused: no
reader of a study needs more, and what is not understood should not be guessed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from migraine_platform.ingest.sources.inert_pickle import Call, Name, UnreadableError, described, unpacked

# each under the names of pandas 1 to 3 and of numpy 1 and 2
_FRAME = {Name("pandas.core.frame", "DataFrame"), Name("pandas", "DataFrame")}
_MANAGER = {Name("pandas.core.internals.managers", "BlockManager")}
_BLOCK = {Name("pandas._libs.internals", "_unpickle_block")}
_SLICE = {Name("builtins", "slice")}
_MAKE_INDEX = {Name("pandas.core.indexes.base", "_new_Index")}
_INDEX = {Name("pandas.core.indexes.base", "Index"), Name("pandas", "Index")}
_RANGE = {Name("pandas.core.indexes.range", "RangeIndex"), Name("pandas", "RangeIndex")}
_BUFFER = {Name("numpy.core.numeric", "_frombuffer"), Name("numpy._core.numeric", "_frombuffer")}
_OBJECTS = {Name("numpy.core.multiarray", "_reconstruct"), Name("numpy._core.multiarray", "_reconstruct")}
_ARRAY = {Name("numpy", "ndarray")}
_DTYPE = {Name("numpy", "dtype")}
NAMES = frozenset().union(
    *(_FRAME, _MANAGER, _BLOCK, _SLICE, _MAKE_INDEX, _INDEX, _RANGE, _BUFFER, _OBJECTS, _ARRAY, _DTYPE)
)
"""All that such a pickle may name."""

_NUMBERS = {("f8", "<"): np.dtype("<f8"), ("i8", "<"): np.dtype("<i8")}
_TEXTS = ("O8", "|")


def read_frame(content: bytes) -> pl.DataFrame:
    """The columns of an xz-packed pickle of a DataFrame, in their order: Float64, Int64 or String.

    The names of its rows are not read.

    Raises:
        UnreadableError: if it is anything else. Nothing that is in it is executed or imported.
    """

    frame = _call(described(unpacked(content), NAMES), _FRAME, "a data frame")
    state = frame.state if isinstance(frame.state, dict) else {}
    manager = _call(state.get("_mgr"), _MANAGER, "a data frame's columns")
    match manager.arguments:
        case (tuple(blocks), [index, _]):
            columns = _columns(blocks, _names(index))
        case _:
            raise _strange("a data frame's columns")
    return pl.DataFrame({name: pl.Series(values, dtype=_polars_type(values)) for name, values in columns.items()})


def _columns(blocks: tuple[object, ...], names: list[str]) -> dict[str, NDArray[Any]]:
    """Name -> values, (rows,) each."""
    found: dict[str, NDArray[Any]] = {}
    for node in blocks:
        match _call(node, _BLOCK, "a block of columns").arguments:
            case (values, placement, 2):
                block, places = _array(values), _places(placement, len(names))
            case _:
                raise _strange("a block of columns")
        if block.ndim != 2 or len(block) != len(places):
            raise _strange("a block of columns")
        for place, column in zip(places, block, strict=True):
            if names[place] in found:
                raise _strange("a column, each once")
            found[names[place]] = column
    if len(found) != len(names) or len({len(column) for column in found.values()}) > 1:
        raise _strange("a column under every name, all of one length")
    return {name: found[name] for name in names}


def _names(node: object) -> list[str]:
    """The names of the columns."""
    match _call(node, _MAKE_INDEX, "the names of the columns").arguments:
        case (Name() as kind, {"data": data}) if kind in _INDEX:
            names = _array(data)
        case _:
            raise _strange("the names of the columns")
    if names.ndim != 1 or names.dtype != object or len(set(names)) != len(names):
        raise _strange("the names of the columns, each once")
    return list(names)


def _places(node: object, columns: int) -> list[int]:
    """Which columns the rows of a block are."""
    match node:
        case Call(function=function, arguments=(int(start), int(stop), int(step))) if function in _SLICE:
            if start < 0 or step < 1 or len(span := range(start, stop, step)) > columns:
                raise _strange("places of columns")
            places = list(span)
        case _:
            given = _array(node)
            if given.ndim != 1 or given.dtype != np.int64:
                raise _strange("places of columns")
            places = given.tolist()
    if any(not 0 <= place < columns for place in places):
        raise _strange("places of columns")
    return places


def _array(node: object) -> NDArray[Any]:
    """An array of numbers, or of texts as objects; a copy."""
    match node:
        case Call(function=function) if function in _BUFFER:
            return _numbers(node)
        case Call(function=function) if function in _OBJECTS:
            return _texts(node)
        case _:
            raise _strange("an array")


def _numbers(call: Call) -> NDArray[Any]:
    match call.arguments:
        case (bytes() | bytearray() as buffer, kind, shape, "C" | "F" as order):
            dtype, sizes = _NUMBERS.get(_kind(kind)), _shape(shape)
            if dtype is None or len(buffer) != dtype.itemsize * math.prod(sizes):
                raise _strange("numbers of 64 bits, as many as the shape says")
            return np.frombuffer(buffer, dtype).reshape(sizes, order=order).copy()
        case _:
            raise _strange("an array of numbers")


def _texts(call: Call) -> NDArray[Any]:
    match call:
        case Call(arguments=(Name() as made, _, _), state=(1, shape, kind, bool(fortran), list(items))):
            sizes = _shape(shape)
            if made not in _ARRAY or _kind(kind) != _TEXTS or len(items) != math.prod(sizes):
                raise _strange("an array of texts, as many as the shape says")
            if not all(type(item) is str for item in items):
                raise _strange("an array of texts alone")
            texts = np.empty(len(items), object)
            texts[:] = items
            return texts.reshape(sizes, order="F" if fortran else "C")
        case _:
            raise _strange("an array of texts")


def _shape(node: object) -> tuple[int, ...]:
    if not isinstance(node, tuple) or not 1 <= len(node) <= 2:
        raise _strange("a shape of one or two lengths")
    sizes = tuple(size for size in node if type(size) is int and size >= 0)
    if len(sizes) != len(node):
        raise _strange("a shape of one or two lengths")
    return sizes


def _kind(node: object) -> tuple[str, str]:
    """Type and byte order: `("f8", "<")`."""
    match _call(node, _DTYPE, "a type of numbers"):
        case Call(arguments=(str(code), False, True), state=(3, str(order), None, None, None, -1, -1, _)):
            return code, order
        case _:
            raise _strange("a type of numbers")


def _call(node: object, names: set[Name], what: str) -> Call:
    if not isinstance(node, Call) or node.function not in names:
        raise _strange(what)
    return node


def _polars_type(values: NDArray[Any]) -> pl.DataType:

    return {"f": pl.Float64(), "i": pl.Int64()}.get(values.dtype.kind, pl.String())


def _strange(what: str) -> UnreadableError:
    return UnreadableError(f"where {what} should stand is something else; expected a data frame of numbers and texts")
