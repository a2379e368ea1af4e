"""Weather files as services and spreadsheets write them: taken as they were measured, or refused, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.simulator.exogenous.station_file import StationError

HEADER = "date,temperature,humidity,pressure"


@pytest.fixture
def rows(shared_project: Path) -> list[list[str]]:
    """The shipped station's year: header and cells."""
    text = (shared_project / "data" / "stations" / "new_york_2013.csv").read_text()
    lines = [line.split(",") for line in text.splitlines()]
    places = [lines[0].index(name) for name in HEADER.split(",")]
    return [[cells[place] for place in places] for cells in lines]


@pytest.fixture
def write(tmp_path: Path, rows) -> Callable[..., Path]:
    def written(change: Callable[[list[list[str]]], object] | None = None, join: str = ",", **how: object) -> Path:
        own = [list(cells) for cells in rows]
        if change is not None:
            change(own)
        path = tmp_path / "station.csv"
        encoding = str(how.get("encoding", "utf-8"))
        path.write_bytes((str(how.get("end", "\n")).join(join.join(cells) for cells in own) + "\n").encode(encoding))
        return path

    return written


def column(rows: list[list[str]], name: str, value: str, every: int = 1, since: int = 1) -> None:
    for cells in rows[since::every]:
        cells[HEADER.split(",").index(name)] = value


def test_padding_case_and_marks_of_spreadsheets_change_nothing(write) -> None:
    plain = read_station(write())
    for path in (
        lambda: write(
            lambda rows: [cells.__setitem__(slice(None), [f"  {cell} " for cell in cells]) for cells in rows]
        ),
        lambda: write(end="\r\n", encoding="utf-8-sig"),
        lambda: write(lambda rows: rows.insert(0, [""])),
        lambda: write(lambda rows: rows.extend([["", "", "", ""]] * 3)),
        lambda: write(lambda rows: rows[0].__setitem__(0, "Date")),
        lambda: write(lambda rows: [cells.__setitem__(0, f"{cells[0]}T00:00") for cells in rows[1:]]),
    ):
        found = read_station(path())
        np.testing.assert_array_equal(found.values, plain.values)


@pytest.mark.parametrize("gap", ["NA", "M", "NaN", "null", ""])
def test_words_for_nothing_are_nothing(write, gap: str) -> None:
    found = read_station(write(lambda rows: column(rows, "pressure", gap, every=40)))
    assert found.interpolated.sum() > read_station(write()).interpolated.sum() + 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: column(rows, "pressure", "999.9", every=45), r"999.9 stands on 9 days, apart from all others"),
        (lambda rows: column(rows, "humidity", "0", every=40), r"0 stands on 10 days, apart from all others"),
        (lambda rows: column(rows, "pressure", "1013.2"), r"1013.2 on 365 days in a row; the sensor stood still"),
        (lambda rows: column(rows, "humidity", "0.6"), r"at most 0.6; expected per cent"),
        (lambda rows: column(rows, "pressure", "-999"), r"-999 is impossible; expected 850 to 1100"),
        (lambda rows: column(rows, "pressure", "inf"), r"inf is impossible"),
        (lambda rows: column(rows, "pressure", "1013;07"), r'"1013;07" is no number'),
        (lambda rows: column(rows, "date", "01/31/2013"), r'"01/31/2013"; expected a day as in 2013-01-31'),
        (lambda rows: rows[7].append("5"), r"line 8: 5 cells; the first line has 4"),
        (lambda rows: rows.__setitem__(slice(1, None), rows[:0:-1]), r"not the next day"),
        (lambda rows: rows.__setitem__(0, ["time", "t2m", "rh", "p"]), r'the first line says "time", "t2m"'),
        (lambda rows: rows.insert(0, ["latitude", "longitude"]), r'the first line says "latitude", "longitude"'),
        (lambda rows: rows.clear(), r"the file is empty; expected date, temperature"),
    ],
)  # fmt: skip
def test_the_error_names_the_true_reason(write, change, reason: str) -> None:
    with pytest.raises(StationError, match=reason):
        read_station(write(change))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"join": ";"}, "cells are between semicolons; expected commas"),
        ({"join": "\t"}, "cells are between tabs"),
        ({"encoding": "utf-16"}, "UTF-16; save it as"),
    ],
)
def test_other_kinds_of_file_are_told_apart(write, how, reason: str) -> None:
    with pytest.raises(StationError, match=reason):
        read_station(write(**how))


def test_lines_are_numbered_as_an_editor_does(write) -> None:
    def spoil(rows: list[list[str]]) -> None:
        rows.insert(0, [""])
        rows.insert(0, [""])
        rows[5][3] = "x"

    with pytest.raises(StationError, match="line 6, "):
        read_station(write(spoil))


def test_a_year_is_told_in_a_line_for_somebody_to_see_its_units(write) -> None:
    assert "temperature -9.1 to 30.8 degC (mean 12.5)" in read_station(write()).reported


@pytest.mark.parametrize("fog", ["99.9", "100"])
def test_a_hundred_per_cent_of_fog_is_no_code(write, fog: str) -> None:
    read_station(write(lambda rows: column(rows, "humidity", fog, every=20)))


def test_weeks_of_fog_are_weather(write) -> None:
    def foggy(rows: list[list[str]]) -> None:
        column(rows[:40], "humidity", "100")

    read_station(write(foggy))


def test_whole_degrees_are_measurements(write) -> None:
    """Cold days of which each stands a few times, a degree from the next: a coarse step is no gap."""

    def rounded(rows: list[list[str]]) -> None:
        for cells in rows[1:]:
            for place in (1, 2, 3):
                cells[place] = f"{float(cells[place]):.0f}" if cells[place] else ""
        column(rows, "temperature", "-12", every=100)

    read_station(write(rounded))
