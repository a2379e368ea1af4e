"""Claims: twins know what a person's attacks are like better than everybody's mean does, and forecast better for it.

python benchmarks/symptoms.py

The default cohort of 1,000 patients after 180 days: what a person's attacks are like, as `evaluation.symptom_recovery`
measures it. Then 200 of them, of whom nobody learned, forecast by twins to whom persons differ in how attacks go on,
how often signs come and what weekends do, and by twins to whom they are all alike: expected log loss over the last 60
days, with the standard error of the difference over patients.
"""

from __future__ import annotations

from dataclasses import replace

import cohort_at_hand as at_hand
import numpy as np
import polars as pl
from measure import machine

from migraine_platform.evaluation.components.symptoms import symptom_recovery
from migraine_platform.forecast_scores import log_loss
from migraine_platform.twin.cohort.symptoms import fitted
from migraine_platform.twin.core import twins as twin
from migraine_platform.twin.core.model import Clinical, TwinModel, learn_model
from migraine_platform.twin.data.channels import Scales
from migraine_platform.twin.hazard.hypotheses import weekends
from migraine_platform.warehouse import tables

TAUGHT, LESSON, SCORED = 800, 120, 60
ALIKE = {"how attacks go on": "lasting_sd", "how often signs come": "signs_sd", "weekends": "weekend"}


def recovery(model: TwinModel, clinical: Clinical) -> None:
    """Errors against the truth, beside those of everybody's mean."""
    cohort, patients = at_hand.recorded(), at_hand.rows(tables.Patients)
    points = model.points(at_hand.settings().twin.points)
    made, _ = twin.create(model, clinical, points, cohort)
    found = fitted(
        cohort, at_hand.rows(tables.Attacks), Scales.of(cohort).standard(cohort), patients["has_aura"].to_numpy()
    )
    said = {
        "patient_id": found.patient_ids,
        "severity": found.phases.severity_mean,
        "weekend": weekends(points, model.effects, made.filter_state)[0],
    }
    rows = symptom_recovery(pl.DataFrame(said), found.to_frames().phases, at_hand.rows(tables.TruthPatients), 200, 1)
    for (symptom,), own in rows.group_by("symptom", maintain_order=True):
        value = dict(own.select("metric", "value").iter_rows())
        ratio = value["mae"] / value["mae_population_mean"]
        baseline = value["mae_population_mean"]
        print(
            f"{symptom}: error {value['mae']:.3f} {own['unit'][0]}, everybody's mean {baseline:.3f} "
            f"({np.round(ratio, 2)} x), rank correlation {value['rank_correlation']:.2f}"
        )


def worth(model: TwinModel, clinical: Clinical) -> None:
    """What it is worth to a forecast that persons differ."""
    own = at_hand.recorded().of(slice(TAUGHT, None))
    truth = at_hand.rows(tables.TruthPatientDays)["migraine_probability"].to_numpy()
    full = truth.reshape(-1, at_hand.recorded().days)[TAUGHT:, -SCORED:]
    points = model.points(at_hand.settings().twin.points)

    def losses(**effects: float) -> np.ndarray:
        other = replace(model, effects=model.effects._replace(**effects))
        p = twin.create(other, clinical, points, own)[1].forecasts.probability[:, -SCORED - 1 : -1]
        return log_loss(p, full).mean(axis=1)

    reported = losses()
    print(f"expected log loss, persons differ: {reported.mean():.4f}; {model.summary()}")
    for name, fields in {**{name: [field] for name, field in ALIKE.items()}, "all three": list(ALIKE.values())}.items():
        more = losses(**dict.fromkeys(fields, 0.0)) - reported
        print(f"all alike in {name}: {more.mean():+.5f} +- {more.std() / np.sqrt(len(more)):.5f}")


if __name__ == "__main__":
    settings = at_hand.settings()
    clinical = Clinical.of(settings.simulator, at_hand.features())
    model = learn_model(at_hand.recorded().of(slice(0, TAUGHT)).until(LESSON), clinical, settings.twin)
    print(machine())
    recovery(model, clinical)
    worth(model, clinical)
