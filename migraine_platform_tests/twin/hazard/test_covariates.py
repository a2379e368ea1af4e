"""What an evening says: against the recorded triggers, the simulator's equations, and what was deleted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.config.simulator.latent import AXES, INPUTS
from migraine_platform.priors.features import select
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGER_NAMES
from migraine_platform.twin.data.channels import Scales
from migraine_platform.twin.data.features import FEATURES, POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.ledger import BaselineDays, Ledger, usual_of
from migraine_platform.twin.dynamics.kalman import DayDynamics
from migraine_platform.twin.dynamics.state_space import filter_histories, fit
from migraine_platform.twin.hazard.covariates import USUAL_WEIGHT, Covariates, Reader
from migraine_platform_tests.conftest import trigger_rule
from migraine_platform_tests.twin.conftest import everybody, simulated

USUAL = BaselineDays(np.array([0.1, 0.2, 0.15, 0.3]), np.array([0.1, -0.2, 0.05, 0.0]), np.array([0.2, 0.6, 0.3]))


@pytest.fixture(scope="module")
def scales(histories) -> Scales:
    return Scales.of(histories)


@pytest.fixture(scope="module")
def dynamics(histories, scales) -> DayDynamics:
    return fit(scales.standard(histories), 6)[0]


@pytest.fixture(scope="module")
def reader(clinical, scales) -> Reader:
    return Reader(clinical.prior, scales, USUAL)


def read(reader: Reader, dynamics: DayDynamics, histories: Histories) -> tuple[Covariates, Ledger]:
    days = reader.scales.standard(histories)
    return reader.read(histories, days, filter_histories(dynamics, days))


def recorded_triggers(days: pl.DataFrame, histories: Histories) -> np.ndarray:
    """[P, K, 4] the columns of the triggers; NaN where they are not recorded."""
    rows = days.sort("patient_id", "date")
    columns = [rows[f"{name}_trigger"].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in TRIGGER_NAMES]
    return np.stack(columns, axis=-1).reshape(histories.count, histories.days, len(TRIGGER_NAMES))


def changed(histories: Histories, column: str, numbers: np.ndarray) -> Histories:
    """Other values of a column, where it was recorded."""
    values = histories.values.copy()
    place = POSITION[column]
    values[..., place] = np.where(histories.present[..., place], numbers, 0.0)
    return replace(histories, values=values)


def without(histories: Histories, diary: np.ndarray, device: np.ndarray) -> Histories:
    """Histories from which entries, and days of the device, are deleted."""
    source = np.array([feature.source for feature in FEATURES])
    gone = (diary[..., None] & (source == "diary")) | (device[..., None] & (source == "device"))
    return replace(
        histories,
        values=np.where(gone, 0.0, histories.values),
        present=histories.present & ~gone,
        diary=histories.diary & ~diary,
        device=histories.device & ~device,
        events=histories.events & ~diary[..., None],
    )


@pytest.mark.parametrize("recorded", ["histories", "complete"])
def test_recorded_triggers_are_read_exactly(recorded, lives_truth, reader, dynamics, request) -> None:
    """0 or 1, as the simulator says, on every day.

    Rounding to single precision could matter on days within 5e-7 hours of a limit of sleep, 1e-6 points of the step
    of stress, 4e-6 hPa of the fall of pressure. It does not: the simulator rounds before it reads the triggers, and
    double precision holds both single values and the difference of two.
    """
    own = request.getfixturevalue(recorded)
    table = {"histories": "measured.patient_days", "complete": "cohort.patient_days"}[recorded]
    truth = recorded_triggers(lives_truth[table], own)
    truth[:, 0, TRIGGER_NAMES.index("stress")] = np.nan  # a rise since a day that nobody recorded
    found = read(reader, dynamics, own)[0].trigger
    there = np.isfinite(truth)
    assert there.sum() > 5000
    assert_array_equal(found[there], truth[there])


def test_triggers_at_their_very_limits_are_read_as_configured(complete, clinical, dynamics, reader) -> None:
    """Whole points and hours lie on the limits day after day: short is below, long above, a rise at least the step."""
    stress, sleep = (complete.values[..., POSITION[name]].round() for name in ("stress_level", "total_sleep_hours"))
    whole = changed(changed(complete, "stress_level", stress), "total_sleep_hours", sleep)
    found = read(replace(reader, scales=Scales.of(whole)), dynamics, whole)[0].trigger
    rise, (night, step) = np.diff(stress, axis=1), (clinical.prior.rules[name] for name in ("sleep", "stress"))
    assert (sleep == night.low).sum() > 50
    assert (rise == step.low).sum() > 50
    assert_array_equal(found[..., TRIGGER_NAMES.index("sleep")], (sleep < night.low) | (sleep > night.high))
    assert_array_equal(found[:, 1:, TRIGGER_NAMES.index("stress")], rise >= step.low)


def test_a_newcomer_beyond_everybodys_values_is_read_as_he_is(complete, clinical, dynamics) -> None:
    """The population slept 6 to 8 hours at a stress of 4 to 6, so that its tables hold no trigger at all."""
    shift = complete.values.copy()
    narrow = changed(complete, "total_sleep_hours", np.clip(shift[..., POSITION["total_sleep_hours"]], 6, 8))
    narrow = changed(narrow, "stress_level", np.clip(shift[..., POSITION["stress_level"]], 4, 6))
    known = Reader(clinical.prior, Scales.of(narrow), USUAL)
    found = read(known, dynamics, complete)[0].trigger
    sleep, stress = (complete.values[..., POSITION[name]] for name in ("total_sleep_hours", "stress_level"))
    night, step = (clinical.prior.rules[name] for name in ("sleep", "stress"))
    assert_array_equal(found[..., 1], (sleep < night.low) | (sleep > night.high))
    assert_array_equal(found[:, 1:, 2], np.diff(stress, axis=1) >= step.low)


@pytest.mark.parametrize("loads", [0.0, 0.3], ids=["triggers load nothing", "triggers load the state"])
def test_the_load_is_the_simulators_recursion(complete, reader, dynamics, settings, features, loads: float) -> None:
    """load[t+1] = A load[t] + B u[t] + L x[t] by hand, from the configuration and the workbook's scorer."""
    L = loads * np.random.default_rng(4).random((len(AXES), len(TRIGGER_NAMES)))
    reader = replace(reader, prior=replace(reader.prior, loads=L))
    process = settings.simulator.latent
    A, B = np.array(process.A), np.array([process.B.get(name, (0.0,) * len(AXES)) for name in INPUTS]).T
    columns = ["water_consumed_liters" if name == "water_liters" else name for name in INPUTS]
    scores = []
    for name, column in zip(INPUTS, columns, strict=True):
        values = complete.values[..., POSITION[column]]
        values = np.minimum(values, 28) if name == "cycle_day" else values
        score = ImpactScorer(select(features, (name,))).centred(values[..., None])[..., 0]
        scores.append(np.where(complete.present[..., POSITION[column]], score, 0.0))
    u = np.stack(scores, axis=-1)
    found, ledger = read(reader, dynamics, complete)
    latent, total = np.tile(USUAL.latent, (complete.count, 1)), np.zeros((complete.count, len(AXES)))
    for k in range(complete.days):
        latent = np.stack([A @ latent[i] + B @ u[i, k] + L @ found.trigger[i, k] for i in range(complete.count)])
        total += latent
        baseline = (total + USUAL_WEIGHT * USUAL.latent) / (k + 1 + USUAL_WEIGHT)
        assert_allclose(found.latent[:, k], latent - baseline, rtol=1e-9, atol=1e-12)
    assert_allclose(ledger.latent, latent, rtol=1e-9, atol=1e-12)
    hidden = np.zeros((4, 4))
    for _ in range(200):
        hidden = A @ hidden @ A.T + np.array(process.Q)
    assert_allclose(ledger.spread, np.tile(hidden, (complete.count, 1, 1)), rtol=1e-9, atol=1e-12)


