"""Rows of the triggers' table."""

from __future__ import annotations

from migraine_platform.priors.triggers import trigger_frame
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit


def test_every_trigger_has_a_row_with_its_rule_in_words(settings) -> None:
    frame = trigger_frame(settings.simulator.triggers)
    assert frame["trigger"].to_list() == list(TRIGGER_NAMES)
    assert audit(tables.Triggers, frame).passed
    words = dict(frame.select("trigger", "words").iter_rows())
    assert words["sleep"] == "below 5 or above 9 h"
    assert words["stress"] == "a rise of 3 points or more since the day before"


def test_another_threshold_is_another_row(settings) -> None:
    rules = settings.simulator.triggers
    other = {**rules, "sleep": rules["sleep"].model_copy(update={"threshold": (6.0, 8.0)})}
    row = trigger_frame(other).row(TRIGGER_NAMES.index("sleep"), named=True)
    assert (row["threshold_low"], row["threshold_high"], row["words"]) == (6.0, 8.0, "below 6 or above 8 h")
