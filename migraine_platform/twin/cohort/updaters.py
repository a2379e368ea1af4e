"""What twins are kept by, population by population: those in use may belong to several.

Belongs here: loading each once, when it is asked for. Does not: keeping (batch_update.py, evening_update.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.config import Settings
from migraine_platform.priors.features import Feature
from migraine_platform.twin.cohort.inputs import Read, updater_of
from migraine_platform.twin.core.model import ModelError, TwinModel
from migraine_platform.twin.drift.alarms import AlarmThresholds
from migraine_platform.twin.updating.evening_update import TwinUpdater
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from migraine_platform.twin.dynamics.experts.network import Experts


class TwinUpdaters:
    """What twins of each population are kept by, made when asked for."""

    def __init__(self, read: Read, settings: Settings, features: tuple[Feature, ...], places: Places) -> None:
        self._rows = read(tables.TwinPopulation)
        self._thresholds = AlarmThresholds.from_frame(read(tables.Thresholds))
        self._settings, self._features = settings, features
        self._places = places
        self._made: dict[str | None, TwinUpdater | None] = {}
        self._experts: dict[str, Experts | None] = {}

    def __call__(self, version: str | None = None) -> TwinUpdater | None:
        """A population's, by default the newest one's; None if it is not there any more."""
        if version not in self._made:
            try:
                model = TwinModel.from_frame(self._rows, version)
            except ModelError:
                self._made[version] = None
            else:
                self._made[version] = updater_of(model, self._settings, self._features, self._thresholds)
        return self._made[version]

    def experts(self, version: str) -> Experts | None:
        """A population's mixture of experts; None if it is not there any more."""
        from migraine_platform.twin.dynamics.experts.inputs import ExpertsError
        from migraine_platform.twin.dynamics.experts.storage import load_experts

        if version not in self._experts:
            try:
                self._experts[version] = load_experts(self._places.twins(f"experts-{version}"))
            except ExpertsError:
                self._experts[version] = None
        return self._experts[version]
