from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from polars.testing import assert_frame_equal

from migraine_platform.twin.cohort.batch_update import KEPT_ROWS, UpdateRequest, load_batch, retraining_frame
from migraine_platform.twin.cohort.cohort_update import load_batches
from migraine_platform.twin.core.twins import TwinError
from migraine_platform.twin.updating.storage import load_state, to_bytes
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform_tests.twin.living import (
    BATCH,
    EASILY,
    MADE,
    NEVER,
    Living,
    assert_same_rows,
    assert_sound,
    foolish,
    made_living,
)

SHORT = {"trial_nights": 2}
RETRAIN, BACK = UpdateRequest(retrain="to see"), UpdateRequest(roll_back=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory, settings, features, make_twins, model, measured) -> Living:
    folder = tmp_path_factory.mktemp("made")
    return made_living(folder, settings, features, make_twins, model, measured, NEVER, patients=4, changed=False)


@pytest.fixture(scope="module")
def promoted(made, tmp_path_factory) -> Living:
    """Foolish twins whose challengers, made from the whole history, have taken their place."""
    living = made.copy(tmp_path_factory.mktemp("promoted"), **SHORT)
    living.put(foolish(living.state(), living.updaters()().points.level))
    living.live(MADE + 1, RETRAIN)
    for days in (MADE + 2, MADE + 3):
        living.live(days)
    return living


def reported(living: Living, table: type[Table], days: int) -> pl.DataFrame:
    """What was said on an evening."""
    rows = living.of(table).filter(pl.col("made_on") == living.evening(days))
    rows = rows.filter(event="forecast") if table is tables.Audit else rows
    return rows.select("patient_id", "probability", "lower", "upper")


def decisions(living: Living) -> list[str]:
    return living.of(tables.Retrainings).sort("decided_on", "nights")["decision"].to_list()


def test_fitting_twins_are_loaded_and_others_remade(made, tmp_path) -> None:
    updaters = made.updaters()
    found = load_batch(made.earlier, made.places, BATCH, updaters)
    assert found is not None
    assert (found.trial, found.trial_updater) == (None, None)
    assert found.state.twins.patient_ids == tuple(made.of(tables.Twins)["patient_id"])
    for table in KEPT_ROWS:
        assert (
            load_batch(
                lambda one, batch, gone=table: None if one is gone else made.of(one), made.places, BATCH, updaters
            )
            is None
        )
    assert load_batch(made.earlier, made.places, BATCH, lambda version: None) is None
    own = made.copy(tmp_path)
    path = own.places.twins(own.of(tables.Twins)["file_version"][0])
    content = path.read_bytes()
    for damaged in (content[:-1], content[:40], b"", content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]):
        path.write_bytes(damaged)
        assert load_batches(own.earlier, own.places, updaters, [BATCH]) is None
    path.unlink()
    assert load_batches(own.earlier, own.places, updaters, [BATCH]) is None


def test_better_challengers_are_promoted_after_the_configured_nights(made, promoted) -> None:
    assert_sound(promoted)
    assert decisions(promoted) == ["on trial", "promoted"]
    born, decided = promoted.of(tables.Retrainings).sort("nights").rows(named=True)
    assert (born["decided_on"], decided["decided_on"]) == (made.evening(MADE + 1), made.evening(MADE + 3))
    assert (born["requested_on"], decided["requested_on"]) == (made.evening(MADE + 1),) * 2
    assert decided["log_likelihood_gain"] > 1
    assert (decided["nights"], born["reasons"]) == (2, "to see")
    twins = promoted.of(tables.Twins)
    assert twins["trained_on"].unique().to_list() == [made.evening(MADE + 1)]
    assert twins["updates"].unique().to_list() == [2]
    assert twins["file_version"].unique().to_list() == [decided["challenger_version"]]
    assert twins["previous_file_version"].unique().to_list() == [decided["champion_version"]]
    assert promoted.of(tables.Challengers).is_empty()
    levels = promoted.updaters()().points.level
    former = load_state(promoted.places.twins(decided["champion_version"]))
    before, after = (np.exp(state.twins.filter_state.log_weight) @ levels for state in (former, promoted.state()))
    assert np.all(before < after)


