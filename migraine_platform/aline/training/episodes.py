"""What training does with a batch of episodes: one prefix of random questions, or a whole rollout of the policy.

A prefix costs two encodings, whatever the horizon: its length is drawn anew for each batch, so that the loss is in
expectation the published average over all steps. A rollout scores every open question without gradient and samples
one; the gradient of log pi = s_chosen - log sum exp(s) needs the scores of the chosen one and of a few more drawn from
pi itself, for grad log sum exp(s) = E_pi grad s. That is exact in expectation, and keeps 200 candidates out of the
backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.tasks.task import Episode, random_choice
from migraine_platform.aline.training.objectives import (
    advantages,
    gain_loss,
    inference_loss,
    rewards_of,
    uncertainty_weights,
)
from migraine_platform.config.train import Objectives

CONTRASTS = 4
"""Queries drawn from the policy that stand for its expectation in the gradient."""


@dataclass
class Losses:
    """Parts of a loss, and their sum."""

    total: Tensor
    inference: Tensor
    policy: Tensor
    gain: Tensor
    posterior: Posterior
    """The last stated."""

    @classmethod
    def of(cls, inference: Tensor, policy: Tensor, gain: Tensor, settings: Objectives, posterior: Posterior) -> Losses:
        """Weighted as configured.

        Args:
            inference, policy, gain: [] the three losses.
        """
        total = inference + settings.alpha * policy + settings.gain_weight * gain
        return cls(total, inference.detach(), policy.detach(), gain.detach(), posterior)


def prefix_losses(
    net: Aline, episode: Episode, settings: Objectives, generator: torch.Generator, horizon: int
) -> Losses:
    """Random questions up to a random step, then one more."""
    asked = int(torch.randint(0, horizon, (1,), generator=generator))
    if asked:
        episode.ask(random_choice(episode.available, asked, generator))
    memory = net.encode(episode.context)
    before = net.posterior(memory)
    choice = random_choice(episode.available, 1, generator)
    open_ = episode.available.gather(1, choice)[:, 0]
    everything = torch.ones(len(net.layout.targets), dtype=torch.bool, device=choice.device)
    x = episode.candidates.gather(1, choice[..., None].expand(-1, -1, episode.candidates.shape[-1]))
    predicted = net.gains(net.queries(net.attending_to_goal(memory, everything), x))[:, 0]
    episode.ask(choice)
    after = net.posterior(net.encode(episode.context))
    inference = (inference_loss(before, episode.truth, settings) + inference_loss(after, episode.truth, settings)) / 2
    gain = _gain(net, predicted, before, after, open_)
    return Losses.of(inference, inference.new_zeros(()), gain, settings, after)


def rollout_losses(
    net: Aline, episode: Episode, settings: Objectives, generator: torch.Generator, horizon: int, goal: Tensor
) -> Losses:
    """The policy asks `horizon` questions; everything that was learned on the way is scored.

    Args:
        goal: [targets] which count.
    """
    posteriors: list[Posterior] = []
    log_policy: list[Tensor] = []
    gains: list[Tensor] = []
    opens: list[Tensor] = []
    for _ in range(horizon):
        memory = net.encode(episode.context)
        posteriors.append(net.posterior(memory))
        attended = net.attending_to_goal(memory, goal)
        with torch.no_grad():
            scores = net.scores(net.queries(attended, episode.candidates), goal)
            scores = scores.masked_fill(~episode.available, -1e9)
            # Drawn on the CPU, whatever the network is on: one seed draws the same everywhere.
            chances = torch.softmax(scores.float(), 1).cpu()
            drawn = torch.multinomial(chances, 1 + CONTRASTS, replacement=True, generator=generator).to(scores.device)
        choice = drawn[:, 0]
        x = episode.candidates.gather(1, drawn[..., None].expand(-1, -1, episode.candidates.shape[-1]))
        h = net.queries(attended, x)
        s = net.scores(h, goal)
        log_policy.append(s[:, 0] - s[:, 1:].mean(1))
        gains.append(net.gains(h)[:, 0])
        opens.append(episode.available.gather(1, choice[:, None])[:, 0])
        episode.ask(choice)
    posteriors.append(net.posterior(net.encode(episode.context)))
    inference = torch.stack([inference_loss(posterior, episode.truth, settings) for posterior in posteriors]).mean()
    with torch.no_grad():
        log_scores = torch.stack([posterior.log_score(episode.truth) for posterior in posteriors])
        if settings.policy == "uncertainty":
            credit = torch.stack([uncertainty_weights(posterior) for posterior in posteriors[:-1]])
        else:
            credit = advantages(rewards_of(log_scores, goal), settings.policy, settings.question_cost)
    policy = -(credit * torch.stack(log_policy)).mean()
    gain = torch.stack(
        [
            _gain(net, predicted, before, after, open_)
            for predicted, before, after, open_ in zip(gains, posteriors[:-1], posteriors[1:], opens, strict=True)
        ]
    ).mean()
    return Losses.of(inference, policy, gain, settings, posteriors[-1])


def _gain(net: Aline, predicted: Tensor, before: Posterior, after: Posterior, rows: Tensor) -> Tensor:
    """Error of expected gains [B, K] over the rows that had a question to ask."""
    if not bool(rows.any()):
        return predicted.new_zeros(())
    return gain_loss(predicted[rows], before.take(rows), after.take(rows), net.gain_unit)
