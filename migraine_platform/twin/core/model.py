"""The model that all twins of a population share: what clinicians say, and what the population's diaries taught.

Belongs here: its parts, learning it, keeping it as rows. Does not: a patient's own state (twins.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.config.twin import Twin
from migraine_platform.domain.events import EVENTS
from migraine_platform.errors import UserError
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGER_NAMES
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.data.channels import CHANNELS, Scales
from migraine_platform.twin.data.clinical import ClinicalPrior
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.ledger import BaselineDays, usual_of
from migraine_platform.twin.data.writing import kinds_of_silence
from migraine_platform.twin.dynamics.kalman import DayDynamics
from migraine_platform.twin.dynamics.state_space import filter_histories, fit
from migraine_platform.twin.hazard.course import lasting_atoms
from migraine_platform.twin.hazard.covariates import Reader
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import (
    HEADACHES,
    LIVED,
    WRITTEN,
    AttackEvidence,
    Effects,
    FilterState,
    Points,
)
from migraine_platform.twin.hazard.population import Personal, learn
from migraine_platform.twin.hazard.uncertainty import Recalibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEARNED_FROM, RECIPE = "patient.", "recipe."
SUPERSEDED = "superseded"
"""Parameter that marks an older model, kept because twins still belong to it."""

BY_TRIGGER = ("effects.trigger", "usual.trigger")
"""Parameters with a value for each trigger: without triggers, no rows."""

FORMAT = 9
"""Version of the rows, and of stored twins; others are refused."""

WARM_UP = 30
"""First days of a history that say nothing of how well forecasts are calibrated."""


class ModelError(UserError):
    """Rows that are no population, or a population that cannot be learned."""


@dataclass(frozen=True)
class Clinical:
    """What clinicians say, as far as twins need it."""

    prior: ClinicalPrior
    atoms: NDArray[np.float64]
    """[AGES, 2, HEADACHES, J] probabilities that an attack goes on, as far as a diary leaves them open."""

    @classmethod
    def of(cls, settings: Simulator, features: tuple[Feature, ...]) -> Clinical:
        """The configuration's and the workbook's."""
        return cls(ClinicalPrior.of(settings, features), lasting_atoms(settings))


@dataclass(frozen=True)
class TwinModel:
    """A population's model."""

    scales: Scales
    dynamics: DayDynamics
    baseline: BaselineDays
    personal: Personal
    effects: Effects
    recalibration: Recalibration
    patients: tuple[str, ...]
    """From whom it was learned."""
    days: int
    """Over how many days."""
    recipe: str
    """First digits of the hash of the settings by which it was learned."""

    @cached_property
    def version(self) -> str:
        """First digits of the hash of all its numbers."""
        digest = hashlib.sha256()
        for name, values in self._arrays().items():
            digest.update(name.encode() + np.ascontiguousarray(values, dtype=np.float64).tobytes())
        return digest.hexdigest()[:12]

    def reader(self, clinical: Clinical) -> Reader:
        """Reads covariates off histories."""
        return Reader(clinical.prior, self.scales, self.baseline)

    def points(self, count: int) -> Points:
        """Hypotheses of who a patient of this population is."""
        return self.personal.points(count)

    def summary(self) -> dict[str, Any]:
        """The shared effects, rounded, for people."""
        effects = self.effects
        return {
            **{
                f"trigger {name}": round(float(beta), 3)
                for name, beta in zip(TRIGGER_NAMES, effects.trigger, strict=True)
            },
            **{f"load {name}": round(float(w), 3) for name, w in zip(AXES, effects.latent, strict=True)},
            "after a migraine day": round(effects.refractory, 3),
            "per share of recent migraine days": round(effects.attack_history, 3),
            "weekend, between persons": round(effects.weekend, 3),
            "attacks that go on, between persons": round(effects.lasting_sd, 3),
            "signs, between persons": round(effects.signs_sd, 3),
            "onsets with a sign on the evening before": round(effects.early, 3),
            "odds of an entry on a migraine day": round(effects.entry_odds, 3),
            "odds of an entry by how long there was none": np.exp(effects.writing).round(3).tolist(),
            "recalibration": [round(self.recalibration.offset, 3), round(self.recalibration.slope, 3)],
        }

    def _arrays(self) -> dict[str, NDArray[np.float64]]:
        parts: dict[str, Any] = {
            "format": FORMAT,
            "days": self.days,
            "scales.table": self.scales.table,
            "personal.levels": self.personal.levels,
            "personal.susceptibility": (*self.personal.susceptibility[:2], *self.personal.susceptibility.share),
            "recalibration": (self.recalibration.offset, self.recalibration.slope),
        }
        for name, group in (("dynamics", self.dynamics), ("usual", self.baseline), ("effects", self.effects)):
            parts |= {f"{name}.{field}": value for field, value in group._asdict().items()}
        parts |= {f"{LEARNED_FROM}{patient}": 1 for patient in self.patients}
        parts[f"{RECIPE}{self.recipe}"] = 1
        return {name: np.asarray(value, dtype=np.float64) for name, value in parts.items()}

    def to_frame(self) -> pl.DataFrame:
        """Rows of `twin.population`: parameter, place in its array, value."""

        rows = [
            (self.version, name, place, float(value))
            for name, values in self._arrays().items()
            for place, value in enumerate(values.ravel())
        ]
        types = {"version": pl.String, "parameter": pl.String, "place": pl.Int64, "value": pl.Float64}
        return pl.DataFrame(rows, schema=types, orient="row")

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, version: str | None = None) -> TwinModel:
        """Inverse of `to_frame`, where several versions may lie beside each other.

        Args:
            version: by default the one that was learned last.

        Raises:
            ModelError: if the rows are of another format, or incomplete, or the version is not among them.
        """

        wanted = version or newest(frame)
        frame = frame.filter(pl.col("version") == (wanted or ""))
        if frame.is_empty():
            raise ModelError(f"twin.population: {wanted or 'a model'} is not there; learn the population again")
        found = {
            str(name): rows.sort("place")["value"].to_numpy()
            for (name,), rows in frame.partition_by("parameter", as_dict=True).items()
        }
        if (form := found.get("format", np.array([np.nan]))[0]) != FORMAT:
            raise ModelError(f"twin.population: format {form:g}; expected {FORMAT}: learn the population again")
        channels = len(CHANNELS)
        shapes = {
            "scales.table": (channels, -1),
            "dynamics.noise": (channels, channels),
            "dynamics.between": (channels, channels),
            "dynamics.effect": (channels, -1),
            "effects.lasting": (-1, 2, HEADACHES),
            **dict.fromkeys(BY_TRIGGER, (-1,)),
        }

        def part(name: str) -> Any:
            values = np.empty(0) if name in BY_TRIGGER and not TRIGGER_COUNT else found[name]
            if name in shapes:
                return values.reshape(shapes[name])
            return float(values[0]) if len(values) == 1 else values

        try:
            low, high, *share = part("personal.susceptibility").tolist()
            return cls(
                Scales(part("scales.table")),
                DayDynamics(*(part(f"dynamics.{field}") for field in DayDynamics._fields)),
                BaselineDays(*(part(f"usual.{field}") for field in BaselineDays._fields)),
                Personal(part("personal.levels"), SusceptibilityPrior(low, high, np.array(share))),
                Effects(*(part(f"effects.{field}") for field in Effects._fields)),
                Recalibration(*part("recalibration")),
                tuple(sorted(name.removeprefix(LEARNED_FROM) for name in found if name.startswith(LEARNED_FROM))),
                int(part("days")),
                next(name.removeprefix(RECIPE) for name in found if name.startswith(RECIPE)),
            )
        except (KeyError, ValueError, StopIteration) as error:
            raise ModelError(f"twin.population: {error} is missing or misshapen; learn the population again") from None


