"""A small cohort that lives on: rows in a dictionary, files in a folder, and nights as the orchestrator has them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from migraine_platform.config import Settings, resized
from migraine_platform.ingest.recorded import recorded_days
from migraine_platform.priors.features import Feature
from migraine_platform.twin.cohort.batch_update import UpdateRequest, in_use
from migraine_platform.twin.cohort.cohort_update import load_batches, update_batches
from migraine_platform.twin.cohort.inputs import FittedCohort, batch_frames, read_histories
from migraine_platform.twin.cohort.settling import BatchUpdate
from migraine_platform.twin.cohort.updaters import TwinUpdaters
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.drift.alarms import LIKELIHOOD_RATIO, SURPRISE, AlarmThresholds
from migraine_platform.twin.drift.classical import DetectorThreshold
from migraine_platform.twin.updating.evening_update import TwinState
from migraine_platform.twin.updating.storage import load_state, to_bytes, version_of
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit, polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places

POPULATION = "0123456789abcdef"
BATCH = "batch-000"
DAYS, MADE, LAST, CHANGED, CHANGED_LATE = 70, 58, 64, 50, 57
"""Days of everybody's life; those that twins know when they are made, and after the nights; when people change."""

PAGE_HINKLEY, ADWIN = ("page_hinkley", "surprise"), ("adwin", "state_error")
EASILY = AlarmThresholds(
    4.0,
    {PAGE_HINKLEY: DetectorThreshold("page_hinkley", 5.0, 0.4), ADWIN: DetectorThreshold("adwin", 0.3, 0.3)},
    {(LIKELIHOOD_RATIO, SURPRISE): 1.0, PAGE_HINKLEY: 1.0, ADWIN: 1.0},
)
"""At which some are taken for changed, some of them twice within a month."""

NEVER = AlarmThresholds(np.inf, {}, {(LIKELIHOOD_RATIO, SURPRISE): 0.0})


def some(measured: pl.DataFrame, patients: int) -> pl.DataFrame:
    """Days of the first patients."""
    return measured.filter(pl.col("patient_id").is_in(measured["patient_id"].unique().sort()[:patients].to_list()))


def with_changes(measured: pl.DataFrame, patients: int) -> pl.DataFrame:
    """Days of some patients, of whom two are never calm again from a day on, and one always has a migraine."""
    days = some(measured, patients)
    wanted = days["patient_id"].unique().sort()
    changes = zip((wanted[0], wanted[-1], wanted[1]), (CHANGED, CHANGED_LATE, CHANGED), strict=True)
    stressed, stressed_late, ill = (
        (pl.col("patient_id") == patient) & (pl.col("date") >= days["date"].min() + timedelta(days=day))
        for patient, day in changes
    )
    wrote = pl.col("migraine_by_evening").is_not_null()
    attack = [
        pl.when(ill & wrote).then(pl.lit(True)).otherwise(pl.col(name)).alias(name)
        for name in ("has_migraine", "migraine_by_evening", "headache_at_evening")
    ]
    return days.with_columns(
        pl.when(stressed | stressed_late).then(10.0).otherwise("stress_level").alias("stress_level"), *attack
    )


@dataclass
class Living:
    """A cohort's rows and files."""

    places: Places
    settings: Settings
    features: tuple[Feature, ...]
    whole: dict[type[Table], pl.DataFrame]
    """Rows of tables that nights only read."""
    rows: dict[tuple[type[Table], str], pl.DataFrame]
    """By table and batch."""

    def copy(self, folder: Path, **retraining: int) -> Living:
        """The same, to go on by itself."""
        shutil.copytree(self.places.data, folder, dirs_exist_ok=True)
        own = self.settings.twin.retraining.model_copy(update=retraining)
        twin = self.settings.twin.model_copy(update={"retraining": own})
        settings = self.settings.model_copy(update={"twin": twin})
        return replace(self, places=Places(folder, "nowhere"), settings=settings, rows=dict(self.rows))

    def observe(self, observations: pl.DataFrame) -> None:
        """What files say from now on, as `ingest.observations` has it: the columns that are given."""
        types = {column.name: polars_type(column) for column in tables.Observations.columns}
        empty = pl.DataFrame(schema=types)
        self.whole = {**self.whole, tables.Observations: pl.concat([empty, observations], how="diagonal_relaxed")}

    def read(self, table, partitions=(), columns=None) -> pl.DataFrame:
        if table is tables.RecordedDays:
            frame = recorded_days(self.whole[tables.MeasuredDays], self.whole[tables.Observations])
        else:
            frame = self.whole[table]
        if table in (tables.Patients, tables.MeasuredDays, tables.RecordedDays, tables.Attacks):
            batch_of = dict(self.whole[tables.Patients].select("patient_id", "patient_batch").iter_rows())
            frame = frame.filter(pl.col("patient_id").replace_strict(batch_of).is_in(list(partitions)))
        return frame.select(columns or pl.all())

    def earlier(self, table: type[Table], batch: str) -> pl.DataFrame | None:
        return self.rows.get((table, batch))

    def on(self, days: int) -> Settings:
        return resized(self.settings, days=days)

    def updaters(self, days: int = DAYS) -> TwinUpdaters:
        return TwinUpdaters(self.read, self.on(days), self.features, self.places)

    def live(
        self, days: int, asked: UpdateRequest | None = None, batches: tuple[str, ...] = (BATCH,)
    ) -> list[BatchUpdate]:
        """A night, whose evening is that of a day: rows written, obsolete files deleted."""
        updaters = self.updaters(days)
        found = load_batches(self.earlier, self.places, updaters, batches)
        assert found is not None
        settled = []
        for one in update_batches(
            self.read,
            self.earlier,
            self.on(days),
            self.places,
            updaters,
            found,
            asked or UpdateRequest(),
            POPULATION,
            _quietly,
        ):
            self.write(one.frames, one.batch)
            for version in one.obsolete:
                self.places.twins(version).unlink()
            settled.append(one)
        return settled

    def write(self, frames: dict[type[Table], pl.DataFrame], batch: str) -> None:
        """As the lake writes rows."""
        for table, frame in frames.items():
            self.rows[table, batch] = frame.select([column.name for column in table.columns]).sort(table.key)

    def of(self, table: type[Table], batch: str = BATCH) -> pl.DataFrame:
        return self.rows[table, batch]

    def frames(self, batch: str = BATCH) -> dict[type[Table], pl.DataFrame]:
        return {table: frame for (table, own), frame in self.rows.items() if own == batch}

    def state(self, batch: str = BATCH) -> TwinState:
        """The twins in use."""
        return load_state(self.places.twins(self.of(tables.Twins, batch)["file_version"][0]))

    def evening(self, days: int) -> date:
        return self.on(days).simulator.cohort.last_date

    def files(self) -> set[str]:
        return {path.stem for path in self.places.twins("any").parent.iterdir()}

    def named(self) -> set[str]:
        """Files that rows name."""
        return set().union(*(in_use(self.frames(batch)) for batch in {batch for _, batch in self.rows}))

    def put(self, state: TwinState, table: type[Table] = tables.Twins, batch: str = BATCH) -> None:
        """Others in the place of the twins in use, or of the challengers."""
        version = version_of(to_bytes(state))
        self.places.twins(version).write_bytes(to_bytes(state))
        before = self.of(table, batch)["file_version"][0]
        self.places.twins(before).unlink()
        self.rows[table, batch] = self.of(table, batch).with_columns(file_version=pl.lit(version))
        states = self.of(tables.TwinStates, batch).with_columns(pl.col("file_version").replace(before, version))
        self.rows[tables.TwinStates, batch] = states


