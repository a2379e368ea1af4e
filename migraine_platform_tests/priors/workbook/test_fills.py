"""The specification's own workbook of seven columns, and what is filled in for the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from migraine_platform.priors.features import Feature
from migraine_platform.priors.workbook.fills import Complete, Fill, filled
from migraine_platform.priors.workbook.row import COLUMNS, REQUIRED
from migraine_platform.priors.workbook.workbook import open_workbook, read_workbook
from migraine_platform_tests.priors.workbook.test_workbook import ROW, write

SEVEN = {field: COLUMNS[field] for field in REQUIRED}


def test_the_specifications_seven_columns_are_enough(tmp_path: Path) -> None:
    found = open_workbook(write(tmp_path / "w.xlsx", ROW, titles=SEVEN))
    (feature,) = found.features
    assert (feature.unit, feature.mean, feature.sd, feature.family) == ("h", 8.0, 2.0, "normal")
    assert (feature.latent_axis, feature.lag1, feature.between_sd) == ("none", None, None)
    told = {fill.field: fill.value for fill in found.fills}
    assert told == {
        "family": "normal", "mean": "8", "sd": "2", "latent_axis": "none", "source": "the workbook names none",
    }  # fmt: skip


def test_a_complete_workbook_is_filled_in_nowhere(tmp_path: Path) -> None:
    assert open_workbook(write(tmp_path / "w.xlsx", ROW)).fills == ()


def test_every_filled_cell_is_listed_with_its_feature(tmp_path: Path) -> None:
    rows = [{**ROW, "variable": "first", "mean": None}, {**ROW, "variable": "second", "sd": None}]
    fills = open_workbook(write(tmp_path / "w.xlsx", *rows)).fills
    assert fills == (Fill("first", "mean", "8"), Fill("second", "sd", "2"))


@pytest.mark.parametrize(
    ("unit", "low", "high", "family", "mean", "sd"),
    [
        ("yes/no", 0, 1, "bernoulli", 0.5, 0.5),
        ("", 0, 1, "bernoulli", 0.5, 0.5),
        ("%", 20, 100, "beta", 60, 20),
        ("", 1, 10, "beta", 5.5, 2.25),
        ("lux", 0, 5000, "gamma", 2500, 1250),
        ("hPa", 980, 1040, "normal", 1010, 15),
    ],
)
def test_the_family_follows_unit_and_range(unit, low, high, family, mean, sd) -> None:
    nothing = {"unit": unit, **dict.fromkeys(("family", "mean", "sd", "latent_axis", "source"))}
    complete, _ = filled("x", nothing, low, high)
    assert (complete.family, complete.mean, complete.sd) == (family, mean, sd)


def test_what_is_said_is_kept() -> None:
    said = Complete("h", "gamma", 3.0, 0.5, "stress", "a study")
    assert filled("x", said._asdict(), 0, 9) == (said, [])


def test_the_shipped_features_survive_on_seven_columns(tmp_path: Path, features: tuple[Feature, ...]) -> None:
    """Names, ranges, weights and patterns are the same; what was measured is gone."""
    rows = [
        {
            **{field: getattr(feature, field) for field in ("category", "variable", "description", "weight")},
            "typical_range": f"{feature.typical_range.removesuffix(feature.unit).strip()} {feature.unit}",
            "normalized_range": "1-10",
            "impact_pattern": " ".join(map(str, feature.impact_pattern)),
        }
        for feature in features
        if feature.unit != "yes/no"
    ]
    found = read_workbook(write(tmp_path / "w.xlsx", *rows, titles=SEVEN))
    known = {feature.variable: feature for feature in features}
    assert len(found) == len(rows) > 20
    for feature in found:
        other = known[feature.variable]
        same = ("range_low", "range_high", "unit", "weight", "impact_pattern")
        assert [getattr(feature, name) for name in same] == [getattr(other, name) for name in same]
