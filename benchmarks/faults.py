"""Claim: whatever is killed or damaged, nothing wrong is published, and the next run says what to do or recovers.

python benchmarks/faults.py [--kills 25] [--seed 7] [--only kills|damage|around|together]

A small project of its own in a temporary folder. Kills: nights from a terminal are killed after a random time; then the
warehouse must be the old one or the new one, every file of the lake whole, and the same night run again must end well
and publish what an undisturbed one does. Damage: each kind of stored file is emptied, cut, has one bit flipped, or is
swapped with an older one; then a night runs.

Around: a night in other time zones, with files for nobody and for everybody, as an account that may only read (of root,
where `setpriv` is), on a disk that is full after some kilobytes, and by a clock that is wrong or jumps (where Debian's
package faketime is). Together: a second night, a retraining, and the UI's own night, begun while a night runs. What
comes of it is counted:

    named       the run failed, with a sentence that says where, and the warehouse is as it was
    unharmed    the run published what it would have without the damage
    SILENT      it published something else
    UNNAMED     it failed with a stack trace, or without a place
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from measure import machine
from small_project import Project, begin, same

COLUMNS = {"named": 8, "unharmed": 10, "SILENT": 8, "UNNAMED": 9, "recovers": 10}


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
        process = own.start(*night).process
        try:
            process.wait(timeout=rng.uniform(0.1, lasts))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
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


READER = (
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)  # fmt: skip
"""Starts a command as an account that owns nothing and may read everything."""

WRONG_CLOCK = Path("/usr/lib") / f"{platform.machine()}-linux-gnu" / "faketime" / "libfaketime.so.1"
"""A library, installed with Debian's package faketime, that tells a process another time."""

JUMP_AFTER = 0.4
"""Share of a night after which its clock jumps."""

FULL_AFTER = {"64 KB": 64 * 1024, "1 MB": 1024 * 1024}
"""Bytes that a file may have on a disk that is full."""


def _on_a_full_disk(room: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))


CLOCKS = {
    "clock a year behind": ("-365d", "-365d"),
    "clock that jumps back 2 h": ("+0", "-2h"),
    "clock that jumps on 2 days": ("+0", "+2d"),
}
"""What the wrong clock tells at first and later."""


def _clock_from(file: Path) -> dict[str, str]:
    """Environment of a process whose wall clock is told by a file; how long a thing takes is measured truly."""
    return {
        "LD_PRELOAD": str(WRONG_CLOCK),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def around(base: Project, folder: Path) -> dict[str, Counter[str]]:
    """A night in other surroundings; one that could not end well is run again as usual, and must then."""
    night = ("night", "--ahead", "--date", str(date.today() + timedelta(days=2)))
    plain = base.copy(folder / "undisturbed")
    began = time.monotonic()
    assert plain.run(*night)[0] == 0
    lasts, old, new = time.monotonic() - began, base.published(), plain.published()
    kinds_of: dict[str, dict[str, Any]] = {
        "time zone, 11 h behind": {"among": {"TZ": "Pacific/Pago_Pago"}},
        "time zone, 14 h ahead": {"among": {"TZ": "Pacific/Kiritimati"}},
        "umask 077": {"before": partial(os.umask, 0o077)},
        "umask 000": {"before": partial(os.umask, 0o000)},
        **{f"disk full after {what}": {"before": partial(_on_a_full_disk, room)} for what, room in FULL_AFTER.items()},
    }
    if os.getuid() == 0 and shutil.which(READER[0]):
        kinds_of["account that may only read"] = {"through": READER}
    tells = folder / "clock"
    if WRONG_CLOCK.is_file():
        kinds_of |= {kind: {"among": _clock_from(tells)} for kind in CLOCKS}
    found: dict[str, Counter[str]] = {}
    for kind, those in kinds_of.items():
        own = base.copy(folder / "around")
        if kind in CLOCKS:
            tells.write_text(CLOCKS[kind][0])
        begun = own.start(*night, **those)
        if kind in CLOCKS:
            time.sleep(JUMP_AFTER * lasts)
            tells.write_text(CLOCKS[kind][1])
        code, said = begun.ended()
        outcome = _outcome(own, code, said, old, new, False)
        found[kind] = Counter({outcome: 1})
        if code:
            again = own.run(*night)[0]
            found[kind]["recovers"] += again == 0 and same(own.published(), new)
        left = list(own.data.rglob("*.tmp"))
        open_to_others = [path for path in (own.data / "lake").rglob("*.parquet") if path.stat().st_mode & 0o077]
        reason = said.strip().splitlines()[-1][:160] if code else ""
        print(f"{kind}: {dict(found[kind])}, {len(left)} left, {len(open_to_others)} open {reason}", file=sys.stderr)
        shutil.rmtree(own.folder)
    return found


def together(base: Project, folder: Path, rng: random.Random) -> dict[str, Counter[str]]:
    """A second run begun while a night runs: whoever comes second waits or says why not, and both leave one truth."""
    day = str(date.today() + timedelta(days=1))
    night, tags = ("night", "--ahead", "--date", day), {"night": day, "night/ahead": "yes"}
    plain = base.copy(folder / "alone")
    began = time.monotonic()
    assert plain.run(*night)[0] == 0
    lasts, alone = time.monotonic() - began, plain.published()
    retrain = {"twins/retrain": "asked", "dagster/partition": "batch-000"}
    assert plain.launch("retrain_twins", **retrain).ended()[0] == 0
    found: dict[str, Counter[str]] = {}
    for kind in ("another night in a terminal", "the UI's night", "a retraining"):
        for share in (0.1, 0.4, 0.7):
            own = base.copy(folder / "together")
            first = own.start(*night)
            time.sleep(share * lasts * rng.uniform(0.8, 1.2))
            if kind.startswith("another"):
                code, said = own.run(*night)
                said_why = code == 0 or "another run is working" in said
            else:
                second = own.launch("night", **tags) if "UI" in kind else own.launch("retrain_twins", **retrain)
                code, _ = second.ended()
                said_why = code == 0
            ended_well = first.ended()[0] == 0
            now = own.published()
            # challengers on trial are the only thing that a retraining may add before it is judged
            reported = {name: frame for name, frame in now.items() if not name.startswith("twin.")}
            expected = {name: frame for name, frame in alone.items() if not name.startswith("twin.")}
            one_truth = same(now, alone) if "retraining" not in kind else same(reported, expected)
            outcome = "unharmed" if ended_well and said_why and one_truth else "SILENT" if ended_well else "UNNAMED"
            found.setdefault(kind, Counter())[outcome] += 1
            print(f"{kind}, after {share:.0%}: {outcome} (exit {code})", file=sys.stderr)
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
    parser.add_argument("--only", choices=("kills", "damage", "around", "together"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = begin(folder / "base")
        print(f"{machine()}\n")
        if chosen.only in (None, "kills"):
            found = kills(base, folder, chosen.kills, random.Random(chosen.seed))
            for what, count in found.items():
                print(f"{what:<24}{count} of {chosen.kills} kills")
        tables = {
            "damage": lambda: damage(base, folder),
            "around": lambda: around(base, folder),
            "together": lambda: together(base, folder, random.Random(chosen.seed)),
        }
        for name, run in tables.items():
            if chosen.only in (None, name):
                print(f"\n{name:<28}{'named':>8}{'unharmed':>10}{'SILENT':>8}{'UNNAMED':>9}{'recovers':>10}")
                for kind, counts in run().items():
                    row = "".join(f"{counts[what]:>{width}}" for what, width in COLUMNS.items())
                    print(f"{kind:<28}{row}")


if __name__ == "__main__":
    main()
