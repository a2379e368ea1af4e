import polars as pl
import pytest

from migraine_platform.config.evaluation import Gate
from migraine_platform.evaluation.gates import gates, problems

WANTED = Gate(calibration_error=0.05, ahead_of=("base_rate",), not_behind=("shared_logistic",))


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
    found = gates(metrics(0.02), differences(**GOOD), WANTED)
    assert found["passed"].to_list() == [True, True, True]
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
    (only,) = problems(gates(metrics(error), differences(**intervals), WANTED))
    assert only.startswith("chronological: ")
    assert named in only


def test_both_splits_are_judged_and_real_diaries_stop_nothing():
    both = pl.concat([metrics(0.01), metrics(0.2, "unseen_patients"), metrics(0.9, "real_chronological")])
    told = pl.concat([differences(split=split, **GOOD) for split in ("chronological", "unseen_patients")])
    assert problems(gates(both, told, WANTED)) == ["unseen_patients: calibration error: 0.2000; expected at most 0.05"]


def test_without_a_day_there_is_nobody_to_judge_by():
    assert gates(metrics(0.9).clear(), differences(**GOOD).clear(), WANTED).is_empty()
