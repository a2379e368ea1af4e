"""Whether two runs left the same rows in their lakes: for a change that must change nothing.

python tools/compare_lakes.py BEFORE AFTER

Each argument is a data folder. Stamps and seals name the code that wrote them and are not compared; rows are, all of
them. Prints what differs and exits with 1 if anything does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl


def files(folder: Path, pattern: str) -> dict[str, Path]:
    """Files below a folder, by their path from there."""
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob(pattern))}


def difference(before: pl.DataFrame, after: pl.DataFrame) -> str:
    """What differs between two tables of the same partition, in words; empty if nothing does."""
    if before.equals(after):
        return ""
    if before.schema != after.schema or before.height != after.height:
        return f"{before.height} x {before.width} before, {after.height} x {after.width} after, or other types"
    unlike = [name for name in before.columns if not before[name].equals(after[name])]
    far = {name: (before[name] - after[name]).abs() for name in unlike if before[name].dtype.is_float()}
    largest = {name: float(gaps.drop_nulls().to_numpy().max(initial=0.0)) for name, gaps in far.items()}
    return ", ".join(f"{name} (by at most {largest[name]:.2g})" if largest.get(name) else name for name in unlike)


def main(before: Path, after: Path) -> int:
    """Print what differs; 1 if anything does."""
    old, new = files(before / "lake", "*.parquet"), files(after / "lake", "*.parquet")
    found = dict.fromkeys(old.keys() - new.keys(), "only before")
    found |= dict.fromkeys(new.keys() - old.keys(), "only after")
    for name in sorted(old.keys() & new.keys()):
        if words := difference(pl.read_parquet(old[name]), pl.read_parquet(new[name])):
            found[name] = words
    for name in sorted(found):
        print(f"{name}: {found[name]}")
    print(f"{len(old)} partitions before, {len(new)} after, {len(found)} differ")
    return int(bool(found))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(str(__doc__))
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
