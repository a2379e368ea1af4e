"""What the mixture of experts sees of a patient on an evening: recent days, and two memories of what is usual.

    memory    s[t] = d s[t-1] + seen[t] z[t],    n[t] = d n[t-1] + seen[t],    d = 2^(-1 / half-life)

Belongs here: groups of channels, the causal memories, and removing a group from either. Does not: the network
(network.py) or how it learns (training.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from migraine_platform.errors import UserError
from migraine_platform.priors.vocabulary import LIVED_VALUES
from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, StandardDays

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECENT = 3
"""Days that are seen one by one; a group that none of them recorded counts as missing."""

HALF_LIVES = (60.0, 5.0)
"""Days after which a day counts half, in the slow and in the quick memory."""

MODALITIES = {
    "night": ("total_sleep_hours", "awake_time_mins", "deep_sleep_pct", "rem_sleep_pct"),
    "mind and diet": ("stress_level", "water_consumed_liters", *LIVED_VALUES),
    "body": ("resting_heart_rate", "rmssd", "steps", "skin_temperature", "electrodermal_activity"),
    "surroundings": ("light_exposure", "noise_level"),
}
"""Channels that come and go together."""

PLACES = {name: [CHANNELS.index(channel) for channel in group] for name, group in MODALITIES.items()}
MEMBERS = torch.tensor([[channel in group for channel in CHANNELS] for group in MODALITIES.values()]).float()
"""[M, C] which channels a modality has."""


class ExpertsError(UserError):
    """Experts that cannot be trained, stored, read or asked."""


@dataclass(frozen=True)
class ExpertInputs:
    """What is known on B evenings; 0 where nothing was recorded."""

    z: Tensor
    """[B, RECENT, C] the latest day last."""
    seen: Tensor
    """[B, RECENT, C] 1 or 0."""
    sums: Tensor
    """[B, 2, C] of values in the slow and the quick memory."""
    counts: Tensor
    """[B, 2, C] of days in them."""
    context: Tensor
    """[B, RECENT, X]"""
    context_seen: Tensor
    """[B, RECENT, X]"""

    def there(self) -> Tensor:
        """[B, M] whether a modality was recorded lately."""
        return (self.seen.amax(1) @ MEMBERS.T) > 0

    def thinned(self, recent: Tensor, slow: Tensor) -> ExpertInputs:
        """With shares [B, M] of each modality kept: of recent days and the quick memory, and of the slow memory.

        Args:
            recent, slow: [B, M] shares kept.
        """
        recent, slow = recent @ MEMBERS, slow @ MEMBERS
        memory = torch.stack([slow, recent], 1)
        days = recent[:, None]
        return replace(
            self, z=self.z * days, seen=self.seen * days, sums=self.sums * memory, counts=self.counts * memory
        )


@dataclass(frozen=True)
class Tracks:
    """All evenings of P patients' K days, in memory that grows with their number; fields as of Evenings by day."""

    z: Tensor
    """[P, RECENT - 1 + K, C] with empty days in front; so are `seen` and the context."""
    seen: Tensor
    sums: Tensor
    """[P, K, 2, C]"""
    counts: Tensor
    context: Tensor
    context_seen: Tensor

    @property
    def patients(self) -> int:
        """P"""
        return int(self.sums.shape[0])

    @property
    def days(self) -> int:
        """K"""
        return int(self.sums.shape[1])

    def evenings(self, patient: Tensor, day: Tensor) -> ExpertInputs:
        """Evenings [B] of patients [B] on days [B].

        Args:
            patient, day: [B] place of the patient, and of the evening.
        """
        who, window = patient[:, None], day[:, None] + torch.arange(RECENT)
        return ExpertInputs(
            self.z[who, window],
            self.seen[who, window],
            self.sums[patient, day],
            self.counts[patient, day],
            self.context[who, window],
            self.context_seen[who, window],
        )

    def next_day(self, patient: Tensor, day: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C] channels of the day after, and 1 where they were recorded.

        Args:
            patient: [B] place of the patient.
            day: [B] place of the evening.
        """
        return self.z[patient, day + RECENT], self.seen[patient, day + RECENT]

    def learnable(self) -> tuple[Tensor, Tensor]:
        """Patients and days of every evening whose next day recorded something."""
        patient, day = self.seen[:, RECENT:].any(-1).nonzero(as_tuple=True)
        return patient, day


def tracks(days: StandardDays) -> Tracks:
    """Days as tensors, with their memories.

    Raises:
        ExpertsError: if channels or context are not those of this platform.
    """
    found = (days.z.shape[-1], days.context.shape[-1])
    if found != (len(CHANNELS), len(CONTEXT)):
        raise ExpertsError(
            f"days of {found[0]} channels and {found[1]} of context; expected {len(CHANNELS)} and {len(CONTEXT)}"
        )
    sums = np.stack([_memory(np.where(days.seen, days.z, 0.0), half) for half in HALF_LIVES], axis=2)
    counts = np.stack([_memory(days.seen.astype(np.float64), half) for half in HALF_LIVES], axis=2)
    return Tracks(
        _padded(np.where(days.seen, days.z, 0.0)),
        _padded(days.seen),
        torch.as_tensor(sums, dtype=torch.float32),
        torch.as_tensor(counts, dtype=torch.float32),
        _padded(np.where(days.context_seen, days.context, 0.0)),
        _padded(days.context_seen),
    )


def without(days: StandardDays, modality: str) -> StandardDays:
    """Days on which a modality was never recorded.

    Raises:
        ExpertsError: if there is no such modality.
    """
    if modality not in PLACES:
        raise ExpertsError(f"no modality {modality!r}; expected one of {', '.join(MODALITIES)}")
    z, seen = days.z.copy(), days.seen.copy()
    z[..., PLACES[modality]], seen[..., PLACES[modality]] = 0.0, False
    return replace(days, z=z, seen=seen)


def _memory(values: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
    """[P, K, C] sums in which a day counts half after so many days."""
    from scipy.signal import lfilter

    found: NDArray[np.float64] = lfilter([1.0], [1.0, -(0.5 ** (1 / half_life))], values, axis=1)
    return found


def _padded(values: NDArray[np.float64] | NDArray[np.bool_]) -> Tensor:
    return torch.nn.functional.pad(torch.as_tensor(values, dtype=torch.float32), (0, 0, RECENT - 1, 0))
