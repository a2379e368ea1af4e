"""One drawn evaluation for all tests of reports."""

from __future__ import annotations

import pytest

from migraine_platform.evaluation.report.facts import ReportFacts, facts_of
from migraine_platform_tests.evaluation.report.drawn import Frames, evaluated, reader


@pytest.fixture(scope="session")
def frames() -> Frames:
    return evaluated()


@pytest.fixture(scope="session")
def facts(frames: Frames) -> ReportFacts:
    return facts_of(reader(frames))
