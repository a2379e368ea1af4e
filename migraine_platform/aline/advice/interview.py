"""Asking one patient: from the published warehouse to the next best questions, and what answers change.

interviewer = Interviewer.of_patient(places, settings, "P0001")
interviewer.report(3)
interviewer.take("18 sleep fatigue=7 sleep_hours=5.5")
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from migraine_platform.aline.advice.advice import Advisor, Findings, Session
from migraine_platform.aline.advice.history import COLUMNS, cycle_scores, histories, planned_windows
from migraine_platform.aline.advice.replies import Replies, ReplyError
from migraine_platform.aline.tasks.migraine_window import WindowTokens
from migraine_platform.aline.training.checkpoints import load_network
from migraine_platform.config.settings import Settings
from migraine_platform.config.simulator.hours import QUESTIONS
from migraine_platform.errors import UserError
from migraine_platform.priors.features import from_frame
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform.warehouse.tables.names import PATIENT_ID


class InterviewError(UserError):
    """A patient who cannot be asked."""


@dataclass
class Interviewer:
    """One patient's evening, and what has been answered so far."""

    patient_id: str
    evening: date
    session: Session
    goal: tuple[str, ...] | None = None
    answered: list[str] = field(default_factory=list)

    @classmethod
    def of_patient(
        cls, places: Places, settings: Settings, patient_id: str, goal: tuple[str, ...] | None = None
    ) -> Interviewer:
        """The patient's next evening, by the promoted checkpoint.

        Args:
            goal: groups of targets that matter; by default all.

        Raises:
            InterviewError: if there is no such patient.
            QueryError, CheckpointError: if nothing is published, or the checkpoint is not there.
        """
        if not re.fullmatch(PATIENT_ID, patient_id):
            raise InterviewError(f'patient "{patient_id}"; expected a name as in P0001')
        warehouse = places.warehouse
        columns = ", ".join(COLUMNS)
        days = query(warehouse, f"SELECT {columns} FROM recorded.patient_days WHERE patient_id = '{patient_id}'")
        if days.is_empty():
            count = query(warehouse, "SELECT count(*) AS n FROM cohort.patients")["n"][0]
            raise InterviewError(f'patient "{patient_id}" is not in the warehouse, which has {count:,} patients')
        version = query(warehouse, "SELECT version FROM aline.checkpoints")["version"][0]
        net, _ = load_network(places.checkpoint(version), tokens=WindowTokens(settings.hours).sizes)
        features = from_frame(query(warehouse, "SELECT * FROM priors.features"))
        known = histories(days, cycle_scores(features))
        session = Advisor(net, settings.hours).begin(planned_windows(settings.hours, known.card), planned=True)
        return cls(patient_id, known.for_date, session, goal)

    def report(self, count: int) -> str:
        """Where things stand, and the next questions."""
        found = self.session.findings()
        ranked = self.session.next_questions(count, self.goal)
        lines = [
            f"{self.patient_id}, evening of {self.evening}"
            + (f", {len(self.answered)} answered" if self.answered else ", nothing asked yet"),
            _forecast(found),
            "",
            "next questions                         expected to tell",
        ]
        for rank, (hour, question, gain) in enumerate(ranked.of(0), start=1):
            lines.append(f"{rank}  {hour:02d}:00-{(hour + 1) % 24:02d}:00  {question:<18}      {gain:.2f} nats")
            lines += [f"     {wording}" for wording in self._replies.wording(question).values()]
        return "\n".join(lines)

    def next_question(self) -> tuple[int, str] | None:
        """Hour and question to ask next; None if none is left."""
        ranked = self.session.next_questions(1, self.goal).of(0)
        return (ranked[0][0], ranked[0][1]) if ranked else None

    def take(self, reply: str) -> None:
        """Take an answer as `HOUR QUESTION value=answer ...`.

        Raises:
            ReplyError: naming what is wrong with it.
        """
        match reply.split():
            case [hour, question, *values] if hour.isdecimal() and all("=" in value for value in values):
                pairs: dict[str, str] = {}
                for name, value in (value.split("=", 1) for value in values):
                    if name in pairs:
                        raise ReplyError(f'answer "{reply}": {name} is answered twice; expected each once')
                    pairs[name] = value
                self.answer(int(hour), question, pairs)
            case _:
                raise ReplyError(
                    f'answer "{reply}"; expected HOUR QUESTION value=answer ..., as in 18 sleep fatigue=7 sleep_hours=6'
                )

    def answer(self, hour: int, question: str, values: dict[str, str]) -> None:
        """Take the answers to one question.

        Raises:
            ReplyError: if there is no such question, it cannot be asked (again), or an answer is out of range.
        """
        if question not in QUESTIONS:
            raise ReplyError(f'question "{question}"; expected one of: {", ".join(QUESTIONS)}')
        if not 0 <= hour < 24 or not bool(self.session.open[0, hour * len(QUESTIONS) + QUESTIONS.index(question)]):
            raise ReplyError(
                f"{question} at {hour}:00 cannot be asked: answered already, asleep, or too long ago to recall"
            )
        self.session.answer(hour, question, self._replies.row(question, values))
        self.answered.append(f"{hour} {question}")

    @property
    def wordings(self) -> dict[str, dict[str, str]]:
        """What to put to the person, by question and value."""
        return {question: self._replies.wording(question) for question in QUESTIONS}

    @property
    def _replies(self) -> Replies:
        return self.session.advisor.replies


def _forecast(found: Findings) -> str:
    low, high = 100 * found.lower[0], 100 * found.upper[0]
    return f"migraine the day after: {100 * found.probability[0]:.0f} % (90 % interval {low:.0f} to {high:.0f} %)"
