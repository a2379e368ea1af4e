from __future__ import annotations

import json

import polars as pl
import pytest

from migraine_platform.evaluation.report.facts import Difference, ReportFacts, facts_of
from migraine_platform.evaluation.report.machine import headline, machine
from migraine_platform.evaluation.report.summary import transfers
from migraine_platform_tests.evaluation.report.drawn import Frames, empty, reader


def test_the_json_holds_what_the_frames_hold(frames: Frames, facts: ReportFacts) -> None:
    content = json.loads(machine(facts))
    assert list(content) == [
        *("version", "summary", "headline", "differences", "transfer", "gates", "provenance"),
    ]
    metrics = frames["evaluation.metrics"].filter(pl.col("subset") == "all")
    known = {
        (row["model"], row["split"], row["metric"]): {name: row[name] for name in ("value", "lower", "upper")}
        for row in metrics.iter_rows(named=True)
    }
    assert len(content["headline"]) == frames["evaluation.models"].height
    for entry in content["headline"]:
        for metric, found in entry["metrics"].items():
            assert found == known[entry["model"], entry["split"], metric]
    assert content["gates"] == frames["evaluation.gates"].sort("gate").to_dicts()
    assert content["provenance"] == dict(frames["evaluation.provenance"].iter_rows())
    differences = frames["evaluation.differences"]
    for entry in content["differences"]:
        row = differences.row(
            by_predicate=(pl.col("baseline") == entry["baseline"])
            & (pl.col("split") == entry["split"])
            & (pl.col("metric") == entry["metric"]),
            named=True,
        )
        assert (entry["difference"], entry["p_adjusted"]) == (row["difference"], row["p_adjusted"])


def test_unknown_values_are_null(frames: Frames) -> None:
    metrics = frames["evaluation.metrics"].with_columns(value=pl.lit(float("nan")), lower=pl.lit(float("inf")))
    content = machine(facts_of(reader(frames | {"evaluation.metrics": metrics})))
    assert "NaN" not in content
    assert "Infinity" not in content
    first = json.loads(content)["headline"][0]["metrics"]["log_loss"]
    assert first["value"] is None
    assert first["lower"] is None


def test_nothing_evaluated_is_json_and_a_sentence_too() -> None:
    nothing = facts_of(reader(empty()))
    content = json.loads(machine(nothing))
    assert (content["version"], content["headline"], content["gates"], content["transfer"]) == (1, [], [], [])
    assert headline(nothing) == "Nothing has been evaluated yet."


def test_the_headline_is_a_table_of_equal_columns(facts: ReportFacts) -> None:
    parts = headline(facts).split("\n\n")
    assert [part.splitlines()[0] for part in parts] == [
        "Later days of known patients (1,500 days of 60 patients)",
        "Patients never seen (1,500 days of 60 patients)",
        "Real diaries: later days of known patients (600 days of 40 patients)",
        "Real diaries: patients never seen (600 days of 40 patients)",
    ]
    for part in parts:
        lines = part.splitlines()[1:]
        assert len({len(line) for line in lines}) == 1
        assert lines[0].split() == ["Model", "Log", "loss", "AUC", "Brier", "score", "Calibration", "error"]
    loss = facts.metric("twins", "chronological", "log_loss").value
    assert f"{loss:.3f}" in next(line for line in parts[0].splitlines() if "Digital twins" in line)


def test_what_carries_over_is_the_ratio_of_the_gains(facts: ReportFacts) -> None:
    first, second = transfers(facts)

    def gain(split: str) -> float:
        ours, usual = (facts.metric(name, split, "log_loss").value for name in ("twins", "personal_climatology"))
        return usual - ours

    assert first.ratio == pytest.approx(gain("real_chronological") / gain("chronological"))
    assert second.ratio == pytest.approx(gain("real_unseen_patients") / gain("unseen_patients"))
    assert first.real_gain.lower < first.real_gain.value < first.real_gain.upper


@pytest.mark.parametrize(
    ("metric", "found", "verdict"),
    [
        ("log_loss", Difference(-0.01, -0.02, -0.005, 0.001, 0.004), "better"),
        ("log_loss", Difference(0.01, 0.005, 0.02, 0.001, 0.004), "worse"),
        ("auc_roc", Difference(0.01, 0.005, 0.02, 0.001, 0.004), "better"),
        ("auc_roc", Difference(0.01, 0.001, 0.02, 0.04, 0.2), "not told apart"),
        ("log_loss", Difference(-0.01, -0.02, -0.005), "better"),
        ("log_loss", Difference(-0.01, -0.02, 0.005), "not told apart"),
        ("log_loss", Difference(-0.01), "not known"),
        ("log_loss", Difference(), "not known"),
    ],
)
def test_a_difference_is_told_by_its_direction_and_how_sure_it_is(metric: str, found: Difference, verdict: str) -> None:
    assert found.verdict(metric) == verdict
