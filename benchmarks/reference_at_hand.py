"""What benchmarks of ALINE share: a preset's reference cohort, and a trained checkpoint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort
from migraine_platform.aline.training.checkpoints import Card, load_network
from migraine_platform.config import Settings, load_settings
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Preset and checkpoint, which every benchmark of a trained network takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="path without suffix, as in data/runs/.../best")
    parser.add_argument("--preset", default="default")
    return parser


def at_hand(preset: str) -> tuple[Settings, ReferenceCohort]:
    """A preset's settings and reference cohort, its parameters fitted here."""
    settings = load_settings(preset)
    features = configured_features(settings.priors)
    reported = lambda line: print(f"  {line}", file=sys.stderr)  # noqa: E731
    return settings, ReferenceCohort(settings, features, fit_parameters(settings.simulator, features), reported)


def trained(path: Path, reference: ReferenceCohort) -> tuple[Aline, Card]:
    """A checkpoint; the reference cohort's targets take its units."""
    net, card = load_network(path)
    reference.task.layout = card.layout
    return net, card
