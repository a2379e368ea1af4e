from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from migraine_platform.config.simulator.treatment import Acute
from migraine_platform.simulator.generative.treatment import (
    STEPS_AN_HOUR,
    TreatmentError,
    concentration,
    drug_hazard,
    drug_number,
)


@pytest.fixture(params=["sumatriptan_100", "sumatriptan_6_sc", "lasmiditan", "rimegepant_75"])
def drug(request, settings) -> Acute:
    return settings.simulator.treatments.acute[request.param]


def test_the_concentration_peaks_at_tmax_and_falls_by_half_lives(drug: Acute) -> None:
    hours = np.linspace(0, 60, 60_001)
    c = concentration(drug, hours)
    assert_allclose(hours[c.argmax()], drug.tmax_hours, atol=2e-3)
    assert_allclose(c.max(), 1, atol=1e-6)
    late = concentration(drug, np.array([40.0, 40.0 + drug.half_life_hours]))
    assert_allclose(late[1] / late[0], 0.5, rtol=1e-3)


def test_the_drug_alone_leaves_its_share_pain_free_at_two_hours(drug: Acute) -> None:
    hazard = drug_hazard(drug)
    assert_allclose(1 - np.exp(-hazard[2 * STEPS_AN_HOUR]), drug.pain_free_at_2h, atol=1e-4)
    assert np.all(np.diff(hazard) > 0)


def test_a_drug_that_is_gone_before_it_peaks_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"tmax_hours is 6 with half_life_hours 2; expected a peak before 2\.89 h"
    ):
        Acute(pain_free_at_2h=0.3, tmax_hours=6, half_life_hours=2)


def test_an_unknown_drug_is_named(settings) -> None:
    with pytest.raises(
        TreatmentError, match='acute drug "aspirin" is not configured; expected one of: sumatriptan_100'
    ):
        drug_number(settings.simulator.treatments, "aspirin")
