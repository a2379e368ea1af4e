"""Files are taken whole, once, and not before they are finished; a kill loses and doubles nothing."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migraine_platform.config.hashing import digest
from migraine_platform.ingest.inbox import Stuck, Waiting, fingerprint, take, waiting
from migraine_platform.ingest.receipts import InboxError, content_of, kept
from migraine_platform.ingest.record import record
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.lake.places import InboxFolder, PlaceError
from migraine_platform.warehouse.tables.ingest import Files
from migraine_platform_tests.ingest.conftest import NOW, SETTINGS, Drop, drop_into, files_of
from migraine_platform_tests.ingest.drawn import BEGAN, LAST, PATIENTS

ONE = b"patient_id,date,stress_level\nP0001,2024-06-01,4\n"
TWO = b"patient_id,date,stress_level\nP0002,2024-06-01,5\n"
BAD = b"P0001,2024-06-01,4\n"


def test_only_finished_files_are_ready_oldest_first(inbox, drop: Drop) -> None:
    drop("b.csv", ONE, age=20)
    drop("a.csv", TWO, age=10)
    drop("copying.csv", TWO, age=9.9)
    drop("just now.csv", TWO, age=0)
    for name in (".hidden.csv", "half.csv.part", "half.CSV.TMP", "accepted/x.csv", "folder/x.csv"):
        drop(name, TWO)
    (inbox.path / "link.csv").symlink_to(inbox.path / "b.csv")
    found = waiting(inbox, SETTINGS, NOW)
    assert [path.name for path in found.ready] == ["b.csv", "a.csv"]
    assert found.growing == 2
    assert take(inbox, SETTINGS, NOW).outcomes == {"accepted": 2}
    assert (inbox.path / "link.csv").is_symlink()
    assert {"copying.csv", "just now.csv", "half.csv.part", "folder/x.csv"} <= set(files_of(inbox))


def test_a_file_dated_in_the_future_counts_from_when_it_came(inbox, drop: Drop) -> None:
    came = drop("a.csv", ONE, age=-1e6).stat().st_ctime
    assert waiting(inbox, SETTINGS, came + 9).growing == 1
    assert len(waiting(inbox, SETTINGS, came + 11).ready) == 1


def test_no_inbox_is_an_empty_one(inbox: InboxFolder) -> None:
    assert waiting(inbox, SETTINGS, NOW).ready == ()
    assert take(inbox, SETTINGS, NOW).outcomes == {}
    assert inbox.path.is_dir()


def test_a_taken_file_lies_under_its_digest_with_a_receipt(inbox, drop: Drop) -> None:
    drop("Diary of June.CSV", ONE)
    drop("notes.txt", TWO, age=30)
    drop("bad.csv", BAD, age=20)
    drop("large.csv", ONE + b"\n" * 4000, age=15)
    taken = take(inbox, SETTINGS, NOW)
    assert taken.outcomes == {"accepted": 1, "refused": 3}
    (receipt,) = kept(inbox, "accepted")
    assert (receipt.file_name, receipt.arrival, receipt.digest) == ("Diary of June.CSV", 1, digest(ONE))
    assert receipt.received_at.timestamp() + receipt.received_at.astimezone().utcoffset().total_seconds() == NOW
    assert content_of(inbox, receipt) == files_of(inbox)[f"accepted/{digest(ONE)}.csv"] == ONE
    assert {receipt.file_name: receipt.reason.split(";")[0] for receipt in kept(inbox, "refused")} == {
        "notes.txt": "such files are not taken",
        "bad.csv": "no header: the first line lacks patient_id and date",
        "large.csv": "larger than 4,000 bytes",
    }
    assert f"refused/{digest(TWO)}.txt" in files_of(inbox)


def test_the_same_content_twice_is_one_file(inbox, drop: Drop) -> None:
    drop("a.csv", ONE)
    drop("b.csv", ONE, age=30)
    assert take(inbox, SETTINGS, NOW).outcomes == {"accepted": 1, "known": 1}
    before = files_of(inbox)
    drop("again.csv", ONE)
    drop("again.txt", ONE)
    assert take(inbox, SETTINGS, NOW + 100).outcomes == {"known": 2}
    assert files_of(inbox) == before


def test_a_file_that_was_refused_can_be_accepted_later(inbox, drop: Drop) -> None:
    drop("diary.txt", ONE)
    assert take(inbox, SETTINGS, NOW).outcomes == {"refused": 1}
    drop("diary.txt", ONE)
    assert take(inbox, SETTINGS, NOW).outcomes == {"refused": 1}
    drop("diary.csv", ONE)
    assert take(inbox, SETTINGS, NOW).outcomes == {"accepted": 1}
    assert set(files_of(inbox)) == {f"accepted/{digest(ONE)}.csv", f"accepted/{digest(ONE)}.receipt.json"}


def test_files_arrive_one_after_the_other(inbox, drop: Drop) -> None:
    for place, content in enumerate((TWO, BAD, ONE)):
        drop(f"{place}.csv", content)
        take(inbox, SETTINGS, NOW)
    assert [receipt.digest for receipt in kept(inbox, "accepted")] == [digest(TWO), digest(ONE)]
    assert [receipt.arrival for receipt in kept(inbox, "accepted")] == [1, 3]


def test_two_takers_do_not_double_anything(inbox, drop: Drop) -> None:
    for number in range(12):
        drop(f"{number}.csv", ONE.replace(b"4\n", f"{number % 9 + 1}\n".encode()) + b"\n" * number)
    found: list[dict[str, int]] = []
    takers = [threading.Thread(target=lambda: found.append(take(inbox, SETTINGS, NOW).outcomes)) for _ in range(3)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sorted(sum(outcomes.values()) for outcomes in found) == [0, 0, 12]
    assert sorted(receipt.arrival for receipt in kept(inbox, "accepted")) == list(range(1, 13))


def test_files_changed_after_acceptance_are_ignored(inbox, drop: Drop) -> None:
    drop("a.csv", ONE)
    take(inbox, SETTINGS, NOW)
    inbox.content("accepted", digest(ONE), ".csv").write_bytes(TWO)
    with pytest.raises(InboxError, match=r"was changed after it was accepted; move it to .*inbox to have it taken"):
        record(inbox, SETTINGS, PATIENTS, BEGAN, LAST)


def test_a_file_without_a_receipt_is_not_passed_over(inbox, drop: Drop) -> None:
    drop("accepted/mine.csv", ONE)
    with pytest.raises(InboxError, match=r"files without a receipt: 1; move them to .*inbox"):
        kept(inbox, "accepted")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"digest": "0"}', '{"received_at": 7}'])
def test_a_damaged_receipt_is_named(inbox, drop: Drop, content: str) -> None:
    drop("accepted/0.receipt.json", content)
    with pytest.raises(InboxError, match=r"0\.receipt\.json: the receipt cannot be read"):
        take(inbox, SETTINGS, NOW)


def test_an_inbox_that_is_a_file_is_one_sentence(inbox: InboxFolder) -> None:
    inbox.path.write_text("")
    with pytest.raises(PlaceError, match="inbox: cannot be written"):
        take(inbox, SETTINGS, NOW)


def test_a_fingerprint_is_of_the_files_and_changes_with_them(inbox, drop: Drop) -> None:
    paths = [drop("a.csv", ONE), drop("b.csv", TWO)]
    first = fingerprint(paths, SETTINGS)
    assert fingerprint(paths, SETTINGS) == fingerprint(paths[::-1], SETTINGS) == first
    os.utime(paths[0])
    touched = fingerprint(paths, SETTINGS)
    drop("b.csv", BAD)
    assert len({first, touched, fingerprint(paths, SETTINGS)}) == 3
    paths[1].unlink()
    assert fingerprint(paths[1:], SETTINGS) is None


def test_a_look_reads_a_bounded_number_of_files_and_bytes(inbox, drop: Drop) -> None:
    opened: list[str] = []
    small = [drop(f"{n}.csv", ONE + b"\n" * n) for n in range(6)]
    large = [drop(f"large-{n}.csv", b"x" * 10_000) for n in range(3)]
    half = [drop(f"half-{n}.csv", b"x" * 3000) for n in range(3)]
    with watching(inbox, lambda event, path: opened.append(path.name)):
        for paths in (small, large, half):
            fingerprint(paths, SETTINGS)
    assert opened == ["0.csv", "1.csv", "2.csv", "half-0.csv"]


class Killed(BaseException):
    """The process is gone."""


_watchers: list[Callable[[str, tuple[Any, ...]], None]] = []
_hooked: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for watcher in _watchers:
        watcher(event, arguments)


@contextmanager
def watching(inbox: InboxFolder, tell: Callable[[str, Path], None]) -> Iterator[None]:
    """Tell of every opening, renaming, removing below the inbox before it happens."""
    if not _hooked:
        sys.addaudithook(_hook)  # it stays for the life of the process
        _hooked.append(True)

    def watcher(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(inbox.path) in str(arguments[0]):
            tell(event, Path(str(arguments[0])))

    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def killed_at(inbox: InboxFolder, step: int) -> bool:
    """Take files, but be dead from that step at the file system on; whether it came to that."""
    steps = 0

    def tell(event: str, path: Path) -> None:
        nonlocal steps
        steps += 1
        if steps >= step:
            raise Killed  # from here on nothing reaches the disk, whatever is cleaned up on the way out

    try:
        with watching(inbox, tell):
            take(inbox, SETTINGS, NOW)
    except Killed:
        return True
    return False


def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What was refused before and is accepted now goes through every step there is; so does a file that is known."""
    start = InboxFolder(tmp_path / "start")
    drop_into(start, "one.txt", ONE)
    drop_into(start, "two.csv", TWO, age=50)
    take(start, SETTINGS, NOW)
    drop_into(start, "one.csv", ONE, age=40)
    drop_into(start, "two again.csv", TWO, age=30)
    drop_into(start, "bad.csv", BAD, age=20)
    whole = InboxFolder(Path(shutil.copytree(start.path, tmp_path / "whole")))
    take(whole, SETTINGS, NOW)
    expected = record(whole, SETTINGS, PATIENTS, BEGAN, LAST)
    step = 0
    died = True
    while died:
        step += 1
        inbox = InboxFolder(Path(shutil.copytree(start.path, tmp_path / str(step))))
        died = killed_at(inbox, step)
        contents = {content for name, content in files_of(inbox).items() if not name.endswith(".json")}
        assert contents == {ONE, TWO, BAD}, step
        record(inbox, SETTINGS, PATIENTS, BEGAN, LAST)  # what lies there can be read at any time
        take(inbox, SETTINGS, NOW)
        again = record(inbox, SETTINGS, PATIENTS, BEGAN, LAST)
        assert {table: frame.rows() for table, frame in again.items()} == {
            table: frame.rows() for table, frame in expected.items()
        }, step
        assert waiting(inbox, SETTINGS, NOW).ready == ()
    assert step > 12