def test_promoted_twins_equal_undisturbed_ones(made, promoted, tmp_path) -> None:
    """Made anew from the whole history, they stand where twins stand that lived all the while."""
    wise = made.copy(tmp_path)
    wise.live(MADE + 3)
    for ours, theirs in zip(promoted.state().twins.filter_state, wise.state().twins.filter_state, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    for table in (tables.Predictions, tables.Audit):
        ours, theirs = (reported(living, table, MADE + 3) for living in (promoted, wise))
        assert_frame_equal(ours, theirs, rel_tol=1e-6)


def test_worse_challengers_are_dropped_and_their_file_with_them(made, tmp_path) -> None:
    living = made.copy(tmp_path / "tried", **SHORT)
    living.live(MADE + 1, RETRAIN)
    living.put(foolish(living.state(), living.updaters()().points.level), tables.Challengers)
    for days in (MADE + 2, MADE + 3):
        living.live(days)
        assert_sound(living)
    assert decisions(living) == ["on trial", "dropped"]
    assert living.of(tables.Retrainings)["log_likelihood_gain"].min() < -1
    alone = made.copy(tmp_path / "alone")
    for days in (MADE + 1, MADE + 2, MADE + 3):
        alone.live(days)
    assert living.state().twins.versions() == alone.state().twins.versions()
    assert living.files() == alone.files()
    assert_frame_equal(living.of(tables.Twins), alone.of(tables.Twins))


def test_a_second_request_during_a_trial_does_nothing(made, tmp_path) -> None:
    once, twice = made.copy(tmp_path / "once", trial_nights=9), made.copy(tmp_path / "twice", trial_nights=9)
    for living, again in ((once, UpdateRequest()), (twice, UpdateRequest(retrain="once more"))):
        living.live(MADE + 1, RETRAIN)
        living.live(MADE + 2, again)
    assert_same_rows(twice, once, exactly=True)


def test_a_second_request_on_the_same_evening_is_the_same_trial(made, tmp_path) -> None:
    """Asked on the night itself or in a run after it, once or twice: the same rows, the same files."""
    ours, theirs = made.copy(tmp_path / "ours"), made.copy(tmp_path / "theirs")
    ours.live(MADE + 1, RETRAIN)
    theirs.live(MADE + 1)
    for _ in range(2):
        theirs.live(MADE + 1, RETRAIN)
        assert_same_rows(theirs, ours, exactly=True)
        assert theirs.files() == ours.files()
    assert decisions(ours) == ["on trial"]


def test_a_decision_that_was_missed_is_taken_when_it_was_due(made, promoted, tmp_path) -> None:
    """The nights of the trial's end and after it, at once or one by one."""
    living = made.copy(tmp_path / "missed", **SHORT)
    living.put(foolish(living.state(), living.updaters()().points.level))
    living.live(MADE + 1, RETRAIN)
    living.live(MADE + 5)
    theirs = promoted.copy(tmp_path / "theirs", **SHORT)
    for days in (MADE + 4, MADE + 5):
        theirs.live(days)
    assert_sound(living)
    assert_same_rows(living, theirs, but=(tables.Audit, tables.TwinStates))  # on a night's last evening alone


def test_a_decision_is_taken_once(promoted, tmp_path) -> None:
    again = promoted.copy(tmp_path, **SHORT)
    again.live(MADE + 3)
    assert_same_rows(again, promoted, exactly=True)


@pytest.mark.parametrize("gone", [True, False])
def test_a_trial_whose_challengers_are_lost_is_given_up_and_the_champions_stay(made, tmp_path, gone: bool) -> None:
    living = made.copy(tmp_path, trial_nights=9)
    living.live(MADE + 1, RETRAIN)
    champion = living.state().twins.versions()
    own = living.of(tables.Twins)["file_version"][0]
    state = living.state()
    living.put(foolish(state, living.updaters()().points.level), tables.Challengers)
    path = living.places.twins(living.of(tables.Challengers)["file_version"][0])
    assert path.stem != own
    path.unlink() if gone else path.write_bytes(b"damaged")
    found = load_batch(living.earlier, living.places, BATCH, living.updaters())
    assert found is not None
    assert found.trial is None
    assert found.state.twins.versions() == champion
    path.touch()
    living.live(MADE + 2)
    assert_sound(living)
    assert living.of(tables.Challengers).is_empty()


def test_nothing_to_roll_back_to_is_one_sentence(made, tmp_path) -> None:
    living = made.copy(tmp_path)
    with pytest.raises(TwinError, match=r"^batch-000: nothing was replaced yet, so there is nothing to roll back to$"):
        living.live(MADE + 1, BACK)


def test_a_rollback_brings_the_former_twins_back_as_if_they_had_stayed(made, promoted, tmp_path) -> None:
    """Brought up to the evening; what they say of tomorrow is told; another rollback takes it all back."""
    living = promoted.copy(tmp_path / "back", **SHORT)
    living.live(MADE + 5, BACK)
    assert_sound(living)
    stayed = made.copy(tmp_path / "stayed")
    stayed.put(foolish(stayed.state(), stayed.updaters()().points.level))
    for days in (MADE + 3, MADE + 5):
        stayed.live(days)
    for ours, theirs in zip(living.state().twins.filter_state, stayed.state().twins.filter_state, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    for table in (tables.Predictions, tables.Audit):
        ours, theirs = (reported(one, table, MADE + 5) for one in (living, stayed))
        assert_frame_equal(ours, theirs, rel_tol=1e-9)
    assert decisions(living) == ["on trial", "promoted", "rolled back"]
    row = living.of(tables.Retrainings).filter(pl.col("decision") == "rolled back").row(0, named=True)
    assert row["champion_version"] == living.of(tables.Twins)["previous_file_version"][0]
    assert row["challenger_version"] == living.of(tables.Twins)["file_version"][0]
    forth = promoted.copy(tmp_path / "forth", **SHORT)
    forth.live(MADE + 5)
    living.live(MADE + 6, BACK)
    forth.live(MADE + 6)
    assert living.state().twins.versions() == forth.state().twins.versions()


def test_a_rollback_ends_a_trial(promoted, tmp_path) -> None:
    living = promoted.copy(tmp_path, trial_nights=9)
    living.live(MADE + 4, RETRAIN)
    living.live(MADE + 5, BACK)
    assert_sound(living)
    assert living.of(tables.Challengers).is_empty()


def test_former_twins_of_a_population_that_is_gone_cannot_come_back(promoted, tmp_path) -> None:
    living = promoted.copy(tmp_path, **SHORT)
    path = living.places.twins(living.of(tables.Twins)["previous_file_version"][0])
    former = load_state(path)
    other = type(former)(type(former.twins)(**{**vars(former.twins), "population": "f" * 12}), former.watch)
    living.rows[tables.Twins, BATCH] = living.of(tables.Twins).with_columns(previous_file_version=pl.lit("a" * 12))
    living.places.twins("a" * 12).write_bytes(to_bytes(other))
    with pytest.raises(TwinError, match=r"^batch-000: the former twins are of another population or code"):
        living.live(MADE + 4, BACK)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_asked_for_files_are_those_that_rows_name(
    seed, tmp_path_factory, made, settings, features, make_twins, model, measured
) -> None:
    """Two weeks of nights, some of them twice, with requests drawn at random, by people who are taken for changed."""
    rng = np.random.default_rng(seed)
    living = made.copy(tmp_path_factory.mktemp("asked"), **SHORT)
    living.whole = {**living.whole, tables.Thresholds: EASILY.to_frame()}
    days, rows = MADE, 0
    for _ in range(12):
        days += int(rng.choice([0, 1, 1, 2])) if days > MADE else 1
        asked = [UpdateRequest(), UpdateRequest(), RETRAIN, BACK][rng.integers(4)]
        if asked.roll_back and living.of(tables.Twins)["previous_file_version"][0] is None:
            asked = UpdateRequest()
        living.live(min(days, 70), asked)
        assert_sound(living)
        assert living.of(tables.Watch).height == 4 * min(days, 70)
        rows, before = living.of(tables.Audit).height, rows
        assert rows >= before


def test_decisions_are_added_and_none_is_lost(promoted) -> None:
    before = promoted.of(tables.Retrainings)
    row = before.row(0, named=True)
    again = retraining_frame(before, [row])
    assert again.height == before.height
    other = retraining_frame(before, [{**row, "decision": "rolled back"}])
    assert other.height == before.height + 1
    assert retraining_frame(None, []).schema == before.schema
