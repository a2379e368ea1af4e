"""How a twin's numbers are told to a person: reasons, triggers, signs, changes.

Belongs here: sentences made of one row. Does not: which rows are told, or markup (page.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from migraine_platform.config.simulator.triggers import YES_NO
from migraine_platform.evaluation.report.personal.facts import Row
from migraine_platform.evaluation.report.words import listed, minus, number, plain
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.twin.reporting.show import LAGS
from migraine_platform.twin.triggers.sensitivity import FOUND

LEARNED, BARELY = 0.5, 0.1
"""Shares of the population's variance that are gone where a trigger is known well; below the second, not at all."""

UNLIKELY = 0.2
"""Below it a trigger is hardly a strong one."""

PHASES = {
    "prodrome": "Signs before it",
    "aura": "Aura",
    "headache_untreated": "Headache without a drug",
    "headache_treated": "Headache with a drug",
    "postdrome": "Exhaustion after it",
}

HALF_WIDTH = NormalDist().inv_cdf(0.95)
"""Standard deviations from the middle of a normal to an end of its central 90 %."""

QUESTIONS = {
    "stress_and_mood": "Stress and mood",
    "sleep": "Sleep and tiredness",
    "intake": "Food and drink",
    "body_signs": "Signs of the body",
}

FACTORS = {
    "load: stress": "strain of the last days",
    "load: sleep_debt": "sleep debt of the last days",
    "load: hormonal": "hormonal state",
    "load: env_load": "load of the surroundings",
    **{trigger.factor: trigger.reason for trigger in TRIGGERS},
    "recent migraine days": "the migraine days of late",
    "day of the week": "the day of the week",
    "early signs": "early signs of an attack",
    "running attack": "an attack that is running, or none",
    "what is not known": "what is not known of today",
}

LABELS = {trigger.name: trigger.label for trigger in TRIGGERS}
ACTS = {trigger.name: trigger.acts for trigger in TRIGGERS}

ENDS = (("trigger", "other"), ("other", "trigger"))
"""The one and the other trigger of a row of `twin.alike_triggers`, either way round."""

STATES = {
    "total_sleep_hours": "Sleep",
    "stress_level": "Stress",
    "resting_heart_rate": "Resting heart rate",
    "steps": "Steps",
}
"""Of what is forecast of tomorrow, what a person knows of himself."""


def chance(p: float) -> str:
    """A probability as people count: `about 1 in 4`, `about 7 in 10`."""
    if p < 0.03:
        return "less than 1 in 30"
    if p < 0.35:
        return f"about 1 in {round(1 / p)}"
    return f"about {min(round(10 * p), 9)} in 10" if p < 0.97 else "almost certain"


def state(name: str, row: Row) -> str:
    """What tomorrow may be like: `Sleep: about 6.4 h, between 4.9 and 8.0 (usual 7.1)`."""
    low, middle, high, usual = (_figure(row[column]) for column in ("lower", "median", "upper", "usual"))
    unit = f" {plain(row['unit'])}" if row["unit"] and row["unit"] != name.lower() else ""
    return f"{name}: about {middle}{unit}, between {low} and {high} (usual {usual})"


def _figure(value: float) -> str:
    """As precisely as a person would say it."""
    return f"{round(value, -2):,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 20 else f"{value:.1f}"


def contribution(row: Row, p: float) -> str:
    """One reason: `Last night's sleep (today 4.5 h): 35 % instead of 27 % (odds × 1.45)`.

    Args:
        p: the forecast.
    """
    name = FACTORS.get(row["factor"], plain(row["factor"]))
    if row["factor"].startswith("trigger:") and row["log_odds"] < 0:
        name = f"no trigger from {name}"  # a trigger that did not happen counts as less than usual
    if row["factor"] == "early signs" and row["log_odds"] < 0:
        name = f"no {name}"
    seen = f" ({_seen(row)})" if row["observed"] is not None else ""
    odds = p / max(1 - p, 1e-9) / math.exp(row["log_odds"])
    without = odds / (1 + odds)
    instead = f"{number(p, True)} instead of {number(without, True)}"
    return f"{name[0].upper()}{name[1:]}{seen}: {instead} (odds × {math.exp(row['log_odds']):.2f})"


def _seen(row: Row) -> str:
    """What was recorded of a reason: `today 4.5 h`, `today: no`; of a trigger that acts later, without the day."""
    lagged = any(trigger.factor == row["factor"] and trigger.lag[1] for trigger in TRIGGERS)
    if row["unit"] == YES_NO:
        answer = "yes" if row["observed"] else "no"
        return answer if lagged else f"today: {answer}"
    figure = f"{row['observed']:.1f}".removesuffix(".0")
    value = f"{minus(figure)} {_unit(row['unit'])}"
    return value if lagged else f"today {value}"


