"""Spreadsheet files as real programs and people leave them."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.styles import PatternFill
from openpyxl.worksheet.formula import ArrayFormula

from migraine_platform.config.sheets.spreadsheet import LARGEST_BYTES, SheetError, read_sheet
from migraine_platform.priors.workbook.workbook import open_workbook
from migraine_platform_tests.conftest import REPOSITORY
from migraine_platform_tests.priors.workbook.test_workbook import ROW, errors_of, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "w.xlsx", ROW, {**ROW, "variable": "other"})


def edited(path: Path, change: Callable[[Any], None]) -> Path:
    """The workbook after a change by openpyxl."""
    book = load_workbook(path)
    change(book)
    book.save(path)
    return path


def with_part(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its files changed."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


@pytest.mark.parametrize("cell", ["A1048576", "XFD2", "A20000"])
def test_a_coloured_cell_far_away_costs_no_time_and_no_row(path: Path, cell: str) -> None:
    def colour(book: Any) -> None:
        book["features"][cell].fill = PatternFill("solid", fgColor="FFFF00")

    assert len(read_sheet(edited(path, colour), "features").rows) == 3


@pytest.mark.parametrize("cell", ["G2", "H2", "K2"])
def test_an_array_formula_without_a_result_is_no_empty_cell(path: Path, cell: str) -> None:
    def formula(book: Any) -> None:
        book["features"][cell] = ArrayFormula(cell, "=SUM(A1:A3)")

    assert "a formula without a saved result" in errors_of(edited(path, formula))[0]


def test_a_formula_whose_saved_result_is_an_empty_text_is_an_empty_cell(path: Path) -> None:
    """As Excel stores `=IF(E2>1,E2,"")`; a mean need not be given."""
    empty = b'<c r="G2" t="str"><f>IF(E2&gt;1,E2,"")</f><v></v></c>'
    changed = with_part(path, "xl/worksheets/sheet1.xml", lambda xml: re.sub(rb'<c r="G2".*?</c>', empty, xml))
    (first, _) = open_workbook(changed).features
    assert first.mean == 8.0


def test_an_error_of_the_spreadsheet_is_no_value(path: Path) -> None:
    error = b'<c r="G2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
    changed = with_part(path, "xl/worksheets/sheet1.xml", lambda xml: re.sub(rb'<c r="G2".*?</c>', error, xml))
    assert 'column "Mean": "#DIV/0!" is not a number' in errors_of(changed)[0]


def test_hidden_rows_count_and_are_told(path: Path) -> None:
    def hide(book: Any) -> None:
        book["features"].row_dimensions[3].hidden = True

    found = open_workbook(edited(path, hide))
    assert len(found.features) == 2
    assert found.notes == (f"{path.parent.name}/w.xlsx: hidden rows count all the same: 3",)


@pytest.mark.parametrize("name", ["Features", " features ", "FEATURES"])
def test_the_sheets_name_may_be_spelt_otherwise(path: Path, name: str) -> None:
    several = edited(path, lambda book: book.create_sheet("read me", 0))
    renamed = with_part(several, "xl/workbook.xml", lambda xml: xml.replace(b'"features"', f'"{name}"'.encode()))
    assert len(read_sheet(renamed, "features").rows) == 3


def test_of_several_sheets_none_is_guessed(path: Path) -> None:
    def rename(book: Any) -> None:
        book.copy_worksheet(book["features"]).title = "old 2023"
        book["features"].title = "features 2026"

    expected = 'no sheet is called features; there are: "features 2026", "old 2023"'
    assert expected in errors_of(edited(path, rename))[0]


def test_a_single_sheet_may_be_called_anything(path: Path) -> None:
    def rename(book: Any) -> None:
        book["features"].title = "Tabelle1"

    assert len(read_sheet(edited(path, rename), "features").rows) == 3


def test_titles_below_other_rows_are_found_and_not_used(path: Path) -> None:
    def insert(book: Any) -> None:
        book["features"].insert_rows(1)
        book["features"]["A1"] = "What our clinic knows"

    assert "they stand in row 2: delete the rows above" in errors_of(edited(path, insert))[0]


def ole(marker: str) -> bytes:
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512) + marker.encode("utf-16-le")


def package(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ole("EncryptedPackage"), "it is protected by a password"),
        (ole("Workbook"), "an .xls file of an older program; expected .xlsx: open it in a spreadsheet program"),
        (package(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "an .ods file; expected .xlsx"),
        (package(hello=b"x"), "not a readable .xlsx workbook"),
        (package(**{"xl/workbook.xml": b'<w xmlns="http://purl.oclc.org/ooxml/x"/>'}), 'saved as "Strict Open XML"'),
        (package(**{"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "a document type of its own"),
    ],
)
def test_other_files_are_told_apart_with_what_to_do(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "w.xlsx"
    path.write_bytes(content)
    assert reason in errors_of(path)[0]


def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked(path: Path) -> None:
    bomb = with_part(path, "xl/styles.xml", lambda xml: xml + b" " * LARGEST_BYTES)
    assert bomb.stat().st_size < 1_000_000
    assert f"expected at most {LARGEST_BYTES:,}" in errors_of(bomb)[0]


def test_styles_that_openpyxl_cannot_read_are_told(path: Path) -> None:
    broken = with_part(path, "xl/styles.xml", lambda xml: re.sub(rb"(<fills[^>]*>)", rb"\1<fill/>", xml))
    assert "open it in a spreadsheet program and save it as .xlsx again" in errors_of(broken)[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_another_account_is_told(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(SheetError, match="cannot be read: Permission denied"):
        read_sheet(path, "features")


@pytest.mark.parametrize("dash", "‐‑‒–—―−－\u00ad-")
def test_whatever_looks_like_a_dash_is_one(tmp_path: Path, dash: str) -> None:
    (feature,) = open_workbook(write(tmp_path / "w.xlsx", {**ROW, "typical_range": f"4{dash}12 h"})).features
    assert (feature.range_low, feature.range_high) == (4, 12)


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u2060", "\u00ad"])
@pytest.mark.parametrize("field", ["variable", "unit", "family", "typical_range", "mean"])
def test_hidden_cells_do_not_count(tmp_path: Path, field: str, mark: str) -> None:
    text = "7" if field == "mean" else str(ROW[field])
    inside = text if (field, mark) == ("typical_range", "\u00ad") else f"{text[:1]}{mark}{text[1:]}"
    if field == "mean" and mark == "\u00ad":
        inside = text  # a soft hyphen beside a digit is a minus
    (feature,) = open_workbook(write(tmp_path / "w.xlsx", {**ROW, field: inside})).features
    assert (feature.variable, feature.unit, feature.family, feature.mean) == ("asleep", "h", "normal", 7.0)


def test_the_micro_sign_is_the_greek_letter(tmp_path: Path) -> None:
    row = {**ROW, "unit": "µg/m3", "typical_range": "4-12 μg/m3"}
    assert len(open_workbook(write(tmp_path / "w.xlsx", row)).features) == 1


def test_the_workbook_says_what_its_columns_do_not_do() -> None:
    book = load_workbook(REPOSITORY / "data" / "migraine_prediction.xlsx", read_only=True)
    said = " ".join(str(cell) for row in book["read me"].iter_rows(values_only=True) for cell in row if cell)
    for title in ("Weight: ", "Latent axis: "):
        assert title in said
    assert "It does not make a trigger stronger" in said
