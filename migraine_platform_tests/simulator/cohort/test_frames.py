"""Arrays as rows: the times of attacks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from migraine_platform.simulator.cohort.frames import attack_frame
from migraine_platform.simulator.generative.treatment import UNTREATED

BURN_IN, DAYS = 3, 400


def attacks_at(hours: list[float]) -> pl.DataFrame:
    """One attack a day, its headache beginning at these hours of the days after the burn-in."""
    shape = (1, BURN_IN + len(hours))
    days = SimpleNamespace(
        attack=np.zeros(shape, dtype=bool),
        **{name: np.zeros(shape) for name in ("start", "aura", "prodrome", "severity", "postdrome")},
        duration=np.full(shape, 5.0),
        drug=np.full(shape, UNTREATED),
    )
    for place, hour in enumerate(hours, start=BURN_IN):
        days.attack[0, place] = True
        days.start[0, place] = 24 * place + hour
    dates = np.datetime64("2024-01-01") + np.arange(shape[1])
    calendar = SimpleNamespace(burn_in=BURN_IN, dates=lambda: dates)
    return attack_frame(days, SimpleNamespace(ids=["P0001"]), calendar, ["triptan"])


@given(st.lists(st.floats(0, 24, exclude_max=True), min_size=1, max_size=DAYS))
@example([23 + 3599.6 / 3600])
@example([0.0] * 300 + [float(np.nextafter(24, 0))])
def test_an_attack_lies_on_the_day_of_its_onset(hours: list[float]) -> None:
    """Also one in the last half second of a day, and one whose hour the sum rounds to midnight."""
    found = attacks_at(hours).sort("attack_id")
    first = pl.date(2024, 1, 1).dt.offset_by(f"{BURN_IN}d")
    days = found.select(pl.col("headache_start").dt.date() - first).to_series().dt.total_days()
    assert days.to_list() == found["attack_id"].to_list() == list(range(len(hours)))
