from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.evaluation.report.personal.facts import PersonError
from migraine_platform.evaluation.report.personal.page import personal_page
from migraine_platform.evaluation.report.personal.words import (  # fmt: skip
    chance,
    change,
    contribution,
    false_alarms,
    seldom,
    trigger,
    weekend,
)
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.tables import ahead, aline, cohort, drift, ingest, twin
from migraine_platform_tests.evaluation.report.drawn import Frames, empty, frame, reader
from migraine_platform_tests.evaluation.report.test_page import Page, fits, printed_pages, without_gaps, without_network

AS_OF = date(2024, 4, 22)
SECTIONS = ["week", "days", "reasons", "attacks", "triggers", "changes", "record", "questions", "limits"]
HASH = "0123456789ab"


def person_frames(status: str = "fitted", reason: str | None = None) -> Frames:
    """Three patients' rows; P0001 has everything that a twin may say."""
    own = {"patient_id": "P0001"}
    twins = [
        {
            "patient_id": f"P000{person}",
            "patient_batch": "batch-000",
            "status": status,
            "reason": reason,
            "as_of": AS_OF,
        }
        | {"twin_version": HASH, "entries": 67, "silent_evenings": 2, "validation_days": 20, "validation_log_loss": 0.5}
        | {"climatology_log_loss": 0.6, "trained_on": AS_OF, "drift_adaptations": 1}
        for person in (1, 2, 3)
    ]
    days = [AS_OF - timedelta(back) for back in range(80, -1, -1)]
    recorded = pl.DataFrame(
        [
            {
                "patient_id": f"P000{person}",
                "date": day,
                "has_migraine": None if place % 5 == 0 else place % 4 == person,
            }
            for person in (1, 2)
            for place, day in enumerate(days)
        ]
    )
    forecasts = [
        {**own, "made_on": day, "for_date": day + timedelta(1), "probability": 0.2 + 0.01 * (place % 40)}
        | {"lower": 0.1, "upper": 0.7}
        for place, day in enumerate(days[40:])
    ]
    ways = {f"way_{way}": 0.2 for way in ("level", "weather", "sleep", "stress", "diet")}
    rows = {
        twin.Twins: twins,
        twin.Predictions: forecasts,
        ahead.DaysAhead: [
            {**own, "made_on": AS_OF, "for_date": AS_OF + timedelta(ahead), "probability": 0.2 + 0.02 * ahead}
            | {"lower": 0.1, "upper": 0.5}
            for ahead in range(1, 8)
        ],
        ahead.StatesAhead: [
            {**own, "for_date": AS_OF + timedelta(ahead), "feature": feature, "unit": unit, "model": "experts"}
            | {"median": ahead * median, "lower": 0.8 * median, "upper": 1.2 * median, "usual": usual}
            for ahead in (1, 2)
            for feature, unit, median, usual in (
                ("total_sleep_hours", "h", 6.4, 7.1),
                ("rmssd", "ms", 40.0, 41.0),
                ("steps", "steps", 6_480.0, 7_020.0),
            )
        ],
        twin.Contributions: [
            {**own, "for_date": AS_OF, "factor": factor, "log_odds": log_odds, "observed": observed, "unit": unit}
            for factor, log_odds, observed, unit in (
                ("usual level", -1.2, None, None),
                ("trigger: sleep", 0.5, 4.5, "h"),
                ("load: stress", -0.3, None, None),
                ("what is not known", 0.001, None, None),
            )
        ],
        twin.TriggerSensitivity: [
            {**own, "trigger": name, "mean": 0.7, "lower": 0.2, "upper": 1.1, "probability_strong": strong}
            | {"probability_positive": 1.0, "confidence": confidence}
            for name, strong, confidence in (("sleep", 0.9, 0.6), ("stress", 0.5, 0.05), ("diet", 0.9, 0.6))
        ],
        twin.AlikeTriggers: [
            {**own, "trigger": "weather", "other": "diet", "correlation": 0.95, "days": 12}
            | {"mean": 0.7, "lower": 0.2, "upper": 1.1}
        ],
        twin.TriggerThresholds: [
            {**own, "exposure": "time asleep, too short", "mean": 4.8, "lower": 4.0, "upper": 5.5, "unit": "h"}
            | {"supported": 0.95}
        ],
        twin.SymptomPhases: [
            {**own, "phase": "aura", "probability": 0.001, "typical_hours": 0.4, "low_hours": 0.1, "high_hours": 1.3}
            | {"attacks": 0}
        ],
        twin.OnsetTimes: [
            {**own, "median_days": 4.0, "expected_days": 5.0, "within_1_day": 0.1, "within_2_days": 0.2}
            | {"within_3_days": 0.4, "within_7_days": 0.75}
        ],
        twin.Signs: [
            {**own, "sign": "prodrome", "lag_days": 0, "log_odds": 2.0, "lower": 1.0, "upper": 3.0}
            | {"probability_positive": 1.0, "announces": True, "lead_hours": 2.0}
        ],
        drift.Drift: [
            {**own, "detected_on": AS_OF, "since": AS_OF - timedelta(9), "shape": "sudden", "kind": "label"}
            | {"target": "hazard", "size": 0.8, "statistic": 5.0, "detector": "likelihood_ratio", **ways}
            | {"withdrawn_on": None}
        ],
        aline.Questions: [
            {**own, "patient_batch": "batch-000", "for_date": AS_OF, "rank": rank, "hour": 19, "question": question}
            | {"expected_gain": 0.9 / rank, "version": HASH}
            for rank, question in enumerate(("stress_and_mood", "sleep", "intake", "body_signs"), 1)
        ],
        cohort.Patients: [
            {**own, "patient_batch": "batch-000", "age": 41, "sex": "F", "is_chronic": False, "has_aura": True}
        ],
    }
    measured = {column.name: polars_type(column) for column in ingest.RecordedDays.columns}
    blank = [pl.lit(None, kind).alias(name) for name, kind in measured.items() if name not in recorded.columns]
    frames = {table.name: frame(table, found) for table, found in rows.items()}
    return empty() | frames | {"recorded.patient_days": recorded.with_columns(blank)}