def test_what_nobody_knows_of_a_trigger_nobody_knows_of_what_it_loads(histories, reader, dynamics) -> None:
    """The spread that loads add: A V A' + L Var x L', by hand."""
    L = np.random.default_rng(5).random((len(AXES), len(TRIGGER_NAMES)))
    plain, loaded = (
        read(replace(reader, prior=replace(reader.prior, loads=loads)), dynamics, histories)[0] for loads in (0 * L, L)
    )
    assert_allclose(loaded.trigger, plain.trigger)
    unsure, A = loaded.trigger * (1 - loaded.trigger), reader.prior.A
    assert (unsure > 0.05).any()
    more = np.zeros((histories.count, 4, 4))
    for k in range(histories.days):
        added = np.einsum("ij,pj,lj->pil", L, unsure[:, k], L)
        begun = (k >= histories.begun)[:, None, None]
        more = np.where(begun, A @ more @ A.T + added, more)
        assert_allclose(loaded.spread[:, k] - plain.spread[:, k], more, atol=1e-9)


def test_the_true_state_lies_about_the_load_as_widely_as_is_said(complete, lives_truth, reader, dynamics) -> None:
    """Variance of the truth around the load, axis by axis, within 40 %.

    1,200 days that decay by up to 0.7 a day are worth 400: a standard error of 7 %, and five of them. Cycles are
    counted in days of their own length, not in the simulator's 28ths, which adds a little to one axis.
    """
    truth = lives_truth["truth.patient_days"].sort("patient_id", "date")
    z = np.stack([truth[f"z_{axis}"].to_numpy() for axis in AXES], axis=-1).reshape(complete.count, complete.days, 4)
    found, _ = read(reader, dynamics, complete)
    days = np.arange(complete.days)
    baseline = np.zeros((complete.count, complete.days, 4))
    latent = np.zeros_like(baseline)
    total = np.zeros((complete.count, 4))
    for k in days:  # load = found + (total + load + W usual) / (k + 1 + W), solved for load
        weight = k + 1 + USUAL_WEIGHT
        latent[:, k] = (found.latent[:, k] + (total + USUAL_WEIGHT * USUAL.latent) / weight) / (1 - 1 / weight)
        total += latent[:, k]
    off = (z[:, 1:] - latent[:, :-1])[:, 20:]
    said = np.diagonal(found.spread[:, 20:-1], axis1=2, axis2=3).mean(axis=(0, 1))
    assert_allclose((off**2).mean(axis=(0, 1)) / said, 1, atol=0.4)


