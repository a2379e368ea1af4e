"""One page about one patient, for the clinician and the patient.

Belongs here: what is said in which order, in plain words. Does not: what is known (facts.py), pictures
(figures.py).
"""

from __future__ import annotations

from html import escape

from migraine_platform.evaluation.report.facts import Read
from migraine_platform.evaluation.report.html import (
    bullets,
    document,
    figures,
    header,
    heading,
    pairs,
    paragraph,
    section,
)
from migraine_platform.evaluation.report.personal import figures as personal_figures
from migraine_platform.evaluation.report.personal.facts import PersonFacts, Row, person_of
from migraine_platform.evaluation.report.personal.words import (
    PHASES,
    QUESTIONS,
    STATES,
    alike,
    chance,
    change,
    contribution,
    false_alarms,
    seldom,
    sign,
    state,
    threshold,
    trigger,
    weekend,
)
from migraine_platform.evaluation.report.words import counted, number
from migraine_platform.twin.reporting.show import FRESH_DAYS, PAUSE_DAYS, SMALLEST_FACTOR, SUPPORTED

SHOWN_FACTORS = 3
"""On either side."""

SHOWN_QUESTIONS = 3
FEWEST_DAYS = 10
"""Forecast days with an entry below which nothing is said of how well the twin does."""

MONTH = 30
WEEK_NOTE = (
    "Chance of a migraine day, and the range in which the twin is 90 % sure that it lies. The further ahead, the "
    "closer to what is usual: what the days in between will bring is not known yet."
)
NO_SIGN = (
    "Signs may come before an attack, as said above; but none of them, seen on an evening, tells yet that tomorrow is "
    "worse than other days."
)

LIMITS = (
    "This page is no diagnosis and no advice on treatment, and it does not replace a talk with a physician.",
    "A trigger that a twin names goes along with attacks in this diary; that is no proof that it causes them.",
    "A probability is not a promise: of ten days with 30 %, about three should be migraine days.",
    "The patient is simulated; observations that were handed in may have been added to the diary.",
)


def personal_page(read: Read, patient_id: str) -> str:
    """The page of a patient.

    Args:
        read: gives rows of a declared table: all, or at least the patient's.

    Raises:
        PersonError: if the name is no patient's, or the patient has no twin.
    """
    person = person_of(read, patient_id)
    left = (
        section("week", "The week ahead", _week(person))
        + section("days", "The last days", figures([personal_figures.last_days(person)], "No day is recorded."))
        + section("reasons", "What speaks for it, what against", _reasons(person))
        + section("attacks", "Attacks", _attacks(person))
    )
    right = (
        section("triggers", "Triggers", _triggers(person))
        + section("changes", "Changes that were noticed", _changes(person))
        + section("record", "How good the forecasts have been", _record(person))
        + section("questions", "Best questions for tomorrow evening", _questions(person))
        + section("limits", "What this page is not", bullets(LIMITS))
    )
    body = f'{_header(person)}<div class="two"><div>{left}</div><div>{right}</div></div>'
    return document(f"{patient_id}: digital twin", body)


def _header(person: PersonFacts) -> str:
    twin = person.twin
    entries = counted(twin["entries"], "diary entry", "diary entries")
    about = [f"As of the evening of {twin['as_of']:%-d %b %Y}, from {entries}."]
    if person.patient:
        sex = {"F": "Woman", "M": "Man"}.get(person.patient["sex"], "Patient")
        course = "chronic" if person.patient["is_chronic"] else "episodic"
        aura = "with" if person.patient["has_aura"] else "without"
        about.insert(0, f"{sex}, {person.patient['age']} years, {course} migraine {aura} aura.")
    if twin["status"] == "refused":
        return header(
            "look", twin["patient_id"], paragraph(" ".join(about)) + paragraph(f"No twin was made: {twin['reason']}.")
        )
    notes = [f"Note: {twin['reason']}."] if twin["reason"] else []
    if twin["entries"] < FRESH_DAYS:
        notes.append("The diary is still short: most of what follows is what is true of patients in general.")
    if twin["silent_evenings"] >= PAUSE_DAYS:
        notes.append(
            f"There has been no diary entry for {twin['silent_evenings']} evenings: what is said of tomorrow rests on "
            "the days before, on the weather and on the device."
        )
    return header(
        "", twin["patient_id"], paragraph(" ".join(about), "dim") + _tomorrow(person) + "".join(map(paragraph, notes))
    )


