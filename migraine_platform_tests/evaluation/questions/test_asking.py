from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from migraine_platform.aline.network.heads import HALF_LOG_2PI
from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import InOrder, LearnedQuestions, NestedMonteCarlo, RandomQuestions
from migraine_platform.aline.tasks.task import Context, Episode
from migraine_platform.evaluation.questions.asking import GreedyQuestions, OracleQuestions, nats, without_silence
from migraine_platform_tests.aline.conftest import SMALL, Toy

torch.set_num_threads(1)
BOTH, NUMBER = torch.tensor([True, True]), torch.tensor([True])
FALSE_ALARM_Z = 3.9
"""Standard errors that a mean of normals passes once in 10,000 times."""


@pytest.fixture
def net() -> Aline:
    torch.manual_seed(0)
    return Aline(Toy().layout, SMALL)


@dataclass
class Normal:
    mean: Tensor
    sd: Tensor

    def log_score(self, truth: Tensor) -> Tensor:
        return -0.5 * ((truth - self.mean) / self.sd) ** 2 - self.sd.log() - HALF_LOG_2PI

    def spread(self) -> Tensor:
        return self.sd.log() + HALF_LOG_2PI + 0.5


class Exact:
    """In a network's place, the exact posterior of the hidden number: normal, of precision 1 + sum 1 / sd^2."""

    def encode(self, context: Context) -> Context:
        return context

    def posterior(self, context: Context) -> Normal:
        weight = context.known / (context.x[..., 0] + 0.1) ** 2
        precision = 1 + weight.sum(1)
        mean = (weight * context.y[..., 0]).sum(1) / precision
        return Normal(mean[:, None], precision.rsqrt()[:, None])


class Sensible(Toy):
    """The toy, its noisiest question first, without the sign."""

    def draw(self, size: int, seed: tuple[int, ...]) -> Episode:
        episode = super().draw(size, seed)
        episode.candidates = episode.candidates.flip(1)
        episode.truth = episode.truth[:, :1]
        return episode


def imagined(episode: Episode, draws: int) -> Tensor:
    """Answers from the exact posterior: a hidden number, and each question's noise."""
    now = Exact().posterior(episode.context)
    generator = torch.Generator().manual_seed(len(episode.asked))
    hidden = now.mean + now.sd * torch.randn(episode.size, draws, generator=generator)
    sd = episode.candidates[:, None, :, 0] + 0.1
    noise = torch.randn(episode.size, draws, sd.shape[-1], generator=generator)
    return (hidden[..., None] + sd * noise)[..., None]


def test_the_oracle_gains_more_than_greed_and_greed_more_than_chance() -> None:
    """2,000 evenings, an exact model: greed asks the least noisy question first, as it must."""
    task, net = Sensible(), Exact()
    rules = {
        "oracle": OracleQuestions(NUMBER),
        "greedy": GreedyQuestions(imagined, 16, NUMBER, shortlist=2),
        "best": InOrder(torch.tensor([5, 4, 3])),
        "random": RandomQuestions(0),
    }
    gained = {name: nats(net, task.draw(2000, (1,)), rule, 3, NUMBER) for name, rule in rules.items()}  # type: ignore[arg-type]
    torch.testing.assert_close(gained["greedy"], gained["best"])
    for better, worse in (("oracle", "greedy"), ("greedy", "random")):
        lead = (gained[better] - gained[worse])[1:].double()
        assert (lead.mean(1) > FALSE_ALARM_Z * lead.std(1) / 2000**0.5).all()
    # What an answer of variance v tells of a standard normal is 1/2 log(1 + 1/v) on average
    told = gained["greedy"][1].double()
    expected = 0.5 * torch.log(torch.tensor(1 + 1 / 0.1**2, dtype=torch.double))
    assert abs(told.mean() - expected) < FALSE_ALARM_Z * told.std() / 2000**0.5


def test_by_one_question_no_rule_gains_more_than_the_oracle_on_any_evening(net: Aline) -> None:
    task = Toy()
    best = nats(net, task.draw(60, (2,)), OracleQuestions(BOTH), 1, BOTH)[1]
    every = [nats(net, task.draw(60, (2,)), InOrder(torch.tensor([q])), 1, BOTH)[1] for q in range(6)]
    torch.testing.assert_close(best, torch.stack(every).max(0).values)
    for rule in (LearnedQuestions(), RandomQuestions(1)):
        assert (nats(net, task.draw(60, (2,)), rule, 1, BOTH)[1] <= best + 1e-6).all()


def test_brute_force_asks_nothing_that_is_closed_and_nothing_twice(net: Aline) -> None:
    for rule in (OracleQuestions(BOTH), GreedyQuestions(imagined, 4, BOTH, shortlist=2)):
        episode = Toy().draw(30, (3,))
        episode.available[:, 2] = False
        episode.available[::2, 4] = False
        gained = nats(net, episode, rule, 4, BOTH)
        asked = torch.stack(episode.asked, 1)
        assert (asked != 2).all()
        assert (asked[::2] != 4).all()
        assert all(len(set(row)) == 4 for row in asked.tolist())
        assert gained.shape == (5, 30)
        assert (gained[0] == 0).all()


def test_a_shortlist_of_everything_is_nested_monte_carlo(net: Aline) -> None:
    with torch.no_grad():
        episode = Toy().draw(40, (4,))
        whole = NestedMonteCarlo(imagined, 8, BOTH).choose(net, episode)
        assert torch.equal(GreedyQuestions(imagined, 8, BOTH, shortlist=6).choose(net, episode), whole)
        assert episode.available.all()


def test_absent_tokens_make_no_difference(net: Aline) -> None:
    context = Context(torch.rand(5, 4, 1), torch.rand(5, 4, 1), torch.rand(5, 4) < 0.6)
    context.known[:, 2] = False
    fewer = without_silence(context)
    assert fewer.x.shape == (5, 3, 1)
    with torch.no_grad():
        whole, part = (net.posterior(net.encode(one)) for one in (context, fewer))
    torch.testing.assert_close(whole.mean, part.mean)
    torch.testing.assert_close(whole.logit, part.logit)
