from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from migraine_platform.warehouse.exports.fusemoe import (
    CHANNELS,
    FLAGS,
    MEASURES,
    FuseMoeWindows,
    WindowError,
    export_fusemoe,
    patient_samples,
    sample,
    standardised,
)

DAYS = 14


class Numbers(pickle.Unpickler):
    """Reads what FuseMoE would, and no code but numpy's arrays."""

    def find_class(self, module: str, name: str) -> Any:
        assert (module.split(".")[0], name) in {
            ("numpy", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy", "_frombuffer"),
        }
        return super().find_class(module, name)


@pytest.fixture(scope="module")
def batches(simulator) -> list[dict[str, pl.DataFrame]]:
    return [simulator.batch(number) for number in range(simulator.settings.cohort.batches)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory, features, batches) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("out") / "fusemoe.pkl"
    count = export_fusemoe(path, batches, features, FuseMoeWindows(DAYS))
    with path.open("rb") as file:
        read = Numbers(file).load()
        assert file.read() == b""
    assert len(read) == count
    return read


def test_every_sample_has_fusemoes_fields_and_shapes(samples) -> None:
    channels = len(CHANNELS)
    for item in samples:
        assert set(item) == {"name", "irg_ts", "irg_ts_mask", "ts_tt", "reg_ts", "label"}
        steps = len(item["ts_tt"])
        assert steps < 1000
        assert item["irg_ts"].shape == item["irg_ts_mask"].shape == (steps, channels)
        assert item["reg_ts"].shape == (24 * DAYS, 2 * channels)
        assert item["label"] in (0, 1)
        assert np.all(np.diff(item["ts_tt"]) > 0)
        assert 0 <= item["ts_tt"][0] <= item["ts_tt"][-1] < 24 * DAYS
        for name in ("irg_ts", "irg_ts_mask", "ts_tt", "reg_ts"):
            assert item[name].dtype == np.float32
            assert np.isfinite(item[name]).all()


def test_samples_hold_what_was_measured_and_the_label_of_the_day_after(samples, batches, features) -> None:
    measured = pl.concat([batch["measured.patient_days"] for batch in batches])
    values = standardised(measured, features)
    rows = {(row[0], row[1].isoformat()): n for n, row in enumerate(measured.select("patient_id", "date").iter_rows())}
    assert len({item["name"] for item in samples}) == len(samples)
    for item in samples[::7]:
        last = rows[tuple(item["name"].split("_"))]
        window = values[last - DAYS + 1 : last + 1].copy()
        evening = measured["migraine_by_evening"][last]  # of the last day, the sample knows the evening alone
        window[-1, CHANNELS.index("has_migraine")] = np.nan if evening is None else float(evening)
        days = (item["ts_tt"] / 24).astype(int)
        assert_allclose(np.where(np.isnan(window), 0, window)[days], item["irg_ts"], rtol=1e-6)
        assert np.array_equal(~np.isnan(window)[days], item["irg_ts_mask"] > 0)
        assert measured["has_migraine"][last + 1] == bool(item["label"])
        assert measured["patient_id"][last + 1] == measured["patient_id"][last]


def test_a_window_whose_next_day_nobody_recorded_is_no_sample(samples, batches) -> None:
    measured = pl.concat([batch["measured.patient_days"] for batch in batches])
    after = measured.filter(pl.int_range(pl.len()).over("patient_id").is_in([DAYS, 2 * DAYS]))
    assert len(samples) == after["has_migraine"].is_not_null().sum()
    assert after["has_migraine"].null_count() > 0


def test_the_regular_series_holds_the_last_value_and_says_when_it_was_seen() -> None:
    window = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, 5.0]])
    item = sample("P0001_x", window, True)
    held, seen = np.split(item["reg_ts"][::24], 2, axis=1)
    assert held.tolist() == [[1, 0], [1, 0], [2, 5]]
    assert seen.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert item["ts_tt"].tolist() == [0, 48]


def test_measures_are_standardised_by_their_priors(batches, features) -> None:
    values = standardised(pl.concat([batch["measured.patient_days"] for batch in batches]), features)
    measures = values[:, : len(MEASURES)]
    assert np.all(np.abs(np.nanmean(measures, axis=0)) < 1.2)
    flags = values[:, len(MEASURES) :]
    assert flags.shape[1] == len(FLAGS)
    assert set(np.unique(flags[~np.isnan(flags)])) == {0.0, 1.0}


@pytest.mark.parametrize("days", [0, 1000])
def test_a_window_that_fusemoe_would_drop_is_refused(days: int) -> None:
    with pytest.raises(WindowError, match=f"a window of {days} days; expected 1 to 999"):
        FuseMoeWindows(days)


def test_a_cohort_too_short_for_a_sample_leaves_no_file(tmp_path: Path, batches, features) -> None:
    with pytest.raises(WindowError, match="no sample: windows of 40 days need 41 days and a diary"):
        export_fusemoe(tmp_path / "fusemoe.pkl", batches, features, FuseMoeWindows(40))
    assert list(tmp_path.iterdir()) == []


def test_samples_come_one_by_one(batches, features) -> None:
    """The first sample is there before the second is made: nothing holds the cohort."""
    stream = patient_samples(batches[0]["measured.patient_days"], features, FuseMoeWindows(DAYS))
    assert next(stream)["name"] != next(stream)["name"]