def _unit(unit: str | None) -> str:
    return plain(unit or "").replace(" consumed", "")


def trigger(row: Row, pairs: Sequence[Row] = ()) -> str:
    """One trigger: what it does, and how much of that is this person's own.

    Args:
        pairs: rows of `twin.alike_triggers`; of a trigger in one of them, no verdict is given by itself.
    """
    name = LABELS.get(row["trigger"], row["trigger"])
    times = [f"{math.exp(row[end]):.1f}" for end in ("mean", "lower", "upper")]
    if row["confidence"] < BARELY:
        known = "not yet known for this person: this is what is usual among patients"
    elif row["confidence"] < LEARNED:
        known = "partly learned from this diary"
    else:
        known = "learned from this diary"
    partners = [pair[other] for pair in pairs for own, other in ENDS if pair[own] == row["trigger"]]
    if partners:
        verdict = f"cannot be told apart from: {listed([str(LABELS.get(name, name)) for name in partners])}"
        return f"{name}: {verdict}; see below what they do together."
    if row["probability_strong"] >= FOUND:
        verdict = "likely a strong trigger"
    elif row["probability_strong"] <= UNLIKELY:
        verdict = "likely not a strong trigger"
    else:
        verdict = "open whether it is a strong trigger"
    return (
        f"{name}: {verdict} ({number(row['probability_strong'], True)}); multiplies the odds of an attack "
        f"{ACTS.get(row['trigger'], 'the day after')} by {times[0]} (90 % interval {times[1]} to {times[2]}); {known}."
    )


def alike(row: Row) -> str:
    """Two triggers that the days do not tell apart, and what they do together."""
    first, second = (str(LABELS.get(row[name], row[name])) for name in ("trigger", "other"))
    times = [f"{math.exp(row[end]):.1f}" for end in ("mean", "lower", "upper")]
    acts = listed(list(dict.fromkeys(ACTS.get(row[name], "the day after") for name in ("trigger", "other"))))
    return (
        f"{first}, and {second[:1].lower()}{second[1:]}, were there on the same days ({row['days']} days with both): "
        f"which of the two matters, this diary cannot tell; together they multiply the odds of an attack {acts} "
        f"by {times[0]} (90 % interval {times[1]} to {times[2]})."
    )


def threshold(row: Row) -> str:
    """Where a trigger sets in."""
    low, high = (minus(f"{row[end]:g}") for end in ("lower", "upper"))
    mean = minus(f"{row['mean']:.1f}")
    return f"{row['exposure']}: from about {mean} {row['unit']} on (90 % interval {low} to {high})"


def sign(row: Row) -> str:
    """An early sign."""
    lead = f", about {row['lead_hours']:.1f} h before" if row["lead_hours"] is not None else ""
    way = "" if row["sign"] == "prodrome" else "a rise of " if row["log_odds"] > 0 else "a fall of "
    return f"{way}{plain(row['sign'])} {LAGS[row['lag_days']]}{lead}"


def change(row: Row) -> str:
    """A change that was noticed."""
    target, more = plain(row["target"]), row["size"] > 0
    what = {
        "covariate": f"{target} is {'higher' if more else 'lower'} than before",
        "concept": f"{target} does {'more' if more else 'less'} to this person than before",
        "label": f"migraine days are {'more' if more else 'less'} frequent than before",
    }.get(row["kind"], plain(row["kind"]))
    noticed = f"{row['detected_on']:%-d %b %Y}: it looked as if {what}, since about {row['since']:%-d %b %Y}"
    if row["withdrawn_on"] is not None:
        return f"{noticed}. Withdrawn on {row['withdrawn_on']:%-d %b %Y}: days that were reported later explain it."
    return f"{noticed} ({row['shape']}). The twin weighs both, a change and none, by the days since."


def weekend(row: Row) -> str:
    """What weekends do to a person's attacks, as far as it is known."""
    factor, low, high = (math.exp(row["weekend"] + side * HALF_WIDTH * row["weekend_sd"]) for side in (0, -1, 1))
    verdict = "begin rather at weekends" if low > 1 else "begin rather on workdays" if high < 1 else None
    known = f"attacks {verdict}" if verdict else "nothing sets them apart from workdays, as far as the days tell"
    return f"{known} (odds × {factor:.1f}, 90 % interval {low:.1f} to {high:.1f})"


def false_alarms(a_year: float) -> str:
    """How often such an alarm means nothing; nothing is said where it is not known."""
    if a_year <= 0:
        return ""
    every = f"once in {1 / a_year:.0f} years" if a_year < 0.75 else f"{a_year:.1f} times a year"
    return f"An alarm is no proof: about {every} one goes off for somebody who has not changed at all."


def seldom(share: float) -> str:
    """A share in percent; one that would read as none is told as less than one."""
    return "less than 1 %" if share < 0.005 else number(share, True)
