from __future__ import annotations

import numpy as np
import pytest
import torch

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import LearnedQuestions, run_policy
from migraine_platform.research.diary.task import DiaryTrajectories, PatientDiary, fill_trajectories
from migraine_platform.simulator.hourly.bank import SCORING, TRAINING
from migraine_platform_tests.aline.conftest import SMALL


@pytest.fixture(scope="module")
def trajectories(reference) -> DiaryTrajectories:
    return fill_trajectories(reference.simulator, TRAINING, 80)


@pytest.fixture(scope="module")
def task(reference, trajectories) -> PatientDiary:
    return PatientDiary(trajectories, fill_trajectories(reference.simulator, SCORING, 40), days=20)


def test_a_diary_is_a_stretch_of_a_life(task: PatientDiary, trajectories: DiaryTrajectories) -> None:
    episode = task.episode(np.array([3, 7]), np.array([5, 30]))
    answers = episode.answers(torch.arange(20).expand(2, -1)).numpy()
    for row, (patient, first) in enumerate([(3, 5), (7, 30)]):
        days = slice(first, first + 20)
        np.testing.assert_array_equal(answers[row, :, 0], trajectories.trigger[patient, days, 2])
        np.testing.assert_array_equal(answers[row, :, 2], trajectories.migraine[patient, days])
        np.testing.assert_array_equal(answers[row, :, 3], trajectories.migraine[patient, first + 1 : first + 21])
        np.testing.assert_array_equal(episode.candidates[row, :, 1], trajectories.trigger[patient, days, 0])


def test_a_night_is_known_only_where_the_wearable_was_worn(task: PatientDiary) -> None:
    candidates = task.draw(60, (0,)).candidates
    assert (candidates[..., 2][candidates[..., 3] == 0] == 0).all()
    assert candidates[..., 2].sum() > 0


def test_an_unanswered_question_is_not_a_no(task: PatientDiary) -> None:
    assert (task.draw(5, (0,)).context.y == -1).all()


def test_truth_is_in_the_layouts_units(task: PatientDiary, trajectories: DiaryTrajectories) -> None:
    episode = task.episode(np.arange(10), np.zeros(10, dtype=int))
    mean, sd = task.layout.units(episode.truth)
    np.testing.assert_allclose((episode.truth * sd + mean).numpy(), trajectories.own[:10], atol=1e-5)
    assert task.validation.layout == task.layout


def test_the_generic_network_asks_about_different_days(task: PatientDiary) -> None:
    torch.manual_seed(0)
    net = Aline(task.layout, SMALL).eval()
    episode = task.draw(6, (1,))
    with torch.no_grad():
        posteriors = run_policy(net, episode, LearnedQuestions(), 4)
    assert torch.isfinite(posteriors[-1].mean).all()
    assert all(len(set(row)) == 4 for row in torch.stack(episode.asked, 1).tolist())
    assert not episode.available.gather(1, torch.stack(episode.asked, 1)).any()