def made_living(
    folder: Path, settings: Settings, features: tuple[Feature, ...], make_twins, model: TwinModel,
    measured: pl.DataFrame, thresholds: AlarmThresholds, patients: int = 6, batches: int = 1, days: int = MADE,
    changed: bool = True, observations: pl.DataFrame | None = None,
) -> Living:  # fmt: skip
    """A cohort whose twins were made on the evening of a day."""
    lives = (with_changes if changed else some)(measured, patients)
    names = lives["patient_id"].unique().sort()
    batch_of = [f"batch-{place * batches // patients:03d}" for place in range(patients)]
    whole = {
        tables.Patients: pl.DataFrame({"patient_id": names, "patient_batch": batch_of, "has_aura": [False] * patients}),
        tables.MeasuredDays: lives,
        tables.Attacks: make_twins.attacks.filter(pl.col("patient_id").is_in(names.implode())),
        tables.Observations: pl.DataFrame(
            schema={column.name: polars_type(column) for column in tables.Observations.columns}
        ),
        tables.TwinPopulation: model.to_frame(),
        tables.Thresholds: thresholds.to_frame(),
    }
    living = Living(Places(folder, "nowhere"), settings, features, whole, {})
    if observations is not None:
        living.observe(observations)
    found = read_histories(living.read, living.on(days), sorted(set(batch_of)))
    made = FittedCohort(make_twins(found.histories, thresholds), found, model)
    for batch in sorted(set(batch_of)):
        reported = living.read(tables.RecordedDays, [batch], ["patient_id", "date", "has_migraine"])
        observed = living.read(tables.Observations)
        living.write(batch_frames(made, batch, living.places, living.earlier, reported, observed), batch)
    return living


def _quietly(line: str) -> None:
    """What a run would log."""


def foolish(state: TwinState, levels: np.ndarray) -> TwinState:
    """Twins that are nearly certain of the lowest level of all, where most people have attacks every week."""
    log_weight = np.full_like(state.twins.filter_state.log_weight, -12.0)
    log_weight[:, np.argmin(levels)] = 0.0
    log_weight -= np.log(np.exp(log_weight).sum(axis=1, keepdims=True))
    filter_state = state.twins.filter_state._replace(log_weight=log_weight)
    return replace(state, twins=replace(state.twins, filter_state=filter_state))


def assert_sound(living: Living, batch: str = BATCH) -> None:
    """Every row keeps its contract, keys are unique, and files are those that rows name."""
    for table, frame in living.frames(batch).items():
        found = audit(table, frame)
        assert found.passed, (table.name, found.summary())
        assert frame.select(table.key).is_unique().all(), table.name
    assert living.files() == living.named()


def assert_same_rows(ours: Living, theirs: Living, but: tuple[type[Table], ...] = (), exactly: bool = False) -> None:
    """Rows are the same, to 1e-12; versions, which are hashes of the last bit, only if they are asked for."""
    assert set(ours.rows) == set(theirs.rows)
    for (table, batch), frame in ours.rows.items():
        other = theirs.rows[table, batch]
        if table in but:
            continue
        if exactly:
            assert_frame_equal(frame, other, check_exact=True)
        else:
            hashes = [name for name in frame.columns if name.endswith("_version") and "population" not in name]
            assert_frame_equal(frame.drop(hashes), other.drop(hashes), rel_tol=1e-9, abs_tol=1e-12)
