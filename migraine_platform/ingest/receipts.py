"""What was taken from the inbox: files under the digest of their content, each with a receipt beside it.

    inbox/accepted/<digest>.csv                the source of truth: what is in the tables follows from these
    inbox/refused/<digest>.<its suffix>        not of the format
    inbox/<either>/<digest>.receipt.json       its name, when it came, why it was refused

A receipt without its file is what a killed process left: it counts for nothing until the file comes again.

Belongs here: reading what lies there. Does not: how it comes there (inbox.py), or what it says (record.py).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from migraine_platform.config.hashing import digest as digest_of
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import InboxFolder, Side

ENDING = ".receipt.json"
SIDES: tuple[Side, ...] = ("accepted", "refused")


class InboxError(UserError):
    """What lies in the inbox's own folders is not as the platform left it."""


@dataclass(frozen=True)
class Receipt:
    """What is known of a file that was taken."""

    digest: str
    suffix: str
    file_name: str
    arrival: int
    received_at: datetime
    """UTC, without zone."""
    reason: str | None = None
    """Why it was refused."""

    def to_json(self) -> bytes:
        """As it is written beside the file."""
        return json.dumps({**asdict(self), "received_at": self.received_at.isoformat()}, indent=2).encode()


def demand_folders(folder: InboxFolder) -> None:
    """Refuse folders of taken files that are links: what they point to is not the platform's to write.

    Raises:
        InboxError: naming the link.
    """
    for side in SIDES:
        if folder.kept(side).is_symlink():
            raise InboxError(f"{folder.kept(side)}: is a link; expected a folder; put a folder in its place")


def receipts_of(folder: InboxFolder, side: Side) -> dict[str, Receipt]:
    """Every receipt, with a file or without, by digest."""
    found = (_from_json(path) for path in _listed(folder, side) if path.name.endswith(ENDING))
    return {receipt.digest: receipt for receipt in found}


def kept(folder: InboxFolder, side: Side) -> list[Receipt]:
    """The files that were accepted, or refused, in the order of their arrival.

    Raises:
        InboxError: if an accepted file has no receipt, or a receipt cannot be read.
    """
    receipts = receipts_of(folder, side)
    there = {receipt.digest: folder.content(side, receipt.digest, receipt.suffix).name for receipt in receipts.values()}
    names = {path.name for path in _listed(folder, side) if not path.name.endswith(ENDING)}
    if side == "accepted" and (unknown := names - set(there.values())):
        raise InboxError(f"{folder.kept(side)}: files without a receipt: {len(unknown)}; move them to {folder.path}")
    return sorted(
        (receipt for digest, receipt in receipts.items() if there[digest] in names), key=lambda receipt: receipt.arrival
    )


def content_of(folder: InboxFolder, receipt: Receipt) -> bytes:
    """The bytes of an accepted file.

    Raises:
        InboxError: if they are not those that were accepted.
    """
    path = folder.content("accepted", receipt.digest, receipt.suffix)
    if path.is_symlink():
        raise InboxError(f"{path}: is a link; expected the file that was accepted; put it in its place")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InboxError(f"{path}: cannot be read: {error.strerror}") from None
    if digest_of(content) != receipt.digest:
        raise InboxError(f"{path}: was changed after it was accepted; move it to {folder.path} to have it taken again")
    return content


def _listed(folder: InboxFolder, side: Side) -> list[Path]:
    try:
        return [path for path in folder.kept(side).iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []


def _from_json(path: Path) -> Receipt:
    try:
        content = json.loads(path.read_bytes())
        return Receipt(**{**content, "received_at": datetime.fromisoformat(content["received_at"])})
    except (OSError, ValueError, KeyError, TypeError):
        raise InboxError(
            f"{path}: the receipt cannot be read; move its file to the inbox, and delete the receipt"
        ) from None
