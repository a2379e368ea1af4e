"""Checkpoints: weights as safetensors, with a card inside that says what they are, and the card as JSON beside them.

    <name>.safetensors    tensors, nothing that could be run; the card in its header
    <name>.json           the same card, for people: architecture, task and layout, hashes of configuration, data and
                          weights, metrics, torch's version

One file holds all that loading needs, so that a killed process leaves the old checkpoint or the new one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.tasks.task import Layout, Target
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import replace_file

FORMAT = 1
_CARD = "migraine_platform"


class CheckpointError(UserError):
    """A checkpoint that is not there, is damaged, or is not what was expected."""


@dataclass(frozen=True)
class Card:
    """What a checkpoint says of itself."""

    task: str
    layout: Layout
    size: Size
    configuration: str
    """Hash of the training settings."""
    data: str
    """Hash of what the episodes were simulated from."""
    step: int
    metrics: dict[str, float] = field(default_factory=dict)
    torch: str = torch.__version__
    weights: str = ""
    """SHA-256 of the tensors."""

    def to_json(self) -> str:
        """Readable, in a fixed order."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, path: Path) -> Card:
        """Inverse of `to_json`.

        Raises:
            CheckpointError: if it is no card, or one of another format.
        """
        try:
            content = json.loads(text)
            found = content.pop("format")
            if found != FORMAT:
                raise CheckpointError(f"{path.name}: checkpoint of format {found}; expected {FORMAT}; train again")
            layout = content.pop("layout")
            targets = tuple(Target(**target) for target in layout.pop("targets"))
            return cls(layout=Layout(targets=targets, **layout), size=Size(**content.pop("size")), **content)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CheckpointError(f"{path.name}: not the card of a checkpoint; train again") from None

    @property
    def version(self) -> str:
        """Short name of these very weights."""
        return self.weights[:12]


def save_tensors(path: Path, tensors: dict[str, Tensor], card: Card) -> Card:
    """Write a checkpoint to `path` (without suffix); returns the card with the hash of the weights."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    complete = Card(**{**vars(card), "weights": _digest(stored)})
    replace_file(path.with_suffix(".safetensors"), save(stored, {_CARD: complete.to_json()}))
    replace_file(path.with_suffix(".json"), complete.to_json().encode())
    return complete


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Card]:
    """The tensors of a checkpoint and its card, held against each other.

    Raises:
        CheckpointError: if it is not there, is damaged, or is not one of this platform.
    """
    place = path.with_suffix(".safetensors")
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{place}: no checkpoint here; materialise training_run and checkpoint first") from None
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError):
        raise CheckpointError(f"{place.name}: not a file of safetensors; train again") from None
    card = Card.from_json(header.get("__metadata__", {}).get(_CARD, ""), place)
    found = _digest(tensors)
    if found != card.weights:
        raise CheckpointError(
            f"{place.name}: its tensors have the hash {found[:12]}, its card says {card.weights[:12]}; train again"
        )
    return tensors, card


def load_network(path: Path, tokens: tuple[int, int] | None = None, data: str | None = None) -> tuple[Aline, Card]:
    """The network of a checkpoint, ready to infer.

    Args:
        path: of the pair, without suffix.
        tokens: query and answer features of the caller's tokens; by default whatever the checkpoint has.
        data: hash of what its episodes must have been simulated from.

    Raises:
        CheckpointError: naming what differs.
    """
    tensors, card = read_tensors(path)
    found = (card.layout.query_features, card.layout.answer_features)
    if tokens is not None and found != tokens:
        raise CheckpointError(f"{path.name}: trained for tokens of {found} features; expected {tokens}; train again")
    if data is not None and card.data != data:
        raise CheckpointError(f"{path.name}: trained on data {card.data}; expected {data}; train again")
    net = Aline(card.layout, card.size)
    try:
        net.load_state_dict(tensors)
    except RuntimeError:
        raise CheckpointError(f"{path.name}: its tensors do not fit the network on its card; train again") from None
    return net.eval(), card


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return found.hexdigest()
