"""A process in which there are two more triggers, that nobody thought of: printed is what becomes of them, as JSON.

    python -m migraine_platform_tests.domain.one_more PROJECT

The declarations are added before anything else is loaded, as if they stood in `domain/triggers.py`; the rows are the
project's own. Compiled functions run uncompiled: they would all be compiled anew for the sake of a few patients.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import migraine_platform.domain.triggers as domain

THIRST = domain.TriggerFamily("thirst", "Too little water", ("water_consumed_liters",), "L", "how little was drunk")
COFFEE = domain.TriggerFamily("coffee", "Coffee", ("caffeine_consumed",), "items", "coffee")
PATIENTS, DAYS, POINTS, STRENGTH = 30, 60, 24, 4.0


def declare() -> None:
    """Two more lines in the list of triggers, and what is derived from it there."""
    domain.TRIGGERS = (*domain.TRIGGERS, THIRST, COFFEE)  # type: ignore[misc]
    domain.TRIGGER_NAMES = tuple(trigger.name for trigger in domain.TRIGGERS)  # type: ignore[misc]
    domain.TRIGGER_FLAGS = tuple(trigger.flag for trigger in domain.TRIGGERS)  # type: ignore[misc]
    domain.TRIGGER_COUNT = len(domain.TRIGGERS)  # type: ignore[misc]


def main(project: Path) -> None:
    """Simulate, audit, learn, and say what was found."""
    import numpy as np
    import polars as pl

    from migraine_platform.config import load_settings, resized
    from migraine_platform.evaluation.report.personal.words import FACTORS as FACTOR_WORDS
    from migraine_platform.evaluation.report.personal.words import LABELS
    from migraine_platform.priors.triggers import trigger_frame
    from migraine_platform.priors.workbook.configured import configured_features
    from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
    from migraine_platform.simulator.cohort.fitted_parameters import TERMS, FittedParameters
    from migraine_platform.simulator.random import streams
    from migraine_platform.twin.cohort.build import contribution_frame
    from migraine_platform.twin.core.model import Clinical, learn_model
    from migraine_platform.twin.core.prediction import predict
    from migraine_platform.twin.core.twins import create
    from migraine_platform.twin.data.features import DIET, POSITION
    from migraine_platform.twin.data.histories import histories
    from migraine_platform.twin.hazard.contributions import FACTORS
    from migraine_platform.twin.triggers.causal import ADJUSTED, meaning
    from migraine_platform.twin.triggers.interactions import PAIRS
    from migraine_platform.twin.triggers.sensitivity import sensitivities
    from migraine_platform.warehouse import tables
    from migraine_platform.warehouse.contracts import audit

    np.seterr(over="ignore")  # words of random bits wrap around, as they do where they are compiled
    streams._high_product = lambda a, b: np.uint64(int(a) * int(b) >> 64)  # a processor's instruction
    settings = load_settings("tiny", project)
    settings = resized(settings, patients=PATIENTS, days=DAYS)
    features = configured_features(settings.priors)
    theta = np.zeros((2, len(TERMS)))
    theta[:, TERMS.index("one")] = -3.0
    beta = np.where([name == THIRST.name for name in domain.TRIGGER_NAMES], STRENGTH, 1.0)
    cohort = settings.simulator.cohort.model_copy(update={"batch_size": PATIENTS})
    ceilings = settings.simulator.ceilings.model_copy(update={"oracle_patients": 0})
    simulator = settings.simulator.model_copy(update={"cohort": cohort, "ceilings": ceilings})
    frames = CohortSimulator(simulator, features, FittedParameters(beta, theta, {})).batch(0)
    refused = [t.name for t in tables.ALL if t.name in frames and not audit(t, frames[t.name]).passed]

    days = frames["cohort.patient_days"]
    known, _ = histories(frames["measured.patient_days"], days["patient_id"].unique().sort().to_list())
    clinical = Clinical.of(simulator, features)
    small = {"points": POINTS, "steps": 3, "state_space_steps": 1, "patients": PATIENTS}
    population = settings.twin.population.model_copy(update=small)
    model = learn_model(known, clinical, settings.twin.model_copy(update={"population": population}))
    points = model.points(POINTS)
    twins, _ = create(model, clinical, points, known)
    said = sensitivities(points, model.effects, twins.filter_state).to_frame(known.patient_ids)
    beside = contribution_frame(predict(model, clinical, points, twins), known, simulator.triggers)
    beside, drunk = beside.filter(pl.col("factor") == THIRST.factor), POSITION[THIRST.exposures[0]]
    truth = frames["truth.patients"].select("patient_id", THIRST.susceptibility)
    found = said.filter(pl.col("trigger") == THIRST.name).join(truth, on="patient_id")
    print(
        json.dumps(
            {
                "refused": refused,
                "columns": [name for name in days.columns if name.endswith("_trigger")],
                "follows the rule": days.select(
                    (pl.col(THIRST.flag) == (pl.col("water_consumed_liters") <= 1.2)).all()
                ).item(),
                "share of days": days[THIRST.flag].mean(),
                "row": trigger_frame(simulator.triggers).filter(pl.col("trigger") == THIRST.name)["words"].item(),
                "label": LABELS[THIRST.name],
                "factors": list(FACTORS),
                "pairs": [list(pair) for pair in PAIRS],
                "meaning": meaning(THIRST.node, ADJUSTED),
                "beta": dict(zip(domain.TRIGGER_NAMES, model.effects.trigger.tolist(), strict=True)),
                "reason": FACTOR_WORDS[THIRST.factor],
                "unit": beside["unit"].unique().to_list(),
                "observed": beside["observed"].to_list(),
                "drunk": known.values[:, -1, drunk].tolist(),
                "known": known.present[:, -1, drunk].tolist(),
                "habits": model.baseline.diet.tolist(),
                "recorded": frames["measured.patient_days"].select(pl.col(DIET).cast(pl.Float64).mean()).row(0),
                "correlation": np.corrcoef(found["mean"], found[THIRST.susceptibility])[0, 1],
            }
        )
    )


if __name__ == "__main__":
    declare()
    main(Path(sys.argv[1]))
