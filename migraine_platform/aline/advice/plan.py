"""Tomorrow's questions, as rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from migraine_platform.aline.advice.advice import Advisor
from migraine_platform.aline.advice.history import CardHistories, planned_windows
from migraine_platform.config.simulator.hours import QUESTIONS


def questions_frame(advisor: Advisor, known: CardHistories, batch: str, version: str, count: int) -> pl.DataFrame:
    """Rows of `aline.questions` for the patients of one batch.

    Args:
        count: questions for each; fewer where fewer can be asked.
    """

    ranked = advisor.begin(planned_windows(advisor.hours, known.card), planned=True).next_questions(count)
    size = len(known.patient_ids)
    return pl.DataFrame(
        {
            "patient_id": np.repeat(known.patient_ids, count),
            "patient_batch": pl.repeat(batch, size * count, eager=True),
            "for_date": pl.repeat(known.for_date, size * count, eager=True),
            "rank": np.tile(np.arange(1, count + 1), size),
            "hour": ranked.hour.ravel(),
            "question": [QUESTIONS[number] for number in ranked.question.ravel()],
            "expected_gain": ranked.gain.ravel(),
            "version": pl.repeat(version, size * count, eager=True),
        }
    ).filter(pl.col("expected_gain").is_not_nan())
