"""Settings of training ALINE."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, NonNegative, Positive, Share, ShareRange

Count = Annotated[int, Field(ge=1)]


class Network(Frozen):
    """How large the network is."""

    width: Count
    layers: Count
    heads: Count
    feed_forward: Count
    components: Annotated[int, Field(ge=1, le=64)]

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Network:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self


class Objectives(Frozen):
    """What is minimised (`aline/training/objectives.py`)."""

    posterior: Literal["likelihood", "squared_error"]
    policy: Literal["published", "reward_to_go", "uncertainty"]
    alpha: NonNegative
    """Weight of the policy's loss."""
    beta: NonNegative
    """Weight of the cross-entropy of tomorrow's migraine, against 1 of each other target."""
    gain_weight: NonNegative
    question_cost: NonNegative
    """Nats that a question must be worth; `reward_to_go` only."""
    sd_weight: NonNegative
    """lambda of the squared-error loss."""
    sd_target: Positive
    """sigma* of the squared-error loss, in standard units."""


class Data(Frozen):
    """Simulated patients, none of whom is in a cohort."""

    days: Annotated[int, Field(ge=60, le=1000)]
    """Horizon of their lives; four weeks of it are history, and the last day is a tomorrow."""
    training_patients: Count
    validation_patients: Count
    scoring_patients: Count
    reference_patients: Count
    """Whose days the Bayes predictor of complete windows averages over."""
    validation_windows: Count


class CheckpointPromotionSettings(Frozen):
    """What a checkpoint must show on patients nobody learned from before anybody is asked by it."""

    windows: Count
    """Complete days, and evenings, that it is scored on."""
    labelled_days: Count
    """Days that the fitted baselines learn from."""
    coverage_90: ShareRange
    """Share of true numbers within stated 90 % intervals, every target."""
    must_beat: tuple[Literal["base_rate", "personal_climatology", "logistic_regression", "gradient_boosting"], ...]
    """Forecasts of complete days with a higher expected log loss, by more than chance."""
    must_match: tuple[Literal["logistic_regression", "gradient_boosting"], ...]
    """Forecasts that it may be level with, but not behind by more than chance."""
    must_ask_better_than: tuple[Literal["random", "fixed_hours"], ...]
    """Rules that gain less information with the usual budget, by more than chance."""


class Train(Frozen):
    """One training run."""

    seed: Annotated[int, Field(ge=0)]
    device: Literal["cpu", "cuda", "auto"]
    compile: bool
    """Let torch.compile have the layers, and bfloat16 what they compute on a GPU; worth it there."""
    steps: Count
    batch: Count
    learning_rate: Positive
    schedule: Literal["warm_cosine", "constant"]
    """Of the learning rate: it rises at first and falls as a cosine to nothing, or it stays."""
    rise_share: Share
    """Share of the steps in which it rises; `warm_cosine` only."""
    weight_decay: NonNegative
    warm_up: Share
    """Share of the steps that learn inference and gains from random questions alone."""
    complete_share: Share
    """Of the steps, those on whole days with every answer given."""
    questions: Annotated[int, Field(ge=1, le=8)]
    """The usual budget k."""
    network: Network
    objectives: Objectives
    data: Data
    promotion: CheckpointPromotionSettings
    checkpoint_every: Count
    threads: Count
    """Of the CPU; a fixed number makes a run repeatable, and more than one seldom pays for networks this small."""
