"""Every kind of file that can be taken."""

from __future__ import annotations

from migraine_platform.config.ingest import Ingest
from migraine_platform.ingest.sources.plain_csv import PlainCsv
from migraine_platform.ingest.sources.source import Reading, Refused, Source


def sources(settings: Ingest) -> tuple[Source, ...]:
    """The sources, each with a suffix of its own."""
    return (PlainCsv(settings.most_rows),)


def read(content: bytes, suffix: str, settings: Ingest) -> Reading | Refused:
    """What a file says by the source for its suffix, or why it is refused."""
    known = {source.suffix: source for source in sources(settings)}
    if suffix not in known:
        return Refused(f"such files are not taken; expected a name that ends in {', '.join(known)}")
    return known[suffix].read(content)