@pytest.fixture(scope="module")
def page() -> str:
    return personal_page(reader(person_frames()), "P0001")


def test_the_page_tells_what_the_twin_says(page: str) -> None:
    found = Page(page)
    assert found.sections == SECTIONS
    for told in (
        "Woman, 41 years, episodic migraine with aura.",
        "Tuesday, 23 Apr 2024: 20 % that it is a migraine day, about 1 in 5.",
        "lies between 10 % and 70 %",
        "Last night's sleep (today 4.5 h): 20 % instead of 13 % (odds × 1.65)",
        "Strain of the last days: 20 % instead of 25 % (odds × 0.74)",
        "likely a strong trigger (90 %)",
        "Diet: cannot be told apart from: Falls of air pressure; see below what they do together.",
        "which of the two matters, this diary cannot tell; together they multiply the odds",
        "not yet known for this person",
        "time asleep, too short: from about 4.8 h on (90 % interval 4 to 5.5)",
        "in less than 1 % of attacks",
        "prodrome on the same day, about 2.0 h before",
        "migraine days are more frequent than before, since about 13 Apr 2024 (sudden)",
        "better than the person's own usual share of migraine days: log loss 0.500 against 0.600",
        "Stress and mood, about 19:00 to 20:00 (expected to tell 0.90 nats)",
        "Wed, 24 Apr 24 %, about 1 in 4 (10 % to 50 %)",
        "The further ahead, the closer to what is usual",
        "Sleep: about 6.4 h, between 5.1 and 7.7 (usual 7.1)",
        "Steps: about 6,500, between 5,200 and 7,800 (usual 7,000)",
        "no diagnosis",
    ):
        assert told in found.text, told
    assert "Signs of the body, about" not in found.text
    assert "What is not known" not in found.text


def test_the_figures_tell_this_patients_days_in_words(page: str) -> None:
    first, second = Page(page).alts
    shown = range(21, 81)  # places of the last 60 days among the 81 that are drawn
    migraines = sum(place % 5 != 0 and place % 4 == 1 for place in shown)
    gaps = sum(place % 5 == 0 for place in shown)
    assert first.startswith(
        f"Of the last 60 days, {migraines} were recorded as migraine days and {gaps} have no entry."
    )
    assert "sleep 0.70 (0.20 to 1.10)" in second


def test_the_page_needs_no_network_and_has_no_gaps(page: str) -> None:
    assert without_network(page)
    assert without_gaps(Page(page).text)
    assert "P0002" not in page


def test_a_patient_with_few_records_has_a_page() -> None:
    for patient in ("P0002", "P0003"):
        found = Page(personal_page(reader(person_frames()), patient))
        assert found.sections == SECTIONS
        assert without_gaps(found.text)
        assert "There is no forecast for tomorrow." in found.text


def test_a_diary_that_has_paused_is_told() -> None:
    def silent_for(evenings: int) -> str:
        frames = person_frames()
        told = frames[twin.Twins.name].with_columns(silent_evenings=pl.lit(evenings, pl.Int64))
        return Page(personal_page(reader(frames | {twin.Twins.name: told}), "P0001")).text

    assert "no diary entry for 23 evenings" in silent_for(23)
    assert "no diary entry" not in silent_for(6)


