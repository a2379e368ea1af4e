"""Trained experts as one file of safetensors: numbers, nothing that could be run, and a card that says what they are.

Belongs here: writing and reading that file. Does not: where it lies or which one is in use.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from migraine_platform.twin.data.channels import CHANNELS, CONTEXT
from migraine_platform.twin.dynamics.experts.inputs import HALF_LIVES, RECENT, ExpertsError
from migraine_platform.twin.dynamics.experts.network import EXPERTS, ExpertNet, Experts, ExpertSettings
from migraine_platform.warehouse.lake.places import replace_file

FORMAT = 1
_CARD = "migraine_platform"


def save_experts(path: Path, experts: Experts) -> None:
    """Write experts to `path`, wholly or not at all; the same experts give the same bytes.

    Raises:
        PlaceError: if the place cannot be written to.
    """
    card = {
        "format": FORMAT,
        **_shape(),
        "settings": asdict(experts.settings),
        "validation": experts.validation,
        "steps": experts.steps,
        "torch": torch.__version__,
    }
    tensors = {name: tensor.detach().contiguous() for name, tensor in sorted(experts.net.state_dict().items())}
    replace_file(path, save(tensors, {_CARD: json.dumps(card, sort_keys=True)}))


def load_experts(path: Path) -> Experts:
    """The experts of a file, ready to predict.

    Raises:
        ExpertsError: if it is not there, is damaged, of another format, or for other channels.
    """
    try:
        content = path.read_bytes()
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        card: dict[str, Any] = json.loads(header.get("__metadata__", {}).get(_CARD, "{}"))
    except FileNotFoundError:
        raise ExpertsError(f"{path}: no experts here; train them first") from None
    except (SafetensorError, ValueError):
        raise ExpertsError(f"{path.name}: not a file of safetensors; train the experts again") from None
    _agree(path, card)
    try:
        settings = ExpertSettings(**card["settings"])
        net = ExpertNet(settings)
        net.load_state_dict(tensors)
        return Experts(net.eval().requires_grad_(False), settings, float(card["validation"]), int(card["steps"]))
    except (RuntimeError, KeyError, TypeError, ValueError):
        raise ExpertsError(f"{path.name}: its weights and its card do not fit; train the experts again") from None


def _shape() -> dict[str, Any]:
    """What the meaning of the weights hangs on, as JSON has it."""
    return {
        "channels": list(CHANNELS),
        "context": list(CONTEXT),
        "experts": list(EXPERTS),
        "recent_days": RECENT,
        "half_lives": list(HALF_LIVES),
    }


def _agree(path: Path, card: dict[str, Any]) -> None:
    if (found := card.get("format")) != FORMAT:
        raise ExpertsError(f"{path.name}: experts of format {found}; expected {FORMAT}; train them again")
    for name, expected in _shape().items():
        if card.get(name) != expected:
            raise ExpertsError(f"{path.name}: experts with {name} {card.get(name)}; expected {expected}; train again")
