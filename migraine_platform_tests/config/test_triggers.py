"""Rules of the triggers: what a row may say, and how it is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from migraine_platform.config import ConfigError, load_settings
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform_tests.conftest import trigger_rule

BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a rule nobody knows": ("stress", {"rule": "sideways"}, "triggers.stress.rule: 'sideways'"),
    "one threshold of two": (
        "sleep",
        {"threshold": 5},
        "threshold of the rule `outside` is 5; expected two",
    ),
    "two thresholds of one": (
        "stress",
        {"threshold": [1, 2]},
        "of the rule `rise` is [1.0, 2.0]; expected one",
    ),
    "thresholds the wrong way round": ("sleep", {"threshold": [9, 9]}, "threshold is [9.0, 9.0]; expected the lower"),
    "a rise of nothing": ("stress", {"threshold": 0}, "threshold of the rule `rise` is 0; expected a step above 0"),
    "a diet that falls": ("diet", {"rule": "fall"}, "diet: rule is `fall`, but it is read from alcohol_consumed"),
    "a number of hours": (
        "sleep",
        {"rule": "at least", "threshold": 2, "search": []},
        "sleep: rule is `at least`, but it is read",
    ),
    "more items than there are": (
        "diet",
        {"threshold": 4},
        "threshold is 4; expected a whole number from 1 to 3",
    ),
    "half an item": ("diet", {"threshold": 1.5}, "diet: threshold is 1.5; expected a whole number from 1 to 3"),
    "a change of a change": (
        "weather",
        {"rule": "fall", "threshold": 5},
        "pressure_change_24h, expected `below`, `above` or",
    ),
    "a search of one candidate": (
        "stress",
        {"search": [{"exposure": "x", "side": "above", "grid": [1, 1, 0.5], "between": 1, "within": [0, 9]}]},
        "grid is [1.0, 1.0, 0.5]; expected first, last and step",
    ),
    "a threshold of meals": (
        "diet",
        {"search": [{"exposure": "x", "side": "above", "grid": [1, 2, 0.5], "between": 1, "within": [0, 9]}]},
        "search of the rule `at least`; expected none",
    ),
    "a rule without a threshold": ("diet", {"threshold": None}, "the rule `at least` without a threshold or a unit"),
    "a flag with a threshold": (
        "diet",
        {"rule": "flag"},
        "the rule `flag` with a threshold or a unit; expected neither",
    ),
    "a column twice": (
        "diet",
        {"reads": ["alcohol_consumed", "alcohol_consumed"]},
        "diet: reads alcohol_consumed, alcohol_consumed; expected each column once",
    ),
    "no effect": ("diet", {"effect": 0}, "triggers.diet.effect: 0: expected greater than 0"),
}


def rewritten(project, change) -> None:
    """The project's simulator.yaml with other rows of triggers."""
    path = project / "configs" / "simulator.yaml"
    content = yaml.safe_load(path.read_text())
    change(content["triggers"])
    path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_one_sentence_with_its_place(project, name: str) -> None:
    trigger, change, message = BAD[name]
    rewritten(project, lambda rows: rows[trigger].update(change))
    with pytest.raises(ConfigError) as raised:
        load_settings("default", project)
    said = str(raised.value)
    assert message in said
    assert "simulator.yaml" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("reads", "message"),
    [
        (["stress_level", "water_consumed_liters"], "heat: rule `above` reads one column; stress_level, water"),
        (
            ["alcohol_consumed"],
            "heat: rule is `above`, but it is read from alcohol_consumed; expected `at least`, `flag`",
        ),
        (["Stress"], "triggers.heat.reads"),
    ],
)
def test_columns_that_the_rule_cannot_read_are_refused(project, reads: list[str], message: str) -> None:
    row = {"label": "Heat", "reads": reads, "rule": "above", "threshold": 1, "unit": "degC", "effect": 0.1}
    rewritten(project, lambda rows: rows.update(heat=row))
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_settings("default", project)


@pytest.mark.parametrize("name", ["all", "level"])
def test_a_name_that_tables_use_otherwise_is_refused(project, name: str) -> None:
    """`evaluation.trigger_recovery` has a row of all, `twin.drift` a column of the level."""
    rewritten(project, lambda rows: rows.update({name: {**rows["sleep"], "label": "Another"}}))
    with pytest.raises(ConfigError, match=f"{name} is no name of a trigger: tables call something else so"):
        load_settings("default", project)


def test_two_triggers_of_one_label_are_refused(project) -> None:
    rewritten(project, lambda rows: rows.update(again=rows["sleep"]))
    with pytest.raises(ConfigError, match='several triggers have the label "Short or long nights"'):
        load_settings("default", project)


def test_rows_keep_their_order(project) -> None:
    def reverse(rows: dict[str, Any]) -> None:
        for name in reversed(list(rows)):
            rows[name] = rows.pop(name)

    rewritten(project, reverse)
    assert tuple(load_settings("default", project).simulator.triggers) == TRIGGER_NAMES[::-1]


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=20), st.floats(-10, 10), st.floats(0.1, 5))
def test_values_follow_the_rule(values: list[float], low: float, width: float) -> None:
    x = np.array(values)
    rows = [
        trigger_rule("sleep", "below", low),
        trigger_rule("sleep", "above", low),
        trigger_rule("sleep", "outside", (low, low + width)),
    ]
    wanted = [[v <= low for v in x], [v >= low for v in x], [not low <= v <= low + width for v in x]]
    assert [row.happened(x).tolist() for row in rows] == wanted


@pytest.mark.parametrize(
    ("rule", "threshold", "words"),
    [
        ("below", -5, "-5 hPa or less"),
        ("above", 7.5, "7.5 hPa or more"),
        ("outside", (5, 9), "below 5 or above 9 hPa"),
        ("rise", 3, "a rise of 3 hPa or more since the day before"),
        ("fall", 3, "a fall of 3 hPa or more since the day before"),
        ("at least", 2, "at least 2 hPa"),
        ("flag", None, "yes"),
    ],
)
def test_a_rule_can_be_read_aloud(rule: str, threshold: Any, words: str) -> None:
    assert trigger_rule("sleep", rule, threshold).words("hPa") == words


def test_an_effect_beyond_a_half_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"less than 0\.5"):
        trigger_rule("sleep", "above", 1, effect=0.5)