def _tomorrow(person: PersonFacts) -> str:
    said = person.prediction
    if said is None:
        return paragraph("There is no forecast for tomorrow.")
    p, low, high = said["probability"], said["lower"], said["upper"]
    day = f"{said['for_date']:%A, %-d %b %Y}"
    span = f"{number(p, True)}, between {number(low, True)} and {number(high, True)}"
    bar = (
        f'<div class="bar chance" role="img" aria-label="{escape(span)}"><i class="span" '
        f'style="left:{low:.1%};width:{high - low:.1%}"></i>'
        f'<i class="at" style="left:{p:.1%}"></i></div>'
    )
    return (
        f'<p class="lead"><b>{escape(day)}: {escape(number(p, True))}</b> that it is a migraine day, '
        f"{escape(chance(p))}.</p>{bar}"
        + paragraph(
            "Given all that was recorded, the twin is 90 % sure that the true chance lies between "
            f"{number(low, True)} and {number(high, True)}.{_usually(person)}"
        )
    )


def _usually(person: PersonFacts) -> str:
    """What is usual for the person, beside tomorrow; migraine days and days with a drug a month."""
    told = [day for day in person.days if day.migraine is not None]
    if not told:
        return ""
    share = sum(bool(day.migraine) for day in told) / len(told)
    drugs = [day.medication for day in told if day.medication is not None]
    taken = f", and a drug was taken on {MONTH * sum(drugs) / len(drugs):.1f}" if drugs else ""
    return (
        f" Usual is {chance(share)}: of the last {counted(len(told), 'recorded day')} {number(share, True)} were "
        f"migraine days, {MONTH * share:.1f} a month{taken}."
    )


def _week(person: PersonFacts) -> str:
    """The chances of the next days, and what tomorrow may be like."""
    if not person.week:
        return paragraph("There is no forecast of the days ahead.")
    days = pairs(
        (
            f"{row['for_date']:%a, %-d %b}",
            f"{number(row['probability'], True)}, {chance(row['probability'])} "
            f"({number(row['lower'], True)} to {number(row['upper'], True)})",
        )
        for row in person.week
    )
    known = {row["feature"]: row for row in person.tomorrow}
    states = [state(STATES[name], known[name]) for name in STATES if name in known]
    expected = heading("What tomorrow may be like") + bullets(states) if states else ""
    return days + paragraph(WEEK_NOTE, "dim") + expected


def _reasons(person: PersonFacts) -> str:
    told = [
        row
        for row in person.contributions
        if row["factor"] != "usual level" and abs(row["log_odds"]) >= SMALLEST_FACTOR
    ]
    raising = [row for row in told if row["log_odds"] > 0][:SHOWN_FACTORS]
    lowering = [row for row in reversed(told) if row["log_odds"] < 0][:SHOWN_FACTORS]
    if not raising and not lowering:
        return paragraph("Nothing in particular: the forecast is close to what is usual for this person.")
    p = person.prediction["probability"] if person.prediction else 0.5
    return _side("Speaks for a migraine", raising, p) + _side("Speaks against", lowering, p)


def _side(title: str, rows: list[Row], p: float) -> str:
    body = bullets(contribution(row, p) for row in rows) if rows else paragraph("Nothing of weight.")
    return f"<h3>{escape(title)}</h3>{body}"


