from __future__ import annotations

from dataclasses import replace

import pytest

from migraine_platform.config import Settings
from migraine_platform.operations.facts import AssetFact, DiskFact, PlatformFacts, WarehouseFact
from migraine_platform.operations.health import verdict_on
from migraine_platform_tests.operations.drawn import WELL, check, hours_ago, run

FAILED = run("platform", "failed", 1, ("twins", "3 patients without a twin"))


def test_a_platform_whose_last_run_made_good_an_older_failure_is_well(settings: Settings) -> None:
    verdict = verdict_on(WELL, settings.operations)
    assert verdict.word == "well"
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    ("changes", "word", "said"),
    [
        ({"runs": (FAILED, *WELL.runs)}, "failed", "platform failed at twins: 3 patients without"),
        ({"runs": (run("platform", "cancelled", 1),)}, "needs a look", "cancelled"),
        ({"failing_checks": (check("error", selection="batch-001"),)}, "failed", "patient_days (batch-001): check con"),
        ({"failing_checks": (check("warning"),)}, "needs a look", "check contract does not pass"),
        ({"disk": DiskFact(10**9, 64 * 10**9)}, "failed", "only 1.0 GB are free"),
        ({"disk": DiskFact(5 * 10**9, 64 * 10**9)}, "needs a look", "only 5.0 GB are free"),
        ({"assets": (AssetFact("twins", "twins", hours_ago(40), "stale", ""),)}, "needs a look", "stale: twins"),
        ({"assets": (AssetFact("twins", "twins", None, "never made", ""),)}, "needs a look", "never made: twins"),
        ({"warehouse": WarehouseFact(problem="nothing is published yet")}, "needs a look", "nothing is published"),
    ],
)
def test_each_thing_that_may_be_wrong_is_a_reason(changes, word, said, settings: Settings) -> None:
    verdict = verdict_on(replace(WELL, **changes), settings.operations)
    assert verdict.word == word
    (reason,) = verdict.reasons
    assert said in reason.text


def test_failures_come_before_warnings(settings: Settings) -> None:
    facts = replace(WELL, runs=(FAILED,), failing_checks=(check("warning"), check("error", name="complete")))
    verdict = verdict_on(facts, settings.operations)
    assert [reason.word for reason in verdict.reasons] == ["failed", "failed", "needs a look"]


def test_a_later_run_that_is_cancelled_does_not_settle_a_failure(settings: Settings) -> None:
    facts = replace(WELL, runs=(run("platform", "cancelled", 1), run("platform", "failed", 3)))
    assert verdict_on(facts, settings.operations).word == "failed"


def of_chosen(made_hours_ago: float | None) -> PlatformFacts:
    """A run of two chosen assets failed three hours ago; one of them was made then or later."""
    failed = run("chosen assets", "failed", 3, ("twins", "gone"), assets=("twins", "patients"))
    made = None if made_hours_ago is None else hours_ago(made_hours_ago)
    assets = (
        AssetFact("patients", "cohort", hours_ago(1), "fresh", ""),
        AssetFact("twins", "twins", made, "fresh", ""),
    )
    others = run("chosen assets", "succeeded", 2, assets=("patients",))
    return replace(WELL, runs=(others, failed), assets=assets)


def test_chosen_assets_are_settled_by_being_made_and_by_nothing_else(settings: Settings) -> None:
    assert verdict_on(of_chosen(1), settings.operations).word == "well"
    assert verdict_on(of_chosen(4), settings.operations).word == "failed"
    assert verdict_on(of_chosen(None), settings.operations).word == "failed"
