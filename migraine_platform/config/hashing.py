"""Which population a partition belongs to, and which code made it.

Partitions of different hashes never meet in one published warehouse (`warehouse/publish.py`).
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import migraine_platform
from migraine_platform.config.settings import Settings
from migraine_platform.config.simulator.settings import Simulator

SCIENCE = ("domain", "priors", "simulator")
"""Packages whose source decides what a population looks like."""

COMPILED = (*SCIENCE, "config", "compiled", "twin", "research")
"""Packages whose source holds compiled functions, or what they take for constants."""

LEARNING = ("aline",)
"""Packages whose source decides what is learned from it."""

MAKERS: dict[str, tuple[str, ...]] = {
    "ingest": ("ingest",),
    "recorded": ("ingest",),
    "clinical": ("ingest",),
    "aline": ("aline",),
    "twin": ("ingest", "aline", "twin"),
    "evaluation": ("ingest", "aline", "twin", "evaluation"),
}
"""Schema -> packages whose source decides what its tables hold, beside SCIENCE."""


def digest(content: bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def population_hash(settings: Settings, features: list[dict[str, Any]]) -> str:
    """Identity of a simulated population: all that decides who is in it and what their days are, save how many days.

    The horizon is left out, so that a longer history is the same population; an input file counts
    by its content, not by its place; the workbook counts by its parsed rows, not by its formatting.

    Args:
        settings: the validated settings.
        features: rows of `priors.features`.
    """
    priors = settings.priors.model_dump(mode="json", exclude={"workbook"})
    simulator = configuration(settings.simulator)
    del simulator["cohort"]["days"]
    identity = {"priors": priors, "simulator": simulator, "features": features}
    return _hash(identity)


def configuration(simulator: Simulator) -> dict[str, Any]:
    """The simulator's settings as plain values; an input file stands there by its content, not by its place.

    Words that are only read by persons are left out; the order of the triggers, which is that of arrays, is not.
    """
    words = {"triggers": {"__all__": {"label", "reason", "source", "place"}}}
    dumped = simulator.model_dump(mode="json", exclude=words) | {"trigger_order": [*simulator.triggers]}
    for site, entry in zip(simulator.weather.sites, dumped["weather"]["sites"], strict=True):
        entry["station"] = digest(site.station.read_bytes()) if site.station else None
    return dumped


def training_hashes(settings: Settings, features: list[dict[str, Any]]) -> tuple[str, str]:
    """Identity of a training run: hash of how it trains, and of what it trains on.

    What only decides how a run is carried out, or when its result is promoted, is left out.
    """
    how = settings.train.model_dump(mode="json", exclude={"data", "promotion", "device", "checkpoint_every", "threads"})
    data = {
        "population": population_hash(settings, features),
        "code": code_version(),
        "hours": settings.hours.model_dump(mode="json"),
        "reference": settings.train.data.model_dump(mode="json"),
    }
    configuration = {"train": how, "code": _source_digest(LEARNING)}
    return _hash(configuration), _hash(data)


def _hash(content: dict[str, Any]) -> str:
    return digest(json.dumps(content, sort_keys=True).encode())


@cache
def code_version() -> str:
    """The package's version and a digest of the source that makes populations: `0.1.0+1f2e3d4c`."""
    return f"{migraine_platform.__version__}+{_source_digest(SCIENCE)[:8]}"


@cache
def maker_version(schema: str) -> str:
    """What a schema's partitions add to the code version: a digest of the packages that make its tables.

    Empty for the tables that SCIENCE makes alone: a change of the twins leaves a simulated cohort as it is.
    """
    return f".{_source_digest(MAKERS[schema])[:8]}" if schema in MAKERS else ""


@cache
def package_version() -> str:
    """The package's version and a digest of its whole source: which code published a warehouse."""
    return f"{migraine_platform.__version__}+{_source_digest(('.',))[:8]}"


@cache
def compiled_version() -> str:
    """A digest of all source that is compiled. No setting is compiled in: every project runs the same code."""
    return _source_digest(COMPILED)[:8]


@cache
def _source_digest(packages: tuple[str, ...]) -> str:
    package = Path(migraine_platform.__file__).parent
    found = {path for name in packages for path in (package / name).rglob("*.py")}
    # An editor's lock or backup of a module is hidden, and often a link to nowhere.
    sources = sorted(path for path in found if not path.name.startswith(".") and path.is_file())
    return digest(b"".join(path.relative_to(package).as_posix().encode() + path.read_bytes() for path in sources))
