"""Settings of the evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from migraine_platform.config.base import Frozen, Positive, Share

Count = Annotated[int, Field(ge=1)]


class Gate(Frozen):
    """What a population of twins must show before it is published."""

    splits: tuple[Literal["chronological", "unseen_patients"], ...] = Field(min_length=1)
    """Days that must be there to judge by; a population that is learned from everybody has no unseen patients."""
    calibration_error: Share
    """Largest mean distance between said and realised shares, on either split."""
    ahead_of: tuple[str, ...]
    """Models that must have a higher log loss, by more than chance, on either split."""
    not_behind: tuple[str, ...]
    """Models that may not have a lower one by more than chance."""


class StudySettings(Frozen):
    """How diaries of a real study are divided and forecast (`evaluation/study/`)."""

    train_share: Share
    """Of each patient's days, the first that are learned from; the others are forecast."""
    folds: Annotated[int, Field(ge=2)]
    """Parts of the patients, each forecast by what was learned from the others."""
    history_days: Count
    """Recorded days of an unseen patient before the first that is scored."""
    newness_days: Positive
    """Within which the first effect of a treatment fades to a third."""


class Evaluation(Frozen):
    """What is scored, on whom, and how surely it must be known."""

    replicates: Annotated[int, Field(ge=50)]
    """Of the bootstrap of patients."""
    seed: int
    history_days: Count
    """Days of an unseen patient before the first that is scored."""
    unseen_patients: Count
    """How many of them are scored, at most."""
    aline_evenings: Count
    """Evenings of the cohort that ALINE forecasts, at most; they are lived on the hourly clock."""
    windows: Count
    """Evenings on which rules of asking are compared."""
    questions: Count
    """Questions asked on each."""
    greedy_windows: Count
    """Of them, those on which the greedy rule and the oracle are worked out by brute force."""
    greedy_draws: Count
    gates: Gate
    study: StudySettings
