"""What lies on the disk, and when the warehouse was published."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from migraine_platform.operations.facts import DiskFact, FolderFact, WarehouseFact
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.publication import last_publication
from migraine_platform.warehouse.query import QueryError


def disk_of(places: Places) -> DiskFact:
    """The disk of the data folder."""
    places.data.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(places.data)
    return DiskFact(free=usage.free, total=usage.total)


def folders_of(places: Places, most: int) -> tuple[FolderFact, ...]:
    """The folders that grow; a lake that lies elsewhere is not among them."""
    return tuple(size_of(name, folder, most) for name, folder in places.growing.items())


def size_of(name: str, folder: Path, most: int) -> FolderFact:
    """Bytes and number of files below a folder, looking at no more than `most` files.

    A file that goes away meanwhile counts as empty; a folder that is not there holds nothing.
    """
    size = files = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                        continue
                    if files == most:
                        return FolderFact(name, size, files, complete=False)
                    files += 1
                    size += _size(entry)
        except OSError:
            continue
    return FolderFact(name, size, files, complete=True)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def warehouse_of(places: Places) -> WarehouseFact:
    """When the warehouse was published, or why nothing is known of it."""
    if not places.warehouse.is_file():
        return WarehouseFact(problem="nothing is published yet")
    try:
        published_at, last_date = last_publication(places.warehouse)
    except QueryError as error:
        known = next((why for why in ("another program has it open", "left this log") if why in str(error)), None)
        said = str(error) if known else "the published file cannot be read, or does not say what it was made from"
        return WarehouseFact(problem=said)
    return WarehouseFact(published_at, last_date)
