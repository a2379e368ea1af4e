from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import ttest_rel

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import LearnedQuestions
from migraine_platform.aline.policies.window_rules import known_entries
from migraine_platform.aline.scoring.scorecard import policy_information
from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort
from migraine_platform.aline.training.checkpoints import Card
from migraine_platform.config import Settings
from migraine_platform.evaluation.questions.asking import ImaginedByOthers
from migraine_platform.evaluation.questions.information import (
    ON_ALL,
    RULES,
    QuestionWindows,
    behind,
    curve_frame,
    evenings_of,
    information_by_rule,
    question_curve,
)
from migraine_platform.simulator.hourly.linear_day import GaussianDay
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform_tests.aline.conftest import SMALL

WINDOWS, FEW, QUESTIONS = 60, 4, 2


@pytest.fixture(scope="module")
def reference(settings, features, calibration) -> ReferenceCohort:
    return ReferenceCohort(settings, features, calibration)


@pytest.fixture(scope="module")
def chosen(settings: Settings) -> Settings:
    changed = {"windows": WINDOWS, "greedy_windows": FEW, "questions": QUESTIONS, "greedy_draws": 3}
    return settings.model_copy(update={"evaluation": settings.evaluation.model_copy(update=changed)})


@pytest.fixture(scope="module")
def net(reference: ReferenceCohort) -> Aline:
    torch.manual_seed(1)
    return Aline(reference.task.layout, SMALL)


@pytest.fixture(scope="module")
def card(net: Aline) -> Card:
    return Card("migraine_window", net.layout, SMALL, "", "", 0)


@pytest.fixture(scope="module")
def evenings(card: Card, reference: ReferenceCohort, chosen: Settings) -> QuestionWindows:
    return evenings_of(card, reference, chosen)


@pytest.fixture(scope="module")
def gained(net, evenings, reference, chosen) -> dict[str, torch.Tensor]:
    return information_by_rule(net, evenings, reference, chosen)


def test_every_rule_is_followed_on_its_evenings_from_nothing_on(gained) -> None:
    assert set(gained) == set(RULES)
    for name, nats in gained.items():
        assert nats.shape == (QUESTIONS + 1, WINDOWS if name in ON_ALL else FEW)
        assert (nats[0] == 0).all()
        assert (nats[1] != 0).any()
    for name in RULES:
        assert (gained[name][1, :FEW] <= gained["oracle"][1] + 1e-5).all(), name


def test_a_rule_gains_what_the_scorecard_says_in_whatever_parts_it_is_followed(net, evenings, gained) -> None:
    """60 evenings are followed in two parts; hours after the evening are left out."""
    goal = torch.ones(len(net.layout.targets), dtype=torch.bool)
    whole = policy_information(net, evenings.task, evenings.asked, {"aline": LearnedQuestions()}, QUESTIONS, goal)
    torch.testing.assert_close(gained["aline"], whole["aline"], rtol=1e-4, atol=1e-5)


def test_the_same_settings_give_the_same_curve(net, card, reference, chosen, gained) -> None:
    told: list[str] = []
    frame = question_curve(net, card, reference, chosen, told.append)
    assert audit(tables.QuestionCurve, frame).passed
    assert frame.equals(curve_frame(gained))
    assert len(told) == 1
    start = frame.filter(pl.col("questions") == 0)
    assert start["rule"].to_list() == list(RULES)
    assert (start.select("information", "lower", "upper").to_numpy() == 0).all()
    other = chosen.model_copy(update={"evaluation": chosen.evaluation.model_copy(update={"seed": 12})})
    assert not np.array_equal(evenings_of(card, reference, other).asked.z, evenings_of(card, reference, chosen).asked.z)


def test_questions_are_scored_on_unseen_patients(evenings: QuestionWindows, reference: ReferenceCohort) -> None:
    """No day's truth is one of those that train, choose, score or imagine."""
    asked = {row.tobytes() for row in evenings.task.simulator.bank.susceptibility}
    for bank in (
        reference.task.simulator.bank,
        reference.task.validation.simulator.bank,
        reference.scoring.simulator.bank,
        evenings.others_task.simulator.bank,
    ):
        assert not asked & {row.tobytes() for row in bank.susceptibility}
    assert (evenings.asked.now == reference.hours.evening).all()
    assert evenings.task.layout == reference.task.layout


def test_missing_inputs_are_drawn_from_other_days(evenings: QuestionWindows, reference: ReferenceCohort) -> None:
    """Diet and signs of a day of the same card, never of the day itself, which `others` does not hold."""
    day = GaussianDay(reference.hours, reference.daily, evenings.others_task.simulator.bank)
    imagined = ImaginedByOthers(day, evenings.task, evenings.asked, 0, evenings.others)
    drawn = imagined._others(np.random.default_rng(0), 0, 50)
    known = {row.tobytes() for row in evenings.others.answers}
    assert {row.tobytes() for row in drawn.answers} <= known
    same = (evenings.others.card == evenings.asked.card[0]).all(axis=1)
    assert not same.any() or (drawn.card == evenings.asked.card[0]).all()


def test_imagined_days_have_the_moments_given_what_is_known(
    evenings: QuestionWindows, reference: ReferenceCohort
) -> None:
    """4,000 draws; what is known is as it is; each mean within 5 standard errors, which one of some 600 leaves by
    chance once in 3,000 runs; each variance within 15 %, 6.7 standard errors."""
    day = GaussianDay(reference.hours, reference.daily, evenings.others_task.simulator.bank)
    imagined = ImaginedByOthers(day, evenings.task, evenings.asked, 0, evenings.others)
    values = day.vector(evenings.asked)[1]
    known = known_entries(day, evenings.asked, [[] for _ in evenings.asked.now])[1]
    mean, covariance = day.given(values, known)
    drawn = imagined._conditioned(np.random.default_rng(5), values, known, 4000)
    assert_allclose(drawn[:, known], np.broadcast_to(values[known], (4000, known.sum())), atol=1e-5)
    sd = np.sqrt(np.diag(covariance)[~known])
    assert np.all(np.abs(drawn.mean(axis=0)[~known] - mean[~known]) < 5 * sd / np.sqrt(4000))
    assert_allclose(drawn.std(axis=0)[~known] ** 2, sd**2, rtol=0.15)


def test_a_curve_and_a_lead_are_means_with_intervals() -> None:
    """Against scipy's paired test, at its quantile's place 1.96; and on the evenings that both rules have."""
    rng = np.random.default_rng(0)
    nats = {"aline": torch.tensor(rng.normal(1, 1, (3, 400))), "greedy": torch.tensor(rng.normal(1.2, 1, (3, 90)))}
    curve, lead = curve_frame(nats), behind(nats)
    assert curve["windows"].to_list() == [400] * 3 + [90] * 3
    assert_allclose(curve["information"], [*nats["aline"].mean(1), *nats["greedy"].mean(1)])
    assert (lead["rule"].to_list(), lead["windows"].to_list()) == (["greedy"] * 3, [90] * 3)
    found = ttest_rel(nats["aline"][:, :90], nats["greedy"], axis=1)
    assert_allclose(lead["behind"] / (lead["upper"] - lead["behind"]), found.statistic / 1.96, rtol=1e-9)


def test_of_a_single_evening_there_is_a_mean() -> None:
    curve = curve_frame({"oracle": torch.tensor([[0.0], [0.7]])})
    assert audit(tables.QuestionCurve, curve).passed
    assert curve["upper"].to_list() == pytest.approx([0.0, 0.7])
