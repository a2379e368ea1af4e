"""The calibration of some settings, fitted once: kept in a folder under the hash of all that decides it.

Belongs here: finding it again. Does not: the fit (parameter_fitting.py). A file that is damaged is fitted anew.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from migraine_platform.config.hashing import code_version, configuration, digest
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters, from_frame, to_frame
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.warehouse.lake.places import replace_file

NOT_FITTED = ("ceilings", "interventions", "measurement")
"""Sections of the simulator's settings that the fit does not look at."""

OF_THE_COHORT = ("patients", "days", "batch_size")
"""The fit has a reference cohort of its own."""


def fitted(
    settings: Simulator,
    features: Sequence[Feature],
    folder: Path,
    progress: Callable[[str], None] = lambda line: None,
) -> FittedParameters:
    """The calibration, from the folder if it lies there.

    Raises:
        CalibrationError: if the configured frequencies or effects cannot be reached.
    """
    import polars as pl

    path = folder / f"{calibration_key(settings, features)}.parquet"
    if path.is_file():
        try:
            kept = path.read_bytes()
            if digest(kept) != path.with_suffix(".sha256").read_text(encoding="ascii"):
                raise ValueError("other bytes than were written")
            found = from_frame(pl.read_parquet(io.BytesIO(kept)))
        except (OSError, pl.exceptions.PolarsError, KeyError, ValueError, IndexError):
            progress("the fit that was kept is damaged")
        else:
            progress(f"as fitted before ({path.stem})")
            return found
    made = fit_parameters(settings, features, progress)
    content = io.BytesIO()
    to_frame(made).write_parquet(content)
    replace_file(path, content.getvalue())
    replace_file(path.with_suffix(".sha256"), digest(content.getvalue()).encode())
    return made


def calibration_key(settings: Simulator, features: Sequence[Feature]) -> str:
    """Hash of all that decides the fit: code, features, and the settings but for the cohort's size."""
    content = configuration(settings)
    for name in NOT_FITTED:
        del content[name]
    for name in OF_THE_COHORT:
        del content["cohort"][name]
    known = {"code": code_version(), "settings": content, "features": [asdict(feature) for feature in features]}
    return digest(json.dumps(known, sort_keys=True, default=str).encode())
