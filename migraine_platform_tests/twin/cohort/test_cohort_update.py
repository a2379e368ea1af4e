from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from migraine_platform.twin.cohort.batch_update import UpdateRequest
from migraine_platform.twin.cohort.cohort_update import load_batches, update_batches
from migraine_platform.twin.core.twins import TwinError
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.tables.twin import BOTH_TWINS
from migraine_platform_tests.twin.living import (
    EASILY,
    LAST,
    MADE,
    POPULATION,
    Living,
    assert_same_rows,
    assert_sound,
    foolish,
    made_living,
)

BATCHES = ("batch-000", "batch-001")


@pytest.fixture(scope="module")
def made(tmp_path_factory, settings, features, make_twins, model, measured) -> Living:
    folder = tmp_path_factory.mktemp("made")
    return made_living(folder, settings, features, make_twins, model, measured, EASILY, batches=2)


def test_batches_live_alike_together_and_each_by_itself(made, tmp_path) -> None:
    """And with a trial in one of them; every patient has one batch, and nobody is lost."""
    together, apart = made.copy(tmp_path / "together"), made.copy(tmp_path / "apart")
    for living in (together, apart):
        living.live(MADE + 1, UpdateRequest(retrain="to see"), batches=BATCHES[:1])
    together.live(LAST, batches=BATCHES)
    for batch in reversed(BATCHES):
        apart.live(LAST, batches=(batch,))
    assert_same_rows(together, apart)
    for batch in BATCHES:
        for table, frame in together.frames(batch).items():
            if "patient_id" in frame.columns:
                own = set(made.of(tables.Twins, batch)["patient_id"])
                assert set(frame["patient_id"]) <= own, table.name
    assert together.of(tables.Challengers, BATCHES[0]).height == 3
    assert together.of(tables.Challengers, BATCHES[1]).is_empty()
    for batch in BATCHES:
        assert_sound(together, batch)


def test_symptoms_are_of_tonight(made, tmp_path) -> None:
    living = made.copy(tmp_path / "tonight")
    before = [living.of(tables.SymptomPhases, batch)["attacks"].sum() for batch in BATCHES]
    living.live(LAST, batches=BATCHES)
    after = [living.of(tables.SymptomPhases, batch)["attacks"].sum() for batch in BATCHES]
    assert sum(after) > sum(before)


def test_on_trial_the_week_begins_with_what_both_twins_say_of_tomorrow(made, tmp_path) -> None:
    living = made.copy(tmp_path / "trial")
    living.put(foolish(living.state(), living.updaters()().points.level))
    for days, asked in ((MADE + 1, UpdateRequest(retrain="to see")), (MADE + 3, None)):
        living.live(days, asked)
    reported = living.of(tables.Predictions).select("patient_id", "for_date", "model", "probability", "lower", "upper")
    tomorrow = living.of(tables.DaysAhead).join(reported, on=["patient_id", "for_date"], suffix="_told")
    assert tomorrow.height == living.of(tables.Twins).height
    assert set(tomorrow["model"]) == {BOTH_TWINS}
    for name in ("probability", "lower", "upper"):
        assert_allclose(tomorrow[name], tomorrow[f"{name}_told"], rtol=1e-12)


def test_audit_trail_and_reasons_match_the_published_forecast(made, tmp_path) -> None:
    living = made.copy(tmp_path)
    for days in (MADE + 1, MADE + 2, MADE + 3):
        living.live(days, batches=BATCHES)
    for batch in BATCHES:
        reported = living.of(tables.Predictions, batch)
        trail = living.of(tables.Audit, batch)
        said = trail.filter(event="forecast").join(reported, on=["patient_id", "for_date"], how="left", suffix="_told")
        assert said.height == 3 * 4
        for name in ("probability", "lower", "upper"):
            assert (said[name] - said[f"{name}_told"]).abs().max() < 1e-9
        outcome = trail.filter(event="outcome")
        days = living.read(tables.MeasuredDays, [batch])
        complete = pl.col("date").is_between(living.evening(MADE + 1), living.evening(MADE + 2))
        wrote = days.filter(complete, pl.col("has_migraine").is_not_null()).sort("patient_id", "date")
        outcome = outcome.sort("patient_id", "for_date")
        assert outcome.select("patient_id", "for_date").rows() == wrote.select("patient_id", "date").rows()
        assert outcome["outcome"].to_list() == wrote["has_migraine"].cast(pl.Int64).to_list()
        reasons = living.of(tables.Contributions, batch).group_by("patient_id").agg(pl.col("log_odds").sum())
        tonight = reported.filter(pl.col("made_on") == living.evening(MADE + 3)).join(reasons, on="patient_id")
        assert_allclose(1 / (1 + np.exp(-tonight["log_odds"].to_numpy())), tonight["probability"], rtol=1e-6)


def test_one_batch_that_must_be_made_anew_is_told_of_all(made, tmp_path) -> None:
    living = made.copy(tmp_path)
    living.places.twins(living.of(tables.Twins, BATCHES[1])["file_version"][0]).write_bytes(b"damaged")
    updaters = living.updaters()
    assert load_batches(living.earlier, living.places, updaters, BATCHES) is None
    assert load_batches(living.earlier, living.places, updaters, BATCHES[:1]) is not None


def test_keepers_are_made_once_and_of_populations_that_are_there(made) -> None:
    updaters = made.updaters()
    newest = updaters()
    assert newest is not None
    assert updaters(newest.model.version).model.version == newest.model.version
    assert updaters() is newest
    assert updaters("0" * 12) is None


def test_a_patient_whose_days_cannot_be_used_any_more_is_one_sentence(made, tmp_path) -> None:
    living = made.copy(tmp_path)
    days = living.whole[tables.MeasuredDays]
    someone = living.of(tables.Twins)["patient_id"][0]
    twice = pl.concat([days, days.filter(pl.col("patient_id") == someone).head(1)])
    living.whole = {**living.whole, tables.MeasuredDays: twice}
    with pytest.raises(TwinError, match=r"^batch-000: 1 patients have twins but no usable days; make the twins anew$"):
        living.live(MADE + 1, batches=BATCHES)


def test_a_population_that_is_gone_is_one_sentence(made) -> None:
    updaters = made.updaters()
    found = load_batches(made.earlier, made.places, updaters, BATCHES)
    assert found is not None
    nights = update_batches(
        made.read, made.earlier, made.on(MADE + 1), made.places, lambda version=None: None, found,
        UpdateRequest(), POPULATION, lambda line: None,
    )  # fmt: skip
    with pytest.raises(TwinError, match=r"^twin\.population: there is none; materialise twin_population first$"):
        next(nights)


def test_progress_names_every_batch(made, tmp_path) -> None:
    living, lines = made.copy(tmp_path), []
    updaters = living.updaters()
    found = load_batches(living.earlier, living.places, updaters, BATCHES)
    assert found is not None
    settled = list(
        update_batches(
            living.read, living.earlier, living.on(LAST), living.places, updaters, found, UpdateRequest(), POPULATION,
            lines.append,
        )
    )  # fmt: skip
    assert [one.batch for one in settled] == list(BATCHES)
    assert lines == [
        f"{one.batch} ({place} of 2): 3 twins, {one.found} changes noticed"
        for place, one in enumerate(settled, start=1)
    ]
    assert sum(one.found for one in settled) > 0
