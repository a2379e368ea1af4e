"""Late observations: a patient's twin lives again from the first day that is known otherwise than when he lived it.

    changed      patients, and the first day of each of which something else is known by now
    relived      their twins, the watch over them and the trial they are on, as of the batch's last evening

A twin is taken up where it stood on an evening before that day (`twin.states`), or made from nothing if none is stored
so early; then the evenings follow as `advance` has them, past the stored states, which are corrected on the way. So a
twin that was told late is the twin that was told in time. What was said on those evenings stays as it was said; an
alarm that does not go off any more is withdrawn, and stays in its table. Belongs here: that order. Does not: evenings
(evening_update.py), which states are stored (stored_states.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from migraine_platform.ingest.recorded import content_hashes
from migraine_platform.twin.cohort.daily_update import TwinBatch
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_results import Detection, EveningResults, Past
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, advance, begin, replaced_rows
from migraine_platform.twin.updating.stored_states import StoredStates
from migraine_platform.twin.updating.trials import CERTAIN, PROMOTED, ROLLED_BACK, Trial, mixed
from migraine_platform.twin.updating.update_rows import (
    current_rows,
    detections_of,
    drift_frame,
    past_of,
    prediction_frame,
    watch_frame,
)
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table

Rows = Mapping[type[Table], "pl.DataFrame"]


@dataclass
class Again:
    """One patient's evenings, lived again."""

    state: TwinState
    """As of the last of them."""
    since: date
    """The first of them."""
    past: Past
    """The evenings so far, those before included."""
    evenings: list[EveningResults]
    detections: list[Detection]
    on: dict[date, TwinState]
    """By evening of a stored state."""
    evidence: dict[date, float]
    """Log-likelihood of what was recorded, by evening."""
    told_until: date = date.min
    """Up to this evening it was told of changes as they had been noticed: those alarms stand."""

    def live(self, updater: TwinUpdater, own: Histories, stops: Sequence[date]) -> None:
        """The evenings that follow, up to the last day; a state is taken down on each stop."""
        (patient,) = own.patient_ids
        for stop in [*stops, own.last]:
            if stop <= self.state.twins.as_of:
                continue
            result = advance(updater, self.state, own.until((stop - own.first).days + 1), self.past)
            known = (*self.past.detections.get(patient, ()), *result.detections)
            self.state = self.on[stop] = result.state
            self.past = Past(self.past.record.then(result.evenings.record), {patient: known} if known else {})
            self.evenings.append(result.evenings)
            self.detections.extend(result.detections)
            for number, nats in enumerate(result.replay.forecasts.log_evidence[0].tolist()):
                self.evidence[result.evenings.first + timedelta(days=number)] = nats

    def since_evening(self, evening: date) -> float:
        """Log-likelihood of what was recorded after an evening."""
        return sum(nats for day, nats in self.evidence.items() if day > evening)


def applied(observed: pl.DataFrame, patients: Sequence[str], as_of: date) -> pl.DataFrame:
    """Rows of `twin.applied_observations`: what twins know that are made of all recorded days.

    Args:
        observed: rows of `ingest.observations`.
        as_of: the twins' last evening.
    """

    return content_hashes(observed.filter(pl.col("patient_id").is_in(list(patients)) & (pl.col("date") <= as_of)))


def changed(applied: pl.DataFrame, known: pl.DataFrame, as_of: date) -> dict[str, date]:
    """First day of each patient of which observations say something else than his twin knows.

    Args:
        applied: rows of `twin.applied_observations`.
        known: patient_id, date, content_hash of the observations of now.
        as_of: the twins' last evening; later days they have still to live.
    """

    key = ["patient_id", "date"]
    both = applied.join(known.filter(pl.col("date") <= as_of), on=key, how="full", coalesce=True, suffix="_now")
    other = both.filter(pl.col("content_hash").ne_missing(pl.col("content_hash_now")))
    return dict(other.group_by("patient_id").agg(pl.col("date").min()).iter_rows())


def replayed(
    updater: TwinUpdater, trial_updater: TwinUpdater | None, batch: TwinBatch, whole: Histories,
    first: Mapping[str, date], states: StoredStates,
) -> TwinBatch:  # fmt: skip
    """The batch with some twins lived again, up to its last evening.

    Args:
        trial_updater: what its challengers are kept by, if a trial is on.
        whole: all days of the batch's patients, in the order of its twins, as they are known now.
        first: by patient, the first day that is known otherwise.
        states: the batch's stored ones; corrected.
    """
    as_of = batch.state.twins.as_of
    known = whole.until((as_of - whole.first).days + 1)
    mended: dict[int, TwinState] = {}
    rivals: dict[int, TwinState] = {}
    trial = batch.trial
    for patient, day in sorted(first.items()):
        row = known.patient_ids.index(patient)
        own = known.of(np.array([row]))
        begun_on = min(day, trial.born_on + timedelta(days=1)) if trial is not None else day
        again = _from_a_state(updater, batch, own, begun_on, states)
        tonight = again.evenings[-1].last()
        rows = _with_evenings(batch.rows, again, as_of)
        if trial is not None and trial_updater is not None:
            trial, rival = _tried_again(trial_updater, trial, own, row, again, rows)
            rivals[row] = rival.state
            if rival.evenings:
                weight = trial.weight[[row]]
                tonight = replace(tonight, said=mixed(tonight.said, rival.evenings[-1].last().said, weight))
        mended[row] = again.state
        states.correct(again.on)
        if whole.last == as_of:  # else tonight's evening is still to come, and that one's forecasts have been given
            rows = _with_forecasts(rows, again, tonight)
        batch = replace(batch, rows=rows)
    if trial is not None and rivals:
        trial = replace(trial, challengers=replaced_rows(trial.challengers, rivals))
    return replace(batch, state=replaced_rows(batch.state, mended), trial=trial)


