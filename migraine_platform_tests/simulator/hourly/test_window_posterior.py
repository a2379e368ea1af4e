from __future__ import annotations

import numpy as np
import pytest

from migraine_platform.config.simulator.hours import DAY_FACTS
from migraine_platform.simulator.generative.dynamics import LatentDynamics, to_hourly
from migraine_platform.simulator.hourly.bank import REFERENCE, SCORING, fill_bank, sign_hours
from migraine_platform.simulator.hourly.linear_day import GaussianDay, LinearDay, standard_facts
from migraine_platform.simulator.hourly.window_posterior import BankPosterior
from migraine_platform.simulator.hourly.windows import WindowSimulator, card_of


@pytest.fixture(scope="module")
def daily(settings):
    return LatentDynamics.daily(settings.simulator.latent)


@pytest.fixture(scope="module")
def scored(settings, simulator, daily):
    bank = fill_bank(simulator, SCORING, 200)
    source = WindowSimulator(settings.hours, daily, simulator.parameters.course, bank)
    return bank, source.draw(np.random.default_rng(0), 400, complete=True)


def test_the_matrix_smoother_is_a_kalman_filter(settings, daily, scored) -> None:
    """The end of the day given all readings, against a filter that goes hour by hour (offsets in its state)."""
    bank, windows = scored
    day = GaussianDay(settings.hours, daily, bank)
    known = np.zeros(len(day.mean), dtype=bool)
    known[: day.readings] = True
    mean, covariance = day.end_of_day(day.vector(windows), known)
    channels, hourly = day.day.channels, to_hourly(LatentDynamics(daily.A, np.eye(4), daily.Q))
    states = np.hstack([bank.z, bank.drive])
    count = len(channels.names)
    # State: Z, the day's drive, the offsets of the channels.
    m = np.concatenate([states.mean(axis=0), np.zeros(count)])
    P = np.zeros((8 + count, 8 + count))
    P[:8, :8] = np.cov(states, rowvar=False)
    P[8:, 8:] = np.diag(channels.offset**2)
    F = np.eye(8 + count)
    F[:4, :4], F[:4, 4:8] = hourly.A, hourly.B
    Q = np.zeros_like(P)
    Q[:4, :4] = hourly.Q
    H = np.hstack([channels.loads, np.zeros((count, 4)), np.eye(count)])
    R = np.diag(channels.noise**2)
    readings = day.day.stacked(windows)[0].reshape(24, count)
    for y in readings:
        m, P = F @ m, F @ P @ F.T + Q
        gain = np.linalg.solve(H @ P @ H.T + R, H @ P).T
        m, P = m + gain @ (y - H @ m), P - gain @ H @ P
    np.testing.assert_allclose(mean[0], m[:4], atol=1e-8)
    np.testing.assert_allclose(covariance, P[:4, :4], atol=1e-8)


def test_given_predicts_readings_that_were_hidden(settings, daily, scored) -> None:
    """Standardised errors of hidden readings have variance 1 (false alarm 0.1 %)."""
    bank, windows = scored
    day = GaussianDay(settings.hours, daily, bank)
    known = np.zeros(len(day.mean), dtype=bool)
    known[: day.readings : 3] = True
    vector = day.vector(windows)
    hidden = np.flatnonzero(~known)[: day.readings // 2]
    z = []
    for row in range(100):
        mean, covariance = day.given(vector[row], known)
        z.append((vector[row, hidden] - mean[hidden]) / np.sqrt(np.diag(covariance)[hidden]))
    by_window = (np.array(z) ** 2).mean(axis=1)
    assert abs(by_window.mean() - 1) < 3.3 * by_window.std() / 10


def test_the_bank_is_bayes_rule(settings, simulator, daily) -> None:
    """Where a bank holds a handful of days, its weights are prior times likelihood, spelled out."""
    bank = fill_bank(simulator, REFERENCE, 30)
    source = WindowSimulator(settings.hours, daily, simulator.parameters.course, bank)
    windows = source.draw(np.random.default_rng(1), 5, complete=True)
    found = BankPosterior(settings.hours, daily, bank).infer(windows)
    linear = LinearDay(settings.hours, daily)
    M, S = linear.readings
    precision = np.linalg.inv(S)
    standard, cards, signs = standard_facts(settings.hours, bank), card_of(bank, 24), sign_hours(bank)
    prompted = len(linear.channels.prompted)
    for i in range(5):
        y = linear.stacked(windows)[i]
        reported = windows.answers[i, -1, prompted : prompted + 3]
        taken = windows.answers[i, :, prompted + 3 : prompted + 6].max(axis=0) > 0
        log_weight = np.full(bank.size, -np.inf)
        for d in np.flatnonzero((cards == windows.card[i]).all(axis=1)):
            off = y - M @ np.concatenate([bank.z[d], bank.drive[d]])
            total = -0.5 * off @ precision @ off
            for k, name in enumerate(DAY_FACTS):
                total -= 0.5 * ((reported[k] - standard[d, k]) / settings.hours.facts[name].error) ** 2
            sleep = standard[d, DAY_FACTS.index("sleep_hours")]
            total -= 0.5 * ((windows.slept[i] - sleep) / settings.hours.device.sleep_error) ** 2
            share = np.where(bank.diet[d], settings.hours.intake.remembered, 0.0)
            with np.errstate(divide="ignore"):
                total += np.log(np.where(taken, share, 1 - share)).sum()
            alike = (cards == windows.card[i]).all(axis=1) & (bank.announced == bank.announced[d])
            during = np.where(signs[alike], settings.hours.signs.during, settings.hours.signs.otherwise)
            total += np.log(np.where(windows.answers[i, :, -1] > 0, during, 1 - during).prod(axis=1).mean())
            log_weight[d] = total
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        np.testing.assert_allclose(found.susceptibility[i], weight @ bank.susceptibility, atol=1e-3)


@pytest.mark.slow
def test_the_bayes_predictor_beats_the_card_alone(settings, simulator, daily, scored) -> None:
    """Expected log loss, paired by window; and its latent posterior covers the truth (90 %: 87-93)."""
    from migraine_platform.forecast_scores import log_loss

    bank, windows = scored
    found = BankPosterior(settings.hours, daily, fill_bank(simulator, REFERENCE, 60_000)).infer(windows)
    by_card = np.array([windows.probability[windows.card[:, 0] == count].mean() for count in range(6)])
    card = log_loss(by_card[windows.card[:, 0]], windows.probability)
    gained = card - log_loss(found.probability, windows.probability)
    assert gained.mean() > 3.3 * gained.std() / np.sqrt(len(gained))
    announced = bank.announced[windows.row]
    reported, true = (p[announced].mean() for p in (found.probability, windows.probability))
    assert true > 0.6
    assert reported > windows.probability.mean() + 0.7 * (true - windows.probability.mean())  # signs are heard
    inside = np.abs(windows.z - found.mean) < 1.645 * found.sd
    assert 0.87 < inside.mean() < 0.93


def test_windows_that_are_not_complete_are_refused(settings, simulator, daily, scored) -> None:
    bank, windows = scored
    posterior = BankPosterior(settings.hours, daily, bank)
    with pytest.raises(ValueError, match="expected complete windows"):
        posterior.infer(windows._replace(now=np.full_like(windows.now, 20)))
