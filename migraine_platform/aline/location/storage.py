"""Keeping a trained network: weights as safetensors, what it was built for in the header; nothing that could be run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from migraine_platform.aline.checkpoints import CheckpointError
from migraine_platform.aline.location.finder import Finder, FinderSize
from migraine_platform.aline.location.signal import BACKGROUND, NOISE, SOFTENING
from migraine_platform.warehouse.places import replace_file

FORMAT = 1
_CARD = "location_finding"
_SIGNAL = {"background": BACKGROUND, "softening": SOFTENING, "noise": NOISE}


def save_finder(path: Path, net: Finder) -> None:
    """Write one file, old or new, never half of it."""
    card = json.dumps({"format": FORMAT, "size": asdict(net.size), "signal": _SIGNAL}, sort_keys=True)
    tensors = {name: tensor.detach().contiguous() for name, tensor in net.state_dict().items()}
    replace_file(path, save(tensors, {_CARD: card}))


def load_finder(path: Path) -> Finder:
    """The network of a file, ready to decide.

    Raises:
        CheckpointError: if it is no such file, or was trained for another signal.
    """
    try:
        content = path.read_bytes()
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        card = json.loads(header["__metadata__"][_CARD])
        net = Finder(FinderSize(**card["size"]))
        if (card["format"], card["signal"]) != (FORMAT, _SIGNAL):
            raise CheckpointError(f"{path.name}: trained for the signal {card['signal']}; expected {_SIGNAL}")
        net.load_state_dict(tensors)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no network here; train one first") from None
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError):
        raise CheckpointError(f"{path.name}: not a network for location finding; train again") from None
    return net.eval()
