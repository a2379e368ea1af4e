"""What a step is given besides its inputs: places, batches, the identity of the population, plain errors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings, code_version, population_hash
from migraine_platform.errors import UserError
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake import WHOLE, Lake, Stamp

if TYPE_CHECKING:
    from migraine_platform.priors.features import Feature

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def batch_names(settings: Settings) -> list[str]:
    """Every patient batch of the configured cohort, in order."""
    return [f"batch-{number:03d}" for number in range(settings.simulator.cohort.batches)]


def patient_batches(settings: Settings) -> dg.StaticPartitionsDefinition:
    """The cohort's partitions: one a patient batch."""
    return dg.StaticPartitionsDefinition(batch_names(settings))


def batches_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, settings: Settings) -> list[str]:
    """The batches that this run is about: its partition or its range of them, or all when it has none.

    Read off the run's tags, because checks are not partitioned: a partitioned check that a ranged run evaluates has no
    partition to its evaluation, and the UI then shows it as never evaluated.
    """
    names, tags = batch_names(settings), context.run.tags
    if PARTITION_TAG in tags:
        return [tags[PARTITION_TAG]]
    if RANGE_START_TAG in tags:
        return names[names.index(tags[RANGE_START_TAG]) : names.index(tags[RANGE_END_TAG]) + 1]
    return names


def partitions_of(table: type[Table], batches: Sequence[str]) -> list[str]:
    """The partitions of a table over some batches."""
    return list(batches) if table.by_batch else [WHOLE]


def all_batches_tags(settings: Settings) -> dict[str, str]:
    """Run tags that select every batch as one range."""
    names = batch_names(settings)
    return {RANGE_START_TAG: names[0], RANGE_END_TAG: names[-1]}


def last_date(settings: Settings) -> date:
    """The last day of the configured cohort."""
    cohort = settings.simulator.cohort
    return cohort.start_date + timedelta(days=cohort.days - 1)


def read_features(lake: Lake) -> "tuple[Feature, ...]":
    """The feature table as it lies in the lake."""
    from migraine_platform.priors.features import from_frame

    return from_frame(lake.read(tables.Features))


def stamp_of(settings: Settings, lake: Lake) -> Stamp:
    """The stamp of everything made from these settings and the feature table in the lake."""
    features = lake.read(tables.Features).to_dicts()
    return Stamp(population_hash(settings, features), code_version(), last_date(settings))


@contextmanager
def plain_errors() -> Iterator[None]:
    """A user's error becomes the step's failure with its message alone, without a stack trace to dig through."""
    try:
        yield
    except UserError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