def test_a_refused_twin_says_why_and_is_escaped() -> None:
    page = personal_page(reader(person_frames("refused", "2 days are there <b>twice</b>")), "P0003")
    assert "<b>twice" not in page
    assert "No twin was made: 2 days are there <b>twice</b>." in Page(page).text


def test_an_unknown_patient_is_one_sentence() -> None:
    with pytest.raises(PersonError, match=r'^patient "P9999" has no twin in the warehouse; expected one as in P0001$'):
        personal_page(reader(person_frames()), "P9999")


@pytest.mark.parametrize("name", ["", "1", "p0001", "P001", "K001", "P0001\n", "../P0001", "P٠٠٠١", "P0001' OR '1'='1"])
def test_a_malformed_name_is_one_sentence_and_reads_nothing(name: str) -> None:
    def nothing(table: type[tables.Twins]) -> pl.DataFrame:
        raise AssertionError(table)

    with pytest.raises(PersonError) as error:
        personal_page(nothing, name)
    assert str(error.value) == f'patient "{name}"; expected a name as in P0001'


def test_rows_are_told_in_plain_words() -> None:
    reason = {"factor": "trigger: weather", "log_odds": -0.1, "observed": -8.0, "unit": "hPa"}
    assert contribution(reason, 0.2) == "No trigger from the weather (today −8 hPa): 20 % instead of 22 % (odds × 0.90)"
    flag = {**reason, "observed": 0.0, "unit": "yes/no"}
    assert contribution(flag, 0.2) == "No trigger from the weather (today: no): 20 % instead of 22 % (odds × 0.90)"
    signs = {"factor": "early signs", "log_odds": 1.38629, "observed": None, "unit": None}
    assert contribution(signs, 0.5) == "Early signs of an attack: 50 % instead of 20 % (odds × 4.00)"
    assert contribution({**signs, "log_odds": -0.1}, 0.2).startswith(
        "No early signs of an attack: 20 % instead of 22 %"
    )
    unsure = "nothing sets them apart from workdays, as far as the days tell"
    for mean, sd, words in (
        (0.7, 0.2, "attacks begin rather at weekends (odds × 2.0, 90 % interval 1.4 to 2.8)"),
        (-0.7, 0.2, "attacks begin rather on workdays (odds × 0.5, 90 % interval 0.4 to 0.7)"),
        (
            0.1,
            0.3,
            f"{unsure} (odds × 1.1, 90 % interval 0.7 to 1.8)",
        ),
    ):
        assert weekend({"weekend": mean, "weekend_sd": sd}) == words
    row = {"trigger": "diet", "mean": 0.0, "lower": -0.7, "upper": 0.7, "confidence": 0.3, "probability_strong": 0.1}
    assert trigger(row) == (
        "Diet: likely not a strong trigger (10 %); multiplies the odds of an attack the day after by 1.0 "
        "(90 % interval 0.5 to 2.0); partly learned from this diary."
    )
    shift = {"detected_on": AS_OF, "since": AS_OF, "shape": "gradual", "kind": "covariate", "target": "stress_level"}
    assert "stress level is lower than before" in change(shift | {"size": -1.0, "withdrawn_on": None})
    assert (seldom(0.004), seldom(0.0), seldom(0.3)) == ("less than 1 %", "less than 1 %", "30 %")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here: the page is not looked at")
def test_a_phone_shows_the_page_without_scrolling_sideways(page: str, tmp_path: Path) -> None:
    assert fits(page, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here: the page is not printed")
def test_in_print_it_is_one_page(page: str, tmp_path: Path) -> None:
    assert printed_pages(page, tmp_path) == 1


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.01, "less than 1 in 30"), (0.04, "about 1 in 25"), (0.2, "about 1 in 5"), (0.34, "about 1 in 3"),
     (0.46, "about 5 in 10"), (0.94, "about 9 in 10"), (0.99, "almost certain")],
)  # fmt: skip
def test_a_probability_is_told_as_people_count(p: float, words: str) -> None:
    assert chance(p) == words


def test_an_alarm_is_told_as_what_it_is() -> None:
    row = {"detected_on": AS_OF, "since": AS_OF - timedelta(9), "kind": "label", "target": "hazard", "size": 0.8}
    told = change(row | {"shape": "sudden", "withdrawn_on": None})
    assert "it looked as if migraine days are more frequent than before" in told
    assert "weighs both, a change and none" in told
    taken_back = change(row | {"shape": "sudden", "withdrawn_on": AS_OF})
    assert "Withdrawn on" in taken_back
    assert false_alarms(0.5) == (
        "An alarm is no proof: about once in 2 years one goes off for somebody who has not changed at all."
    )
    assert false_alarms(0.0) == ""
