"""What a step is given besides its inputs: batches, the population it works on, plain errors."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings, code_version, population_hash
from migraine_platform.errors import UserError
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import WHOLE, Lake, Stamp

if TYPE_CHECKING:
    import polars as pl

    from migraine_platform.priors.features import Feature

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
NIGHT_TAG, AHEAD_TAG = "night", "night/ahead"
"""The night that a run is, as 2026-11-21; and that somebody meant it, though it is far from the last one."""

RETRAIN_TAG, ROLLBACK_TAG, REMAKE_TAG = "twins/retrain", "twins/rollback", "twins/remake"
"""What a run asks for besides the night: challengers, and why; the former twins; twins made anew, and why."""


class SelectionError(UserError):
    """A run of partitioned assets that selects no partition."""


def patient_batches(settings: Settings) -> dg.StaticPartitionsDefinition:
    """The cohort's partitions: one per patient batch."""
    return dg.StaticPartitionsDefinition(settings.simulator.cohort.batch_names)


def batches_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, settings: Settings) -> list[str]:
    """The batches that this run is about: its partition or its range of them; for a check run alone, all.

    Read off the run's tags, because checks are not partitioned: a partitioned check that a ranged run evaluates has no
    partition to its evaluation, and the UI then shows it as never evaluated.

    Raises:
        SelectionError: if no batch is selected, or the range is reversed.
    """
    names, tags = settings.simulator.cohort.batch_names, context.run.tags
    if PARTITION_TAG in tags:
        return [tags[PARTITION_TAG]]
    if RANGE_START_TAG in tags:
        chosen = names[names.index(tags[RANGE_START_TAG]) : names.index(tags[RANGE_END_TAG]) + 1]
    else:
        chosen = names if isinstance(context, dg.AssetCheckExecutionContext) else []
    if not chosen:
        raise SelectionError(
            f"no patient batch is selected; expected a partition or a range of {names[0]} to {names[-1]}"
        )
    return chosen


def night_of(tags: Mapping[str, str]) -> date | None:
    """The night that a run is; None if it is none.

    Raises:
        SelectionError: if the tag is no day.
    """
    tag = tags.get(NIGHT_TAG)
    try:
        return date.fromisoformat(tag) if tag else None
    except ValueError:
        raise SelectionError(f'run tag {NIGHT_TAG} is "{tag}"; expected a day, as in 2026-11-21') from None


def partitions_of(table: type[Table], batches: Sequence[str]) -> list[str]:
    """The partitions of a table over some batches."""
    return list(batches) if table.by_batch else [WHOLE]


def all_batches_tags(settings: Settings) -> dict[str, str]:
    """Run tags that select every batch as one range."""
    names = settings.simulator.cohort.batch_names
    return {RANGE_START_TAG: names[0], RANGE_END_TAG: names[-1]}


@dataclass(frozen=True)
class PopulationView:
    """The lake as one population's steps see it: they read nothing of another one, and stamp what they write."""

    lake: Lake
    stamp: Stamp
    features: "tuple[Feature, ...]"

    @classmethod
    def of(cls, settings: Settings, lake: Lake) -> "PopulationView":
        """The population that these settings and the feature table in the lake make.

        Before anything is read, writes that a killed run left half done are finished.

        Raises:
            LakeError: if the feature table was made from other settings or by other code.
        """
        from migraine_platform.priors.features import from_frame

        lake.recover_pending_writes()
        features = from_frame(lake.read(tables.Features))
        population = cls.from_features(settings, lake, features)
        population.read(tables.Features)
        return population

    @classmethod
    def from_features(cls, settings: Settings, lake: Lake, features: "tuple[Feature, ...]") -> "PopulationView":
        """The population of a feature table that is not in the lake yet."""
        from migraine_platform.priors.features import to_frame

        rows = to_frame(features).sort(tables.Features.key).to_dicts()
        stamp = Stamp(population_hash(settings, rows), code_version(), settings.simulator.cohort.last_date)
        return cls(lake, stamp, features)

    def read(
        self, table: type[Table], partitions: Sequence[str] = (WHOLE,), columns: Sequence[str] | None = None
    ) -> "pl.DataFrame":
        """Rows of this population.

        Raises:
            LakeError: if a partition is not there, or is another population's.
        """
        return self.lake.read(table, partitions, columns, self.stamp)

    def before(self, table: type[Table], partition: str) -> "pl.DataFrame | None":
        """Rows of this population by this code as an earlier night, or this one, left them; None if there are none.

        The audit trail stays whatever population or code said it: its rows tell whose they are.
        """
        if self.lake.missing(table, [partition]):
            return None
        if table is tables.Audit:
            return self.lake.read(table, [partition])
        found, own, today = self.lake.stamp(table, partition), self.stamp.of(table), self.stamp.last_date
        later = found.last_date is not None and today is not None and found.last_date > today
        if (found.population, found.code) != (own.population, own.code) or later:
            return None
        return self.lake.read(table, [partition])

    def write_many(self, frames: "Mapping[type[Table], pl.DataFrame]", partition: str) -> None:
        """Replace one partition of several tables, all of them or none."""
        self.lake.write_many(frames, partition, self.stamp)

    def write(self, table: type[Table], partition: str, frame: "pl.DataFrame") -> None:
        """Replace one partition."""
        self.lake.write(table, partition, frame, self.stamp)


@contextmanager
def failing_plainly() -> Iterator[None]:
    """A user's error becomes the step's failure with its message alone, without a stack trace to dig through."""
    try:
        yield
    except UserError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


@contextmanager
def population_view(settings: Settings, lake: Lake) -> "Iterator[PopulationView]":
    """What a step works on: the population of these settings; a user's error within fails the step plainly."""
    with failing_plainly():
        yield PopulationView.of(settings, lake)
