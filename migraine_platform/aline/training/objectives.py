"""What is minimised: the posterior's loss, the policy's, and the error of expected gains.

    inference    - mean over targets of log q(target | D_t)
    reward       R_t = mean over chosen targets of log q(target | D_t) - log q(target | D_t-1)
    policy       - sum_t advantage_t log pi(query_t | D_t-1)
    gain         (g(query_t) - [spread(D_t-1) - spread(D_t)])^2, target by target

`published` credits a query with its own reward alone, at least 0 and standardised step by step, as the public code of
ALINE has it. `reward_to_go` credits it with all that follows, less a cost per question. `uncertainty` is the proxy of
the specification: a detached reward of uncertainty as weights of a cross-entropy; its literal form (`-uncertainty` of
the chosen hours) has no gradient into the policy at all.
"""

from __future__ import annotations

from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.config.train import Objectives


def inference_loss(posterior: Posterior, truth: Tensor, settings: Objectives) -> Tensor:
    """[] loss of stated posteriors, averaged over the targets; beta weighs the chances among them.

    `likelihood` is the negative log score. `squared_error` takes those of the numbers' means, and lambda times those of
    their standard deviations to a constant sigma*.

    Args:
        truth: [B, K]
    """
    numbers = posterior.mean.shape[1]
    scores = posterior.log_score(truth)
    if settings.posterior == "likelihood":
        loss = -scores[:, :numbers]
    else:
        mean, sd = posterior.moments()
        loss = (mean - truth[:, :numbers]) ** 2 + settings.sd_weight * (sd - settings.sd_target) ** 2
    return (loss.sum(1) - settings.beta * scores[:, numbers:].sum(1)).mean() / truth.shape[1]


def rewards_of(log_scores: Tensor, goal: Tensor) -> Tensor:
    """[T, B] what each question told, averaged over the goal [K].

    Args:
        log_scores: [T + 1, B, K] of the truth, before the first question and after each.
    """
    return (log_scores[1:] - log_scores[:-1])[..., goal].mean(-1)


def advantages(rewards: Tensor, objective: str, cost: float) -> Tensor:
    """[T, B] what a query is credited with, standardised step by step.

    Args:
        cost: nats per question, taken off where a query is credited with what follows.
        rewards: [T, B]
    """
    own = objective == "published"
    credit = rewards.clamp_min(0) if own else (rewards - cost).flip(0).cumsum(0).flip(0)
    return (credit - credit.mean(1, keepdim=True)) / (credit.std(1, keepdim=True) + 1e-6)


def uncertainty_weights(posterior: Posterior) -> Tensor:
    """[B] the specification's reward: entropy of tomorrow's migraine plus a tenth of the mean spread of Z."""
    _, sd = posterior.moments()
    p = posterior.chance()[:, -1].clamp(1e-6, 1 - 1e-6)
    return (-(p * p.log() + (1 - p) * (1 - p).log()) + 0.1 * sd.mean(1)).detach()


def gain_loss(predicted: Tensor, before: Posterior, after: Posterior, units: Tensor) -> Tensor:
    """[] squared error of expected gains against what the question took off the posterior's spread.

    Args:
        predicted: [B, K] expected gains.
        units: [B, K] by which errors are divided.
    """
    told = (before.spread() - after.spread()).detach()
    return (((predicted - told) / units) ** 2).mean()
