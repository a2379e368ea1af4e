"""Where made things lie: the only module that joins paths below the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migraine_platform.config.settings import Platform


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

    def export(self, name: str) -> Path:
        """A file that people or other programs take away."""
        return self.data / name


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: beside it, flushed to disk, then renamed over it."""
    import os

    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
