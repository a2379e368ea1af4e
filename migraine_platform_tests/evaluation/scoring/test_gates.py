from datetime import date

import numpy as np
import polars as pl
import pytest

from migraine_platform.config.evaluation import Gate
from migraine_platform.evaluation.scoring.gates import gates, problems, unlike

BOTH = ("chronological", "unseen_patients")
WANTED = Gate(splits=BOTH, calibration_error=0.05, ahead_of=("base_rate",), not_behind=("shared_logistic",))
ONE = WANTED.model_copy(update={"splits": BOTH[:1]})


def metrics(error: float | None, split: str = "chronological") -> pl.DataFrame:
    return pl.DataFrame(
        [{"model": "twins", "split": split, "subset": "all", "metric": "ece", "value": error}],
        schema_overrides={"value": pl.Float64},
    )


def differences(split: str = "chronological", **intervals: tuple[float, float]) -> pl.DataFrame:
    rows = [
        {"model": "twins", "baseline": name, "split": split, "subset": "all", "metric": "log_loss",
         "lower": low, "upper": high}
        for name, (low, high) in intervals.items()
    ]  # fmt: skip
    return pl.DataFrame(rows)


GOOD = {"base_rate": (-0.2, -0.1), "shared_logistic": (-0.01, 0.01)}


def test_a_population_that_shows_all_passes():
    found = gates(metrics(0.02), differences(**GOOD), ONE)
    assert found["passed"].to_list() == [True] * 3
    assert problems(found) == []


@pytest.mark.parametrize(
    ("error", "intervals", "named"),
    [
        (0.06, GOOD, "calibration error: 0.0600; expected at most 0.05"),
        (None, GOOD, "calibration error: was not scored"),
        (0.02, GOOD | {"base_rate": (-0.2, 0.001)}, "ahead of base_rate: 0.0010"),
        (0.02, GOOD | {"shared_logistic": (0.002, 0.01)}, "not behind shared_logistic: 0.0020"),
        (0.02, {"base_rate": (-0.2, -0.1)}, "not behind shared_logistic: was not scored"),
    ],
)
def test_each_gate_can_fail_alone_and_says_why(error, intervals, named):
    (only,) = problems(gates(metrics(error), differences(**intervals), ONE))
    assert only.startswith("chronological: ")
    assert named in only


def test_both_splits_are_judged_and_real_diaries_stop_nothing():
    both = pl.concat([metrics(0.01), metrics(0.2, "unseen_patients"), metrics(0.9, "real_chronological")])
    told = pl.concat([differences(split=split, **GOOD) for split in ("chronological", "unseen_patients")])
    assert problems(gates(both, told, WANTED)) == ["unseen_patients: calibration error: 0.2000; expected at most 0.05"]


def test_twins_with_missing_forecasts_pass_no_gate():
    others = metrics(0.02).with_columns(model=pl.lit("base_rate"))
    found = gates(others, differences(**GOOD).clear(), ONE)
    assert found["passed"].to_list() == [False] * 3


def test_figures_of_other_forecasts_are_found_out():
    days = pl.DataFrame(
        {"split": "chronological", "patient_id": ["P0001", "P0002"], "for_date": [date(2024, 1, 1)] * 2,
         "migraine": [True, False]}
    )  # fmt: skip
    said = days.drop("migraine").with_columns(model=pl.lit("twins"), probability=pl.Series([0.8, 0.0]))
    loss = -(np.log(0.8) + np.log1p(-1e-6)) / 2
    told = pl.DataFrame({"model": "twins", "split": "chronological", "subset": "all", "metric": "log_loss",
                         "value": [loss]})  # fmt: skip
    assert unlike(days, said, told) == []
    assert unlike(days, said, told.with_columns(pl.col("value") + 1e-6)) == ["chronological: twins"]
    assert unlike(days, said, told.clear()) == ["chronological: twins"]
    assert unlike(days, said.clear(), told) == ["chronological: twins"]


def test_a_split_without_a_day_is_not_known_to_hold():
    found = gates(metrics(0.02), differences(**GOOD), WANTED)
    (only,) = problems(found)
    assert only.startswith("unseen_patients: models that were judged: none, for want of days; expected some")
    nothing = gates(metrics(0.9).clear(), differences(**GOOD).clear(), WANTED)
    assert nothing["passed"].to_list() == [False, False]
