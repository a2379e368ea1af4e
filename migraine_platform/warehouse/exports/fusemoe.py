"""The cohort as FuseMoE reads it: one pickled list of samples, streamed.

    name         patient and last day of the window
    irg_ts       [T, D] the days on which anything was recorded, 0 where a channel was not
    irg_ts_mask  [T, D] 1 where it was
    ts_tt        [T] hours since the window's first midnight
    reg_ts       [tt_max, 2 D] hour by hour: the last value seen, then whether its day was recorded
    label        whether the day after the window is a migraine day

The window ends at 20:00 of its last day: migraine there is what that evening knew. Features are standardised with
their priors; flags are 0 and 1. A window whose next day nobody recorded is left out. The list is written sample by
sample: a pickle of a list is the pickles of its items between a mark and an append. The platform writes this file for
others and loads no pickle.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import polars as pl

from migraine_platform.config.simulator.copula import COLUMN_OF, WEARABLE_FEATURES
from migraine_platform.errors import UserError
from migraine_platform.priors.features import Feature, select
from migraine_platform.priors.vocabulary import DRAWN_FEATURES, ITEM_COLUMNS
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.exports.export import all_or_nothing

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS = 24
LONGEST = 1000
"""FuseMoE silently drops a sample of so many time points."""

MEASURES = ("temperature", "humidity", "pressure", "pressure_change_24h", *DRAWN_FEATURES, *WEARABLE_FEATURES)
"""Channels that a prior standardises."""

FLAGS = (
    *ITEM_COLUMNS,
    *("has_migraine", "prodrome", "acute_medication"),
)
CHANNELS = MEASURES + FLAGS
PROTOCOL = 3
"""Numbers its memo itself, so that items pickled one by one can follow each other in one list."""


class WindowError(UserError):
    """A window that makes no sample."""


@dataclass(frozen=True)
class FuseMoeWindows:
    """Consecutive windows of so many days, each with a label on the day after it."""

    days: int

    def __post_init__(self) -> None:
        if not 1 <= self.days < LONGEST:
            raise WindowError(
                f"a window of {self.days} days; expected 1 to {LONGEST - 1}: FuseMoE drops longer samples"
            )


def export_fusemoe(
    path: Path, batches: Iterable[Mapping[str, pl.DataFrame]], features: Sequence[Feature], windows: FuseMoeWindows
) -> int:
    """Write the samples of one patient batch after the other; how many there are.

    Raises:
        WindowError: if the cohort is too short for a single sample; nothing is written.
    """
    count = 0
    with all_or_nothing([path]) as aside:
        with aside[path].open("wb") as file, _PickledList(file) as samples:
            for batch in batches:
                for sample in patient_samples(batch[tables.MeasuredDays.name], features, windows):
                    samples.append(sample)
                    count += 1
        if not count:
            raise WindowError(f"no sample: windows of {windows.days} days need {windows.days + 1} days and a diary")
    return count


def patient_samples(
    measured: pl.DataFrame, features: Sequence[Feature], windows: FuseMoeWindows
) -> Iterator[dict[str, Any]]:
    """The samples of some patients.

    Args:
        measured: rows of `measured.patient_days`, patient by patient, day by day.
    """
    values = standardised(measured, features)
    labels = measured["has_migraine"].cast(float).to_numpy()
    by_evening = measured["migraine_by_evening"].cast(float).to_numpy()
    dates = measured["date"].to_list()
    for patient_id, first, days in _blocks(measured["patient_id"]):
        for start in range(first, first + days - windows.days, windows.days):
            after = start + windows.days
            if not np.isnan(labels[after]):
                name = f"{patient_id}_{dates[after - 1].isoformat()}"
                window = values[start:after].copy()
                window[-1, CHANNELS.index("has_migraine")] = by_evening[after - 1]
                yield sample(name, window, bool(labels[after]))


def sample(name: str, window: NDArray[np.float64], label: bool) -> dict[str, Any]:
    """One window [days, D] with NaN where nothing was recorded."""
    seen = ~np.isnan(window)
    some = seen.any(axis=1)
    filled = np.where(seen, window, 0.0).astype(np.float32)
    last = np.where(seen, np.arange(len(window))[:, None], -1)
    last = np.maximum.accumulate(last, axis=0)
    held = np.where(last >= 0, np.take_along_axis(filled, np.maximum(last, 0), axis=0), np.float32(0))
    regular = np.concatenate([held, seen.astype(np.float32)], axis=1)
    return {
        "name": name,
        "irg_ts": filled[some],
        "irg_ts_mask": seen[some].astype(np.float32),
        "ts_tt": (HOURS * np.flatnonzero(some)).astype(np.float32),
        "reg_ts": np.repeat(regular, HOURS, axis=0),
        "label": int(label),
    }


def standardised(measured: pl.DataFrame, features: Sequence[Feature]) -> NDArray[np.float64]:
    """[rows, D] the CHANNELS, NaN where nothing was recorded."""
    columns = [
        (measured[COLUMN_OF.get(feature.variable, feature.variable)].cast(float).to_numpy() - feature.mean) / feature.sd
        for feature in select(features, MEASURES)
    ]
    columns += [measured[name].cast(float).to_numpy() for name in FLAGS]
    return np.column_stack(columns)


def _blocks(patient_ids: pl.Series) -> Iterator[tuple[str, int, int]]:
    """Each patient with his first row and his number of rows."""
    lengths = patient_ids.rle()
    first = 0
    for patient_id, days in zip(lengths.struct.field("value"), lengths.struct.field("len"), strict=True):
        yield patient_id, first, days
        first += days


class _PickledList:
    """A pickled list that grows on disk, item by item."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __enter__(self) -> _PickledList:
        self._file.write(pickle.PROTO + bytes([PROTOCOL]) + pickle.EMPTY_LIST)
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.write(pickle.STOP)

    def append(self, item: object) -> None:
        """Append one item, which shares nothing with the others."""
        content = pickle.dumps(item, protocol=PROTOCOL)
        self._file.write(content[2:-1] + pickle.APPEND)  # without the header and the stop
