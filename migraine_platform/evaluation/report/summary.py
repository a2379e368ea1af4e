"""The evaluation in plain words: how good, against what, how sure, and how far it carries over to real diaries.

Every sentence is made from the figures, whichever way they fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from migraine_platform.evaluation.forecasts.models import ALINE
from migraine_platform.evaluation.report.facts import CLIMATOLOGY, TWINS, Difference, Estimate, ReportFacts
from migraine_platform.evaluation.report.words import REAL, SIMULATED, counted, interval, listed, number

NOTHING = (
    "Nothing has been evaluated yet: no model's forecasts were held against days that came. "
    "`make run` evaluates and publishes."
)


WHERE = {
    split: place
    for splits in (SIMULATED, REAL)
    for split, place in zip(splits, ("later days of known patients", "patients never seen"), strict=True)
}

WORDING = {
    "better": "better than",
    "not told apart": "not told apart from",
    "worse": "worse than",
    "not known": "not compared with",
}


class Transfer(NamedTuple):
    """A simulated split beside the real one of the same kind."""

    simulated: str
    real: str
    simulated_gain: Difference
    """Log loss of climatology less that of the twins, nats a day, with its interval."""
    real_gain: Difference
    ratio: float | None
    """Real gain over simulated gain; None unless the simulated one is positive."""
    simulated_auc: Estimate
    real_auc: Estimate


def transfers(facts: ReportFacts) -> tuple[Transfer, ...]:
    """How far simulated performance carries over, for each pair of splits with real days."""
    found = []
    for simulated, real in zip(SIMULATED, REAL, strict=True):
        if facts.metric(TWINS, real, "log_loss").value is None:
            continue
        gains = gain(facts, simulated), gain(facts, real)
        a, b = gains[0].value, gains[1].value
        found.append(
            Transfer(
                simulated,
                real,
                *gains,
                b / a if a is not None and b is not None and a > 0 else None,
                facts.metric(TWINS, simulated, "auc_roc"),
                facts.metric(TWINS, real, "auc_roc"),
            )
        )
    return tuple(found)


def gain(facts: ReportFacts, split: str) -> Difference:
    """How much lower the twins' log loss is than climatology's, nats a day; positive where they are better."""
    found = facts.against(CLIMATOLOGY, split, "log_loss")
    if found.value is not None:
        low, high = (None if end is None else -end for end in (found.upper, found.lower))
        return Difference(-found.value, low, high, found.p, found.p_adjusted)
    ours, theirs = (facts.metric(name, split, "log_loss").value for name in (TWINS, CLIMATOLOGY))
    return Difference(theirs - ours if ours is not None and theirs is not None else None)


def summary(facts: ReportFacts) -> str:
    """All that a clinician should know, in one text."""
    return " ".join([headline_sentence(facts), *summary_lines(facts)])


def headline_sentence(facts: ReportFacts) -> str:
    """The one thing to know: how often the twins are right about which of two days is the worse."""
    found = [(split, facts.metric(TWINS, split, "auc_roc").value) for split in SIMULATED]
    known = [(WHERE[split], auc) for split, auc in found if auc is not None]
    if not known:
        return NOTHING
    told = listed([f"{number(auc, True)} of pairs on {where}" for where, auc in known])
    return f"The evening before, a digital twin tells a migraine day from another day in {told}; a coin would in 50 %."


def summary_lines(facts: ReportFacts) -> tuple[str, ...]:
    """Five lines for a clinician: how good, against what, how true, how far it carries over, what it is not."""
    scored = [split for split in SIMULATED if facts.metric(TWINS, split, "log_loss").value is not None]
    if not scored:
        return ()
    real = [split for split in REAL if facts.of_split(split)]
    lines = [
        (_how_good(facts, scored),),
        (
            *(_gained(facts, split) for split in scored),
            _rivals(facts, scored, "Held against the other models by the same error"),
        ),
        (_true(facts, scored),),
        (carries_over(facts), _rivals(facts, real, "There, by the same error")),
        ("The patients of the main figures are simulated, and nothing here is a diagnosis.",),
    ]
    joined = (" ".join(part for part in line if part) for line in lines)
    return tuple(line for line in joined if line)


def _how_good(facts: ReportFacts, scored: Sequence[str]) -> str:
    told = ["Each evening a digital twin states how likely a migraine is on the next day."]
    for split in scored:
        found, auc = facts.days.get(split), facts.metric(TWINS, split, "auc_roc")
        if auc.value is None:
            continue
        size = f" ({found.days:,} days of {counted(found.patients, 'patient')})" if found else ""
        sure = interval(auc.lower, auc.upper, True)
        within = facts.metric(TWINS, split, "auc_within").value
        own = f", and in {number(within, True)} within one person's days" if within is not None else ""
        told.append(
            f"On {WHERE[split]}{size} it rated a migraine day above another day in {number(auc.value, True)} of pairs"
            f"{f' (95 % interval {sure})' if sure else ''}{own}."
        )
    return " ".join(told)


def _gained(facts: ReportFacts, split: str) -> str:
    """Against the person's own share, as a part of its log loss."""
    found, usual = gain(facts, split), facts.metric(CLIMATOLOGY, split, "log_loss").value
    if found.value is None or not usual:
        return ""
    way = "smaller" if found.value >= 0 else "larger"
    ends = sorted(abs(end) for end in (found.lower, found.upper) if end is not None)
    crossed = found.lower is not None and found.upper is not None and found.lower <= 0 <= found.upper
    sure = (
        f" (95 % interval {100 * ends[0] / usual:.1f} to {100 * ends[1] / usual:.1f} %)"
        if len(ends) == 2 and not crossed
        else ""
    )
    doubt = ", which may be chance" if crossed else ""
    return (
        f"On {WHERE[split]} its error (log loss) is {100 * abs(found.value) / usual:.1f} % {way} than that of "
        f"forecasting every evening the person's own usual share of migraine days{sure}{doubt}."
    )


