"""Where a batch's twins stood on earlier evenings: which of them are stored, and finding one again.

A week apart at first, then twice as far each time: late observations are mostly of last week, and a year costs a
handful of files. Belongs here: that rule. Does not: what is lived again from there (replay.py).

    age of a state in weeks    0-1  1-2  2-4  4-8  8-16 ...   one of each, its oldest
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from migraine_platform.twin.core.twins import TwinError
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, replaced_rows
from migraine_platform.twin.updating.storage import load_state
from migraine_platform.warehouse.lake.places import Places

WEEK = 7


class StoredStates:
    """A batch's stored states, loaded when asked for; one that is lost or no longer fits counts as not stored."""

    def __init__(self, rows: pl.DataFrame, updater: TwinUpdater, places: Places) -> None:
        self._versions = dict(rows.select("as_of", "file_version").sort("as_of").iter_rows())
        self._updater, self._places = updater, places
        self._loaded: dict[date, TwinState | None] = {}
        self.corrected: dict[date, TwinState] = {}
        """Those of which a patient's twin was lived again."""

    @property
    def evenings(self) -> list[date]:
        """On which a state is stored, in order."""
        return [evening for evening in self._versions if self._load(evening) is not None]

    def before(self, day: date, patient: str) -> TwinState | None:
        """A patient's twin on the newest evening before the day."""
        for evening in reversed(self._versions):
            state = self._load(evening) if evening < day else None
            if state is not None and patient in state.twins.patient_ids:
                return state.of(np.array([state.twins.patient_ids.index(patient)]))
        return None

    def correct(self, own: Mapping[date, TwinState]) -> None:
        """Put one patient's twin, by evening, into the states of these evenings."""
        for evening, twin in own.items():
            state = self._load(evening) if evening in self._versions else None
            (patient,) = twin.twins.patient_ids
            if state is not None and patient in state.twins.patient_ids:
                row = state.twins.patient_ids.index(patient)
                self._loaded[evening] = self.corrected[evening] = replaced_rows(state, {row: twin})

    def _load(self, evening: date) -> TwinState | None:
        if evening not in self._loaded:
            try:
                state = load_state(self._places.twins(self._versions[evening]))
            except TwinError:
                self._loaded[evening] = None
            else:
                self._loaded[evening] = state if self._updater.fits(state) else None
        return self._loaded[evening]


def thinned(evenings: Mapping[date, str], now: date) -> dict[date, str]:
    """Which evenings' states are kept: of each doubling of age, its oldest."""
    oldest: dict[int, date] = {}
    for evening in sorted(evenings):
        place = (max(0, (now - evening).days) // WEEK).bit_length()
        oldest.setdefault(place, evening)
    return {evening: evenings[evening] for evening in sorted(oldest.values())}


def state_frame(before: pl.DataFrame | None, batch: str, added: Mapping[date, str], now: date) -> pl.DataFrame:
    """Rows of `twin.states`, thinned.

    Args:
        before: rows so far; None if the twins of then are no longer in use.
        added: evening -> version of a file; of an evening that is there, the file in its place; of the newest evening,
            only if it is a week after the last one that is there.
    """

    known: dict[date, str] = {} if before is None else dict(before.select("as_of", "file_version").iter_rows())
    for evening, version in sorted(added.items()):
        if evening in known or not known or (evening - max(known)).days >= WEEK:
            known[evening] = version
    state = thinned(known, now)
    types = {"patient_batch": pl.String, "as_of": pl.Date, "file_version": pl.String}
    rows = [(batch, evening, version) for evening, version in state.items()]
    return pl.DataFrame(rows, schema=types, orient="row")
