from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.operations.clock import (
    MOST_NIGHTS,
    Clock,
    ClockError,
    at,
    demand_next,
    demand_nothing_updated,
    read_clock,
    recover,
    set_back,
    today,
    tonight,
    write_clock,
)  # fmt: skip
from migraine_platform.warehouse.lake.places import Places

NIGHT = date(2026, 11, 21)
NIGHTS = st.dates(date(2020, 1, 1), date(2040, 1, 1))
CLOCKS = st.builds(Clock, NIGHTS, NIGHTS)


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path, "nowhere")


@given(CLOCKS, st.lists(NIGHTS, max_size=8))
def test_days_that_pass_are_the_nights_between_the_first_and_the_latest(clock: Clock, nights: list[date]) -> None:
    """However often a night is run, in whatever order; never back."""
    later, before = clock, clock
    for night in nights:
        before, later = later, later.on(night)
        assert later.night >= before.night
        assert later.last_date >= before.last_date
        assert later.on(night) == later
    latest = max([clock.night, *nights])
    assert later == Clock(latest, clock.last_date + (latest - clock.night))


@given(CLOCKS, st.lists(st.integers(0, 9), max_size=6))
def test_missed_nights_are_as_many_days_at_once(clock: Clock, gaps: list[int]) -> None:
    one_by_one, night = clock, clock.night
    for gap in gaps:
        night += timedelta(days=gap)
        one_by_one = one_by_one.on(night)
    assert one_by_one == clock.on(night)


@given(CLOCKS)
def test_a_clock_survives_being_kept(tmp_path_factory, settings, clock: Clock) -> None:
    places = Places(tmp_path_factory.mktemp("clock"), "nowhere")
    write_clock(places, settings, clock)
    assert read_clock(places, settings) == clock


def test_the_first_night_is_the_configured_last_day(places, settings) -> None:
    configured = settings.simulator.cohort.last_date
    assert read_clock(places, settings) is None
    assert tonight(places, settings, NIGHT) == Clock(NIGHT, configured)
    assert tonight(places, settings, None) == Clock(today(settings), configured)
    assert not places.clock.exists()


def test_a_run_that_is_no_night_works_on_the_last_one_s_day(places, settings) -> None:
    clock = Clock(NIGHT, settings.simulator.cohort.last_date + timedelta(days=9))
    write_clock(places, settings, clock)
    assert tonight(places, settings, None) == clock
    assert tonight(places, settings, NIGHT) == clock
    assert tonight(places, settings, NIGHT - timedelta(days=3)) == clock
    week = tonight(places, settings, NIGHT + timedelta(days=7))
    assert week == Clock(NIGHT + timedelta(days=7), clock.last_date + timedelta(days=7))
    assert read_clock(places, settings) == clock


def test_a_longer_configuration_takes_the_clock_along_and_a_shorter_one_does_not_take_it_back(places, settings) -> None:
    last = settings.simulator.cohort.last_date
    write_clock(places, settings, Clock(NIGHT, last))
    for days in (-5, 20):
        clock = Clock(NIGHT, last + timedelta(days=days))
        other = at(settings, clock)
        assert other.simulator.cohort.last_date == clock.last_date
        assert tonight(places, other, None).last_date == max(last, clock.last_date)


def test_settings_of_a_day_differ_in_nothing_else(settings) -> None:
    last = settings.simulator.cohort.last_date
    later = at(settings, Clock(NIGHT, last + timedelta(days=3)))
    assert later.simulator.cohort.days == settings.simulator.cohort.days + 3
    assert at(later, Clock(NIGHT, last)) == settings


