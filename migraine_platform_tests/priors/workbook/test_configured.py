from __future__ import annotations

import math

import pytest

from migraine_platform.config import load_settings
from migraine_platform.config.settings import Override
from migraine_platform.priors.features import UnknownVariableError
from migraine_platform.priors.workbook.configured import OverrideError, configured_features, overridden


def named(features, variable: str):
    return next(feature for feature in features if feature.variable == variable)


def test_without_overrides_the_workbook_speaks(settings, features) -> None:
    assert settings.priors.overrides == {}
    assert named(features, "total_sleep_hours").mean == 7


def test_the_literature_preset_sleeps_as_wearables_say(features) -> None:
    chosen = configured_features(load_settings("literature").priors)
    sleep = named(chosen, "total_sleep_hours")
    assert (sleep.mean, sleep.between_sd, sleep.within_sd, sleep.lag1) == (6.7, 0.7, 1.25, 0.03)
    assert sleep.sd == pytest.approx(math.hypot(0.7, 1.25))
    assert "wearables" in sleep.source
    others = [feature for feature in chosen if feature.variable != "total_sleep_hours"]
    assert others == [feature for feature in features if feature.variable != "total_sleep_hours"]


def test_an_override_of_an_unknown_variable_is_named(features) -> None:
    with pytest.raises(UnknownVariableError, match="no variable shoe_size"):
        overridden(features, {"shoe_size": Override(mean=1, source="x")})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            Override(mean=99, source="x"),
            "priors.overrides.total_sleep_hours: the mean 99 lies outside the range 2 to 14",
        ),
        (Override(between_sd=3, within_sd=1, sd=1.5, source="x"), "between-person sd 3 exceeds the total sd 1.5"),
    ],
)
def test_an_impossible_override_is_named(features, override: Override, message: str) -> None:
    with pytest.raises(OverrideError, match=message):
        overridden(features, {"total_sleep_hours": override})
