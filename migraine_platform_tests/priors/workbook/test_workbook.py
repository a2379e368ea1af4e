from __future__ import annotations

import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from migraine_platform.priors.families import Prior
from migraine_platform.priors.features import Feature, from_frame, to_frame
from migraine_platform.priors.workbook.row import COLUMNS
from migraine_platform.priors.workbook.workbook import WorkbookError, read_workbook

ROW = {
    "category": "sleep",
    "variable": "asleep",
    "description": "Time asleep",
    "unit": "h",
    "weight": 0.8,
    "typical_range": "4-12 h",
    "mean": 7.0,
    "sd": 1.5,
    "between_sd": None,
    "within_sd": None,
    "lag1": 0.3,
    "family": "normal",
    "normalized_range": "1-10",
    "impact_pattern": "10 9 7 4 1 1 3 6 8 9",
    "latent_axis": "sleep_debt",
    "source": "a study",
}


def write(path: Path, *rows: dict[str, Any], titles: dict[str, str] | None = None) -> Path:
    book = Workbook()
    sheet = book.active
    sheet.title = "features"
    sheet.append(list((titles or COLUMNS).values()))
    for row in rows:
        sheet.append([row.get(field) for field in (titles or COLUMNS)])
    book.save(path)
    return path


def errors_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(WorkbookError) as error:
        read_workbook(path)
    return error.value.errors


def test_the_shipped_workbook_holds_what_is_specified(features: tuple[Feature, ...]) -> None:
    assert 28 <= len(features) <= 40
    assert len({feature.category for feature in features}) == 7
    assert all(len(feature.source) > 10 for feature in features)
    for feature in features:
        prior = Prior(feature)
        assert prior.mean == pytest.approx(feature.mean, abs=1e-6 + 1e-6 * abs(feature.mean))
        assert prior.sd == pytest.approx(feature.sd, rel=1e-3)


def test_missing_moments_follow_the_specification(tmp_path: Path) -> None:
    (feature,) = read_workbook(write(tmp_path / "w.xlsx", {**ROW, "mean": None, "sd": None}))
    assert feature.mean == 4 + (12 - 4) / 2
    assert feature.sd == (12 - 4) / 4


def test_a_one_parameter_family_takes_its_spread_from_its_mean(tmp_path: Path) -> None:
    row = {**ROW, "typical_range": "0-1", "unit": "yes/no", "family": "bernoulli", "mean": 0.2, "sd": None}
    (feature,) = read_workbook(write(tmp_path / "w.xlsx", row))
    assert feature.sd == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("typical_range", "1000 to", 'column "Typical Range": "1000 to" has no upper end; expected "low-high unit"'),
        ("typical_range", datetime(2026, 7, 9), "the spreadsheet made a date of it (09 Jul); format the cell as text"),
        ("typical_range", "4-12 min", 'its unit "min" is not the unit of the row, "h"'),
        ("weight", 1.5, 'column "Weight": "1.5" is not a number from 0 to 1'),
        ("weight", None, "it is empty; expected a number from 0 to 1"),
        ("weight", "0,8", 'column "Weight": "0,8" has a decimal comma; write 0.8'),
        ("mean", "7.250", '"7.250" may be 7.25 or 7250; write 7.25 or 7250, without zeros or points'),
        ("mean", 13.0, "13 lies outside of the typical range, 4 to 12"),
        ("sd", 9.0, "9 exceeds the whole typical range, 4 to 12"),
        ("typical_range", "4-1.200 h", '"1.200" may be 1.2 or 1200'),
        ("typical_range", "0,500-12 h", '"0,500" has a decimal comma; write 0.500'),
        ("mean", "seven", 'column "Mean": "seven" is not a number'),
        ("sd", -1, 'column "SD": "-1" is not a number of at least 0'),
        ("sd", "inf", "is not a number"),
        ("between_sd", 3.0, "between-person sd 3 exceeds the total sd 1.5"),
        ("lag1", 1.0, 'column "Lag-1 correlation"'),
        ("family", "cauchy", '"cauchy" is not known; expected one of: normal'),
        ("normalized_range", "0-10", '"0-10" leaves 1 to 10'),
        ("impact_pattern", "1 2 3", '"1 2 3" is not ten whole risk scores from 1 to 10'),
        ("impact_pattern", "0 9 7 4 1 1 3 6 8 9", "is not ten whole risk scores"),
        ("latent_axis", "mood", "expected one of: stress, sleep_debt, hormonal, env_load, none"),
        ("variable", "Time asleep!", "is no name; expected lower-case letters"),
        ("source", None, 'column "Source": it is empty'),
    ],
)
def test_a_bad_cell_is_named_with_row_column_and_expectation(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    path = write(tmp_path / "w.xlsx", ROW | {"variable": "first"}, {**ROW, field: value})
    (error,) = errors_of(path)
    assert message in error
    assert ", row 3 (" in error


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "w.xlsx", {**ROW, "weight": 2, "typical_range": "9-7"}, {**ROW, "mean": "x"}, ROW)
    errors = errors_of(path)
    assert len(errors) == 5  # weight, range, mean, and the name twice more
    assert sum("stands in row 2 already; expected each variable once" in error for error in errors) == 2


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("mean", "1_000", '"1_000" is not a number'),
        ("mean", 1e300, "is not a number"),
        ("sd", 1e-300, "is not a number"),
        ("mean", "=3+4", "a formula without a saved result (open and save the workbook"),
        ("typical_range", "0-" + "9" * 400, "too large or too narrow"),
        ("typical_range", "1-1.0000000000000002 h", "too large or too narrow"),
    ],
)
def test_numbers_that_would_overflow_or_vanish_later_are_refused(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    assert message in errors_of(write(tmp_path / "w.xlsx", {**ROW, field: value}))[0]


def test_merged_cells_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "w.xlsx", ROW, {**ROW, "variable": "second"})
    book = load_workbook(path)
    book["features"].merge_cells("G2:G3")
    book.save(path)
    assert "cells are merged (G2:G3); expected one value per cell" in errors_of(path)[0]


