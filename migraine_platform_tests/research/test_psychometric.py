"""The psychometric task: its exact posterior against brute force, its two goals, and what the teacher is worth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.testing import assert_close

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.policies.policies import LearnedQuestions, RandomQuestions
from migraine_platform.aline.tasks.task import random_choice
from migraine_platform.research.budget import Budget
from migraine_platform.research.psychometric.task import (
    CURVE,
    HORIZON,
    RANGES,
    RATES,
    STIMULI,
    CurvePosteriors,
    ExactGreedy,
    Psychometric,
    PsychometricEpisode,
    chance_of_yes,
    stimuli,
)
from migraine_platform.research.psychometric.teacher import GOALS, Lessons, train

CELLS = (6, 4, 3, 2)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def oracle() -> CurvePosteriors:
    return CurvePosteriors.build(CELLS)


@pytest.fixture
def episode() -> PsychometricEpisode:
    drawn = Psychometric().draw(5, (1,))
    drawn.ask(random_choice(drawn.available, 10, torch.Generator().manual_seed(0)))
    return drawn


def cells() -> torch.Tensor:
    middles = [
        low + (high - low) * (torch.arange(n) + 0.5) / n for (low, high), n in zip(RANGES.values(), CELLS, strict=True)
    ]
    return torch.cartesian_prod(*middles)


def test_chances_run_from_lapsed_yeses_to_lapsed_noes() -> None:
    theta = torch.tensor([0.0, 0.5, 0.4, 0.3])
    assert_close(chance_of_yes(torch.tensor([-50.0, 0.0, 50.0]), theta), torch.tensor([0.12, 0.47, 0.82]))


def test_answers_come_as_often_as_they_should() -> None:
    episode = Psychometric().draw(2, (3,))
    said = episode.answers(torch.full((2, 40_000), 120))[..., 0]
    p = chance_of_yes(stimuli()[120], episode.theta)
    assert_close((said > 0).float().mean(1), p, atol=0.01, rtol=0)


def test_posterior_multiplies_the_chances_of_all_answers(oracle: CurvePosteriors, episode: PsychometricEpisode) -> None:
    weight = torch.ones(5, len(cells()), dtype=torch.float64)
    for step, choice in enumerate(episode.asked):
        p = chance_of_yes(stimuli()[choice][:, None], cells()[None])
        weight *= torch.where(episode.context.y[:, step] > 0, p, 1 - p)
    weight /= weight.sum(1, keepdim=True)
    assert_close(oracle.posterior(episode).flatten(1).double(), weight, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("goal", GOALS)
def test_expected_gains_are_the_mean_of_the_information_after(
    oracle: CurvePosteriors, episode: PsychometricEpisode, goal: str
) -> None:
    weight = oracle.posterior(episode)
    gains = oracle.expected_gains(weight, goal)
    assert gains.shape == (5, STIMULI)
    axis = 2 if goal == CURVE else 1

    def entropy(joint: torch.Tensor) -> torch.Tensor:
        p = joint.sum(axis)
        return -torch.xlogy(p, p).sum(1)

    for stimulus in (0, 90, 140):
        yes = chance_of_yes(stimuli()[stimulus], cells()).view(1, *weight.shape[1:])
        expected = entropy(weight)
        for p in (yes, 1 - yes):
            chance = (weight * p).sum((1, 2))
            expected = expected - chance * entropy(weight * p / chance[:, None, None])
        assert_close(gains[:, stimulus], expected, atol=1e-4, rtol=0)


def test_goals_want_different_stimuli(oracle: CurvePosteriors) -> None:
    found = {}
    for goal in GOALS:
        episode = Psychometric().draw(40, (4,))
        for _ in range(HORIZON):
            episode.ask(ExactGreedy(oracle, goal).choose(None, episode))
        found[goal] = oracle.information(episode)
    assert found[CURVE][CURVE].mean() > found[RATES][CURVE].mean() + 0.5
    assert found[RATES][RATES].mean() > found[CURVE][RATES].mean() + 0.3


def test_a_stimulus_can_be_shown_again(episode: PsychometricEpisode) -> None:
    assert episode.available.all()


def test_nothing_known_is_a_context_too() -> None:
    net = Aline(Psychometric.layout, Size(width=16, layers=1, heads=2, feed_forward=16, components=2))
    choice = LearnedQuestions(net.layout.chosen((RATES,))).choose(net, Psychometric().draw(3, (1,)))
    assert choice.shape == (3,)


@pytest.mark.slow
def test_the_teacher_makes_a_policy_that_follows_its_goal(oracle: CurvePosteriors) -> None:
    net = train(Lessons(Budget(rounds=8), episodes=24, batches=12, batch=48, cells=CELLS))
    told = {}
    for name, rule in (
        ("random", RandomQuestions()),
        (CURVE, LearnedQuestions(net.layout.chosen((CURVE,)))),
        (RATES, LearnedQuestions(net.layout.chosen((RATES,)))),
    ):
        episode = Psychometric().draw(100, (5,))
        with torch.no_grad():
            for _ in range(HORIZON):
                episode.ask(rule.choose(net, episode))
        told[name] = oracle.information(episode)
    assert told[CURVE][CURVE].mean() > told["random"][CURVE].mean()
    assert told[RATES][RATES].mean() > told["random"][RATES].mean()
