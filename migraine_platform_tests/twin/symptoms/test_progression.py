from __future__ import annotations

from datetime import date, datetime, timedelta
from time import process_time

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.data.features import COLUMNS
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.symptoms.phases import PHASES, with_recorded
from migraine_platform.twin.symptoms.progression import SIGNS, fit_symptoms

FIRST = date(2024, 1, 1)


def drawn(persons: int, days: int) -> tuple[Histories, pl.DataFrame, np.ndarray, np.ndarray]:
    """Persons with an attack a week of about ten hours, the last of whom has no entry; and their signs."""
    rng = np.random.default_rng(1)
    onset = rng.random((persons, days)) < 1 / 7
    diary = rng.random((persons, days)) < 0.7
    diary[-1] = False
    events = np.zeros((persons, days, len(EVENTS)), dtype=bool)
    early = onset & (rng.random(onset.shape) < 0.8)
    events[:, :, 0] = events[:, :, 1] = onset & diary
    events[:, :, 2] = early & diary
    events[:, :, 3] = ((onset & (rng.random(onset.shape) < 0.3)) | (rng.random(onset.shape) < 0.02)) & diary
    shape = (persons, days, len(COLUMNS))
    ids = tuple(f"P{number:04}" for number in range(persons))
    none = np.zeros(persons, dtype=np.int64)
    nothing = np.zeros(diary.shape, dtype=np.int64)
    histories = Histories(ids, FIRST, np.zeros(shape), np.zeros(shape, dtype=bool), diary, diary, events, none, nothing)
    who, when = np.nonzero(onset)
    start = np.array(24 * when + np.where(early[who, when], 9.0, 22.0))
    prodrome = rng.random(len(who)) < 0.3
    end = start + np.clip(rng.lognormal(2.3, 0.5, len(who)), 4, 20)
    midnight = datetime.combine(FIRST, datetime.min.time())
    moments = (start - 2 * prodrome, start, end, end + 6)
    names = ("onset_at", "headache_start", "headache_end", "postdrome_end")
    attacks = pl.DataFrame(
        {
            "patient_id": [ids[place] for place in who],
            **{
                name: [midnight + timedelta(hours=float(hour)) for hour in hours]
                for name, hours in zip(names, moments, strict=True)
            },
            "with_prodrome": prodrome,
            "with_aura": np.zeros(len(who), dtype=bool),
            "severity": rng.uniform(3, 10, len(who)),
            "treated": rng.random(len(who)) < 0.6,
        }
    )
    z = rng.normal(size=(persons, days, len(SIGNS)))
    return histories, attacks, z, rng.random(z.shape) < 0.9


@pytest.fixture(scope="module")
def small():
    return drawn(40, 60)


def test_every_patient_has_every_row_and_no_number_is_missing(small) -> None:
    histories, attacks, z, seen = small
    phases, times, signs = fit_symptoms(histories, attacks, z, seen).to_frames()
    assert phases.height == 40 * len(PHASES)
    assert times.height == 40
    assert signs.height == 40 * 7 * 3
    for frame in (phases, times, signs.drop("lead_hours")):
        assert frame.null_count().row(0) == (0,) * frame.width
        assert all(frame[name].is_finite().all() for name in frame.columns if frame[name].dtype == pl.Float64)
    assert phases["phase"].head(5).to_list() == list(PHASES)
    assert phases.filter((pl.col("low_hours") < pl.col("typical_hours")).not_()).is_empty()
    assert phases.filter((pl.col("typical_hours") < pl.col("high_hours")).not_()).is_empty()
    within = times.select("within_1_day", "within_2_days", "within_3_days", "within_7_days").to_numpy()
    assert np.all(np.diff(within, axis=1) >= 0)
    assert signs["sign"].unique(maintain_order=True).to_list() == ["prodrome", *SIGNS]
    assert signs.filter(pl.col("lead_hours").is_null() != (pl.col("sign") != "prodrome")).is_empty()


def test_rows_are_those_of_the_arrays(small) -> None:
    histories, attacks, z, seen = small
    fitted = fit_symptoms(histories, attacks, z, seen)
    phases, _, signs = fitted.to_frames()
    row = phases.row(
        by_predicate=(pl.col("patient_id") == "P0007") & (pl.col("phase") == "headache_treated"), named=True
    )
    assert row["attacks"] == fitted.phases.attacks[7, 3]
    assert row["typical_hours"] == fitted.phases.typical_hours[7, 3]
    own = (pl.col("patient_id") == "P0007") & (pl.col("sign") == "rmssd") & (pl.col("lag_days") == 2)
    row = signs.row(by_predicate=own, named=True)
    assert row["log_odds"] == fitted.signs.log_odds[7, 1, 2]
    assert row["upper"] == fitted.signs.interval[1][7, 1, 2]
    assert row["lead_days"] == fitted.signs.lead_days[7, 1]


def test_a_patient_without_entries_has_no_attacks_and_the_widest_intervals(small) -> None:
    histories, attacks, z, seen = small
    phases = fit_symptoms(histories, attacks, z, seen).to_frames().phases
    wide = phases.with_columns(width=(pl.col("high_hours") / pl.col("low_hours")).log())
    alone = wide.filter(pl.col("patient_id") == "P0039")
    assert alone["attacks"].to_list() == [0] * 5
    typical = wide.group_by("phase", maintain_order=True).agg(pl.col("width").median())
    assert np.all(alone["width"].to_numpy() >= typical["width"].to_numpy() - 1e-9)


def test_the_future_changes_nothing(small) -> None:
    """A shorter history with all attacks of the longer one is a shorter history with those begun by its evening."""
    histories, attacks, z, seen = small
    then = histories.until(40)
    now = datetime.combine(then.last, datetime.min.time()) + timedelta(hours=20)
    begun = attacks.filter(pl.col("headache_start") <= now).with_columns(
        headache_end=pl.when(pl.col("headache_end") <= now).then("headache_end"),
        postdrome_end=pl.when(pl.col("postdrome_end") <= now).then("postdrome_end"),
    )
    known = then.events.copy()
    known[:, -1, :2] = False  # the whole day's, which nobody knows at its evening
    blind = Histories(**{**vars(then), "events": known})
    past = z[:, :40], seen[:, :40]
    for one, other in zip(
        fit_symptoms(then, attacks, *past).to_frames(), fit_symptoms(blind, begun, *past).to_frames(), strict=True
    ):
        assert_frame_equal(one, other, check_exact=True)


def test_an_attack_is_recorded_by_an_entry_of_its_headache_s_day(small) -> None:
    histories, attacks, _, _ = small
    marked = with_recorded(attacks, histories)
    for patient, start, recorded in marked.select("patient_id", "headache_start", "recorded").head(200).iter_rows():
        assert recorded == histories.diary[int(patient[1:]), (start.date() - FIRST).days]
    outside = attacks.with_columns(pl.col("headache_start").dt.offset_by("1y"), patient_id=pl.lit("P9999"))
    assert not with_recorded(outside, histories)["recorded"].any()


@pytest.mark.slow
def test_a_thousand_patients_of_half_a_year_take_under_three_seconds() -> None:
    big = drawn(1000, 180)
    fit_symptoms(*drawn(20, 30))
    began = process_time()
    fit_symptoms(*big).to_frames()
    assert process_time() - began < 3