def newest(frame: pl.DataFrame) -> str | None:
    """The version of `twin.population` that no other has superseded; None if there is none."""
    superseded = set(frame.filter(frame["parameter"] == SUPERSEDED)["version"])
    return next((str(version) for version in frame["version"].unique() if version not in superseded), None)


def beside(older: pl.DataFrame, model: TwinModel) -> pl.DataFrame:
    """Rows of a model that was learned just now, and those of older ones, which it supersedes.

    Args:
        older: rows of `twin.population`.
    """

    own = model.to_frame()
    older = older.filter((pl.col("parameter") != SUPERSEDED) & (pl.col("version") != model.version))
    marks = (
        older.select("version")
        .unique()
        .with_columns(
            pl.lit(SUPERSEDED).alias("parameter"), pl.lit(0, pl.Int64).alias("place"), pl.lit(1.0).alias("value")
        )
    )
    return pl.concat([own, older.select(own.columns), marks])


def learn_model(
    histories: Histories,
    clinical: Clinical,
    settings: Twin,
    progress: Callable[[str], None] = lambda line: None,
) -> TwinModel:
    """Learn a population's model from its histories.

    Raises:
        ModelError: if there is nobody to learn from.
    """
    result = np.flatnonzero(histories.diary.any(axis=1))
    if not len(result):
        raise ModelError("no patient has a diary entry; expected some to learn a population from")
    own = histories.of(_evenly(result, settings.population.patients))
    scales = Scales.of(own)
    some = _evenly(np.arange(own.count), settings.population.state_space_patients)
    progress(f"state space: {settings.population.state_space_steps} steps on {len(some)} patients")
    dynamics, _ = fit(scales.standard(own.of(some)), settings.population.state_space_steps)
    days = scales.standard(own)
    channels = filter_histories(dynamics, days)
    _, ledger = Reader(clinical.prior, scales, BaselineDays.nothing_known()).read(own, days, channels)
    baseline = usual_of(ledger)
    covariates, _ = Reader(clinical.prior, scales, baseline).read(own, days, channels)
    evidence = AttackEvidence.of(own, channels)
    prior, population = clinical.prior, settings.population
    found = learn(covariates, evidence, prior.susceptibility, population, settings.renewal, prior.conversion, progress)
    forecasts, filter_state = follow(
        found.personal.points(settings.population.points), found.effects, covariates, evidence
    )
    return TwinModel(
        scales=scales,
        dynamics=dynamics,
        baseline=baseline,
        personal=found.personal,
        effects=found.effects,
        recalibration=_recalibration(forecasts.probability, filter_state, found.effects, own),
        patients=own.patient_ids,
        days=own.days,
        recipe=hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:12],
    )


