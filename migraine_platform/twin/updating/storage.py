"""Twins as files: safetensors, with a card in the header that says whose they are; nothing that could be run.

Belongs here: their content. Does not: where files lie (warehouse/lake/places.py), which of them is in use (the lake).
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from migraine_platform.twin.core.model import FORMAT
from migraine_platform.twin.core.twins import TwinArrays, TwinError
from migraine_platform.twin.data.ledger import Ledger
from migraine_platform.twin.drift.watch import DriftWatch
from migraine_platform.twin.dynamics.kalman import StateBeliefs
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import FilterState
from migraine_platform.twin.updating.evening_update import TwinState

_CARD = "migraine_twins"
_GROUPS: dict[str, Any] = {"beliefs": StateBeliefs, "ledger": Ledger, "filter_state": FilterState, "last": Covariates}


def to_bytes(state: TwinState) -> bytes:
    """A file's content; the same twins and watch are the same bytes."""
    twins, watch = state.twins, state.watch
    arrays: dict[str, NDArray[Any]] = {"entries": twins.entries, "discarded": twins.discarded}
    arrays |= {"watch.changed": watch.changed, "watch.strayed": watch.strayed}
    arrays |= {f"watch.filter_state.{name}": part for name, part in watch.filter_state._asdict().items()}
    for group in _GROUPS:
        arrays |= {f"{group}.{name}": part for name, part in getattr(twins, group)._asdict().items()}
    arrays = {name: np.ascontiguousarray(part) for name, part in sorted(arrays.items())}
    card: dict[str, Any] = {
        "format": FORMAT,
        "as_of": twins.as_of.isoformat(),
        "population": twins.population,
        "patient_ids": twins.patient_ids,
    }
    card["digest"] = _digest(card, arrays)
    return save(arrays, {_CARD: json.dumps(card, sort_keys=True)})


def version_of(content: bytes) -> str:
    """First digits of the hash of a file of twins."""
    return hashlib.sha256(content).hexdigest()[:12]


def load_state(path: Path) -> TwinState:
    """The twins of a file, with the watch over them.

    Raises:
        TwinError: if it is not there, is damaged, or of another format.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise TwinError(f"{path.name}: no twins here; materialise twins first") from None
    try:
        arrays = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        card = json.loads(header["__metadata__"][_CARD])
        if card["format"] != FORMAT:
            raise TwinError(f"{path.name}: twins of format {card['format']}; expected {FORMAT}; create them again")
        if card.pop("digest") != _digest(card, arrays):
            raise TwinError(f"{path.name}: its numbers are not those on its card; create the twins again")
        groups = {group: kind(*(arrays[f"{group}.{name}"] for name in kind._fields)) for group, kind in _GROUPS.items()}
        filter_state = FilterState(*(arrays[f"watch.filter_state.{name}"] for name in FilterState._fields))
        watch = DriftWatch(filter_state, arrays["watch.changed"], arrays["watch.strayed"])
        twins = TwinArrays(
            patient_ids=tuple(card["patient_ids"]),
            as_of=date.fromisoformat(card["as_of"]),
            population=card["population"],
            entries=arrays["entries"],
            discarded=arrays["discarded"],
            **groups,
        )
        return TwinState(twins, watch)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise TwinError(f"{path.name}: not a file of twins; create them again") from None


def _digest(card: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    found = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name, part in sorted(arrays.items()):
        found.update(f"{name} {part.dtype} {part.shape}".encode())
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()
