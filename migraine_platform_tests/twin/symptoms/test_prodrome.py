from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.twin.symptoms.prodrome import FALSE_ALARM, SignDiary, SignsError, fit_signs

NAMES = ("rmssd", "skin_temperature", "stress_level")
PERSONS, COHORTS = 1000, 60


def expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def autoregressive(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """[P, K, S] standard, lag-1 correlation 0.5."""
    z = rng.normal(size=shape)
    for day in range(1, shape[1]):
        z[:, day] = 0.5 * z[:, day - 1] + np.sqrt(0.75) * z[:, day]
    return z


def drawn(rng: np.random.Generator, persons: int, days: int, effect: np.ndarray, lag: int, flag_effect: np.ndarray):
    """Diaries of persons whose onsets answer to NAMES[1] so many days before, and to the same day's prodrome.

    Two in three attacks begin before the evening of their day; a migraine follows another more often, as attacks go on
    and come in series; the wearable answers to pain; a fifth of everything is missing.
    """
    z = autoregressive(rng, (persons, days, len(NAMES)))
    base = rng.normal(-1.8, 0.7, persons)
    prodrome = rng.random((persons, days)) < 0.08
    onset, migraine, early = np.zeros((3, persons, days), dtype=bool)
    for day in range(days):
        before = migraine[:, day - 1] if day else np.zeros(persons, dtype=bool)
        sign = z[:, day - lag, 1] if day >= lag else np.zeros(persons)
        logit = base + 0.5 * before + effect * sign + flag_effect * prodrome[:, day]
        onset[:, day] = rng.random(persons) < expit(logit)
        early[:, day] = onset[:, day] & ((rng.random(persons) < 2 / 3) | prodrome[:, day])
        goes_on = before & (rng.random(persons) < 0.3)
        migraine[:, day] = onset[:, day] | goes_on
        early[:, day] |= goes_on
        z[:, day] += 0.8 * early[:, day, None]
    entry, seen = rng.random((persons, days)) < 0.8, rng.random(z.shape) < 0.8
    diary = SignDiary(entry, *(flags & entry for flags in (onset, migraine, early)))
    return diary, prodrome & entry & ~(migraine & ~onset), np.where(seen, z, 0), seen


def test_where_nothing_announces_nothing_is_announced_but_once_in_twenty_cohorts() -> None:
    """Cohorts with any announcement among 12 signs and lags of 40 patients; false alarm of the test 6e-5."""
    from scipy.stats import binom

    rng, none = np.random.default_rng(1), np.zeros(40)
    alarms = [fit_signs(*drawn(rng, 40, 90, none, 1, none), names=NAMES).announces.any() for _ in range(COHORTS)]
    assert sum(alarms) <= binom.ppf(1 - 6e-5, COHORTS, FALSE_ALARM)


@pytest.fixture(scope="module")
def planted():
    rng, none = np.random.default_rng(2), np.zeros(PERSONS)
    effect, flag = rng.normal(0.9, 0.3, PERSONS), rng.normal(2.5, 0.6, PERSONS)
    number = fit_signs(*drawn(rng, PERSONS, 120, effect, 1, none), names=NAMES)
    return effect, number, flag, fit_signs(*drawn(rng, PERSONS, 120, none, 1, flag), names=NAMES)


def test_a_planted_sign_is_found_with_its_lag_and_no_other(planted) -> None:
    """Signs persist (0.5 from day to day), so that the neighbouring lags of a planted one may announce too."""
    _, number, _, flag = planted
    assert number.announces[:, 2, 1].mean() > 0.6
    assert not number.announces[:, [0, 1, 3]].any()
    assert np.mean(number.probability_positive[:, 2, 1] > 0.95) > 0.9
    assert_allclose(number.lead_days[:, 2], 1, atol=0.5)
    assert flag.announces[:, 0, 0].mean() > 0.8
    assert not flag.announces[:, 1:].any()
    assert not flag.announces[:, 0, 1:].any()
    assert np.median(flag.lead_days[:, 0]) < 0.3


def test_personal_effects_are_recovered_and_their_intervals_hold_nine_in_ten(planted) -> None:
    """Shares move together with the estimated sd between persons, 8 % and 15 % here: by 0.02 and 0.05 of coverage.

    A mean over persons has a standard error of 0.02 for the number, and 0.04 for the flag. The logistic likelihood is
    biased away from zero by its intercepts, two for a person of 60 days: by a tenth.
    """
    effect, number, flag_effect, flag = planted
    for truth, signs, place, lag, error in ((effect, number, 2, 1, 0.09 / 4 + 0.02), (flag_effect, flag, 0, 0, 0.04)):
        found, (lower, upper) = signs.log_odds[:, place, lag], signs.interval
        assert abs(found.mean() - truth.mean()) < 4 * error
        held = (lower[:, place, lag] < truth) & (truth < upper[:, place, lag])
        assert 0.8 < held.mean() < 0.97
        assert np.corrcoef(found, truth)[0, 1] > 0.3


def test_patients_whose_sign_announces_are_found_among_those_whose_does_not() -> None:
    rng = np.random.default_rng(3)
    effect = np.where(np.arange(100) < 30, 2.0, 0.0)
    signs = fit_signs(*drawn(rng, 100, 180, effect, 1, np.zeros(100)), names=NAMES)
    assert signs.announces[:30, 2, 1].mean() > 0.5
    assert signs.announces[30:, 2, 1].mean() < 0.05


def test_the_last_day_is_read_by_its_evening_only() -> None:
    rng = np.random.default_rng(4)
    diary, *rest = drawn(rng, 50, 60, np.zeros(50), 1, np.zeros(50))
    onset, migraine = diary.onset.copy(), diary.migraine.copy()
    onset[:, -1], migraine[:, -1] = ~onset[:, -1], ~migraine[:, -1]
    changed = diary._replace(onset=onset, migraine=migraine)
    ours, theirs = (fit_signs(one, *rest, names=NAMES) for one in (changed, diary))
    assert_array_equal(ours.log_odds, theirs.log_odds)


def test_a_patient_without_entries_has_the_population_s_effects_and_more_doubt() -> None:
    rng = np.random.default_rng(5)
    diary, prodrome, z, seen = drawn(rng, 80, 90, np.full(80, 0.8), 1, np.full(80, 2.0))
    for array in (*diary, prodrome, seen):
        array[0] = False
    signs = fit_signs(diary, prodrome, z, seen, NAMES)
    assert np.isfinite(signs.log_odds).all()
    assert np.all(signs.sd[0] > np.median(signs.sd[1:], axis=0))
    assert abs(signs.log_odds[0, 2, 1] - signs.log_odds[1:, 2, 1].mean()) < 0.1


@pytest.mark.parametrize("days", [1, 2, 3, 20])
def test_empty_diaries_announce_nothing(days: int) -> None:
    nothing = np.zeros((2, days), dtype=bool)
    z = np.zeros((2, days, 3))
    signs = fit_signs(SignDiary(nothing, nothing, nothing, nothing), nothing, z, z > 0, NAMES)
    assert not signs.announces.any()
    assert np.isfinite(signs.lead_days).all()
    assert np.isfinite(signs.sd).all()


def test_signs_of_another_shape_are_refused() -> None:
    nothing = np.zeros((2, 5), dtype=bool)
    z = np.zeros((2, 5, 2))
    with pytest.raises(SignsError, match=r"expected patients x days x signs, \(2, 5, 3\)"):
        fit_signs(SignDiary(nothing, nothing, nothing, nothing), nothing, z, z > 0, NAMES)
