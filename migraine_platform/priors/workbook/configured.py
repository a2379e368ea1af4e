"""The feature table as configured: the clinician's workbook, and what a preset says otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from migraine_platform.config.settings import Override, Priors
from migraine_platform.errors import UserError
from migraine_platform.priors.families import family_problem
from migraine_platform.priors.features import Feature, select, spread_problem
from migraine_platform.priors.workbook.workbook import read_workbook


class OverrideError(UserError):
    """A configured number that the feature cannot have."""


def configured_features(settings: Priors) -> tuple[Feature, ...]:
    """Features of the workbook with the configured numbers in the place of its own.

    Raises:
        WorkbookError: if the workbook cannot be used.
        UnknownVariableError, OverrideError: if an override names no feature, or makes an impossible one.
    """
    return overridden(read_workbook(settings.workbook), settings.overrides)


def overridden(features: tuple[Feature, ...], overrides: Mapping[str, Override]) -> tuple[Feature, ...]:
    """The features, those named with other numbers; the total sd follows from its parts where these are given."""
    changed = {}
    for feature in select(features, list(overrides)):
        override = overrides[feature.variable]
        numbers = {name: value for name, value in override.model_dump(exclude={"source"}).items() if value is not None}
        changed[feature.variable] = feature = replace(feature, **numbers, source=override.source)
        if "sd" not in numbers and feature.between_sd is not None and feature.within_sd is not None:
            changed[feature.variable] = feature = replace(feature, sd=math.hypot(feature.between_sd, feature.within_sd))
        problem = family_problem(
            feature.family, feature.mean, feature.sd, feature.range_low, feature.range_high
        ) or spread_problem(feature.sd, feature.between_sd, feature.within_sd)
        if problem:
            raise OverrideError(f"priors.overrides.{feature.variable}: {problem}")
    return tuple(changed.get(feature.variable, feature) for feature in features)
