"""Twins of others, kept from their first weeks: what the platform's own nights would have said."""

from datetime import timedelta

import numpy as np
import pytest

from migraine_platform.evaluation.forecasts import twin_forecasts
from migraine_platform.evaluation.forecasts.twin_forecasts import updated_forecasts
from migraine_platform.twin.cohort.inputs import clinical_of, updater_of
from migraine_platform.twin.core.model import learn_model
from migraine_platform.twin.drift.alarms import AlarmThresholds
from migraine_platform.twin.updating.evening_results import Past
from migraine_platform.twin.updating.evening_update import TwinUpdater, advance, begin

pytestmark = pytest.mark.slow

FIRST = 14


@pytest.fixture(scope="module")
def updater(cohort, settings, features) -> TwinUpdater:
    model = learn_model(cohort.histories.until(30), clinical_of(settings, features), settings.twin)
    return updater_of(model, settings, features, AlarmThresholds(1.5, {}, {}))


@pytest.fixture(scope="module")
def said(updater, cohort) -> np.ndarray:
    return updated_forecasts(updater, cohort.histories, FIRST)


def test_forecasts_begin_on_the_evening_of_the_last_first_day(said):
    assert np.isnan(said[:, : FIRST - 1]).all()
    assert ((said[:, FIRST - 1 :] > 0) & (said[:, FIRST - 1 :] < 1)).all()


def test_a_later_day_changes_no_earlier_forecast(updater, cohort, said):
    until = 25
    shorter = updated_forecasts(updater, cohort.histories.until(until), FIRST)
    assert np.allclose(shorter, said[:, :until], atol=1e-9, equal_nan=True)


def test_single_nights_say_the_same(updater, cohort, said):
    """Some of the patients, night after night, alarms and adaptations included."""
    own = cohort.histories.of(np.arange(20))
    made = begin(updater, own.until(FIRST))
    state, record, detections = made.state, made.evenings.record, {}
    for day in range(FIRST + 1, FIRST + 9):
        result = advance(updater, state, own.until(day), Past(record, detections))
        assert np.allclose(result.evenings.said.probability[:, -1], said[:20, day - 1], atol=1e-9)
        state, record = result.state, record.then(result.evenings.record)
        for found in result.detections:
            assert found.detected_on == own.first + timedelta(days=day - 1)
            detections[found.patient_id] = (*detections.get(found.patient_id, ()), found)
    assert detections, "the threshold is so low that somebody's alarm goes off: adaptation is part of what is compared"


def test_chunks_of_patients_change_nothing(updater, cohort, said, monkeypatch):
    monkeypatch.setattr(twin_forecasts, "CHUNK", 13)
    again = updated_forecasts(updater, cohort.histories.of(np.arange(30)), FIRST)
    assert np.allclose(again, said[:30], atol=1e-9, equal_nan=True)
