from __future__ import annotations

import torch

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.training import episodes
from migraine_platform.aline.training.episodes import prefix_losses, rollout_losses
from migraine_platform.aline.training.objectives import advantages, inference_loss, rewards_of

BOTH = torch.tensor([True, True])


def policy_gradient(net: Aline, loss: torch.Tensor) -> torch.Tensor | None:
    net.zero_grad()
    loss.backward()
    return net.policy_head[-1].weight.grad


def test_a_few_contrasts_give_the_full_softmax_gradient_on_average(net: Aline) -> None:
    """Over 400 drawings, the mean gradient of log pi against autograd through the whole softmax (z < 4)."""
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(1, 6, 16, generator=generator)
    weight = torch.randn(16, generator=generator).requires_grad_()
    scores = h[0] @ weight
    (exact,) = torch.autograd.grad(torch.log_softmax(scores, 0)[2], weight, retain_graph=True)
    drawn = []
    for _ in range(400):
        others = torch.multinomial(torch.softmax(scores.detach(), 0), episodes.CONTRASTS, True, generator=generator)
        (estimate,) = torch.autograd.grad(scores[2] - scores[others].mean(), weight, retain_graph=True)
        drawn.append(estimate)
    found = torch.stack(drawn)
    error = found.std(0) / 20
    assert ((found.mean(0) - exact).abs() < 4 * error + 1e-6).all()


def test_the_published_policy_loss_reaches_the_policy(toy, net: Aline, train) -> None:
    for policy in ("published", "reward_to_go", "uncertainty"):
        objectives = train.objectives.model_copy(update={"policy": policy})
        losses = rollout_losses(net, toy.draw(64, (1,)), objectives, torch.Generator().manual_seed(0), 3, BOTH)
        gradient = policy_gradient(net, losses.total)
        assert gradient is not None
        assert gradient.abs().sum() > 0, policy


def test_uncertainty_of_the_chosen_alone_would_not(toy, net: Aline) -> None:
    """The specification's `-uncertainty.gather(topk)` has no gradient into the policy head."""
    episode = toy.draw(8, (1,))
    memory = net.encode(episode.context)
    scores = net.scores(net.queries(net.attending_to_goal(memory, BOTH), episode.candidates), BOTH)
    chosen = scores.topk(3, dim=1).indices
    uncertainty = net.posterior(memory).moments()[1].expand(-1, 6)
    assert policy_gradient(net, -uncertainty.gather(1, chosen).mean()) is None


def test_rewards_add_up_to_the_information_gained() -> None:
    scores = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(0))
    goal = torch.tensor([True, False, True])
    torch.testing.assert_close(rewards_of(scores, goal).sum(0), (scores[-1] - scores[0])[:, goal].mean(1))


def test_credit_is_standardised_step_by_step() -> None:
    rewards = torch.randn(4, 200, generator=torch.Generator().manual_seed(0))
    for objective in ("published", "reward_to_go"):
        credit = advantages(rewards, objective, 0.0)
        torch.testing.assert_close(credit.mean(1), torch.zeros(4), atol=1e-5, rtol=0)
        torch.testing.assert_close(credit.std(1), torch.ones(4), atol=1e-3, rtol=0)


def test_reward_to_go_credits_what_follows() -> None:
    rewards = torch.zeros(2, 10)
    rewards[1, :5] = 1.0
    assert (advantages(rewards, "reward_to_go", 0.0)[0, :5] > 0).all()
    assert advantages(rewards, "published", 0.0)[0].abs().max() < 1e-6


def test_the_squared_error_pulls_every_sd_to_one_number(toy, net: Aline, train) -> None:
    objectives = train.objectives.model_copy(update={"posterior": "squared_error", "sd_weight": 1.0, "sd_target": 0.5})
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for step in range(60):
        episode = toy.draw(64, (step,))
        loss = inference_loss(net.posterior(net.encode(episode.context)), episode.truth, objectives)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    known = net.posterior(net.encode(toy.draw_complete(64, (99,)).context)).moments()[1]
    unknown = net.posterior(net.encode(toy.draw(64, (99,)).context)).moments()[1]
    assert (unknown.mean() - 0.5).abs() < 0.2  # nothing is known, and the prior's is 1
    assert (known.mean() - unknown.mean()).abs() < 0.2


def test_a_prefix_learns_inference_and_gains(toy, net: Aline, train) -> None:
    losses = prefix_losses(net, toy.draw(32, (0,)), train.objectives, torch.Generator().manual_seed(0), 3)
    net.zero_grad()
    losses.total.backward()
    assert net.gain_head[-1].weight.grad.abs().sum() > 0
    assert net.number_head[-1].weight.grad.abs().sum() > 0
    assert net.policy_head[-1].weight.grad is None


def test_silence_where_nothing_is_open(toy, net: Aline, train) -> None:
    episode = toy.draw(4, (0,))
    episode.available[:2] = False
    before = net.posterior(net.encode(episode.context))
    episode.ask(torch.zeros(4, dtype=torch.long))
    after = net.posterior(net.encode(episode.context))
    torch.testing.assert_close(before.mean[:2], after.mean[:2])
    assert not torch.allclose(before.mean[2:], after.mean[2:])