@pytest.mark.parametrize("name", ["a.csv.crdownload", "a.csv.filepart", "a.partial", "~$a.csv", "a.csv~", "A.DOWNLOAD"])
def test_names_of_files_under_way_are_left_alone(inbox, drop: Drop, name: str) -> None:
    drop(name, ONE)
    assert waiting(inbox, SETTINGS, NOW) == Waiting((), 0)


def test_links_are_told_and_nothing_behind_them_is_read_or_moved(inbox, drop: Drop, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_bytes(ONE)
    inbox.path.mkdir(parents=True, exist_ok=True)
    (inbox.path / "diary.csv").symlink_to(outside)
    found = take(inbox, SETTINGS, NOW)
    assert found.outcomes == {}
    assert found.waiting.reported() == ["1 links, which are not taken"]
    assert outside.read_bytes() == ONE


def test_a_link_that_takes_a_files_place_meanwhile_is_not_followed(inbox, drop: Drop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(TWO)
    path = drop("a.csv", ONE)
    swapped = []

    def swap(event: str, touched: Path) -> None:
        if event == "open" and touched == path and not swapped:
            swapped.append(True)
            path.unlink()
            path.symlink_to(secret)

    with watching(inbox, swap):
        found = take(inbox, SETTINGS, NOW)
    assert swapped
    assert found.outcomes == {"stuck": 1}
    assert secret.read_bytes() == TWO
    assert [name for name in files_of(inbox) if name.startswith("accepted/")] == []


@pytest.mark.parametrize("side", ["accepted", "refused"])
def test_folders_that_are_links_are_refused(inbox, drop: Drop, tmp_path: Path, side: str) -> None:
    drop("a.csv", ONE)
    (tmp_path / "elsewhere").mkdir()
    (inbox.path / side).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InboxError, match="is a link; expected a folder"):
        take(inbox, SETTINGS, NOW)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_accepted_file_that_became_a_link_is_not_read(inbox, drop: Drop, tmp_path: Path) -> None:
    drop("a.csv", ONE)
    take(inbox, SETTINGS, NOW)
    (kept_file,) = [path for path in inbox.kept("accepted").iterdir() if path.suffix == ".csv"]
    (tmp_path / "elsewhere.csv").write_bytes(ONE)
    kept_file.unlink()
    kept_file.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(InboxError, match="is a link; expected the file that was accepted"):
        record(inbox, SETTINGS, PATIENTS, BEGAN, LAST)


def test_files_of_a_clock_that_was_ahead_are_told(inbox, drop: Drop) -> None:
    came = drop("a.csv", ONE, age=-1e6).stat().st_ctime
    found = waiting(inbox, SETTINGS, came - 3600)
    assert (found.ready, found.growing) == ((), 0)
    assert found.reported() == ["1 dated in the future, by a clock that was ahead; `touch` them"]


def test_a_stuck_file_stands_in_the_table_of_files_with_its_reason(inbox, drop: Drop) -> None:
    drop("good.csv", ONE)
    frames = record(
        inbox, SETTINGS, PATIENTS, BEGAN, LAST, [Stuck("his.csv", "cannot be read or moved: Permission denied")]
    )
    row = frames[Files].filter(status="stuck").row(0, named=True)
    assert (row["file_name"], row["reason"]) == ("his.csv", "cannot be read or moved: Permission denied")
    assert audit(Files, frames[Files]).passed
