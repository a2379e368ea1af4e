from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.core.model import FORMAT, ModelError, TwinModel, beside, learn_model
from migraine_platform.twin.core.twins import TwinArrays, TwinError, climatology, create, update, validate
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.histories import histories as read_histories
from migraine_platform.twin.dynamics.kalman import first_beliefs
from migraine_platform.twin.dynamics.state_space import INPUTS
from migraine_platform.twin.hazard.outlook import foresee
from migraine_platform.twin.hazard.uncertainty import uncertainty
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform_tests.twin.conftest import POINTS

OUTCOMES = [EVENTS.index(name) for name in ("has_migraine", "onset")]


@pytest.fixture(scope="module")
def made(model, clinical, histories):
    return create(model, clinical, model.points(POINTS), histories)


@pytest.fixture(scope="module")
def make(model, clinical):
    """Twins of histories."""
    return lambda histories: create(model, clinical, model.points(POINTS), histories)


@pytest.fixture(scope="module")
def go_on(model, clinical):
    """Twins some days later: `days` are a whole history, of which what came since is taken."""

    def later(twins: TwinArrays, days: Histories, at_once: int) -> TwinArrays:
        while (since := (twins.as_of - days.first).days) < days.days - 1:
            new = days.until(min(since + 1 + at_once, days.days)).since(since)
            twins, _ = update(model, clinical, model.points(POINTS), twins, new)
        return twins

    return later


def assert_same(ours: TwinArrays, theirs: TwinArrays) -> None:
    """To rounding, far below the 1e-6 that a forecast is given to."""
    assert (ours.patient_ids, ours.as_of, ours.population) == (theirs.patient_ids, theirs.as_of, theirs.population)
    for one, other in zip(
        (*ours.beliefs, *ours.ledger, *ours.filter_state, *ours.last, ours.entries),
        (*theirs.beliefs, *theirs.ledger, *theirs.filter_state, *theirs.last, theirs.entries),
        strict=True,
    ):
        assert_allclose(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("known", "at_once"), [(69, 1), (40, 30), (40, 7), (1, 69), (1, 1)])
def test_an_updated_twin_is_as_one_created_from_all_days(made, make, go_on, histories, known: int, at_once) -> None:
    early, _ = make(histories.until(known))
    assert_same(go_on(early, histories, at_once), made[0])


def test_patients_who_come_later_are_as_if_the_others_had_not_been_there(
    make, go_on, model, clinical, histories
) -> None:
    """In a batch whose days begin before theirs, updated or not, and alone.

    What yesterday's pain does to a day is left out against those alone: of their first day nobody knows it, and the
    state-space model says no pain if the history begins there, the usual share if it does not.
    """
    days = np.arange(histories.days)
    begun = np.where(np.arange(histories.count) % 3 == 0, 25, 0)
    there = days >= begun[:, None]
    batch = replace(
        histories,
        values=histories.values * there[..., None],
        present=histories.present & there[..., None],
        diary=histories.diary & there,
        device=histories.device & there,
        events=histories.events & there[..., None],
        begun=begun,
    )
    together, _ = make(batch)
    assert_same(go_on(make(batch.until(10))[0], batch, 30), together)
    assert_same(go_on(make(batch.until(10))[0], batch, 1), together)
    effect = model.dynamics.effect.copy()
    effect[:, INPUTS.index("migraine_yesterday")] = 0.0
    other = replace(model, dynamics=model.dynamics._replace(effect=effect))
    together, alone = (
        create(other, clinical, other.points(POINTS), days)[0] for days in (batch, batch.of(slice(0, 1)).since(25))
    )
    for ours, theirs in zip(
        (*together.filter_state, *together.ledger), (*alone.filter_state, *alone.ledger), strict=True
    ):
        assert_allclose(ours[:1], theirs, rtol=1e-9, atol=1e-10)


def test_tonight_is_not_known_this_evening(made, make, histories) -> None:
    """What the last day turned out to be after its evening changes no twin, and no forecast."""
    events = histories.events.copy()
    events[:, -1, OUTCOMES] ^= True
    events[:, -1, OUTCOMES] |= events[:, -1, EVENTS.index("migraine_by_evening"), None]
    by_evening = histories.events[:, -1, EVENTS.index("migraine_by_evening")]
    events[by_evening, -1] = histories.events[by_evening, -1]
    twins, replay = make(replace(histories, events=events))
    assert twins.versions() == made[0].versions()
    assert_array_equal(replay.forecasts.probability, made[1].forecasts.probability)


def test_later_days_change_no_earlier_forecast(made, make, histories) -> None:
    _, early = make(histories.until(40))
    assert_allclose(early.forecasts.probability, made[1].forecasts.probability[:, :40], rtol=1e-9)


def blank(histories: Histories) -> Histories:
    """The same days, with nothing recorded on them."""
    return replace(
        histories,
        values=np.zeros_like(histories.values),
        present=np.zeros_like(histories.present),
        diary=np.zeros_like(histories.diary),
        device=np.zeros_like(histories.device),
        events=np.zeros_like(histories.events),
    )


