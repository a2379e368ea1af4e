"""What is known of an evening: recorded by then, and nothing later."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from migraine_platform.domain.events import EVENTS
from migraine_platform.evaluation.forecasts.origins import LONGEST, RECENT, ForecastOrigins, evenings, trigger_flags
from migraine_platform.priors.vocabulary import TRIGGER_FLAGS
from migraine_platform.twin.core.twins import PRIOR_DAYS
from migraine_platform.twin.data.features import COLUMNS
from migraine_platform.warehouse import tables

BASE = 0.25
MIGRAINE, TONIGHT = EVENTS.index("has_migraine"), EVENTS.index("migraine_by_evening")


@pytest.fixture(scope="module")
def flags(cohort):
    days = cohort.read(tables.MeasuredDays).select("patient_id", "date", *TRIGGER_FLAGS)
    return trigger_flags(days, cohort.histories)


@pytest.fixture(scope="module")
def known(cohort, flags) -> ForecastOrigins:
    return evenings(cohort.histories, flags, BASE)


def column(known: ForecastOrigins, name: str) -> np.ndarray:
    return known.values[..., known.names.index(name)]


def test_recorded_values_are_there_and_others_are_not(cohort, known):
    for k, name in enumerate(COLUMNS):
        present = cohort.histories.present[..., k]
        assert np.array_equal(np.isfinite(column(known, name)), present)
        assert np.array_equal(column(known, name)[present], cohort.histories.values[..., k][present])


@pytest.mark.parametrize("evening", [0, 1, 8, 20])
def test_no_later_day_and_no_later_hour_is_known(cohort, flags, known, evening):
    """Everything after the evening is changed, and what only the next evening tells of today: nothing known changes."""
    histories = cohort.histories
    events = histories.events.copy()
    events[:, evening + 1 :] = ~events[:, evening + 1 :]
    events[:, evening, MIGRAINE] = ~events[:, evening, MIGRAINE]
    values = histories.values.copy()
    values[:, evening + 1 :] += 1.0
    diary = histories.diary.copy()
    diary[:, evening + 1 :] = ~diary[:, evening + 1 :]
    later = flags.copy()
    later[:, evening + 1 :] = 1.0
    changed = evenings(replace(histories, events=events, values=values, diary=diary), later, BASE)
    assert np.array_equal(changed.values[:, : evening + 1], known.values[:, : evening + 1], equal_nan=True)
    assert np.array_equal(changed.climatology[:, : evening + 1], known.climatology[:, : evening + 1])


def test_own_share_and_recent_weeks_are_what_counting_day_by_day_gives(cohort, known):
    histories = cohort.histories
    for row in range(0, histories.count, 11):
        for evening in (0, 6, 7, 27, 28, histories.days - 1):
            ill = histories.events[row, : evening + 1, MIGRAINE] & histories.diary[row, : evening + 1]
            ill[evening] = histories.events[row, evening, TONIGHT] & histories.diary[row, evening]
            wrote = histories.diary[row, : evening + 1]
            own = (ill.sum() + PRIOR_DAYS * BASE) / (wrote.sum() + PRIOR_DAYS)
            assert known.climatology[row, evening] == pytest.approx(own)
            for days in RECENT:
                last = slice(max(0, evening + 1 - days), evening + 1)
                wanted = ill[last].sum() / wrote[last].sum() if wrote[last].any() else own
                assert column(known, f"share of the last {days} days")[row, evening] == pytest.approx(wanted)
            since = evening - np.flatnonzero(ill)[-1] if ill.any() else LONGEST
            assert column(known, "days since migraine")[row, evening] == min(since, LONGEST)


def test_triggers_stand_on_their_patients_days(cohort, flags):
    days = cohort.read(tables.MeasuredDays)
    shuffled = days.sample(fraction=1.0, shuffle=True, seed=3).select("patient_id", "date", *TRIGGER_FLAGS)
    assert np.array_equal(trigger_flags(shuffled, cohort.histories), flags, equal_nan=True)
    patient = cohort.histories.patient_ids[7]
    wanted = days.filter(pl.col("patient_id") == patient).sort("date")["stress_trigger"].cast(pl.Float64).to_numpy()
    assert np.array_equal(flags[7, :, TRIGGER_FLAGS.index("stress_trigger")], wanted, equal_nan=True)