def _triggers(person: PersonFacts) -> str:
    if not person.triggers:
        return paragraph("Nothing is known of triggers yet.")
    steps = [threshold(row) for row in person.thresholds if row["supported"] >= SUPPORTED]
    where = "<h3>From where on</h3>" + bullets(steps) if steps else ""
    drawn = figures([personal_figures.trigger_effects(person)], "")
    pairs = "<h3>Cannot be told apart</h3>" + bullets(map(alike, person.alike)) if person.alike else ""
    return bullets(trigger(row, person.alike) for row in person.triggers) + pairs + where + drawn


def _attacks(person: PersonFacts) -> str:
    rows = []
    if person.onset is not None:
        time = person.onset
        rows.append(
            (
                "Next attack",
                f"tomorrow {chance(time['within_1_day'])}, within three days {chance(time['within_3_days'])}, within a "
                f"week {chance(time['within_7_days'])} ({number(time['within_7_days'], True)}); as likely as not "
                f"within {counted(round(time['median_days']), 'day')}",
            )
        )
    for name, title in PHASES.items():
        for row in person.phases:
            if row["phase"] == name:
                seen = counted(row["attacks"], "attack") if row["attacks"] else "no attack of this person yet"
                rows.append(
                    (
                        title,
                        f"in {seldom(row['probability'])} of attacks, typically {row['typical_hours']:.1f} h, the "
                        f"next one {row['low_hours']:.1f} to {row['high_hours']:.1f} h (learned from {seen})",
                    )
                )
    if person.twin["weekend"] is not None:
        rows.append(("Weekends", weekend(person.twin)))
    announcing = [sign(row) for row in person.signs if row["announces"]]
    early = bullets(announcing) if announcing else paragraph(NO_SIGN)
    return (pairs(rows) if rows else paragraph("Nothing is known of attacks yet.")) + "<h3>Early signs</h3>" + early


def _changes(person: PersonFacts) -> str:
    count = person.twin["drift_adaptations"]
    if not person.changes:
        adapted = f" The twin was adapted {counted(count, 'time')} since it was made." if count else ""
        return paragraph(f"No change of this person was noticed so far.{adapted}")
    return bullets(map(change, person.changes)) + paragraph(false_alarms(person.false_alarms), "dim")


def _record(person: PersonFacts) -> str:
    twin, days = person.twin, person.forecasts
    told = []
    if twin["validation_log_loss"] is not None and twin["climatology_log_loss"] is not None:
        ours, usual = twin["validation_log_loss"], twin["climatology_log_loss"]
        verdict = "better than" if ours < usual else "no better than"
        told.append(
            f"On the last {counted(twin['validation_days'], 'recorded day')}, each forecast the evening before, the "
            f"twin was {verdict} the person's own usual share of migraine days: log loss {number(ours)} against "
            f"{number(usual)} nats a day, where less is better. So few days can mislead."
        )
    if len(days) >= FEWEST_DAYS:
        parts = {wanted: [day.said or 0.0 for day in days if day.migraine is wanted] for wanted in (True, False)}
        means = {wanted: number(sum(said) / len(said), True) for wanted, said in parts.items() if said}
        if len(means) == 2:
            told.append(
                f"Over all {counted(len(days), 'day')} with a forecast and an entry, it had said {means[True]} on "
                f"average for days that became migraine days ({len(parts[True])}), and {means[False]} for the others "
                f"({len(parts[False])})."
            )
    return "".join(map(paragraph, told)) or paragraph("There are too few recorded days to tell.")


def _questions(person: PersonFacts) -> str:
    rows = [
        f"{QUESTIONS.get(row['question'], row['question'])}, about {row['hour']:02d}:00 to "
        f"{(row['hour'] + 1) % 24:02d}:00"
        f" (expected to tell {row['expected_gain']:.2f} nats)"
        for row in person.questions[:SHOWN_QUESTIONS]
    ]
    if not rows:
        return paragraph("No questions were ranked for this person.")
    return bullets(rows) + paragraph(
        "1 nat: about as much as to learn that something came true that had one chance in three.", "dim"
    )
