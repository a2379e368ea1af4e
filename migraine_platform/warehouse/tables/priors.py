"""What clinicians know, and its mock distribution."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.config.simulator.triggers import RULES
from migraine_platform.priors.features import LATENT_AXES
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.warehouse.declare import Table, flag, integer, number, share, text

CHECKLIST = ("clinical_directions", "probabilities_unimodal", "posterior_shifted")
"""Points of the mock distribution's checklist (priors/checklist.py), each a blocking check."""


class Features(Table, name="priors.features", key=("variable",)):
    """What clinicians know of each migraine feature before any patient is seen."""

    category = text("Family of features")
    variable = text("Name of the feature", pattern=r"^[a-z][a-z0-9_]*$")
    description = text("What is measured")  # type: ignore[assignment]
    unit = text("Unit of the values")
    weight = share("Relevance for migraine")
    typical_range = text("Typical range as the clinician wrote it")
    range_low = number("Lower end of the typical range, in the feature's unit")
    range_high = number("Upper end of the typical range, in the feature's unit")
    mean = number("Mean over persons and days, in the feature's unit")
    sd = number("Standard deviation over persons and days, in the feature's unit", low=0)
    between_sd = number("Spread of persons' own means", low=0, nullable=True)
    within_sd = number("Spread of one person's days", low=0, nullable=True)
    lag1 = number("Correlation of one person's days, today with yesterday", low=-1, high=1, nullable=True)
    family = text("Family of the distribution")
    normalized_low = number("Where the lower end lies on the normalised scale", low=1, high=10)
    normalized_high = number("Where the upper end lies on the normalised scale", low=1, high=10)
    impact_pattern = text("Ten risk scores 1-10 over the typical range, low to high", pattern=r"^\d+( \d+){9}$")
    latent_axis = text("Latent state it feeds", values=LATENT_AXES)
    source = text("Where the numbers come from")

    rules: ClassVar = {
        "the range is ordered": "range_low < range_high",
        "the normalised range is ordered": "normalized_low < normalized_high",
    }


class Distributions(Table, name="priors.distributions", key=("variable",)):
    """Each feature's prior as it is used: family, moments, quantiles and clinical direction."""

    variable = text("Name of the feature")
    family = text("Family of the distribution")
    direction = integer("More of it means more (1) or less (-1) migraine, 0 neither", low=-1, high=1)
    mean = number("Mean, in the feature's unit")
    sd = number("Standard deviation", low=0)
    q05 = number("5 % quantile")
    q25 = number("25 % quantile")
    q50 = number("Median")
    q75 = number("75 % quantile")
    q95 = number("95 % quantile")

    rules: ClassVar = {"quantiles are in order": "q05 <= q25 and q25 <= q50 and q50 <= q75 and q75 <= q95"}


class Triggers(Table, name="priors.triggers", key=("trigger",)):
    """Each trigger's rule and the effect that it is configured to have."""

    trigger = text("Trigger", values=TRIGGER_NAMES)
    label = text("As a person reads it")
    exposures = text("Columns of a day that it is read from")
    rule = text("How it is read from them", values=RULES)
    threshold_low = number("Threshold, or the lower one of two, in the unit")
    threshold_high = number("Threshold, or the upper one of two, in the unit")
    unit = text("Unit of the thresholds")
    lag_first = integer("First day on which it acts, counted from the one on which its rule held", low=0)
    lag_last = integer("Last day on which it acts", low=0)
    words = text("The rule in words")
    effect = share("Rise of the next day's probability of an onset at susceptibility 1")
    share_of_people = share("People to whom it can do anything at all")
    latent_axis = text("Latent state that it also loads", values=LATENT_AXES)
    load = number("What it adds to that state overnight; 0 if it loads none", low=0)
    source = text("Where the row's numbers come from")

    may_be_empty: ClassVar = True
    rules: ClassVar = {
        "thresholds are ordered": "threshold_low <= threshold_high",
        "lags are ordered": "lag_first <= lag_last",
    }


class MockSamples(Table, name="mock.samples", key=("sample", "variable")):
    """Samples of the mock distribution, one row per sample and feature."""

    sample = integer("Number of the sample", low=0)
    variable = text("Name of the feature")
    value = number("Value in the feature's unit")
    p_migraine = share("Probability of migraine given the sample")
    migraine = flag("Drawn label")

    audits: ClassVar = ("contract", *CHECKLIST)


class MockMoments(Table, name="mock.moments", key=("variable",)):
    """Means and standard deviations of the mock distribution, before and given migraine."""

    variable = text("Name of the feature")
    direction = integer(
        "Direction of the impact: more of it means more (1) or less (-1) migraine, 0 neither", low=-1, high=1
    )
    relevance = share("Weight over the largest weight")
    mu_prior = number("Prior mean")
    mu_post = number("Mean given migraine")
    sd_prior = number("Prior standard deviation", low=0)
    sd_post = number("Standard deviation given migraine", low=0)


class MockCorrelations(Table, name="mock.correlations", key=("variable", "other")):
    """Correlations of the mock distribution, before and given migraine, one row per pair."""

    variable = text("Name of the feature")
    other = text("Name of the other feature")
    prior = number("Prior correlation", low=-1, high=1)
    posterior = number("Correlation given migraine", low=-1, high=1)
