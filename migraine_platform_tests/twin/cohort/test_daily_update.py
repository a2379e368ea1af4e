from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from polars.testing import assert_frame_equal

from migraine_platform.twin.cohort.batch_update import UpdateRequest
from migraine_platform.twin.cohort.cohort_update import load_batches
from migraine_platform.twin.cohort.daily_update import TwinBatch, update_twins
from migraine_platform.twin.cohort.inputs import read_histories
from migraine_platform.twin.core.prediction import predict
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_update import TwinUpdater, advance
from migraine_platform.twin.updating.update_rows import past_of
from migraine_platform.warehouse import tables
from migraine_platform_tests.twin.living import (
    BATCH,
    EASILY,
    LAST,
    MADE,
    Living,
    assert_same_rows,
    assert_sound,
    foolish,
    made_living,
)

TOLD = ["patient_id", "made_on", "for_date", "probability", "lower", "upper"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, settings, features, make_twins, model, measured) -> Living:
    folder = tmp_path_factory.mktemp("made")
    return made_living(folder, settings, features, make_twins, model, measured, EASILY)


@pytest.fixture(scope="module")
def on_trial(made, tmp_path_factory) -> Living:
    """Challengers that were born on the first night; who would be better of the two is not clear."""
    living = made.copy(tmp_path_factory.mktemp("trial"), trial_nights=100)
    living.live(MADE + 1, UpdateRequest(retrain="to see"))
    state = living.state()
    some = foolish(state.of(np.arange(3)), living.updaters()().points.level)
    filter_state = state.twins.filter_state
    filter_state = filter_state._replace(
        log_weight=np.concatenate([some.twins.filter_state.log_weight, filter_state.log_weight[3:]])
    )
    living.put(replace(state, twins=replace(state.twins, filter_state=filter_state)), tables.Challengers)
    return living


def nights(living: Living, evenings: list[int]) -> Living:
    for days in evenings:
        living.live(days)
    return living


@pytest.fixture(scope="module")
def one_by_one(made, tmp_path_factory) -> Living:
    return nights(made.copy(tmp_path_factory.mktemp("nights")), list(range(MADE + 1, LAST + 1)))


@pytest.fixture(scope="module")
def tried_one_by_one(on_trial, tmp_path_factory) -> Living:
    folder = tmp_path_factory.mktemp("tried")
    return nights(on_trial.copy(folder, trial_nights=100), list(range(MADE + 2, LAST + 1)))


def batch_of(living: Living, days: int) -> tuple[TwinBatch, TwinUpdater, Histories]:
    """A batch as the night before left it, what it is kept by, and its patients' days."""
    updaters = living.updaters(days)
    found = load_batches(living.earlier, living.places, updaters, [BATCH])
    assert found is not None
    return found[0], updaters(), read_histories(living.read, living.on(days), [BATCH]).histories


def last_forecasts(living: Living, days: int) -> pl.DataFrame:
    audit = living.of(tables.Audit)
    return audit.filter((pl.col("made_on") == living.evening(days)) & (pl.col("event") == "forecast"))


def test_nights_add_a_row_an_evening_and_change_none(made, one_by_one) -> None:
    assert_sound(one_by_one)
    patients, validated = made.of(tables.Twins).height, made.settings.twin.validation_days
    for table, evening, before in ((tables.Watch, "date", MADE), (tables.Predictions, "made_on", validated)):
        frame = one_by_one.of(table)
        assert frame.height == patients * (before + LAST - MADE)
        assert frame[evening].max() == made.evening(LAST)
        older = frame.filter(pl.col(evening) <= made.evening(MADE)).drop("twin_version", strict=False)
        assert_frame_equal(older, made.of(table).drop("twin_version", strict=False))
    assert made.of(tables.Drift).height < one_by_one.of(tables.Drift).height
    reported = one_by_one.of(tables.Audit).filter(pl.col("event") == "forecast")
    assert reported.height == patients * (1 + LAST - MADE)


@pytest.mark.parametrize("stops", [[LAST], [60, 63, LAST]])
def test_missed_nights_are_caught_up(made, one_by_one, tmp_path, stops: list[int]) -> None:
    """All but the trail: on evenings when nothing was said, nothing is said to have been."""
    caught_up = nights(made.copy(tmp_path), stops)
    assert caught_up.of(tables.Drift).height > made.of(tables.Drift).height
    assert_same_rows(caught_up, one_by_one, but=(tables.Audit,))
    assert_frame_equal(
        last_forecasts(caught_up, LAST).drop("twin_version"),
        last_forecasts(one_by_one, LAST).drop("twin_version"),
        abs_tol=1e-12,
    )


def test_missed_nights_of_a_trial_are_caught_up(on_trial, tried_one_by_one, tmp_path) -> None:
    caught_up = on_trial.copy(tmp_path, trial_nights=100)
    caught_up.live(LAST)
    assert_sound(caught_up)
    assert_same_rows(caught_up, tried_one_by_one, but=(tables.Audit,))