def width(twins: TwinArrays, model: TwinModel, clinical) -> np.ndarray:
    forecasts = foresee(model.points(POINTS), model.effects, twins.filter_state)
    found = uncertainty(forecasts, model.effects, twins.last, clinical.prior.Q, clinical.atoms)
    return (found.upper - found.lower)[:, 0]


def test_a_patient_without_a_day_has_the_population_s_prior(made, make, model, clinical, measured) -> None:
    ids = [*measured["patient_id"].unique().to_list(), "nobody"]
    days, _ = read_histories(measured, ids)
    twins, _ = make(days)
    place = twins.patient_ids.index("nobody")
    others = np.arange(len(ids)) != place
    assert not twins.started[place]
    assert twins.started[others].all()
    assert twins.entries[place] == 0
    points = model.points(POINTS)
    assert_array_equal(twins.filter_state.log_weight[place], points.log_prior)
    start = first_beliefs(model.dynamics, 1)
    assert_array_equal(twins.beliefs.mean[place], start.mean[0])
    assert_allclose(twins.beliefs.covariance[place], start.covariance[0], rtol=1e-9, atol=1e-12)
    own = width(twins, model, clinical)
    assert own[place] > np.median(own[others])
    p = 1 / (1 + np.exp(-np.quantile(points.level, [0.05, 0.95])))
    assert own[place] > 0.8 * (p[1] - p[0])  # the population's own spread; a fifth for what triggers flatten


def test_a_patient_who_recorded_nothing_is_forecast_by_the_population(make, model, histories) -> None:
    twins, replay = make(blank(histories))
    said = replay.forecasts.probability
    assert np.all((said > 0) & (said < 1))
    levels = 1 / (1 + np.exp(-model.points(POINTS).level))
    assert np.all((said > np.quantile(levels, 0.05)) & (said < np.quantile(levels, 0.95)))
    assert twins.started.all()
    assert_array_equal(twins.entries, 0)
    assert_array_equal(twins.silent, histories.days - np.maximum(histories.begun, 0))


def test_evenings_since_the_last_entry_are_counted(make, histories) -> None:
    """Against numpy's own search for the last entry, diaries cut off at different days."""
    for until in (40, 55, histories.days):
        some = histories.until(until)
        last = until - 1 - np.argmax(some.diary[:, ::-1], axis=1)
        assert_array_equal(make(some)[0].silent[some.diary.any(axis=1)], (until - 1 - last)[some.diary.any(axis=1)])


@pytest.mark.parametrize("always", [False, True])
def test_one_kind_of_day_alone_is_learned_and_not_taken_for_certain(make, histories, always: bool) -> None:
    """Seventy days without an attack, or each with a new one; none says whether it is over by the evening."""
    events, present = np.zeros_like(histories.events), histories.present.copy()
    events[..., :3], present[..., POSITION["headache_at_evening"]] = always, False
    every = np.ones_like(histories.diary)
    _, replay = make(replace(histories, diary=every, events=events, present=present))
    said = replay.forecasts.probability
    assert np.all((said > 0) & (said < 1))
    first, last = said[:, 0], said[:, -1]
    assert np.all(last > first) if always else np.all(last < first)


def test_an_update_refuses_what_does_not_follow(made, model, clinical, histories) -> None:
    twins, points = made[0], model.points(POINTS)
    day = timedelta(days=1)
    following = replace(histories.since(68), first=twins.as_of)
    for given, days, complaint in [
        (replace(twins, population="0" * 12), following, f"population 000000000000; expected {model.version}"),
        (twins, following.of(slice(0, 5)), "days of 5 patients; expected those of the 24 twins"),
        (twins, replace(following, patient_ids=following.patient_ids[::-1]), "expected those of the 24 twins"),
        (twins, replace(following, first=twins.as_of + day), f"expected them from {twins.as_of}"),
        (twins, replace(following, first=twins.as_of - day), f"expected them from {twins.as_of}"),
        (twins, following.until(1), f"expected them from {twins.as_of}"),
    ]:
        with pytest.raises(TwinError, match=complaint) as error:
            update(model, clinical, points, given, days)
        assert "\n" not in str(error.value)


def test_versions_tell_twins_apart(made, make, go_on, histories) -> None:
    twins, _ = made
    again, _ = make(histories)
    assert again.versions() == twins.versions()
    assert len(set(twins.versions())) == histories.count
    early, _ = make(histories.until(69))
    assert not set(early.versions()) & set(go_on(early, histories, 1).versions())
    assert not set(replace(twins, population="another").versions()) & set(twins.versions())


def test_a_model_survives_being_kept_as_rows(model) -> None:
    again = TwinModel.from_frame(model.to_frame().sample(fraction=1, shuffle=True, seed=0))
    assert again.version == model.version
    assert again.patients == model.patients
    assert_array_equal(again.points(64).level, model.points(64).level)
    changed = replace(model, effects=model.effects._replace(refractory=model.effects.refractory + 1e-9))
    assert changed.version != model.version