@pytest.fixture(scope="module")
def deleted(settings, features, calibration, clinical) -> tuple[dict[str, np.ndarray], np.ndarray, Covariates]:
    """A quarter of 400 patients' recorded days deleted: what is gone by trigger, the truth, what is read now."""
    tables = simulated(settings, features, calibration, 400, 70)
    whole = everybody(tables["measured.patient_days"])
    rng = np.random.default_rng(3)
    diary, device = (there & (rng.random(there.shape) < 0.25) for there in (whole.diary, whole.device))
    kept = without(whole, diary, device)
    scales = Scales.of(kept)
    model = fit(scales.standard(kept.of(slice(0, 150))), 10)[0]
    first = Reader(clinical.prior, scales, BaselineDays.nothing_known())
    reader = replace(first, baseline=usual_of(read(first, model, kept)[1]))
    truth = recorded_triggers(tables["cohort.patient_days"], kept)
    after = np.zeros_like(diary)
    after[:, 1:] = diary[:, :-1] & kept.diary[:, 1:]
    late = np.arange(kept.days) >= 14  # by when a person's levels and habits are known to some degree
    gone = {"sleep": device & late, "stress": diary & late, "diet": diary & late, "stress, a day later": after & late}
    return gone, truth, read(reader, model, kept)[0]


def standard_errors(deleted, trigger: str, days: str) -> float:
    """Expected minus realised number of triggers, in standard errors of independent days."""
    gone, truth, found = deleted
    k = TRIGGER_NAMES.index(trigger)
    p, there = found.trigger[gone[days]][:, k], truth[gone[days]][:, k]
    assert len(p) > 1500
    return float((p - there).sum() / np.sqrt((p * (1 - p)).sum()))


@pytest.mark.parametrize("trigger", ["sleep", "stress", "diet"])
def test_a_deleted_trigger_has_on_average_its_frequency(deleted, trigger: str) -> None:
    """Within four standard errors, 6e-5 of false alarm: 2 points of 22 % for sleep, of 10 % for stress."""
    assert abs(standard_errors(deleted, trigger, trigger)) < 4


def test_a_rise_since_a_deleted_day_has_on_average_its_frequency(deleted) -> None:
    """Within four standard errors; were both days taken as independent, 14 % would be expected where 10 % happen."""
    assert abs(standard_errors(deleted, "stress", "stress, a day later")) < 4


def test_a_deleted_trigger_is_told_better_than_by_its_frequency_alone(deleted) -> None:
    """The person's level and his other channels tell of a night that nobody recorded."""
    gone, truth, found = deleted
    for name in ("sleep", "stress", "diet"):
        k = TRIGGER_NAMES.index(name)
        p, there = found.trigger[gone[name]][:, k], truth[gone[name]][:, k]
        assert ((p - there) ** 2).mean() < ((there.mean() - there) ** 2).mean(), name


