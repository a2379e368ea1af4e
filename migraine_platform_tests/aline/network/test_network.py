from __future__ import annotations

import pytest
import torch

from migraine_platform.aline.network.network import Aline, sums
from migraine_platform.aline.tasks.task import Context, Layout, Target

BOTH = torch.tensor([True, True])


def asked(toy, questions: list[int]):
    episode = toy.draw(4, (1, 2))
    for question in questions:
        episode.ask(torch.full((4,), question))
    return episode


def test_the_order_of_what_is_known_does_not_matter(toy, net: Aline) -> None:
    one, other = (net.posterior(net.encode(asked(toy, order).context)) for order in ([0, 3, 5], [5, 0, 3]))
    torch.testing.assert_close(one.log_score(asked(toy, []).truth), other.log_score(asked(toy, []).truth))


def test_an_unknown_token_says_nothing(toy, net: Aline) -> None:
    episode = asked(toy, [1])
    hidden = episode.context.append(torch.full((4, 1, 1), 9.0), torch.full((4, 1, 1), -9.0), torch.zeros(4, 1).bool())
    one, other = (net.posterior(net.encode(context)) for context in (episode.context, hidden))
    torch.testing.assert_close(one.mean, other.mean)
    torch.testing.assert_close(one.logit, other.logit)


def test_queries_do_not_see_each_other(toy, net: Aline) -> None:
    episode = asked(toy, [2])
    memory = net.attending_to_goal(net.encode(episode.context), BOTH)
    together = net.queries(memory, episode.candidates)
    alone = torch.cat([net.queries(memory, episode.candidates[:, k : k + 1]) for k in range(6)], 1)
    torch.testing.assert_close(together, alone)


def test_queries_see_the_goal_and_only_the_goal(toy, net: Aline) -> None:
    episode = asked(toy, [2])
    memory = net.encode(episode.context)
    scores = [
        net.queries(net.attending_to_goal(memory, torch.tensor(goal)), episode.candidates)
        for goal in ([True, False], [False, True])
    ]
    assert not torch.allclose(*scores)
    with torch.no_grad():
        net.target[1] += 1.0
    again = net.queries(
        net.attending_to_goal(net.encode(episode.context), torch.tensor([True, False])), episode.candidates
    )
    torch.testing.assert_close(scores[0], again)


def test_three_streams_are_one_sequence_under_the_published_mask(toy, net: Aline) -> None:
    """Context sees itself, targets the context, queries context and targets: one dense pass says the same."""
    torch.nn.init.normal_(net.tally.weight, std=0.3)  # as after training: at first, sums are not heard
    episode = asked(toy, [0, 4])
    context = episode.context
    n, k, q = 1 + context.x.shape[1], 2, 6
    h = torch.cat(
        [
            net.start + net.tally(sums(context))[:, None],
            net.embed_x(context.x) + net.embed_y(context.y),
            net.target.expand(4, -1, -1),
            net.embed_x(episode.candidates),
        ],
        1,
    )
    sees = torch.zeros(n + k + q, n + k + q, dtype=torch.bool)
    sees[:, :n] = True
    sees[n + k :, n : n + k] = True
    for layer in net.layers:
        h = layer(h, *layer.memory(h), sees)
    dense = net.norm(h)
    memory = net.encode(context)
    torch.testing.assert_close(dense[:, n + k :], net.queries(net.attending_to_goal(memory, BOTH), episode.candidates))
    chance = net.chance_head(dense[:, n + 1 : n + k])[..., 0]
    torch.testing.assert_close(chance, net.posterior(memory).logit)


def test_nothing_known_is_a_context_too(toy, net: Aline) -> None:
    posterior = net.posterior(net.encode(toy.draw(3, (0,)).context))
    assert torch.isfinite(posterior.mean).all()
    assert posterior.mean.shape == (3, 1, 3)


def test_the_policy_starts_with_what_is_expected(toy, net: Aline) -> None:
    episode = asked(toy, [])
    h = net.queries(net.attending_to_goal(net.encode(episode.context), BOTH), episode.candidates)
    assert (net.scores(h, BOTH).argsort(1) == net.gains(h).sum(-1).argsort(1)).all()


def test_a_goal_that_does_not_exist_is_named() -> None:
    layout = Layout(1, 1, (Target("a", group="state"),), 1)
    with pytest.raises(ValueError, match="expected some of: state"):
        layout.chosen(("mood",))


def test_repeated_contexts_are_the_same(toy, net: Aline) -> None:
    context = asked(toy, [1, 2]).context
    one = net.posterior(net.encode(context.repeated(3))).mean
    torch.testing.assert_close(one, net.posterior(net.encode(context)).mean.repeat_interleave(3, 0))
    assert isinstance(context, Context)