def test_rows_beyond_the_sheets_stated_dimension_are_read(tmp_path: Path) -> None:
    """Other programs state it wrongly; a reader that trusts it loses rows without a word."""
    path = write(tmp_path / "w.xlsx", ROW, {**ROW, "variable": "second"})
    short = tmp_path / "short.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(short, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                content = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:P2"', content)
            target.writestr(name, content)
    assert len(read_workbook(short)) == 2


def test_a_damaged_sheet_is_said_so(tmp_path: Path) -> None:
    path = write(tmp_path / "w.xlsx", ROW)
    damaged = tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[: len(content) // 2] if name.endswith("sheet1.xml") else content)
    assert "not a readable .xlsx workbook" in errors_of(damaged)[0]


def test_features_come_sorted_by_name_whatever_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "w.xlsx", {**ROW, "variable": "zebra"}, {**ROW, "variable": "ape"})
    assert [feature.variable for feature in read_workbook(path)] == ["ape", "zebra"]


def test_a_beta_prior_must_fit_its_range(tmp_path: Path) -> None:
    path = write(tmp_path / "w.xlsx", {**ROW, "family": "beta", "sd": 4.5})
    assert "no distribution on 4 to 12 with mean 7 has sd 4.5; the limit is 3.873" in errors_of(path)[0]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    titles = {field: title for field, title in COLUMNS.items() if field not in ("weight", "category")}
    assert 'columns missing: "category", "Weight"' in errors_of(write(tmp_path / "w.xlsx", ROW, titles=titles))[0]


def test_the_specifications_spelling_of_the_impact_column_is_understood(tmp_path: Path) -> None:
    titles = {**COLUMNS, "impact_pattern": "Migrane impact pattern"}
    assert len(read_workbook(write(tmp_path / "w.xlsx", ROW, titles=titles))) == 1


@pytest.mark.parametrize("content", [b"", b"not a workbook", b"PK\x03\x04broken"])
def test_a_file_that_is_no_workbook_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.xlsx"
    path.write_bytes(content)
    assert "not a readable .xlsx workbook" in errors_of(path)[0]


def test_a_missing_file_and_an_empty_one_are_errors(tmp_path: Path) -> None:
    assert "no such file" in errors_of(tmp_path / "none.xlsx")[0]
    assert "holds no features" in errors_of(write(tmp_path / "w.xlsx"))[0]


def test_every_feature_survives_a_round_trip_through_the_frame(features: tuple[Feature, ...]) -> None:
    assert from_frame(to_frame(features)) == features


def test_reformatting_the_sheet_changes_nothing(tmp_path: Path, settings, features) -> None:
    book = load_workbook(settings.priors.workbook)
    book["features"].column_dimensions["A"].width = 99
    book.save(tmp_path / "reformatted.xlsx")
    assert read_workbook(tmp_path / "reformatted.xlsx") == features
