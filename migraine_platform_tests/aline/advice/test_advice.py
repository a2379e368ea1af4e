from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.aline.advice.advice import Advisor
from migraine_platform.aline.advice.history import cycle_scores, histories, planned_windows
from migraine_platform.aline.advice.plan import questions_frame
from migraine_platform.aline.advice.replies import RANGES, RATING, Replies, ReplyError
from migraine_platform.aline.network.network import Aline
from migraine_platform.config.simulator.hours import QUESTIONS
from migraine_platform.simulator.hourly.windows import COUNT_EDGES, answer_names
from migraine_platform_tests.aline.conftest import SMALL


@pytest.fixture(scope="module")
def advisor(reference, settings) -> Advisor:
    torch.manual_seed(1)
    return Advisor(Aline(reference.task.layout, SMALL).eval(), settings.hours)


@pytest.fixture(scope="module")
def replies(advisor) -> Replies:
    return advisor.replies


def days(migraine: list[bool | None], cycle: list[int | None] | None = None) -> pl.DataFrame:
    first = date(2024, 1, 1)
    return pl.DataFrame(
        {
            "patient_id": "P0001",
            "date": [first + timedelta(days=n) for n in range(len(migraine))],
            "has_migraine": pl.Series(migraine, dtype=pl.Boolean),
            "cycle_day": pl.Series(cycle or [None] * len(migraine), dtype=pl.Int64),
        }
    )


def test_a_card_counts_recorded_days_of_four_weeks(features) -> None:
    scores = cycle_scores(features)
    known = histories(days([True] * 20 + [False] * 26 + [True, False]), scores)
    assert known.for_date == date(2024, 2, 18)
    assert known.card[0].tolist() == [1, 2, 3, 0]  # one in 28 days, two days before the day asked about, no cycle


def test_missing_entries_are_scaled_up_not_taken_for_none(features) -> None:
    half = [True if n % 4 == 0 else (False if n % 4 == 2 else None) for n in range(28)]
    known = histories(days(half), cycle_scores(features))
    assert known.card[0, 0] == np.searchsorted(COUNT_EDGES, 14, side="right")


def test_the_cycle_goes_on_from_the_last_entry(features) -> None:
    scores = cycle_scores(features)
    cycle = [None] * 20 + [26, None, None]
    known = histories(days([False] * 23, cycle), scores)
    assert known.card[0, 2] == 2  # day 29, the first of the next cycle: menses
    assert scores[1] > 0.5


def test_nothing_recorded_is_a_card_too(features) -> None:
    known = histories(days([None] * 30), cycle_scores(features))
    assert known.card[0].tolist() == [0, 4, 3, 0]


def test_findings_are_in_order_and_in_units(advisor, reference) -> None:
    windows = reference.scoring.simulator.draw(np.random.default_rng(0), 12, now=20)
    found = advisor.begin(windows).findings()
    assert (found.lower < found.upper).all()
    assert ((found.probability > 0) & (found.probability < 1)).all()
    assert found.names[:1] == ("z_stress",)
    assert found.mean.shape == found.sd.shape == (12, 8)


def test_a_batch_gives_the_same_as_each_patient_alone(advisor, reference) -> None:
    windows = reference.scoring.simulator.draw(np.random.default_rng(1), 8, now=20)
    together = advisor.begin(windows)
    ranked = together.next_questions(3)
    for row in (0, 5):
        alone = advisor.begin(windows.take(slice(row, row + 1)))
        np.testing.assert_allclose(alone.findings().probability[0], together.findings().probability[row], rtol=1e-4)
        np.testing.assert_array_equal(alone.next_questions(3).hour[0], ranked.hour[row])


def test_a_day_rolls_on_hour_by_hour(advisor, reference) -> None:
    """Hour h's findings are those of the window looked at then; hours to come change nothing."""
    windows = reference.scoring.simulator.draw(np.random.default_rng(2), 5, complete=True)
    later = windows._replace(passive=windows.passive.copy())
    later.passive[:, 18:] += 50
    one = {hour: found.probability for hour, found in advisor.rolling(windows)}
    other = {hour: found.probability for hour, found in advisor.rolling(later)}
    assert list(one) == list(range(1, 25))
    np.testing.assert_array_equal(one[18], other[18])
    assert not np.allclose(one[19], other[19])


def test_questions_are_different_open_and_ranked(advisor, settings) -> None:
    session = advisor.begin(planned_windows(settings.hours, np.zeros((3, 4), dtype=np.int64)), planned=True)
    ranked = session.next_questions(8)
    numbers = ranked.hour * len(QUESTIONS) + ranked.question
    assert all(len(set(row)) == 8 for row in numbers.tolist())
    assert bool(session.open.gather(1, torch.from_numpy(numbers)).all())
    assert (ranked.gain >= 0).all()


def test_an_answer_is_learned_from_and_not_asked_again(advisor, settings) -> None:
    session = advisor.begin(planned_windows(settings.hours, np.zeros((1, 4), dtype=np.int64)), planned=True)
    before = session.findings().mean
    hour, question, _ = session.next_questions(1).of(0)[0]
    session.answer(hour, question, advisor.replies.typical() + 1)
    assert not np.allclose(before, session.findings().mean)
    assert (hour, question) not in [(h, q) for h, q, _ in session.next_questions(8).of(0)]


def test_rows_for_the_warehouse(advisor, features) -> None:
    known = histories(days([False] * 30), cycle_scores(features))
    frame = questions_frame(advisor, known, "batch-000", "a" * 12, 3)
    assert frame["rank"].to_list() == [1, 2, 3]
    assert frame["for_date"].unique().to_list() == [date(2024, 1, 31)]


@given(points=st.floats(0, 10))
def test_a_rating_is_in_standard_deviations_of_a_usual_day(replies: Replies, points: float) -> None:
    usual, sd = replies._usual("stress")
    assert replies.value("stress", str(points)) == pytest.approx(usual + sd * (points - 5) / 2)


def test_every_value_of_every_question_can_be_told(replies: Replies) -> None:
    for question in QUESTIONS:
        words = replies.wording(question)
        assert words
        middle = {name: str(sum(RANGES.get(name, RATING)) / 2) for name in words}
        yes_no = {name: "yes" for name, text in words.items() if text.endswith("(yes or no)")}
        assert np.isfinite(replies.row(question, {**middle, **yes_no})).all()
    assert len(replies.typical()) == len(answer_names(replies.hours))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("stress", "11", 'stress: "11"; expected a number from 0 to 10'),
        ("stress", "much", 'stress: "much"; expected a number'),
        ("stress", "nan", 'stress: "nan"; expected a number'),
        ("alcohol", "maybe", 'alcohol: "maybe"; expected yes or no'),
        ("sleep_hours", "-1", "expected a number from 0 to 24"),
    ],
)
def test_bad_answers_are_named(replies: Replies, name: str, text: str, sentence: str) -> None:
    with pytest.raises(ReplyError, match=sentence):
        replies.value(name, text)


def test_an_answer_must_be_whole(replies: Replies) -> None:
    with pytest.raises(ReplyError, match="answered fatigue; expected fatigue, sleep_hours"):
        replies.row("sleep", {"fatigue": "5"})
