from __future__ import annotations

import pytest
import torch

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import (
    ByPriority,
    InOrder,
    LearnedQuestions,
    NestedMonteCarlo,
    RandomQuestions,
    best_order,
    information,
    run_policy,
)

BOTH = torch.tensor([True, True])


@pytest.mark.parametrize("rule", ["learned", "gain", "random", "order", "priority"])
def test_no_rule_asks_what_is_not_open_or_asks_twice(toy, net: Aline, rule: str) -> None:
    policies = {
        "learned": LearnedQuestions(),
        "gain": LearnedQuestions(rank_by="gain"),
        "random": RandomQuestions(3),
        "order": InOrder(torch.tensor([5, 0])),
        "priority": ByPriority(torch.rand(40, 6)),
    }
    episode = toy.draw(40, (0,))
    episode.available[:, 2] = False
    with torch.no_grad():
        run_policy(net, episode, policies[rule], 5)
    asked = torch.stack(episode.asked, 1)
    assert (asked != 2).all()
    assert all(len(set(row)) == 5 for row in asked.tolist())


def test_an_order_skips_what_is_closed(toy, net: Aline) -> None:
    episode = toy.draw(3, (0,))
    episode.available[1, 4] = False
    assert InOrder(torch.tensor([4, 1])).choose(net, episode).tolist() == [4, 1, 4]


def test_information_starts_at_nothing_and_counts_the_goal(toy, net: Aline) -> None:
    episode = toy.draw(10, (0,))
    with torch.no_grad():
        posteriors = run_policy(net, episode, RandomQuestions(0), 2)
    all_, one = (information(posteriors, episode.truth, torch.tensor(goal)) for goal in ([True, True], [True, False]))
    assert (all_[0] == 0).all()
    assert all_.shape == (3, 10)
    torch.testing.assert_close(
        one[2], posteriors[2].log_score(episode.truth)[:, 0] - posteriors[0].log_score(episode.truth)[:, 0]
    )


def test_nested_monte_carlo_is_the_mean_over_imagined_answers(toy, net: Aline) -> None:
    """Spelled out for one question of one episode."""
    episode = toy.draw(2, (0,))
    imagined = torch.randn(2, 5, 6, 1, generator=torch.Generator().manual_seed(0))
    rule = NestedMonteCarlo(lambda _, draws: imagined[:, :draws], 5, BOTH)
    with torch.no_grad():
        gains = rule.gains(net, episode)
        now = net.posterior(net.encode(episode.context)).spread().sum(1)
        after = []
        for draw in range(5):
            more = episode.context.append(episode.candidates[:, 3:4], imagined[:, draw, 3:4])
            after.append(net.posterior(net.encode(more)).spread().sum(1))
    torch.testing.assert_close(gains[:, 3], now - torch.stack(after).mean(0))


def test_the_best_order_is_found_greedily(toy, net: Aline) -> None:
    with torch.no_grad():
        order = best_order(net, lambda: toy.draw(64, (5,)), BOTH, 3)
        spreads = []
        for question in range(6):
            episode = toy.draw(64, (5,))
            episode.ask(torch.full((64,), question))
            spreads.append(net.posterior(net.encode(episode.context)).spread().sum(1).mean())
    assert order[0] == torch.stack(spreads).argmin()
    assert len(set(order.tolist())) == 3