def test_other_cohorts_clocks_stay(places, settings) -> None:
    """Those of other presets, and of the same one from another first day."""
    cohort = settings.simulator.cohort
    moved = cohort.model_copy(update={"start_date": cohort.start_date + timedelta(days=1)})
    others = [
        settings.model_copy(update={"preset": "large"}),
        settings.model_copy(update={"simulator": settings.simulator.model_copy(update={"cohort": moved})}),
    ]
    everybody = [settings, *others]
    for number, one in enumerate(everybody):
        assert read_clock(places, one) is None
        write_clock(places, one, Clock(NIGHT, NIGHT + timedelta(days=number)))
    write_clock(places, settings, Clock(NIGHT, NIGHT + timedelta(days=50)))
    found = [read_clock(places, one) for one in everybody]
    assert found == [Clock(NIGHT, NIGHT + timedelta(days=days)) for days in (50, 1, 2)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"night"', b"\xff\xfe", b'{"HERE": []}', b'{"HERE": {}}', b'{"HERE": "2026-11-21"}',
     b'{"HERE": {"night": "2026-11-21"}}', b'{"HERE": {"night": "2026-11-21", "last_date": "2024-02-31"}}',
     b'{"HERE": {"night": 20261121, "last_date": null}}'],
)  # fmt: skip
def test_a_damaged_clock_is_one_sentence(places, settings, content: bytes) -> None:
    """And no reason to begin a cohort's life again."""
    name = f"{settings.preset} from {settings.simulator.cohort.start_date}"
    places.clock.write_bytes(content.replace(b"HERE", name.encode()))
    with pytest.raises(ClockError, match=r"^clock\.json: [^\n]*$"):
        tonight(places, settings, NIGHT)


def test_a_damaged_clock_is_not_written_over(places, settings) -> None:
    places.clock.write_bytes(b"{")
    with pytest.raises(ClockError):
        write_clock(places, settings, Clock(NIGHT, NIGHT))
    assert places.clock.read_bytes() == b"{"


def test_a_night_that_is_over_is_refused_with_the_next_one() -> None:
    known = Clock(NIGHT, NIGHT)
    with pytest.raises(ClockError, match=r"2026-11-20 is before the last night, 2026-11-21; .* until 2026-11-22"):
        demand_next(known, NIGHT - timedelta(days=1), NIGHT, ahead=True)
    demand_next(known, NIGHT, NIGHT, ahead=False)


@pytest.mark.parametrize("known", [None, Clock(NIGHT, NIGHT)])
def test_a_night_to_come_must_be_meant(known: Clock | None) -> None:
    for night in (NIGHT + timedelta(days=1), date(2062, 11, 21)):
        with pytest.raises(ClockError, match=rf"{night} is later than today, {NIGHT}; `--ahead`"):
            demand_next(known, night, NIGHT, ahead=False)
        demand_next(known, night, NIGHT, ahead=True)


@given(NIGHTS, st.integers(0, 400))
def test_many_nights_at_once_must_be_meant(last: date, passed: int) -> None:
    night = last + timedelta(days=passed)
    if passed <= MOST_NIGHTS:
        demand_next(Clock(last, last), night, night, ahead=False)
        return
    with pytest.raises(ClockError, match=f"{passed} nights after the last one"):
        demand_next(Clock(last, last), night, night, ahead=False)
    demand_next(Clock(last, last), night, night, ahead=True)


def test_a_night_dated_too_late_is_set_back_and_the_patients_day_stays(places, settings) -> None:
    last = settings.simulator.cohort.last_date + timedelta(days=40)
    write_clock(places, settings, Clock(date(2062, 11, 21), last))
    assert set_back(places, settings, NIGHT) == Clock(NIGHT, last) == read_clock(places, settings)
    assert tonight(places, settings, NIGHT + timedelta(days=1)).last_date == last + timedelta(days=1)
    with pytest.raises(ClockError, match="not before the last night"):
        set_back(places, settings, NIGHT)


def test_before_the_first_night_there_is_nothing_to_set_back(places, settings) -> None:
    with pytest.raises(ClockError, match="no night yet"):
        set_back(places, settings, NIGHT)


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_damaged_clock_is_made_anew_from_the_lakes_last_day(places, settings, content: bytes) -> None:
    places.clock.write_bytes(content)
    last = settings.simulator.cohort.last_date + timedelta(days=9)
    with pytest.raises(ClockError, match="`migraine clock --recover`"):
        read_clock(places, settings)
    recover(places, settings, last)
    assert read_clock(places, settings) == Clock(today(settings), last)


def test_a_lost_clock_does_not_restart_a_simulated_cohort() -> None:
    demand_nothing_updated(date(2026, 1, 5), None)
    demand_nothing_updated(date(2026, 1, 5), date(2026, 1, 5))
    with pytest.raises(ClockError, match=r"the lake has days until 2026-01-06.*migraine clock --recover"):
        demand_nothing_updated(date(2026, 1, 5), date(2026, 1, 6))
