"""How fresh every asset must be: what the night makes, by its deadline; all else, within a long window.

Dagster's freshness daemon judges the same policies for its own pages; the health page judges them itself, so that it is
right where no daemon runs.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.definitions.freshness import CronFreshnessPolicy, TimeWindowFreshnessPolicy
from dagster._utils.schedules import get_latest_completed_cron_tick

from migraine_platform.config import Settings
from migraine_platform.operations.facts import Freshness

SLACK_HOURS = 1
"""A night of the change of clocks is an hour longer than its schedule says."""


def fresh(settings: Settings) -> dg.FreshnessPolicy:
    """What the night makes must be made between the nightly schedule's time and `night_hours` later.

    A schedule that is not at one time of the day, or whose deadline falls on another day than its days say, is judged
    as what is made seldom.
    """
    hours = settings.operations.freshness.night_hours
    deadline = _later(settings.platform.nightly_cron, hours)
    if deadline is None:
        return seldom(settings)
    return dg.FreshnessPolicy.cron(deadline, timedelta(hours=hours + SLACK_HOURS), settings.platform.time_zone)


def weekly(settings: Settings) -> dg.FreshnessPolicy:
    """What is made every week may be `weekly_days` old: a day more than a week, for the run itself."""
    return dg.FreshnessPolicy.time_window(timedelta(days=settings.operations.freshness.weekly_days))


def seldom(settings: Settings) -> dg.FreshnessPolicy:
    """What no night makes may be `seldom_days` old."""
    return dg.FreshnessPolicy.time_window(timedelta(days=settings.operations.freshness.seldom_days))


def with_freshness(
    assets: Iterable[dg.AssetsDefinition], settings: Settings, nightly: set[str], weeklies: set[str]
) -> list[dg.AssetsDefinition]:
    """The same assets, each with its policy; one that has a policy of its own keeps it.

    Args:
        nightly: names of the assets that the night makes.
        weeklies: names of those that are made every week.
    """
    night, week, rare = fresh(settings), weekly(settings), seldom(settings)

    def judged(spec: dg.AssetSpec) -> dg.AssetSpec:
        name = spec.key.to_user_string()
        policy = night if name in nightly else week if name in weeklies else rare
        found: dg.AssetSpec = dg.apply_freshness_policy(spec, policy, overwrite_existing=False)
        return found

    return [definition.map_asset_specs(judged) for definition in assets]


def state(policy: dg.FreshnessPolicy | None, made_at: datetime | None, now: datetime) -> Freshness:
    """How fresh something is by its policy, as Dagster's daemon would say at this moment."""
    if made_at is None:
        return "never made"
    if isinstance(policy, CronFreshnessPolicy):
        tick = get_latest_completed_cron_tick(policy.deadline_cron, now, policy.timezone)
        begun = tick.timestamp() - policy.lower_bound_delta.total_seconds()  # datetimes of a zone subtract wall clocks
        return "fresh" if made_at.timestamp() >= begun else "stale"
    if isinstance(policy, TimeWindowFreshnessPolicy):
        age, warn = now - made_at, policy.warn_window
        if age >= policy.fail_window.to_timedelta():
            return "stale"
        return "ageing" if warn and age >= warn.to_timedelta() else "fresh"
    return "not judged"


def in_words(policy: dg.FreshnessPolicy | None) -> str:
    """`by 06:30 (Europe/Berlin)`, `within 45 days`, or `whenever`."""
    if isinstance(policy, CronFreshnessPolicy):
        minute, hour, *days = policy.deadline_cron.split()
        on = "" if set(days) == {"*"} else f" on days {' '.join(days)}"
        plain = minute.isdecimal() and hour.isdecimal()
        return f"by {int(hour):02}:{int(minute):02}{on} ({policy.timezone})" if plain else f"by {policy.deadline_cron}"
    if isinstance(policy, TimeWindowFreshnessPolicy):
        return f"within {policy.fail_window.to_timedelta().total_seconds() / 86400:g} days"
    return "whenever"


def _later(cron: str, hours: int) -> str | None:
    """The same cron schedule some hours later, or nothing if five fields cannot say it."""
    minute, hour, *days = cron.split()
    if not (minute.isdecimal() and hour.isdecimal()):
        return None
    moved = int(hour) + hours
    if moved >= 24 and set(days) != {"*"}:
        return None
    return " ".join([minute, str(moved % 24), *days])
