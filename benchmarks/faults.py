"""Claim: whatever is killed or damaged, nothing wrong is published, and the next run says what to do or recovers.

python benchmarks/faults.py [--kills 25] [--seed 7] [--only kills|damage]

A small project of its own in a temporary folder. Kills: nights from a terminal are killed after a random time; then the
warehouse must be the old one or the new one, every file of the lake whole, and the same night run again must end well
and publish what an undisturbed one does. Damage: each kind of stored file is emptied, cut, has one bit flipped, or is
swapped with an older one; then a night runs. What comes of it is counted:

    named       the run failed, with a sentence that says where, and the warehouse is as it was
    unharmed    the run published what it would have without the damage
    SILENT      it published something else
    UNNAMED     it failed with a stack trace, or without a place
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
from measure import machine
from polars.testing import assert_frame_equal

ROOT = Path(__file__).resolve().parents[1]
PRESET = "faults"
SMALL = """
simulator:
  cohort: {patients: 60, days: 40, batch_size: 30}
  calibration: {patients: 600, days: 200, iterations: 9}
  ceilings: {oracle_patients: 20, particles: 32}
  interventions: {patients: 10, replicates: 2, after_days: 7, days: 28}
realism: {patients: 60}
exports: {fusemoe_window_days: 14}
train:
  steps: 24
  batch: 32
  checkpoint_every: 8
  network: {width: 16, layers: 2, heads: 2, feed_forward: 32, components: 3}
  data: {days: 60, training_patients: 60, validation_patients: 20, scoring_patients: 40, reference_patients: 100,
    validation_windows: 64}
  promotion:
    {windows: 100, labelled_days: 400, coverage_90: [0.5, 1.0], must_beat: [], must_match: [], must_ask_better_than: []}
twin:
  points: 64
  validation_days: 10
  horizon_days: 3
  population: {patients: 40, state_space_patients: 12, state_space_steps: 2, points: 32, steps: 2}
  experts: {width: 8, steps: 4, batch: 64, patients: 40}
  promotion: {calibration_error: 1.0, coverage_90: [0.0, 1.0]}
  drift: {strangers: 40, stranger_days: 140}
evaluation: {replicates: 50, unseen_patients: 12, aline_evenings: 40, windows: 16, questions: 2, greedy_windows: 3,
  greedy_draws: 2, gates: {calibration_error: 1.0, ahead_of: [], not_behind: []}, study: {folds: 2}}
"""
COLUMNS = {"named": 8, "unharmed": 10, "SILENT": 8, "UNNAMED": 9}
COMMAND = [sys.executable, "-c", "from migraine_platform.cli import main; main()"]


class Project:
    """A project in a folder, and what lies there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"

    def copy(self, to: Path) -> Project:
        """The same, to be damaged."""
        shutil.copytree(self.folder, to)
        return Project(to)

    def start(self, *arguments: str, said: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """The `migraine` command, begun; what it says of errors goes to `said`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIGRAINE_", "DAGSTER_"))}
        environment = {**kept, "MIGRAINE_ROOT": str(self.folder), "MIGRAINE_PRESET": PRESET}
        return subprocess.Popen(
            [*COMMAND, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=said, text=True
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The same, to its end: exit code and what it said of errors."""
        process = self.start(*arguments, said=subprocess.PIPE)
        _, said = process.communicate(timeout=900)
        return process.returncode, said

    def published(self) -> dict[str, pl.DataFrame]:
        """Every table of the warehouse but when it was published."""
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as connection:
            names = connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name <> 'lineage' ORDER BY 1"
            ).fetchall()
            return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").pl() for (name,) in names}

    def torn(self) -> list[str]:
        """Files of the lake that cannot be read."""
        found = []
        for path in (self.data / "lake").rglob("*.parquet"):
            try:
                pl.read_parquet_metadata(path)
            except pl.exceptions.PolarsError:
                found.append(path.name)
        return found