def late_beginners(histories: Histories) -> Histories:
    """A third of the patients begin on day 10 or later, and one has no day at all."""
    begun = np.where(np.arange(histories.count) % 3 == 0, 10 + np.arange(histories.count), 0)
    begun[1] = histories.days
    early = np.arange(histories.days) < begun[:, None]
    return replace(
        histories,
        values=np.where(early[..., None], 0.0, histories.values),
        present=histories.present & ~early[..., None],
        diary=histories.diary & ~early,
        device=histories.device & ~early,
        events=histories.events & ~early[..., None],
        begun=begun,
    )


LATER = {
    "weather": ("below", -5.0, 2),
    "sleep": ("off usual", 1.5, (0, 1)),
    "stress": ("rise", 2.0, 1),
    "diet": ("at least", 2, (1, 3)),
}
"""Rule, threshold and lag of triggers that take more than two days to read."""


def reads_later(reader: Reader) -> Reader:
    rules = {name: trigger_rule(name, rule, at, lag=lag) for name, (rule, at, lag) in LATER.items()}
    return replace(reader, prior=replace(reader.prior, rules=rules))


def test_triggers_that_act_later_are_read_off_the_days_before(complete, clinical, dynamics, reader) -> None:
    """Against plain shifts of each day's own; the usual night is the mean of the nights before."""
    later, plain = reads_later(reader), dict(clinical.prior.rules)
    for name, (rule, at, _) in LATER.items():
        plain[name] = trigger_rule(name, rule, at)
    held = read(replace(reader, prior=replace(reader.prior, rules=plain)), dynamics, complete)[0].trigger
    found = read(later, dynamics, complete)[0].trigger
    for k, name in enumerate(TRIGGER_NAMES):
        first, last = later.prior.rules[name].lag
        shifted = [held[:, last - days : held.shape[1] - days, k] for days in range(first, last + 1)]
        assert_allclose(found[:, last:, k], 1 - np.prod(1 - np.array(shifted), axis=0), atol=1e-12, err_msg=name)
    nights = complete.values[..., POSITION["total_sleep_hours"]]
    mean = nights[:, :20].cumsum(axis=1) / np.arange(1, 21)
    off = np.abs(nights[:, 1:20] - mean[:, :19]) >= 1.5
    assert_array_equal(held[:, 1:20, TRIGGER_NAMES.index("sleep")], off)


@pytest.mark.parametrize("rules", ["as configured", "later"])
@settings(max_examples=10)
@given(cut=st.integers(1, 69))
def test_two_pieces_read_like_one(
    histories: Histories, reader: Reader, dynamics: DayDynamics, rules: str, cut: int
) -> None:
    own = late_beginners(histories)
    reader = reads_later(reader) if rules == "later" else reader
    whole, end = read(reader, dynamics, own)
    past = own.until(cut)
    days = reader.scales.standard(past)
    channels = filter_histories(dynamics, days)
    before, ledger = reader.read(past, days, channels)
    later = filter_histories(dynamics, reader.scales.standard(own.since(cut - 1)), channels.beliefs, first=1)
    rest = own.since(cut)
    after, last = reader.read(rest, reader.scales.standard(rest), later, ledger)
    for name in Covariates._fields:
        pieces = np.concatenate([getattr(before, name), getattr(after, name)], axis=1)
        assert_allclose(pieces, getattr(whole, name), rtol=1e-9, atol=1e-9, err_msg=name)
    for name in Ledger._fields:
        assert_allclose(getattr(last, name), getattr(end, name), rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=10)
@given(st.integers(1, 69))
def test_future_days_change_nothing(histories: Histories, reader: Reader, dynamics: DayDynamics, cut: int) -> None:
    """From some day on, everybody lives somebody else's life, or nobody knows of them; to rounding."""
    future = np.arange(histories.days) >= cut
    other = {
        name: np.where(
            future.reshape(1, -1, *[1] * (getattr(histories, name).ndim - 2)),
            np.roll(getattr(histories, name), 5, axis=0),
            getattr(histories, name),
        )
        for name in ("values", "present", "diary", "device", "events")
    }
    plain = read(reader, dynamics, histories)[0]
    for changed_later in (replace(histories, **other), histories.until(cut)):
        found = read(reader, dynamics, changed_later)[0]
        for name in Covariates._fields:
            assert_allclose(getattr(found, name)[:, :cut], getattr(plain, name)[:, :cut], atol=1e-12, err_msg=name)


