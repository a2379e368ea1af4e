"""Which day it is in the patients' lives: the cohort began on a configured day, and lives on by a day a night.

    last day of a night = last day of the last night + nights between them

A night that is run again is the same day; a week that was missed is seven days at once. The patients' day never goes
back; the night may be set back, if it was dated too late. The file is written after the cohort has lived the days.
Belongs here: that rule, and the file that remembers. Does not: when nights are (the orchestrator's schedule).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from migraine_platform.config import Settings, resized
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import Places, replace_file

MOST_NIGHTS = 31
"""That may have passed since the last one; more of them are a machine that was off for long, or a mistaken date."""


class ClockError(UserError):
    """A clock that cannot be read, or a night that it does not allow."""


RECOVER = "`migraine clock --recover` makes it anew from the days in the lake"


@dataclass(frozen=True)
class Clock:
    """The last night that was lived."""

    night: date
    last_date: date
    """The last day that the cohort lived then."""

    def on(self, night: date) -> Clock:
        """The clock of that night."""
        passed = max(0, (night - self.night).days)
        return Clock(max(night, self.night), self.last_date + timedelta(days=passed))


def read_clock(places: Places, settings: Settings) -> Clock | None:
    """The clock of this cohort; None if it has not lived yet.

    Raises:
        ClockError: if the file is damaged.
    """
    known = _read(places)
    if _cohort(settings) not in known:
        return None
    found = known[_cohort(settings)]
    try:
        return Clock(*(date.fromisoformat(found[name]) for name in ("night", "last_date")))
    except (KeyError, TypeError, ValueError):
        raise ClockError(
            f"{places.clock.name}: no clock of {_cohort(settings)}; expected night and last_date; {RECOVER}"
        ) from None


def write_clock(places: Places, settings: Settings, clock: Clock) -> None:
    """Remember the night; other cohorts' clocks stay."""
    told = {"night": clock.night.isoformat(), "last_date": clock.last_date.isoformat()}
    content = json.dumps({**_read(places), _cohort(settings): told}, indent=1, sort_keys=True)
    replace_file(places.clock, content.encode())


def tonight(places: Places, settings: Settings, night: date | None) -> Clock:
    """The clock that a run goes by.

    Args:
        settings: as configured.
        night: of the run; None for a run that is no night: it works on the last one's day.
    """
    configured = settings.simulator.cohort.last_date
    known = read_clock(places, settings)
    if known is None:
        return Clock(night or today(settings), configured)
    clock = known if night is None else known.on(night)
    return Clock(clock.night, max(clock.last_date, configured))


def demand_next(known: Clock | None, night: date, now: date, ahead: bool) -> None:
    """Refuse a night that is over, or that nobody can have meant.

    Args:
        known: the clock so far.
        now: the calendar's day.
        ahead: somebody did mean it.

    Raises:
        ClockError: if the night is before the last one; or if it is later than today, or many nights after the last.
    """
    if known is not None and night < known.night:
        raise ClockError(
            f"{night} is before the last night, {known.night}; there is nothing to live until "
            f"{known.night + timedelta(days=1)} (`migraine clock --set-back {night}` if that one was dated too late)"
        )
    if ahead:
        return
    if night > now:
        raise ClockError(f"{night} is later than today, {now}; `--ahead` lives the days until then all the same")
    passed = (night - known.night).days if known is not None else 0
    if passed > MOST_NIGHTS:
        raise ClockError(
            f"{night} is {passed} nights after the last one, {known.night if known else night}, and more than "
            f"{MOST_NIGHTS} are not lived unasked; `migraine night --ahead` lives them at once"
        )


def demand_nothing_updated(configured: date, updated_until: date | None) -> None:
    """Refuse to begin a life that has been lived further: its clock was lost.

    Args:
        configured: the first night's last day.
        updated_until: the last day in the lake; None if there is none.

    Raises:
        ClockError: if that is later.
    """
    if updated_until is not None and updated_until > configured:
        raise ClockError(
            f"there is no clock, but the lake has days until {updated_until}, later than {configured}; {RECOVER}"
        )


def set_back(places: Places, settings: Settings, night: date) -> Clock:
    """Call the last night another one, before it, so that the nights after that are lived again a day each.

    The patients' day stays: twins and audit trail have lived it.

    Raises:
        ClockError: if there was no night yet, or the day is not before the last one.
    """
    known = read_clock(places, settings)
    if known is None:
        raise ClockError(f"{_cohort(settings)} has lived no night yet; there is nothing to set back")
    if night >= known.night:
        raise ClockError(f"{night} is not before the last night, {known.night}; expected an earlier day")
    clock = Clock(night, known.last_date)
    write_clock(places, settings, clock)
    return clock


def at(settings: Settings, clock: Clock) -> Settings:
    """The settings of a cohort that has lived until the clock's day."""
    cohort = settings.simulator.cohort
    return resized(settings, days=(clock.last_date - cohort.start_date).days + 1)


def today(settings: Settings) -> date:
    """The calendar's day in the configured zone."""
    return datetime.now(ZoneInfo(settings.platform.time_zone)).date()


def recover(places: Places, settings: Settings, last_date: date) -> Clock:
    """A clock in the place of one that is damaged or lost; other cohorts' clocks are lost with a damaged file.

    Args:
        last_date: the last day in the lake.
    """
    clock = Clock(today(settings), max(last_date, settings.simulator.cohort.last_date))
    try:
        _read(places)
    except ClockError:
        places.clock.unlink()
    write_clock(places, settings, clock)
    return clock


def _cohort(settings: Settings) -> str:
    return f"{settings.preset} from {settings.simulator.cohort.start_date}"


def _read(places: Places) -> dict[str, dict[str, str]]:
    try:
        content = json.loads(places.clock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ClockError(f"{places.clock.name}: not valid JSON; expected a clock by cohort; {RECOVER}") from None
    if not isinstance(content, dict):
        raise ClockError(f"{places.clock.name}: expected a clock by cohort; {RECOVER}")
    return content