def begin(folder: Path) -> Project:
    """A project whose first run has ended well."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "migraine_prediction.xlsx", folder / "data")
    shutil.copytree(ROOT / "data" / "stations", folder / "data" / "stations")
    shutil.copy(ROOT / "workspace.yaml", folder)
    (folder / "configs" / "presets" / f"{PRESET}.yaml").write_text(SMALL)
    project = Project(folder)
    code, said = project.run("run")
    if code:
        raise SystemExit(f"the first run failed:\n{said[-2000:]}")
    return project


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    """Whether two warehouses say the same, to rounding; hashes of last bits may differ."""
    if one.keys() != other.keys():
        return False
    for name, frame in one.items():
        hashes = [column for column in frame.columns if column.endswith("_version") or column == "content_hash"]
        try:
            assert_frame_equal(frame.drop(hashes), other[name].drop(hashes), abs_tol=1e-9, rel_tol=1e-7)
        except AssertionError:
            return False
    return True


def kills(base: Project, folder: Path, count: int, rng: random.Random) -> Counter[str]:
    """Nights killed after a random time."""
    night = ("night", "--ahead", "--date", str(date.today() + timedelta(days=1)))
    plain = base.copy(folder / "plain")
    began = time.monotonic()
    assert plain.run(*night)[0] == 0
    lasts, old, new = time.monotonic() - began, base.published(), plain.published()
    found: Counter[str] = Counter()
    for number in range(count):
        own = base.copy(folder / "killed")
        process = own.start(*night)
        try:
            process.wait(timeout=rng.uniform(0.1, lasts))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        now = own.published()
        found["warehouse old or new"] += same(now, old) or same(now, new)
        found["no torn file"] += not own.torn()
        code, _ = own.run(*night)
        found["next run recovers"] += code == 0 and same(own.published(), new)
        print(f"kill {number + 1} of {count}: {dict(found)}", file=sys.stderr)
        shutil.rmtree(own.folder)
    return found


def kinds(project: Project) -> Iterator[tuple[str, Path]]:
    """One file of each kind that a night reads."""
    lake = project.data / "lake"
    for table in ("twin/twins", "twin/watch", "measured/patient_days", "cohort/patients", "truth/calibration"):
        yield f"lake: {table.replace('/', '.')}", sorted((lake / table).glob("*.parquet"))[0]
    yield "seal", sorted((lake / "twin" / "twins").glob("*.audit.json"))[0]
    named = pl.read_parquet(sorted((lake / "twin" / "twins").glob("*.parquet"))[0])["file_version"][0]
    yield "twins", next((project.data / "twins").glob(f"{named}*"))
    yield "checkpoint", sorted((project.data / "checkpoints").glob("*.safetensors"))[0]
    yield "clock", project.data / "clock.json"
    yield "warehouse", project.data / "warehouse.duckdb"


def flip(content: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


def damage(base: Project, folder: Path) -> dict[str, Counter[str]]:
    """Each kind of file, damaged in each way, before a night."""
    first, second = (("night", "--ahead", "--date", str(date.today() + timedelta(days=days))) for days in (1, 2))
    later = base.copy(folder / "later")
    assert later.run(*first)[0] == 0
    plain = later.copy(folder / "undamaged")
    assert plain.run(*second)[0] == 0
    old, new = later.published(), plain.published()
    ways: dict[str, Callable[[bytes], bytes] | None] = {
        "emptied": lambda content: b"",
        "cut": lambda content: content[: len(content) // 2],
        "flipped": flip,
        "older": None,
    }
    found: dict[str, Counter[str]] = {}
    for kind, path in kinds(later):
        place = path.relative_to(later.folder)
        for way, change in ways.items():
            own = later.copy(folder / "damaged")
            target = own.folder / place
            if change is not None:
                target.write_bytes(change(target.read_bytes()))
            elif (older := base.folder / place).is_file() and older.read_bytes() != target.read_bytes():
                shutil.copy(older, target)
            else:
                shutil.rmtree(own.folder)
                continue
            code, said = own.run(*second)
            outcome = _outcome(own, code, said, old, new, kind == "warehouse")
            found.setdefault(kind, Counter())[outcome] += 1
            reason = said.strip().splitlines()[-1][:160] if code else ""
            print(f"{kind}, {way}: {outcome} {reason}", file=sys.stderr)
            shutil.rmtree(own.folder)
    return found


def _outcome(
    own: Project, code: int, said: str, old: dict[str, pl.DataFrame], new: dict[str, pl.DataFrame], itself: bool
) -> str:
    if code == 0:
        return "unharmed" if same(own.published(), new) else "SILENT"
    if "Traceback" in said or "error:" not in said:
        return "UNNAMED"
    return "named" if itself or same(own.published(), old) else "SILENT"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=("kills", "damage"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = begin(folder / "base")
        print(f"{machine()}\n")
        if chosen.only != "damage":
            found = kills(base, folder, chosen.kills, random.Random(chosen.seed))
            for what, count in found.items():
                print(f"{what:<24}{count} of {chosen.kills} kills")
        if chosen.only != "kills":
            print(f"\n{'file':<28}{'named':>8}{'unharmed':>10}{'SILENT':>8}{'UNNAMED':>9}")
            for kind, counts in damage(base, folder).items():
                row = "".join(f"{counts[what]:>{width}}" for what, width in COLUMNS.items())
                print(f"{kind:<28}{row}")


if __name__ == "__main__":
    main()
