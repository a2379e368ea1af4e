from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.prediction import predict
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.hazard.hypotheses import TOLD, WRITTEN
from migraine_platform.twin.updating.days_ahead import WEEK, ahead_frames, migraine_ahead, states_ahead
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit


@pytest.fixture(scope="module")
def week(model, clinical, built, histories):
    return migraine_ahead(model, clinical, built.points, built.twins, histories, built.predictions)


def test_the_first_day_ahead_equals_tonights_forecast(week, built) -> None:
    for name in ("probability", "lower", "upper"):
        assert_array_equal(getattr(week, name)[:, 0], getattr(built.predictions, name))
    assert week.probability.shape == (len(built.twins.patient_ids), WEEK)
    assert np.all((week.lower < week.upper) & (week.lower > 0) & (week.upper < 1))


def test_to_look_ahead_teaches_the_twins_nothing(model, clinical, built, histories) -> None:
    before = built.twins.versions()
    migraine_ahead(model, clinical, built.points, built.twins, histories, built.predictions)
    assert built.twins.versions() == before


def test_forecasts_of_the_week_ahead_are_calibrated(model, clinical, built, histories, lives_truth) -> None:
    """Migraine days of days 2-7 ahead, over three evenings: a mean of 24 patients' shares, known to 0.06 (one sd)."""
    truth = lives_truth[tables.PatientDays.name].sort("patient_id", "date")["has_migraine"].to_numpy()
    truth = truth.reshape(histories.count, histories.days)
    said, outcome = [], []
    for evening in (40, 50, 60):
        made, _ = twin.create(model, clinical, built.points, histories.until(evening))
        tonight = predict(model, clinical, built.points, made)
        said.append(
            migraine_ahead(model, clinical, built.points, made, histories.until(evening), tonight).probability[:, 1:]
        )
        outcome.append(truth[:, evening + 1 : evening + WEEK])
    assert abs(np.mean(said) - np.mean(outcome)) < 0.12
    assert np.corrcoef(np.ravel(said), np.ravel(outcome))[0, 1] > 0.2


def test_of_whom_nothing_is_recorded_every_day_is_the_same_but_for_weekends(model, clinical, built, histories) -> None:
    nobody = histories.until(1)
    empty = np.zeros_like(nobody.diary)

    nobody = replace(
        nobody, present=np.zeros_like(nobody.present), diary=empty, device=empty, begun=np.full(nobody.count, 1)
    )
    made, _ = twin.create(model, clinical, built.points, nobody)
    said = migraine_ahead(
        model, clinical, built.points, made, nobody, predict(model, clinical, built.points, made)
    ).probability
    weekend = np.array([(made.as_of.weekday() + step) % 7 >= 5 for step in range(1, said.shape[1] + 1)])
    for days in (said[:, weekend], said[:, ~weekend]):
        assert_allclose(days, days[:1, :1].repeat(days.size).reshape(days.shape), atol=1e-9)
    assert_allclose(said, said[0, 0], atol=0.005)  # weekends differ by what an average over persons bends


def test_who_writes_every_day_and_who_never_does_are_not_told_apart_by_days_to_come(
    model, clinical, built, histories
) -> None:
    """A gap tells something of a person who writes; a day that is not there yet is no gap."""

    numbers = built.twins.filter_state.numbers.copy()
    numbers[:, TOLD], numbers[:, WRITTEN] = 0.0, 0.0
    other = replace(built.twins, filter_state=built.twins.filter_state._replace(numbers=numbers))
    ours = migraine_ahead(model, clinical, built.points, built.twins, histories, built.predictions).probability
    theirs = migraine_ahead(model, clinical, built.points, other, histories, built.predictions).probability
    assert_allclose(ours, theirs, atol=1e-12)


def test_the_next_state_is_the_filter_s_or_the_experts_and_later_ones_the_filter_s(
    model, experts, built, histories
) -> None:
    count = histories.count
    chosen = np.arange(count) % 2 == 0
    linear = states_ahead(model, None, built.twins, histories, chosen)
    assert not linear.by_experts.any()
    said = states_ahead(model, experts, built.twins, histories, chosen)
    assert_array_equal(said.mean[~chosen], linear.mean[~chosen])
    assert_array_equal(said.mean[:, 1:], linear.mean[:, 1:])
    mean, variance = experts.predict(model.scales.standard(histories))
    assert_allclose(said.mean[chosen, 0], mean[chosen, -1], rtol=1e-4, atol=1e-5)
    assert_allclose(said.variance[chosen, 0], variance[chosen, -1], rtol=1e-4)
    assert np.all(np.diff(linear.variance.mean(axis=(0, 2))) > 0)  # the further ahead, the less is known


def test_rows_keep_their_contracts(make_updater, experts, built, histories) -> None:
    models = ["experts", "state_space"] * (histories.count // 2)
    frames = ahead_frames(make_updater(), experts, built.twins, histories, built.predictions, models)
    for table, frame in frames.items():
        assert audit(table, frame).passed, table.name
    week, states = frames[tables.DaysAhead], frames[tables.StatesAhead]
    assert week.height == histories.count * WEEK
    assert states.height == week.height * len(CHANNELS)
    assert week["for_date"].min() == histories.last + timedelta(days=1)
    assert week["for_date"].max() == histories.last + timedelta(days=WEEK)
    first = states.filter(states["for_date"] == histories.last + timedelta(days=1), states["feature"] == "steps")
    assert first.sort("patient_id")["model"].to_list() == models
    assert set(states.filter(states["for_date"] > histories.last + timedelta(days=1))["model"]) == {"state_space"}
