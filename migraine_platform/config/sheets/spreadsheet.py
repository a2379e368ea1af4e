"""A spreadsheet file as rows of cells: which sheet, what formulas gave, what is hidden, and why a file cannot be read.

Belongs here: .xlsx files as programs write them. Does not: what the cells mean (priors/workbook/workbook.py,
triggers.py).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from migraine_platform.errors import UserError

UNSAVED_FORMULA = "a formula without a saved result (open and save the workbook in a spreadsheet program)"
SAVE_AS = "open it in a spreadsheet program and save it as .xlsx"
LARGEST_BYTES = 100_000_000
"""Unpacked, of the whole file: a feature table takes some ten thousand."""

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class SheetError(UserError):
    """A file of which no rows can be read; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class Sheet:
    """The cells that hold something."""

    rows: list[list[Any]]
    """From the first row on; formulas hold their saved results, or UNSAVED_FORMULA."""
    hidden: tuple[int, ...]
    """Numbers of hidden rows; they count all the same."""


def read_sheet(path: Path, wanted: str) -> Sheet:
    """The sheet of that name, or the single sheet of a workbook that has but one.

    Raises:
        SheetError: if the file is of another kind, protected, damaged, or has several sheets and none of that name.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SheetError(f"cannot be read: {error.strerror}") from None
    _demand_xlsx(content)
    from openpyxl import load_workbook

    try:
        books = [load_workbook(io.BytesIO(content), data_only=saved) for saved in (False, True)]
    except Exception as error:  # openpyxl meets damaged XML with whatever its parser raises
        raise SheetError(f"not a readable .xlsx workbook ({type(error).__name__}); {SAVE_AS} again") from None
    written, values = (book[_chosen([sheet.title for sheet in book.worksheets], wanted)] for book in books)
    if merged := ", ".join(str(cells) for cells in written.merged_cells.ranges):
        raise SheetError(f"cells are merged ({merged}); expected one value per cell")
    # `_cells` holds what is in the file; rows up to a coloured cell in row 1,048,576 would take minutes.
    found = {place: cell.value for place, cell in values._cells.items() if cell.value is not None}
    try:
        unsaved = _without_result(content, written.title)
    except (ElementTree.ParseError, KeyError, StopIteration) as error:
        raise SheetError(f"not a readable .xlsx workbook ({type(error).__name__}); {SAVE_AS} again") from None
    found |= {place: UNSAVED_FORMULA for place, cell in written._cells.items() if cell.coordinate in unsaved}
    height, width = (max((place[axis] for place in found), default=0) for axis in (0, 1))
    rows = [[found.get((row, column)) for column in range(1, width + 1)] for row in range(1, height + 1)]
    filled = {row for row, _ in found}
    hidden = sorted(row for row, shape in written.row_dimensions.items() if shape.hidden and row in filled)
    return Sheet(rows, tuple(hidden))


def _demand_xlsx(content: bytes) -> None:
    """Refuse what is no .xlsx, with how to make one of it."""
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise SheetError("it is protected by a password; save it without one")
        raise SheetError(f"an .xls file of an older program; expected .xlsx: {SAVE_AS}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names, size = set(package.namelist()), sum(entry.file_size for entry in package.infolist())
            if size > LARGEST_BYTES:
                raise SheetError(f"it unpacks to {size:,} bytes; expected at most {LARGEST_BYTES:,}")
            if "mimetype" in names:
                raise SheetError(f"an .ods file; expected .xlsx: {SAVE_AS}")
            if "xl/workbook.xml" not in names:
                raise SheetError(f"not a readable .xlsx workbook; {SAVE_AS}")
            if b"purl.oclc.org/ooxml" in package.read("xl/workbook.xml"):
                raise SheetError('saved as "Strict Open XML"; save it as "Excel Workbook (.xlsx)"')
            for name in names:
                if name.endswith((".xml", ".rels")) and b"<!DOCTYPE" in package.read(name):
                    raise SheetError(f"its part {name} declares a document type of its own; {SAVE_AS} again")
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError):
        # RuntimeError: a part that is encrypted, or packed in a way that zipfile does not know
        raise SheetError(f"not a readable .xlsx workbook, or a damaged one; {SAVE_AS}") from None


def holds_rows(path: Path, wanted: str) -> bool:
    """Whether a workbook has a sheet of that name with more than its titles; of a file that cannot be read, not.

    Looked up in the package itself: opening a workbook takes half a second, and most have no such rows.
    """
    try:
        with zipfile.ZipFile(path) as package:
            if sum(entry.file_size for entry in package.infolist()) > LARGEST_BYTES:
                return False
            part = _part(package, wanted, strictly=False)
            content = package.read(part) if part else b""
            if b"<!DOCTYPE" in content:
                return True  # which nobody reads: `read_sheet` says why
            rows = ElementTree.fromstring(content).iter(f"{_MAIN}row") if content else ()
            return sum(any(len(cell) for cell in row) for row in rows) > 1
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        EOFError,
        KeyError,
        StopIteration,
        ElementTree.ParseError,
    ):
        return False


def _chosen(names: list[str], wanted: str) -> str:
    """The name of the wanted sheet, as it is written."""
    alike = [name for name in names if name.strip().casefold() == wanted]
    for found in (wanted, *alike):
        if found in names and (found == wanted or len(alike) == 1):
            return found
    if len(names) == 1:
        return names[0]
    told = ", ".join(f'"{name}"' for name in names)
    raise SheetError(f"no sheet is called {wanted}; there are: {told}")


def _without_result(content: bytes, title: str) -> set[str]:
    """Cells of formulas that hold no saved result: neither a value nor, marked as such, an empty text."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        part = _part(package, title)
        if part is None:
            raise KeyError(title)
        cells = ElementTree.fromstring(package.read(part)).iter(f"{_MAIN}c")
        return {
            str(cell.get("r"))
            for cell in cells
            if cell.find(f"{_MAIN}f") is not None and not cell.findtext(f"{_MAIN}v") and cell.get("t") != "str"
        }


def _part(package: zipfile.ZipFile, title: str, strictly: bool = True) -> str | None:
    """The part of a package that holds the sheet of that title, or None.

    Args:
        strictly: letter by letter, not in any case.
    """
    book = ElementTree.fromstring(package.read("xl/workbook.xml"))
    names = {sheet.get(_RELATION): str(sheet.get("name")) for sheet in book.iter(f"{_MAIN}sheet")}
    relation = [to for to, name in names.items() if title == (name if strictly else name.strip().casefold())]
    if not relation:
        return None
    links = ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))
    target = next(str(link.get("Target")) for link in links if link.get("Id") == relation[0])
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
