"""Where made things lie: the only module that joins paths below the data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from migraine_platform.config.settings import Platform
from migraine_platform.errors import UserError


class PlaceError(UserError):
    """A place that cannot be written to."""


@dataclass(frozen=True)
class RunFolder:
    """Where one training run keeps what it made."""

    path: Path

    @property
    def log(self) -> Path:
        """One line a step."""
        return self.path / "log.csv"

    @property
    def last(self) -> Path:
        """Checkpoint to go on from, without its suffix."""
        return self.path / "last"

    @property
    def best(self) -> Path:
        """Checkpoint with the best validation score, without its suffix."""
        return self.path / "best"


EVALUATION_PAGE, EVALUATION_NUMBERS = "evaluation.html", "evaluation.json"
"""Names of the evaluation's report, for people and for machines."""

Side = Literal["accepted", "refused"]
"""Where a file from the inbox ends."""


@dataclass(frozen=True)
class InboxFolder:
    """Where people drop files, and where these are kept afterwards."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held by whoever takes files."""
        return self.path / ".lock"

    def kept(self, side: Side) -> Path:
        """The folder of the files that were accepted, or refused."""
        return self.path / side

    def content(self, side: Side, digest: str, suffix: str) -> Path:
        """A file's content, under its digest."""
        return self.kept(side) / f"{digest}{suffix}"

    def receipt(self, side: Side, digest: str) -> Path:
        """When it came, and what it was called."""
        return self.kept(side) / f"{digest}.receipt.json"


@dataclass(frozen=True)
class Places:
    """Every place the platform writes to."""

    data: Path
    lake_url: str

    @classmethod
    def of(cls, platform: Platform) -> Places:
        """The places of a configuration."""
        data = platform.data_dir
        return cls(data=data, lake_url=platform.lake_url or (data / "lake").as_posix())

    @property
    def warehouse(self) -> Path:
        """The published warehouse."""
        return self.data / "warehouse.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own database and logs."""
        return self.data / "dagster"

    @property
    def dagster_config(self) -> Path:
        """Dagster's own configuration, which it looks for in its home."""
        return self.dagster_home / "dagster.yaml"

    def records_of(self, run_id: str) -> tuple[Path, ...]:
        """What Dagster keeps of a run beside its own database: its events, and what its steps printed."""
        return self.dagster_home / "history" / "runs" / f"{run_id}.db", self.dagster_home / "storage" / run_id

    @property
    def run_lock(self) -> Path:
        """Held by a run started from a terminal."""
        return self.data / ".run.lock"

    @property
    def inbox(self) -> InboxFolder:
        """Where people drop files with observations."""
        return InboxFolder(self.data / "inbox")

    @property
    def clinician_list(self) -> Path:
        """Triggers that a clinician has listed of patients, if somebody puts such a list here."""
        return self.data / "clinician_triggers.csv"

    @property
    def clock(self) -> Path:
        """Which day it is in the patients' lives."""
        return self.data / "clock.json"

    @property
    def fits(self) -> Path:
        """Calibrations of the simulator that were fitted before."""
        return self.data / ".fits"

    def training(self, run: str) -> RunFolder:
        """The folder of a training run."""
        return RunFolder(self.data / "runs" / run)

    def checkpoint(self, version: str) -> Path:
        """A registered checkpoint, without its suffix."""
        return self.data / "checkpoints" / version

    def twins(self, version: str) -> Path:
        """A batch of twins, or the experts that they share."""
        return self.data / "twins" / f"{version}.safetensors"

    def report(self, name: str) -> Path:
        """A page or picture for people."""
        return self.data / "reports" / name

    @property
    def growing(self) -> dict[str, Path]:
        """Name -> folder, of what grows night by night; a lake that lies elsewhere is not among them."""
        lake = {} if "://" in self.lake_url else {"lake": Path(self.lake_url)}
        made = {"training runs": "runs", "checkpoints": "checkpoints", "twins": "twins", "Dagster's home": "dagster"}
        return lake | {name: self.data / folder for name, folder in made.items()}

    def export(self, name: str) -> Path:
        """A file that people or other programs take away."""
        return self.data / name


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: beside it, flushed to disk, then renamed over it.

    What a killed process left beside it is removed.

    Raises:
        PlaceError: if the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f".{path.name}.*.tmp"):
            if not _alive(leftover.suffixes[-2].removeprefix(".")):
                leftover.unlink(missing_ok=True)
        _write_aside(path, content)
    except OSError as error:
        raise PlaceError(f"{path}: cannot be written: {error.strerror or error}") from None


def written_aside(path: Path) -> Path:
    """Where a file is written before it is renamed into its place: hidden beside it, one a process."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _write_aside(path: Path, content: bytes) -> None:
    aside = written_aside(path)
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _alive(process: str) -> bool:
    """Whether a process of this number runs (or the text is none)."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
