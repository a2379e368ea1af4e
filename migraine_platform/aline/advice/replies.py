"""Between a person's words and a channel's units: how a question reads, and what an answer means.

A rating of 0-10 has 5 for a usual day and two points a standard deviation, standard deviations being those of the
population's evenings. Belongs here: prompts, parsing, units. Does not: what is inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from migraine_platform.aline.tasks.migraine_window import STATE
from migraine_platform.aline.tasks.task import Layout
from migraine_platform.config.simulator.hours import DAY_FACTS, DIET_ITEMS, FACT_OF, QUESTIONS, Hours
from migraine_platform.errors import UserError
from migraine_platform.simulator.hourly.windows import SIGN, HourlyChannels, answer_names

USUAL_RATING, POINTS_A_SD = 5.0, 2.0
TYPICAL_DIET, TYPICAL_SIGN = 0.2, 0.1
"""What an item of diet in some hours, and a sign in one, usually are."""

WORDING = {
    "stress": "How stressed were you? (0-10, 5 as usual)",
    "mood": "How was your mood? (0-10, 5 as usual)",
    "stress_rise": "How much more stressful was the day than the day before? (points, -10 to 10)",
    "fatigue": "How tired were you? (0-10, 5 as usual)",
    "sleep_hours": "How long did you sleep last night? (hours)",
    "fluid": "How much have you drunk today? (litres)",
    "alcohol": "Any alcohol in the six hours before? (yes or no)",
    "caffeine": "Any caffeine in the six hours before? (yes or no)",
    "chocolate": "Any chocolate in the six hours before? (yes or no)",
    "tension": "How tense were neck and shoulders? (0-10, 5 as usual)",
    "light_sensitivity": "How much did light bother you? (0-10, 5 as usual)",
    SIGN: "Yawning, craving, stiff neck, trouble to concentrate? (yes or no)",
}
"""By value; the simulator's names."""

RANGES = {"stress_rise": (-10.0, 10.0), "sleep_hours": (0.0, 24.0), "fluid": (0.0, 15.0)}
RATING = (0.0, 10.0)
YES, NO = ("yes", "y", "1", "true"), ("no", "n", "0", "false")


class ReplyError(UserError):
    """An answer that no question asked for, or that is outside of its range."""


@dataclass(frozen=True)
class Replies:
    """Units of every value of an answer."""

    hours: Hours
    layout: Layout

    def wording(self, question: str) -> dict[str, str]:
        """The questions to put to a person, by value."""
        return {name: WORDING[name] for name, number in answer_names(self.hours) if QUESTIONS[number] == question}

    def value(self, name: str, text: str) -> float:
        """What a person's answer is in the channel's units.

        Raises:
            ReplyError: naming the question, the answer and what was expected.
        """
        word = text.strip().lower()
        if name in DIET_ITEMS or name == SIGN:
            if word not in YES + NO:
                raise ReplyError(f'{name}: "{text}"; expected yes or no')
            return self.hours.signs.evidence[word in YES] if name == SIGN else float(word in YES)
        low, high = RANGES.get(name, RATING)
        try:
            number = float(word)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ReplyError(f'{name}: "{text}"; expected a number from {low:g} to {high:g}')
        if name in DAY_FACTS:
            fact = self.hours.facts[name]
            return (number - fact.mean) / fact.sd
        mean, sd = self._usual(name)
        return mean + sd * (number - USUAL_RATING) / POINTS_A_SD

    def row(self, question: str, answers: Mapping[str, str]) -> np.ndarray:
        """[V] all values of an answer; exactly the question's must be given.

        Raises:
            ReplyError: if one is missing, or one too many.
        """
        expected = list(self.wording(question))
        if sorted(answers) != sorted(expected):
            raise ReplyError(
                f"{question}: answered {', '.join(sorted(answers)) or 'nothing'}; expected {', '.join(expected)}"
            )
        given = {name: self.value(name, text) for name, text in answers.items()}
        return np.array([given.get(name, 0.0) for name, _ in answer_names(self.hours)])

    def typical(self) -> np.ndarray:
        """[V] what an answer usually is: the means of the population's evenings."""
        return np.array([self._typical(name) for name, _ in answer_names(self.hours)])

    def _typical(self, name: str) -> float:
        if name in FACT_OF:
            return 0.0
        if name == SIGN:
            no, yes = self.hours.signs.evidence
            return (1 - TYPICAL_SIGN) * no + TYPICAL_SIGN * yes
        return TYPICAL_DIET if name in DIET_ITEMS else self._usual(name)[0]

    def _usual(self, name: str) -> tuple[float, float]:
        """Mean and standard deviation of a linear channel."""
        channels = HourlyChannels.of(self.hours)
        c = channels.names.index(name)
        states = [target for target in self.layout.targets if target.group == STATE]
        mean = sum(load * state.mean for load, state in zip(channels.loads[c], states, strict=True))
        variance = sum((load * state.sd) ** 2 for load, state in zip(channels.loads[c], states, strict=True))
        return float(mean), float(np.sqrt(variance + channels.noise[c] ** 2 + channels.offset[c] ** 2))