def test_of_several_models_the_one_that_was_learned_last_is_in_use(model) -> None:
    """Over the same days too, whatever their hashes are; a former one that is learned again comes back."""
    first, second, third = (
        replace(model, effects=model.effects._replace(refractory=-0.1 * number)) for number in range(1, 4)
    )
    frame = first.to_frame()
    for learned in (second, third, first, second):
        frame = beside(frame, learned).sort(tables.TwinPopulation.key)
        assert audit(tables.TwinPopulation, frame).passed
        assert TwinModel.from_frame(frame).version == learned.version
    for known in (first, second, third):
        assert TwinModel.from_frame(frame, known.version).version == known.version
    with pytest.raises(ModelError, match="000000000000 is not there; learn the population again"):
        TwinModel.from_frame(frame, "0" * 12)


def test_rows_of_another_format_are_no_model(model) -> None:
    frame = model.to_frame()
    other = frame.with_columns(
        pl.when(pl.col("parameter") == "format").then(99.0).otherwise(pl.col("value")).alias("value")
    )
    with pytest.raises(ModelError, match=f"format 99; expected {FORMAT}: learn the population again"):
        TwinModel.from_frame(other)
    for without in ("format", "effects.trigger", "personal.levels", "dynamics.noise"):
        with pytest.raises(ModelError, match="learn the population again"):
            TwinModel.from_frame(frame.filter(pl.col("parameter") != without))
    with pytest.raises(ModelError, match="learn the population again"):
        TwinModel.from_frame(frame.filter((pl.col("parameter") != "dynamics.noise") | (pl.col("place") > 0)))
    with pytest.raises(ModelError, match="learn the population again"):
        TwinModel.from_frame(frame.clear())


def test_without_diaries_the_prior_is_unchanged(histories, clinical, settings) -> None:
    with pytest.raises(ModelError, match="no patient has a diary entry"):
        learn_model(blank(histories), clinical, settings.twin)


def said(probability: np.ndarray, innovation: np.ndarray):
    """Forecasts that somebody made."""
    return SimpleNamespace(
        forecasts=SimpleNamespace(probability=probability), channels=SimpleNamespace(innovation=innovation)
    )


def test_a_perfect_forecast_has_no_error(made, histories, settings) -> None:
    """Probabilities are cut to 1e-6, whose log loss is 1e-6; the mirror image is wrong by log 1e6 on every day."""
    outcome = np.zeros(histories.diary.shape)
    outcome[:, :-1] = histories.events[:, 1:, 0]
    innovation = np.random.default_rng(0).normal(size=made[1].channels.innovation.shape)
    oracle, fool = (validate(said(p, innovation), histories, settings.twin) for p in (outcome, 1 - outcome))
    wrote = histories.diary[:, -settings.twin.validation_days :].sum(axis=1)
    assert_array_equal(oracle.days, wrote)
    assert_allclose(oracle.log_loss[wrote > 0], 1e-6, rtol=1e-5)
    assert_allclose(oracle.brier[wrote > 0], 0, atol=1e-11)
    assert_allclose(fool.log_loss[wrote > 0], np.log(1e6), rtol=1e-9)
    assert np.isnan(oracle.log_loss[wrote == 0]).all()
    standard_error = 1 / np.sqrt(2 * innovation[0, -settings.twin.validation_days :].size)
    assert np.abs(oracle.state_error - 1).max() < 5 * standard_error


def test_only_the_last_days_are_scored(made, histories, settings) -> None:
    """Other outcomes and other forecasts before them change no score of the twins."""
    first = histories.days - settings.twin.validation_days
    events, diary = histories.events.copy(), histories.diary.copy()
    events[:, :first] ^= True
    diary[:, : first - 5] ^= True
    probability, innovation = made[1].forecasts.probability.copy(), made[1].channels.innovation.copy()
    probability[:, : first - 1] = 0.5
    innovation[:, :first] = 7.0
    ours = validate(made[1], histories, settings.twin)
    other = validate(said(probability, innovation), replace(histories, events=events, diary=diary), settings.twin)
    for name in ("days", "log_loss", "brier", "state_error"):
        assert_array_equal(getattr(ours, name), getattr(other, name))
    assert np.any(ours.climatology != other.climatology)


def test_climatology_knows_only_the_days_before(histories) -> None:
    """Of a day, and of everybody's share too: what comes from a day on changes nothing up to it."""
    baseline = climatology(histories)
    assert np.all((baseline > 0) & (baseline < 1))
    for day in (0, 1, 35, 69):
        events, diary = histories.events.copy(), histories.diary.copy()
        events[:, day:] ^= True
        diary[:, day:] ^= True
        assert_array_equal(
            climatology(replace(histories, events=events, diary=diary))[:, : day + 1], baseline[:, : day + 1]
        )