def _evenly(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the rows, spread over all of them."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _recalibration(
    probability: NDArray[np.float64], filter_state: FilterState, effects: Effects, histories: Histories
) -> Recalibration:
    """Of forecasts of recorded days, each made the evening before; the first weeks are left out.

    Days of migraine by the evening are written down less often, by `effects.entry_odds`.
    """
    reported = histories.diary[:, 1:] & (np.arange(1, histories.days) >= histories.begun[:, None] + WARM_UP)
    migraine = histories.events[..., EVENTS.index("has_migraine")]
    by_evening = histories.events[..., EVENTS.index("migraine_by_evening")].sum() / max(1, migraine.sum())
    wrote = filter_state.numbers[:, WRITTEN] / np.maximum(filter_state.numbers[:, LIVED], 1.0)
    kinds = kinds_of_silence(histories.diary, histories.begun)[:, 1:]
    wrote = np.clip(wrote, 0.02, 0.98)[:, None]
    logit = np.log(wrote / (1 - wrote)) + effects.writing[kinds]
    wrote = 1 / (1 + np.exp(-logit))
    odds = np.exp(logit) * effects.entry_odds
    shift = np.log1p(by_evening * (odds / (1 + odds) / wrote - 1))
    return Recalibration.of(probability[:, :-1][reported], migraine[:, 1:][reported], shift[reported])