@pytest.mark.parametrize("asked", [UpdateRequest(), UpdateRequest(retrain="again")])
def test_the_same_night_again_changes_nothing(one_by_one, tried_one_by_one, tmp_path, asked: UpdateRequest) -> None:
    """Not a byte, a challenger that is on trial already included."""
    for number, living in enumerate([one_by_one, tried_one_by_one]):
        if asked.retrain and living is one_by_one:
            continue
        again = living.copy(tmp_path / str(number), trial_nights=100)
        again.live(LAST, asked)
        assert_same_rows(again, living, exactly=True)
        assert again.files() == living.files()


def test_weights_follow_the_likelihoods(on_trial, tried_one_by_one) -> None:
    """The odds of the challenger: prior odds times the ratio of what each made of the evenings so far."""
    batch, updater, whole = batch_of(on_trial, LAST)
    assert batch.trial is not None
    patients, memory = whole.patient_ids, batch.state.twins.as_of
    past = past_of(batch.rows, updater.settings, patients, memory)
    likelihoods = []
    for state in (batch.state, batch.trial.challengers):
        total = np.zeros(len(patients))
        for days in range(MADE + 2, LAST + 1):  # one by one, as who is adapted forecasts otherwise
            result = advance(updater, state, whole.until(days), past)
            total += result.replay.forecasts.log_evidence.sum(axis=1)
            state = result.state
        likelihoods.append(total)
    rows = tried_one_by_one.of(tables.Challengers)
    champion, challenger = (rows[f"{name}_log_likelihood"].to_numpy() for name in ("champion", "challenger"))
    unalarmed = ~rows["patient_id"].is_in(tried_one_by_one.of(tables.Drift)["patient_id"].to_list()).to_numpy()
    assert 0 < unalarmed.sum() < len(rows)
    assert_allclose(champion[unalarmed], likelihoods[0][unalarmed], rtol=1e-10)
    assert_allclose(challenger[unalarmed], likelihoods[1][unalarmed], rtol=1e-10)
    prior = rows["prior"].to_numpy()
    odds = prior / (1 - prior) * np.exp(challenger - champion)
    assert_allclose(rows["weight"], odds / (1 + odds), rtol=1e-9)
    assert_allclose(rows["weight"][3:], prior[3:], rtol=1e-6)  # twins that are the same cannot be told apart
    assert np.abs(rows["weight"] - prior)[:3].max() > 0.05


def test_the_published_forecast_mixes_both_twins_by_weight(on_trial, tmp_path) -> None:
    """By the weight that the rows of the same evening state; the trail says what was told."""
    living = on_trial.copy(tmp_path, trial_nights=100)
    living.live(MADE + 2)
    batch, updater, _ = batch_of(living, MADE + 2)
    assert batch.trial is not None
    champion, challenger = (
        predict(updater.model, updater.clinical, updater.points, state.twins)
        for state in (batch.state, batch.trial.challengers)
    )
    weight = living.of(tables.Challengers)["weight"].to_numpy()
    reported = living.of(tables.Predictions).filter(pl.col("made_on") == living.evening(MADE + 2))
    for name in ("probability", "lower", "upper", "aleatoric", "epistemic"):
        both = (1 - weight) * getattr(champion, name) + weight * getattr(challenger, name)
        assert_allclose(reported[name], both, rtol=1e-9)
    assert np.abs(champion.probability - challenger.probability).max() > 0.1
    trail = last_forecasts(living, MADE + 2)
    assert_array_equal(trail["probability"], reported["probability"])
    assert_array_equal(trail["lower"], reported["lower"])


def test_a_missing_twin_keeps_its_reason(made, tmp_path) -> None:
    living = made.copy(tmp_path)
    twins = living.of(tables.Twins)
    refused = twins.head(1).with_columns(
        patient_id=pl.lit("P0000"), status=pl.lit("refused"), reason=pl.lit("days twice"), level=None, adherence=None
    )
    living.rows[tables.Twins, BATCH] = pl.concat([refused, twins], how="diagonal_relaxed").select(twins.columns)
    living.live(MADE + 2)
    row = living.of(tables.Twins).row(0, named=True)
    assert (row["status"], row["reason"], row["as_of"]) == ("refused", "days twice", made.evening(MADE + 2))
    assert_sound(living)


def test_a_batch_without_a_twin_has_its_night(made) -> None:
    batch, updater, whole = batch_of(made, LAST)
    nobody = np.arange(0)
    rows = {table: frame.clear() for table, frame in batch.rows.items()}
    night = update_twins(updater, TwinBatch(BATCH, batch.state.of(nobody), rows, None, None), whole.of(nobody))
    assert night.state.twins.as_of == whole.last
    assert night.rows[tables.Watch].is_empty()
    assert night.rows[tables.Predictions].is_empty()
