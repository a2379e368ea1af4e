"""Claim: training episodes a second at the published size, against recomputing the whole sequence at every step.

python benchmarks/training_speed.py [--batch 200] [--runs 3] [--threads 2]

Location finding: 200 candidates, 30 questions, width 32, 3 layers. The baseline is one transformer over [context,
targets, queries] under the published mask, run whole and with gradient at every step; ours encodes the context once a
step, scores queries without gradient and lets five of them carry it. Both have the same weights, losses and objective.
"""

from __future__ import annotations

import argparse

import torch
from measure import compare, machine
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.tasks.task import Episode
from migraine_platform.aline.training.episodes import rollout_losses
from migraine_platform.aline.training.objectives import advantages, rewards_of
from migraine_platform.config import load_settings
from migraine_platform.research.location_finding.task import LocationFinding


def dense(net: Aline, episode: Episode, goal: Tensor) -> tuple[Posterior, Tensor]:
    """Posterior and scores from one pass over everything."""
    context = episode.context
    size, n, k = episode.size, 1 + context.x.shape[1], len(goal)
    h = torch.cat(
        [
            net.start.expand(size, 1, -1),
            net.embed_x(context.x) + net.embed_y(context.y),
            net.target.expand(size, -1, -1),
            net.embed_x(episode.candidates),
        ],
        1,
    )
    sees = torch.zeros(h.shape[1], h.shape[1], dtype=torch.bool)
    sees[:, :n] = True
    sees[n + k :, n : n + k] = goal
    for layer in net.layers:
        h = layer(h, *layer.memory(h), sees)
    h = net.norm(h)
    weight, mean, log_sd = net.number_head(h[:, n : n + k]).chunk(3, -1)
    return Posterior(torch.log_softmax(weight, -1), mean, log_sd.clamp(-6, 6), mean[:, :0, 0]), net.scores(
        h[:, n + k :], goal
    )


def straightforward(net: Aline, episode: Episode, horizon: int, goal: Tensor) -> Tensor:
    """Loss of one rollout, everything recomputed and everything with gradient."""
    posteriors, log_policy = [], []
    for _ in range(horizon):
        posterior, scores = dense(net, episode, goal)
        posteriors.append(posterior)
        log_probability = torch.log_softmax(scores.masked_fill(~episode.available, -1e9), 1)
        choice = torch.multinomial(log_probability.detach().exp(), 1)
        log_policy.append(log_probability.gather(1, choice)[:, 0])
        episode.ask(choice)
    posteriors.append(dense(net, episode, goal)[0])
    inference = torch.stack([-posterior.log_score(episode.truth).mean() for posterior in posteriors]).mean()
    scores = torch.stack([posterior.log_score(episode.truth) for posterior in posteriors]).detach()
    credit = advantages(rewards_of(scores, goal), "published", 0.0)
    return inference - (credit * torch.stack(log_policy)).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    task = LocationFinding(200)
    torch.manual_seed(0)
    net = Aline(task.layout, Size())
    goal = torch.ones(2, dtype=torch.bool)
    objectives = load_settings("demo").train.objectives

    def ours() -> None:
        net.zero_grad()
        generator = torch.Generator().manual_seed(0)
        rollout_losses(net, task.draw(options.batch, (0,)), objectives, generator, 30, goal).total.backward()

    def baseline() -> None:
        net.zero_grad()
        straightforward(net, task.draw(options.batch, (0,)), 30, goal).backward()

    print(machine())
    own, theirs = compare(ours, baseline, options.runs)
    print(f"batch {options.batch}, 30 questions, 200 candidates, width 32, {options.threads} threads")
    print(f"ours             {own:7.2f} s a step  {options.batch / own:7.1f} episodes/s")
    print(f"straightforward  {theirs:7.2f} s a step  {options.batch / theirs:7.1f} episodes/s")
    print(f"ratio            {theirs / own:.1f}")


if __name__ == "__main__":
    main()
