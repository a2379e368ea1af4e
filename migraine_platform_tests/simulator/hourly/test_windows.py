from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from migraine_platform.config.simulator.hours import DAY_FACTS, DIET_ITEMS, QUESTIONS
from migraine_platform.simulator.generative.dynamics import LatentDynamics
from migraine_platform.simulator.generative.profiles import draw_patients
from migraine_platform.simulator.hourly.bank import HISTORY_DAYS, SCORING, TRAINING, fill_bank
from migraine_platform.simulator.hourly.windows import HourlyChannels, WindowSimulator, answer_names, askable, card_of


@pytest.fixture(scope="module")
def bank(simulator):
    return fill_bank(simulator, TRAINING, 400)


@pytest.fixture(scope="module")
def windows_of(settings, simulator, bank):
    daily = LatentDynamics.daily(settings.simulator.latent)
    return WindowSimulator(settings.hours, daily, simulator.parameters.course, bank)


def test_a_bank_holds_every_day_that_has_a_history_and_a_tomorrow(simulator, bank) -> None:
    assert bank.size == 400 * (simulator.calendar.days - 1 - HISTORY_DAYS)
    assert all(len(column) == bank.size for column in bank)


def test_banks_share_nobody_with_each_other_or_a_cohort(settings, simulator) -> None:
    groups = [
        draw_patients(np.arange(first, first + 50), settings.simulator).susceptibility
        for first in (0, TRAINING, SCORING)
    ]
    assert len(np.unique(np.concatenate(groups).round(12), axis=0)) == 150


def test_a_day_of_the_bank_leads_to_the_next_as_the_latent_process_says(settings, simulator, bank) -> None:
    """Z[t+1] - A Z[t] - B u[t] is noise of covariance Q; 99.9 % bounds of variances and means."""
    kept = simulator.calendar.days - 1 - HISTORY_DAYS
    z = bank.z.reshape(400, kept, 4)
    drive = bank.drive.reshape(400, kept, 4)
    daily = LatentDynamics.daily(settings.simulator.latent)
    eta = (z[:, 1:] - z[:, :-1] @ daily.A.T - drive[:, :-1]).reshape(-1, 4)
    error = 3.3 * np.sqrt(2 / len(eta)) * np.diag(daily.Q)
    assert np.abs(eta.var(axis=0) - np.diag(daily.Q)).max() < error.max()
    assert np.abs(eta.mean(axis=0)).max() < 3.3 * 0.1 / np.sqrt(len(eta))


def test_hours_have_the_days_mean_and_covariance(settings, windows_of, bank) -> None:
    """24 hourly steps from one day of the bank against A z + B u and Q, at 3.3 standard errors (0.1 % each)."""
    daily = LatentDynamics.daily(settings.simulator.latent)
    rng, draws = np.random.default_rng(0), 20_000
    ends = windows_of.refine(rng, np.full(draws, 17), 24).z
    mean = daily.A @ bank.z[17] + bank.drive[17]
    sd = np.sqrt(np.diag(daily.Q))
    assert np.abs(ends.mean(axis=0) - mean).max() < 3.3 * sd.max() / np.sqrt(draws)
    assert np.abs(np.cov(ends.T) - daily.Q).max() < 3.3 * np.sqrt(2 / draws) * sd.max() ** 2


def test_tomorrows_probability_matches_the_trajectories(simulator, windows_of, bank) -> None:
    """Mean probability of windows against the realised share of migraine days, day after day of the bank."""
    rng = np.random.default_rng(1)
    p = windows_of.refine(rng, np.arange(bank.size), 24).probability.mean()
    trajectories = simulator.trajectories(draw_patients(np.arange(TRAINING, TRAINING + 400), simulator.settings))
    realised = trajectories.days.flag("has_migraine")[:, HISTORY_DAYS + 1 :]
    by_patient = realised.mean(axis=1)
    assert abs(p - realised.mean()) < 3.3 * by_patient.std() / np.sqrt(bank.size / 2)


def test_the_same_seed_draws_the_same_windows(windows_of) -> None:
    one, other = (windows_of.draw(np.random.default_rng(5), 30) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@examples(max_examples=20)
@given(now=st.integers(8, 24), seed=st.integers(0, 10_000))
def test_only_waking_hours_that_are_over_and_recalled_can_be_asked(settings, windows_of, now: int, seed: int) -> None:
    windows = windows_of.draw(np.random.default_rng(seed), 20, now=now)
    open_ = askable(settings.hours, windows)
    hours = np.arange(24)[:, None]
    recall = np.array([settings.hours.recall_hours[question] for question in QUESTIONS])
    allowed = (hours + 1 <= now) & (now - hours - 1 < recall)
    assert not (open_ & ~allowed).any()
    assert not (open_ & ~windows.awake[:, :, None]).any()
    assert (open_ == (allowed & windows.awake[:, :, None])).all()


def test_an_answer_reveals_the_loads_of_its_channel(settings, windows_of) -> None:
    """Regressing the last hour's reading on Z at its end gives the configured loads (z < 4)."""
    windows = windows_of.draw(np.random.default_rng(2), 20_000, now=24)
    channels = HourlyChannels.of(settings.hours)
    for place, c in enumerate(channels.prompted):
        y = windows.answers[:, -1, place]
        x = np.column_stack([windows.z, np.ones(len(y))])
        fitted, (residual,), _, _ = np.linalg.lstsq(x, y, rcond=None)
        variance = residual / (len(y) - 5)
        error = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * variance)
        assert (np.abs(fitted[:4] - channels.loads[c]) < 4 * error[:4]).all()
        assert variance == pytest.approx(channels.noise[c] ** 2 + channels.offset[c] ** 2, rel=0.05)


def test_diet_is_told_only_if_it_was_taken(settings, windows_of, bank) -> None:
    windows = windows_of.draw(np.random.default_rng(3), 5_000, now=24)
    names = [name for name, _ in answer_names(settings.hours)]
    for k, item in enumerate(DIET_ITEMS):
        reported = windows.answers[:, :, names.index(item)].max(axis=1) > 0
        taken = bank.diet[windows.row, k]
        assert not (reported & ~taken).any()
        assert reported[taken].mean() == pytest.approx(settings.hours.intake.remembered, abs=0.02)


def test_facts_are_told_with_one_error_all_day(settings, windows_of) -> None:
    windows = windows_of.draw(np.random.default_rng(4), 500, now=24)
    names = [name for name, _ in answer_names(settings.hours)]
    for fact in DAY_FACTS:
        reported = windows.answers[:, :, names.index(fact)]
        assert (reported == reported[:, :1]).all()


def test_a_card_counts_today_only_once_its_headache_has_begun(bank) -> None:
    begun = (bank.start >= 10) & (bank.start < 20) & ~bank.carried_over
    assert begun.any()
    morning, evening = card_of(bank.take(np.flatnonzero(begun)), 9), card_of(bank.take(np.flatnonzero(begun)), 20)
    assert (evening[:, 1] == 0).all()
    assert (morning[:, 1] > 0).all()
    assert (evening[:, 0] >= morning[:, 0]).all()
