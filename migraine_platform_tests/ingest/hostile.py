"""Pickles as others write them: of data frames, and of people who mean harm."""

from __future__ import annotations

import lzma
import os
import pickle
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd


class Harm:
    """Runs a command when its pickle is loaded: it makes a file."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.made}",)


def data_frame(columns: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """As pandas keeps texts before its release 3, which is how the study was pickled: as objects."""
    made = {name: np.array(values, object) if _texts(values) else values for name, values in columns.items()}
    frame = pd.DataFrame({name: pd.Series(values, dtype=_type(values)) for name, values in made.items()})
    frame.columns = pd.Index(list(columns), dtype=object)
    return frame


def pickled(value: object, protocol: int = 5) -> bytes:
    """The pickle alone."""
    return pickle.dumps(value, protocol=protocol)


def packed(value: object, protocol: int = 5) -> bytes:
    """The pickle in an xz file."""
    return lzma.compress(pickled(value, protocol))


def demanding(content: bytes, dictionary: int = 37) -> bytes:
    """An xz file that demands as much memory for its dictionary as can be written down (37: 1.5 GiB)."""
    made = bytearray(content)
    size = (made[12] + 1) * 4
    header = made[12 : 12 + size - 4]
    assert header[2:4] == b"\x21\x01"  # LZMA2, one byte of properties
    header[4] = dictionary
    made[12 : 12 + size] = header + zlib.crc32(header).to_bytes(4, "little")
    return bytes(made)


def _texts(values: Sequence[object]) -> bool:
    return any(isinstance(value, str) for value in values)


def _type(values: Sequence[object]) -> object:
    return getattr(values, "dtype", None) or (np.int64 if all(type(v) is int for v in values) else np.float64)
