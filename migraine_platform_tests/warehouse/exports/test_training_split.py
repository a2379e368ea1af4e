from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.simulator.generative.profiles import draw_batch, held_out
from migraine_platform.warehouse.exports.training_split import COLUMNS, export_split
from migraine_platform.warehouse.lake.places import PlaceError


@pytest.fixture(scope="module")
def batches(simulator) -> list[tuple[dict[str, pl.DataFrame], pl.Series]]:
    made = []
    for number in range(simulator.settings.cohort.batches):
        patients = draw_batch(simulator.settings, number)
        chosen = held_out(patients.index, simulator.settings.cohort.seed, 0.2)
        made.append((simulator.batch(number), patients.names.filter(chosen)))
    return made


@pytest.fixture(scope="module")
def written(tmp_path_factory, batches) -> Path:
    folder = tmp_path_factory.mktemp("split")
    export_split(folder, batches, {"seed": 42, "configuration": {"latent": {"b": -0.5}}})
    return folder


def read(folder: Path, split: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"synthetic_migraine_{split}.csv")


def test_a_patient_is_in_one_file_and_whole(written: Path, simulator) -> None:
    train, val = read(written, "train"), read(written, "val")
    assert set(train["patient_id"]) & set(val["patient_id"]) == set()
    assert len(set(train["patient_id"]) | set(val["patient_id"])) == simulator.settings.cohort.patients
    days = pl.concat([train, val]).group_by("patient_id").agg(pl.col("t"))
    assert all(t.to_list() == list(range(simulator.settings.cohort.days)) for t in days["t"])


def test_the_split_is_decided_patient_by_patient(simulator) -> None:
    import numpy as np

    whole = held_out(np.arange(5000), 42, 0.2)
    assert np.array_equal(held_out(np.arange(2500, 5000), 42, 0.2), whole[2500:])
    assert abs(whole.mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / 5000)


def test_rows_are_the_truths(written: Path, batches) -> None:
    frames = {name: pl.concat([batch[name] for batch, _ in batches]) for name in batches[0][0]}
    rows = pl.concat([read(written, "train"), read(written, "val")]).sort("patient_id", "t")
    truth = frames["truth.patient_days"].sort("patient_id", "date")
    days = frames["cohort.patient_days"].sort("patient_id", "date")
    assert rows.columns == list(COLUMNS)
    assert rows["z_stress"].to_list() == truth["z_stress"].to_list()
    assert (rows["y"] == 1).to_list() == days["has_migraine"].to_list()
    assert rows["cycle_day"].to_list() == days["cycle_day"].to_list()


def test_the_meta_file_tells_counts_rates_and_origin(written: Path) -> None:
    meta = json.loads((written / "synthetic_migraine_meta.json").read_text())
    assert meta["split_by"] == "patient"
    assert meta["seed"] == 42
    assert meta["configuration"]["latent"]["b"] == -0.5
    for split in ("train", "val"):
        rows = read(written, split)
        told = meta["splits"][split]
        assert told["rows"] == rows.height
        assert told["patients"] == rows["patient_id"].n_unique()
        assert told["base_rate"] == pytest.approx(rows["y"].mean())


def test_a_failure_leaves_the_old_files(tmp_path: Path, batches) -> None:
    export_split(tmp_path, batches[:1], {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken():
        yield batches[0]
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        export_split(tmp_path, broken(), {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path, batches) -> None:
    (tmp_path / "synthetic_migraine_val.csv").mkdir()
    with pytest.raises(PlaceError, match=r"a folder stands where a file belongs: synthetic_migraine_val\.csv"):
        export_split(tmp_path, batches, {})
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic_migraine_val.csv"]
