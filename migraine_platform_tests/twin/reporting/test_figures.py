from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.reporting.figures import levels, one_twin, outcomes, reliability

PNG = b"\x89PNG\r\n\x1a\n"


def test_figures_are_pictures_and_the_same_input_gives_the_same_bytes(built, model) -> None:
    for draw in (lambda: one_twin(built, model, 3), lambda: reliability(built), lambda: levels(model)):
        first = draw()
        assert first.startswith(PNG)
        assert first.endswith(b"IEND\xaeB`\x82")
        assert draw() == first


def test_different_twins_look_different(built, model) -> None:
    assert one_twin(built, model, 0) != one_twin(built, model, 1)


def test_a_figure_does_not_say_whose_it_is(built, model) -> None:
    assert built.twins.patient_ids[3].encode() not in one_twin(built, model, 3)


def test_a_history_of_one_day_can_be_drawn(make_twins, model, histories) -> None:
    short = make_twins(histories.of(slice(0, 3)).until(1))
    assert one_twin(short, model, 0).startswith(PNG)
    assert reliability(short).startswith(PNG)


def test_outcomes_are_those_of_recorded_days_that_were_forecast(built, histories, settings) -> None:
    """Evening by evening, from the diaries."""
    p, outcome = outcomes(built)
    forecast = built.replay.forecasts.probability
    first = histories.days - settings.twin.validation_days
    expected = [
        histories.events[i, k + 1, EVENTS.index("has_migraine")]
        for i in range(histories.count)
        for k in range(first, histories.days - 1)
        if histories.diary[i, k + 1]
    ]
    assert_array_equal(outcome, expected)
    assert forecast.shape == histories.diary.shape
    assert len(p) == len(expected)
    assert np.all((p > 0) & (p < 1))
