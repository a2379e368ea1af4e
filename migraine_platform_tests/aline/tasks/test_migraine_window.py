from __future__ import annotations

import numpy as np
import pytest
import torch

from migraine_platform.aline.tasks.migraine_window import KNOWN, LOG_ODDS, MIGRAINE, STATE
from migraine_platform.config.simulator.hours import QUESTIONS


@pytest.fixture(scope="module")
def task(reference):
    return reference.task


def test_the_sizes_are_those_of_the_tokens(task) -> None:
    episode = task.draw(8, (0, 1))
    assert episode.context.x.shape == (8, 25, task.layout.query_features)
    assert episode.context.y.shape == (8, 25, task.layout.answer_features)
    assert episode.candidates.shape == (8, 96, task.layout.query_features)
    assert episode.truth.shape == (8, len(task.layout.targets))
    assert task.layout.groups == (STATE, "susceptibility", MIGRAINE)


def test_the_same_seed_draws_the_same_episode(task) -> None:
    one, other = task.draw(16, (3, 4)), task.draw(16, (3, 4))
    assert torch.equal(one.context.y, other.context.y)
    assert torch.equal(one.truth, other.truth)
    assert not torch.equal(one.truth, task.draw(16, (3, 5)).truth)


def test_an_answer_shows_its_question_and_nothing_else(task) -> None:
    windows = task.simulator.draw(np.random.default_rng(0), 4, complete=True)
    answers = task.tokens.answers(windows)
    values = task.tokens.values
    for number in (0, 37, 95):
        hour, question = divmod(number, len(QUESTIONS))
        for place, (_, own) in enumerate(values):
            shown = answers[:, number, len(answers[0, 0]) - len(values) + place].numpy()
            expected = windows.answers[:, hour, place] if own == question else np.zeros(4)
            np.testing.assert_allclose(shown, expected, rtol=1e-6)
    assert (answers[..., :KNOWN] == 0).all()


def test_hours_to_come_are_hidden_from_the_network(task) -> None:
    """What happens after `now` may change without the context changing."""
    windows = task.simulator.draw(np.random.default_rng(1), 6, now=15)
    later = windows._replace(passive=windows.passive.copy(), answers=windows.answers.copy())
    later.passive[:, 15:] += 100
    later.answers[:, 15:] += 100
    one, other = task.episode(windows), task.episode(later)
    known = one.context.known
    assert torch.equal(known, other.context.known)
    assert torch.equal(one.context.y[known], other.context.y[known])
    closed = one.available.view(6, 24, 4)[:, 15:]
    assert not closed.any()


def test_nothing_of_a_planned_day_is_read(task) -> None:
    windows = task.simulator.draw(np.random.default_rng(2), 6, now=20)
    context = task.tokens.context(windows, np.ones(6, dtype=bool))
    assert context.known.sum(1).tolist() == [1] * 6
    assert (context.y[:, 0, KNOWN - 2 : KNOWN] == 0).all()


def test_readings_without_the_wearable_are_blank_save_the_stations(task) -> None:
    windows = task.simulator.draw(np.random.default_rng(3), 40, now=24)
    y = task.tokens.context(windows).y[:, 1:]
    names = list(task.simulator.hours.passive)
    off = torch.from_numpy(~windows.worn)
    assert (y[..., KNOWN + names.index("heart_rate")][off] == 0).all()
    assert (y[..., KNOWN + names.index("barometer")][off] != 0).all()


def test_truth_is_in_the_layouts_units(task) -> None:
    windows = task.simulator.draw(np.random.default_rng(4), 10, complete=True)
    episode = task.complete(windows)
    mean, sd = task.layout.units(episode.truth)
    own = (episode.truth * sd + mean).numpy()
    np.testing.assert_allclose(own[:, :4], windows.z, atol=1e-5)
    np.testing.assert_allclose(own[:, -1], windows.probability, atol=1e-6)
    odds = own[:, task.layout.names.index(LOG_ODDS)]
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), np.clip(windows.probability, 0.002, 0.998), atol=1e-4)


def test_training_validation_and_scoring_share_nobody(reference) -> None:
    groups = [
        task.simulator.bank.susceptibility[:, 0]
        for task in (reference.task, reference.task.validation, reference.scoring)
    ]
    sets = [set(group.round(12).tolist()) for group in groups]
    assert len(set.union(*sets)) == sum(map(len, sets))
    assert reference.scoring.layout == reference.task.layout == reference.task.validation.layout
