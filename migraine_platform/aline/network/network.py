"""The network: context attends to itself; targets and queries attend to the context, queries to the goal as well.

    token of an answer     f_x(x) + f_y(y)
    token of a query       f_x(x)
    token of a target      a learned embedding
    layer                  h <- h + Attention(norm h; memory), h <- h + FeedForward(norm h)

Three streams share all weights. Queries never see each other, so that any number of them costs what each costs, and the
context is encoded once for all (Huang et al., "ALINE", NeurIPS 2025, has one sequence under a mask; the function is the
same). A start token stands in every context, so that nothing known is a context too; it carries sums of what is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from migraine_platform.aline.network.heads import SMALLEST_SD, Posterior
from migraine_platform.aline.tasks.task import Context, Layout

LOG_SD_RANGE = 8.0
FIRST_SHARPNESS = 30.0
"""Logits per nat of expected gain with which the policy starts."""

SUM_UNIT = 3.0
"""By which sums over answers are divided."""

GAIN_UNIT_NUMBER, GAIN_UNIT_CHANCE = 0.1, 0.01
"""Nats that a good question tells about a number, and about a yes or no: the units the gain head works in."""


@dataclass(frozen=True)
class Size:
    """How large a network is."""

    width: int = 32
    layers: int = 3
    heads: int = 4
    feed_forward: int = 128
    components: int = 10

    def to_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


@dataclass
class Memory:
    """What targets and queries attend to, layer by layer."""

    keys: list[Tensor]
    """[B, heads, N, width / heads] each."""
    values: list[Tensor]
    known: Tensor
    """[B, 1, 1, N]"""


class Layer(nn.Module):
    """One pre-norm transformer layer that attends to a memory of its own kind."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.heads
        self.before = nn.LayerNorm(size.width)
        self.query = nn.Linear(size.width, size.width)
        self.key_value = nn.Linear(size.width, 2 * size.width)
        self.out = nn.Linear(size.width, size.width)
        self.between = nn.LayerNorm(size.width)
        self.feed = nn.Sequential(
            nn.Linear(size.width, size.feed_forward), nn.GELU(), nn.Linear(size.feed_forward, size.width)
        )

    def memory(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of some tokens.

        Args:
            h: [B, N, width]
        """
        key, value = self.key_value(self.before(h)).chunk(2, -1)
        return self._split(key), self._split(value)

    def forward(self, h: Tensor, key: Tensor, value: Tensor, known: Tensor) -> Tensor:
        """Tokens [B, n, width] after attending.

        Args:
            h: [B, n, width] tokens.
            key, value: [B, heads, N, width / heads] of what is attended to.
            known: [B, N] which of that is there.
        """
        attended = scaled_dot_product_attention(self._split(self.query(self.before(h))), key, value, attn_mask=known)
        h = h + self.out(attended.transpose(1, 2).flatten(2))
        return torch.as_tensor(h + self.feed(self.between(h)))

    def _split(self, h: Tensor) -> Tensor:
        batch, tokens, width = h.shape
        return h.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)


class Aline(nn.Module):
    """Posterior over targets and scores of queries, from whatever is known."""

    layers: Sequence[Layer]
    gain_unit: Tensor

    def __init__(self, layout: Layout, size: Size) -> None:
        super().__init__()
        self.layout, self.size = layout, size
        width = size.width
        self.embed_x = _mlp(layout.query_features, width, width)
        self.embed_y = _mlp(layout.answer_features, width, width)
        self.start = nn.Parameter(torch.zeros(width))
        self.target = nn.Parameter(torch.randn(len(layout.targets), width) * 0.5)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))  # type: ignore[assignment]
        self.norm = nn.LayerNorm(width)
        self.number_head = _mlp(width, 2 * width, 3 * size.components)
        self.chance_head = _mlp(width, width, 1)
        self.policy_head = _mlp(width, width, 1)
        self.gain_head = _mlp(width, width, len(layout.targets))
        self.tally = nn.Linear((1 + layout.query_features) * layout.answer_features, width, bias=False)
        self.sharpness = nn.Parameter(torch.tensor(FIRST_SHARPNESS).log())
        self.register_buffer("gain_unit", gain_units(layout), persistent=False)
        with torch.no_grad():  # components start apart, so that they can become different; sums start unheard
            self.tally.weight.zero_()
            _last(self.number_head).weight.mul_(0.1)
            _last(self.number_head).bias.view(3, size.components)[1] = torch.linspace(-1.5, 1.5, size.components)
            _last(self.policy_head).weight.zero_()  # the policy starts with what is expected
            _last(self.policy_head).bias.zero_()

    def encode(self, context: Context) -> Memory:
        """Encode what is known."""
        start = self.start + self.tally(sums(context))[:, None]
        h = torch.cat([start, self.embed_x(context.x) + self.embed_y(context.y)], 1)
        always = context.known.new_ones(len(context.x), 1)
        known = torch.cat([always, context.known], 1)[:, None, None, :]
        keys, values = [], []
        for number, layer in enumerate(self.layers):
            key, value = layer.memory(h)
            keys.append(key)
            values.append(value)
            if number < len(self.layers) - 1:
                h = layer(h, key, value, known)
        return Memory(keys, values, known)

    def posterior(self, memory: Memory) -> Posterior:
        """Marginals of all targets."""
        h = self._targets(memory)[-1]
        numbers = self.layout.numbers
        # Densities need single precision, whatever the layers compute in.
        weight, mean, log_sd = self.number_head(h[:, :numbers]).float().chunk(3, -1)
        log_sd = (torch.tanh(log_sd / LOG_SD_RANGE) * LOG_SD_RANGE).clamp_min(float(torch.tensor(SMALLEST_SD).log()))
        return Posterior(torch.log_softmax(weight, -1), mean, log_sd, self.chance_head(h[:, numbers:]).float()[..., 0])

    def attending_to_goal(self, memory: Memory, goal: Tensor) -> Memory:
        """The memory that queries attend to: the context and the chosen targets.

        Args:
            goal: [B, K] or [K] which targets matter.
        """
        batch = len(memory.known)
        streams = self._targets(memory)
        keys, values = [], []
        for layer, h, key, value in zip(self.layers, streams, memory.keys, memory.values, strict=False):
            more_key, more_value = layer.memory(h)
            keys.append(torch.cat([key, more_key], 2))
            values.append(torch.cat([value, more_value], 2))
        wanted = goal.expand(batch, -1)[:, None, None, :]
        return Memory(keys, values, torch.cat([memory.known, wanted], -1))

    def queries(self, memory: Memory, x: Tensor) -> Tensor:
        """[B, n, width] queries [B, n, query features] after attending to `attending_to_goal`'s memory.

        Args:
            x: [B, candidates, channels]
        """
        h = self.embed_x(x)
        for layer, key, value in zip(self.layers, memory.keys, memory.values, strict=True):
            h = layer(h, key, value, memory.known)
        return torch.as_tensor(self.norm(h))

    def scores(self, h: Tensor, goal: Tensor) -> Tensor:
        """[B, n] the policy's logits of encoded queries: what is expected of each, and what training made of that.

        Args:
            goal: [K] which targets matter.
            h: [B, n, width] queries.
        """
        expected = self.gains(h).detach()[..., goal].sum(-1)
        return torch.as_tensor(self.policy_head(h)[..., 0] + self.sharpness.exp() * expected)

    def gains(self, h: Tensor) -> Tensor:
        """[B, n, K] nats that each encoded query is expected to tell about each target.

        Args:
            h: [B, n, width] queries.
        """
        return torch.as_tensor(self.gain_head(h) * self.gain_unit)

    def _targets(self, memory: Memory) -> list[Tensor]:
        """Targets [B, K, width] before each layer, and after the last, normalised."""
        h = self.target.expand(len(memory.known), -1, -1)
        streams = []
        for layer, key, value in zip(self.layers, memory.keys, memory.values, strict=True):
            streams.append(h)
            h = layer(h, key, value, memory.known)
        return [*streams, self.norm(h)]


def sums(context: Context) -> Tensor:
    """[B, (1 + query features) * answer features] sums over what is known of answers, plain and times the query.

    Attention takes means, in which many answers that say little by themselves are slow to be seen; in sums they add up.
    """
    known = context.known[..., None].to(context.y.dtype)
    asked = torch.cat([torch.ones_like(context.x[..., :1]), context.x], -1) * known
    return (torch.einsum("bnq,bna->bqa", asked, context.y) / SUM_UNIT).flatten(1)


def _last(head: nn.Sequential) -> nn.Linear:
    layer = head[-1]
    assert isinstance(layer, nn.Linear)
    return layer


def gain_units(layout: Layout) -> Tensor:
    """[K] nats per unit of the gain head."""
    chances = len(layout.targets) - layout.numbers
    return torch.tensor([GAIN_UNIT_NUMBER] * layout.numbers + [GAIN_UNIT_CHANCE] * chances)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))
