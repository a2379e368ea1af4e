"""Freshness policies: what the night makes by its deadline, all else within a long window; judged as Dagster judges."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import FRESHNESS_EVALUATORS_BY_POLICY_TYPE
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from migraine_platform.config import Settings
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.freshness import fresh, in_words, seldom, state, weekly, with_freshness

BERLIN = ZoneInfo("Europe/Berlin")
WORDS = {FreshnessState.PASS: "fresh", FreshnessState.WARN: "ageing", FreshnessState.FAIL: "stale"}


def at(text: str) -> datetime:
    """A moment by the clocks of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def scheduled(settings: Settings, cron: str, hours: int = 3) -> Settings:
    platform = settings.platform.model_copy(update={"nightly_cron": cron})
    freshness = settings.operations.freshness.model_copy(update={"night_hours": hours})
    operations = settings.operations.model_copy(update={"freshness": freshness})
    return settings.model_copy(update={"platform": platform, "operations": operations})


@pytest.mark.parametrize(
    ("made", "seen", "expected"),
    [
        ("2026-11-20 03:40", "2026-11-20 12:00", "fresh"),
        ("2026-11-20 03:40", "2026-11-21 03:30", "fresh"),  # tonight's run is about to start
        ("2026-11-20 03:40", "2026-11-21 06:29", "fresh"),  # it may still be running
        ("2026-11-20 03:40", "2026-11-21 06:31", "stale"),
        ("2026-11-20 15:00", "2026-11-21 06:31", "stale"),  # made by hand in the afternoon: the night did not run
        ("2026-11-21 09:00", "2026-11-21 10:00", "fresh"),  # late, but there
        ("2026-03-29 03:31", "2026-03-29 06:31", "fresh"),  # the clocks went forward at two
        ("2026-10-25 03:31", "2026-10-25 06:31", "fresh"),  # and back at three
    ],
)
def test_the_night_must_be_made_by_its_deadline(made, seen, expected, settings: Settings) -> None:
    assert state(fresh(settings), at(made), at(seen)) == expected


def test_a_night_of_the_change_of_clocks_is_not_stale(settings: Settings) -> None:
    """At half past one the clocks have not changed yet; three hours later by the clock, four hours have passed."""
    policy = fresh(scheduled(settings, "30 1 * * *"))
    assert state(policy, at("2026-10-25 01:35"), at("2026-10-25 04:31")) == "fresh"
    assert state(policy, at("2026-10-24 01:35"), at("2026-10-25 04:31")) == "stale"


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("30 3 * * *", "by 06:30 (Europe/Berlin)"),
        ("15 23 * * *", "by 02:15 (Europe/Berlin)"),
        ("0 4 * * 1", "by 07:00 on days * * 1 (Europe/Berlin)"),
        ("0 22 * * 1", "within 45 days"),  # five fields cannot say: on Tuesdays, if that Monday was one
        ("*/30 * * * *", "within 45 days"),
    ],
)
def test_the_deadline_follows_the_nightly_schedule(cron, words, settings: Settings) -> None:
    assert in_words(fresh(scheduled(settings, cron))) == words


@pytest.mark.parametrize("seen", ["2026-11-21 06:29", "2026-11-21 06:31", "2026-10-25 06:31", "2026-03-29 06:31"])
def test_dagsters_own_evaluation_agrees(seen: str, settings: Settings) -> None:
    """Ours is computed where no daemon runs; Dagster's, behind private names, is held against it."""
    warned = dg.FreshnessPolicy.time_window(timedelta(days=45), warn_window=timedelta(hours=27))
    cases = {
        f"made_{kind}_{number}": (policy, hours_old)
        for kind, policy in {"night": fresh(settings), "seldom": seldom(settings), "warned": warned}.items()
        for number, hours_old in enumerate((0.5, 2.5, 4.5, 26, 27.1, 24 * 44, 24 * 46))
    }
    specs = [dg.AssetSpec(name, freshness_policy=policy) for name, (policy, _) in cases.items()]
    graph = dg.Definitions(assets=specs).resolve_asset_graph()
    now = at(seen).astimezone(UTC)
    with dg.instance_for_test() as instance:
        for name, (_, hours_old) in cases.items():
            with freeze_time(now - timedelta(hours=hours_old)):
                instance.report_runless_asset_event(dg.AssetMaterialization(name))
        for name, (policy, hours_old) in cases.items():
            evaluator = FRESHNESS_EVALUATORS_BY_POLICY_TYPE[type(policy)]()
            context = LoadingContextForTest(instance)  # bound to one event loop
            with freeze_time(now):
                theirs = asyncio.run(evaluator.evaluate_freshness(context, graph.get(dg.AssetKey(name))))
            assert state(policy, now - timedelta(hours=hours_old), now) == WORDS[theirs], name


def test_every_kind_of_asset_gets_its_policy_and_keeps_the_rest(settings: Settings) -> None:
    parts = dg.StaticPartitionsDefinition(["a", "b"])
    own = dg.FreshnessPolicy.time_window(timedelta(hours=1))

    @dg.asset(partitions_def=parts, backfill_policy=dg.BackfillPolicy.single_run(), group_name="g")
    def plain() -> None: ...

    @dg.multi_asset(
        name="several",
        specs=[dg.AssetSpec(name, partitions_def=parts, kinds={"x"}) for name in ("left", "right")],
        can_subset=True,
        partitions_def=parts,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def several(): ...

    @dg.asset(freshness_policy=own)
    def judged_otherwise() -> None: ...

    given = [plain, several, judged_otherwise]
    made = with_freshness(given, settings, {"plain", "left"}, set())
    policies = {spec.key.to_user_string(): spec.freshness_policy for found in made for spec in found.specs}
    night, rare = fresh(settings), seldom(settings)
    assert policies == {"plain": night, "left": night, "right": rare, "judged_otherwise": own}
    for before, after in zip(given, made, strict=True):
        assert after.can_subset == before.can_subset
        assert after.backfill_policy == before.backfill_policy
        assert after.partitions_def == before.partitions_def
        assert [spec.replace_attributes(freshness_policy=None) for spec in after.specs] == [
            spec.replace_attributes(freshness_policy=None) for spec in before.specs
        ]


def test_the_platforms_assets_take_policies(settings: Settings) -> None:
    assets = [found for found in build_defs(settings).assets if isinstance(found, dg.AssetsDefinition)]
    judged = with_freshness(assets, settings, {"patient_days"}, {"report"})
    policies = {spec.key.to_user_string(): spec.freshness_policy for found in judged for spec in found.specs}
    assert policies.pop("patient_days") == fresh(settings)
    assert policies.pop("report") == weekly(settings)
    assert len(policies) > 20
    assert all(policies.values())
