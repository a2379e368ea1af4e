import numpy as np
import polars as pl
import pytest

from migraine_platform.evaluation.study.panel import panel_of
from migraine_platform_tests.evaluation.study.diaries import made_up


@pytest.fixture(scope="module")
def rows():
    return made_up(patients=25, days=40, seed=2)


@pytest.mark.parametrize("seed", [None, 4])
def test_every_entry_stands_in_its_place_whatever_the_order(rows, seed):
    patients, days = rows
    panel = panel_of(
        patients.sample(fraction=1, shuffle=True, seed=seed or 0), days.sample(fraction=1, shuffle=True, seed=seed)
    )
    assert panel.recorded.sum() == days.height
    for patient, own in days.partition_by("patient_id", as_dict=True).items():
        row = panel.patient_ids.index(patient[0])
        place = (own["study_day"] - own["study_day"].min()).to_numpy()
        assert np.array_equal(np.flatnonzero(panel.recorded[row]), np.sort(place))
        assert np.array_equal(panel.headache[row, place], own["headache"].to_numpy())
        assert np.array_equal(panel.treatment_day[row, place], own["treatment_day"].to_numpy())
    assert not panel.headache[~panel.recorded].any()


def test_treatment_begins_fades_and_goes_on(rows):
    panel = panel_of(*rows)
    begun, newness, months, drug = np.moveaxis(panel.treatment(12.0), -1, 0)
    assert np.array_equal(begun, panel.treatment_day > 0)
    assert np.all(newness[panel.treatment_day <= 0] == 0)
    assert newness[panel.treatment_day == 12] == pytest.approx(np.exp(-1))
    assert months[panel.treatment_day == 15] == pytest.approx(0.5)
    assert np.array_equal(drug[:, 0] > 0, panel.medication > 0)


def test_history_counts_the_days_before(rows):
    panel = panel_of(*rows)
    assert np.all(panel.history[:, 0] == 0)
    assert np.array_equal(np.diff(panel.history, axis=1), panel.recorded[:, :-1])


def test_one_patient_with_one_day_is_a_panel(rows):
    patients, days = rows
    panel = panel_of(patients.head(1), days.filter(pl.col("patient_id") == "K001").head(1))
    assert panel.recorded.tolist() == [[True]]