def test_patients_together_read_like_patients_alone(histories, reader, dynamics) -> None:
    """To rounding: sums over patients' axes are taken in other orders."""
    own = late_beginners(histories)
    together = read(reader, dynamics, own)[0]
    for i in (0, 1, 7):
        alone = read(reader, dynamics, own.of(slice(i, i + 1)))[0]
        for name in Covariates._fields:
            assert_allclose(getattr(alone, name)[0], getattr(together, name)[i], rtol=1e-12, atol=1e-12)


def test_a_person_without_days_is_the_population_average(histories, reader, dynamics, clinical) -> None:
    found, ledger = read(reader, dynamics, late_beginners(histories))
    assert_array_equal(found.trigger[1], np.tile(USUAL.trigger, (histories.days, 1)))
    assert_allclose(found.baseline[1], np.tile(USUAL.trigger, (histories.days, 1)), rtol=1e-12)
    assert_allclose(found.latent[1], 0, atol=1e-15)
    assert_array_equal(ledger.spread[1], clinical.prior.hidden())
    assert ledger.days[1] == 0


def test_probabilities_are_probabilities_and_spreads_are_covariances(histories, reader, dynamics) -> None:
    found, _ = read(reader, dynamics, late_beginners(histories))
    for part in (found.trigger, found.baseline):
        assert part.min() >= 0
        assert part.max() <= 1
    assert_allclose(found.spread, np.swapaxes(found.spread, -1, -2), atol=1e-15)
    assert np.linalg.eigvalsh(found.spread).min() > 0


def test_missing_records_widen_the_load(histories, complete, reader, dynamics) -> None:
    """Variances with gaps are at least those without, which are what no record explains."""
    gaps, none = (np.diagonal(read(reader, dynamics, own)[0].spread, axis1=2, axis2=3) for own in (histories, complete))
    assert np.all(gaps >= none - 1e-15)
    assert (gaps > none + 1e-6).mean() > 0.1


def test_usual_shares_are_running_means(complete, reader, dynamics) -> None:
    found, ledger = read(reader, dynamics, complete)
    days = np.arange(1, complete.days + 1)[:, None]
    expected = (found.trigger.cumsum(axis=1) + USUAL_WEIGHT * USUAL.trigger) / (days + USUAL_WEIGHT)
    assert_allclose(found.baseline, expected, rtol=1e-12)
    baseline = usual_of(ledger)
    assert_allclose(baseline.trigger, found.trigger.mean(axis=(0, 1)), rtol=1e-12)
    eaten = complete.values[..., [POSITION[name] for name in ITEM_COLUMNS]]
    assert_allclose(baseline.diet, eaten.mean(axis=(0, 1)), rtol=1e-12)


def test_a_cycle_is_counted_on_through_days_without_an_entry(complete, reader, dynamics) -> None:
    """The hormonal load of a woman whose diary rests for a week is that of 28-day cycles."""
    place, axis = POSITION["cycle_day"], AXES.index("hormonal")
    reported = complete.values[..., place]
    # Patients whose recorded cycle goes on by one from day 20 to day 27.
    steady = np.flatnonzero((np.diff(reported[:, 19:28], axis=1) == 1).all(axis=1) & (reported[:, 27] <= 28))
    assert len(steady) > 0
    rests = np.zeros(complete.diary.shape, dtype=bool)
    rests[:, 20:27] = True
    paused = read(reader, dynamics, without(complete, rests, np.zeros_like(rests)))[0]
    plain = read(reader, dynamics, complete)[0]
    assert_allclose(paused.latent[steady, :, axis], plain.latent[steady, :, axis], atol=1e-12)


def test_missing_weather_counts_as_average_not_calm(complete, reader, dynamics) -> None:
    """Without weather the load and the falls of pressure are the usual ones, as no score of 0 is."""
    place = [POSITION[name] for name in ("temperature", "humidity", "pressure", "pressure_change_24h")]
    present = complete.present.copy()
    present[..., place] = False
    with_it, ledger = read(reader, dynamics, complete)
    own = replace(reader, baseline=usual_of(ledger))
    without_it, _ = read(own, dynamics, replace(complete, present=present))
    assert abs(without_it.latent[:, 30:, 3].mean()) < 0.05
    assert_allclose(without_it.trigger[..., 0], without_it.baseline[..., 0], atol=1e-12)
    assert set(np.unique(with_it.trigger[..., 0])) == {0.0, 1.0}