def _rivals(facts: ReportFacts, scored: Sequence[str], where: str) -> str:
    """Who is better and who is worse, by log loss, on every split alike or apart.

    Args:
        where: how the sentence begins.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(name for split in scored for name in facts.rivals(split)):
        found = tuple(facts.against(name, split, "log_loss").verdict("log_loss") for split in scored)
        groups.setdefault(found, []).append(facts.title(name))
    parts = []
    for found, titles in groups.items():
        if len(set(found)) == 1:
            parts.append(f"{WORDING[found[0]]} {listed(titles)}")
        else:
            sides = [f"{verdict} on {WHERE[split]}" for verdict, split in zip(found, scored, strict=True)]
            parts.append(f"against {listed(titles)}: {listed(sides)}")
    told_more = f" ({facts.title(ALINE)} is told more: answers of the evening, and every day of the weeks before)"
    aside = told_more if any(ALINE in facts.rivals(split) for split in scored) else ""
    return f"{where}, the twins are {'; '.join(parts)}{aside}." if parts else ""


def _true(facts: ReportFacts, scored: Sequence[str]) -> str:
    found = [
        f"{100 * ece:.1f} percentage points on {WHERE[split]}"
        for split in scored
        if (ece := facts.metric(TWINS, split, "ece").value) is not None
    ]
    return f"What they say and what comes true differ on average by {listed(found)}." if found else ""


def carries_over(facts: ReportFacts) -> str:
    """How far simulated performance carries over to real diaries, in a sentence or two."""
    found = transfers(facts)
    if not found:
        return (
            "No real diaries were evaluated here, so that nothing is known of how far these figures carry over to "
            "real patients."
        )
    return " ".join(_carried(one) for one in found)


def _carried(one: Transfer) -> str:
    auc = (
        f"; AUC {number(one.real_auc.value)} against {number(one.simulated_auc.value)}"
        if one.real_auc.value is not None and one.simulated_auc.value is not None
        else ""
    )
    start = f"On real diaries ({WHERE[one.simulated]})"
    real, simulated = one.real_gain.value, one.simulated_gain.value
    if real is None or simulated is None:
        return f"{start} the gain over each person's usual share is not known{auc}."
    low, high = one.real_gain.lower, one.real_gain.upper
    doubt = ", not told apart from none," if low is not None and high is not None and low <= 0 <= high else ""
    gains = f"the gain over each person's usual share{doubt} is {number(real)} nats a day"
    gains += f", in simulation {number(simulated)}"
    if one.ratio is None:
        return f"{start} {gains}, so that there is no gain to carry over{auc}."
    if real <= 0:
        return f"{start} {gains}: none of it carries over{auc}."
    return f"{start} {gains}: {number(one.ratio, True)} of it carries over{auc}."