def _from_a_state(updater: TwinUpdater, batch: TwinBatch, own: Histories, day: date, states: StoredStates) -> Again:
    """One patient's evenings from a day on, or from an earlier one of which a state is stored."""
    (patient,) = own.patient_ids
    stored = states.before(day, patient)
    if stored is not None:
        since = stored.twins.as_of + timedelta(days=1)
        both: tuple[type[Table], ...] = (tables.Watch, tables.Drift)
        mine = {table: batch.rows[table].filter(patient_id=patient) for table in both}
        past = past_of(mine, updater.settings, [patient], stored.twins.as_of)
        again = Again(stored, since, past, [], [], {}, {})
    else:
        again = _from_nothing(updater, own, *_beginning(updater, batch.rows, own))
    again.live(updater, own, states.evenings)
    return again


def _from_nothing(
    updater: TwinUpdater,
    own: Histories,
    days: int,
    known: Sequence[Detection] | None,
    probability: float | None = CERTAIN,
) -> Again:
    """One patient's twin made of his first days.

    Args:
        known: changes that it is told of; None if it is not told, and notices by itself.
        probability: of these changes; by default as a challenger is told, as if they were certain.
    """
    (patient,) = own.patient_ids
    result = begin(updater, own.until(days))
    state = result.state
    if known:
        twins, _ = updater.relive(own.until(days), [detection.change for detection in known], probability)
        state = TwinState(twins, updater.watcher.reset(state.watch))
    past = Past(result.evenings.record, {patient: tuple(known)} if known else {})
    told_until = date.min if known is None else state.twins.as_of
    return Again(state, own.first, past, [result.evenings], [], {state.twins.as_of: state}, {}, told_until)


def _beginning(
    updater: TwinUpdater, rows: Rows, own: Histories
) -> tuple[int, Sequence[Detection] | None, float | None]:
    """Of how many days a twin was made, what it knew of changes, and how certainly.

    A challenger that was promoted was told of all as certain; former twins that were rolled back to had lived through
    them, believing each as much as an alarm is believed.
    """

    (patient,) = own.patient_ids
    trained_on: date = rows[tables.Twins].filter(pl.col("patient_id") == patient)["trained_on"][0]
    days = min((trained_on - own.first).days + 1, own.days)
    replaced = rows[tables.Retrainings].filter(
        pl.col("decision").is_in([PROMOTED, ROLLED_BACK]) & (pl.col("requested_on") == trained_on)
    )
    if replaced.is_empty():
        return max(1, days - updater.settings.validation_days), None, None
    probability = CERTAIN if PROMOTED in replaced["decision"] else None
    return max(1, days), _known_by(rows, patient, trained_on), probability


def _known_by(rows: Rows, patient: str, evening: date) -> Sequence[Detection]:
    """A patient's changes that were noticed by an evening, and not withdrawn."""

    found = current_rows(rows[tables.Drift]).filter(pl.col("detected_on") <= evening)
    return detections_of(found.filter(pl.col("patient_id") == patient)).get(patient, ())


def _with_evenings(rows: Rows, again: Again, as_of: date) -> dict[type[Table], pl.DataFrame]:
    """Rows in which the evenings that were lived again stand in the place of those before, but for forecasts."""

    patients, old = again.state.twins.patient_ids, rows[tables.Drift]
    own = pl.col("patient_id").is_in(list(patients))
    watched = watch_frame(patients, again.evenings)
    found = drift_frame(again.detections)
    gone = own & (pl.col("detected_on") >= again.since) & (pl.col("detected_on") > again.told_until)
    stays = old.join(found, on=list(tables.Drift.key), how="anti").with_columns(
        withdrawn_on=pl.when(gone).then(pl.coalesce("withdrawn_on", pl.lit(as_of))).otherwise("withdrawn_on")
    )
    before = rows[tables.Watch].filter(~own | (pl.col("date") < again.since))
    return {
        **rows,
        tables.Watch: pl.concat([before, watched.select(before.columns)]).sort(tables.Watch.key),
        tables.Drift: pl.concat([stays, found.select(stays.columns)]).sort(tables.Drift.key),
    }


def _with_forecasts(rows: Rows, again: Again, tonight: EveningResults) -> dict[type[Table], pl.DataFrame]:
    """Rows with tonight's forecasts in the place of those that were said in ignorance."""
    said = prediction_frame(again.state.twins.patient_ids, again.state.twins.versions(), [tonight])
    reported = rows[tables.Predictions].update(
        said.drop("twin_version", "model"), on=list(tables.Predictions.key), how="left"
    )
    return {**rows, tables.Predictions: reported}


def _tried_again(
    updater: TwinUpdater, trial: Trial, own: Histories, row: int, again: Again, rows: Rows
) -> tuple[Trial, Again]:
    """One patient's challenger made again, and how likely both twins made what came since the trial began."""
    days = min((trial.born_on - own.first).days + 1, own.days)
    known = _known_by(rows, own.patient_ids[0], trial.born_on)
    rival = _from_nothing(updater, own, days, known)
    rival.live(updater, own, [])
    champion, challenger, prior = trial.champion.copy(), trial.challenger.copy(), trial.prior.copy()
    champion[row], challenger[row] = again.since_evening(trial.born_on), rival.since_evening(trial.born_on)
    settings = updater.settings
    prior[row] = settings.retraining.prior if known else settings.drift.change_probability
    return replace(trial, champion=champion, challenger=challenger, prior=prior), rival
