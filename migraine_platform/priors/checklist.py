"""The mock distribution's validation checklist: do its figures say what clinicians say?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migraine_platform.priors.mock import MockDistribution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STANDARD_ERRORS = 4.0
"""A wrong sign counts against a feature only when its correlation is this many standard errors from zero."""

FALSE_ALARM = 1e-3
"""How often the shift test would pass if prior and posterior mean were the same."""

MEANINGFUL_SHIFT = 0.1
"""Prior standard deviations by which at least one feature's mean must move given migraine (a small effect is 0.2)."""


@dataclass(frozen=True)
class ChecklistFinding:
    """Whether one point of the checklist holds, and the figures behind it."""

    passed: bool
    summary: str
    figures: dict[str, float]


def clinical_directions(mock: MockDistribution) -> ChecklistFinding:
    """Features correlate with the migraine probability in the direction clinicians give them."""
    import numpy as np

    observed = np.array([np.corrcoef(column, mock.p_migraine)[0, 1] for column in mock.samples.T])
    clear = np.abs(observed) > STANDARD_ERRORS / math.sqrt(len(mock.p_migraine))
    directed = mock.directions != 0
    wrong = [
        name
        for name, is_wrong in zip(
            mock.variables, directed & clear & (np.sign(observed) != mock.directions), strict=True
        )
        if is_wrong
    ]
    confirmed = int((directed & clear).sum()) - len(wrong)
    passed = not wrong and confirmed >= int(directed.sum()) / 2
    summary = f"{confirmed} of {int(directed.sum())} features with a direction are confirmed"
    if wrong:
        summary += f"; wrong way round: {', '.join(wrong)}"
    return ChecklistFinding(
        passed, summary, {"confirmed": confirmed, "directed": int(directed.sum()), "wrong": len(wrong)}
    )


def probabilities_unimodal(mock: MockDistribution) -> ChecklistFinding:
    """Migraine probabilities lie within [0, 1] and have one mode."""
    low, high = float(mock.p_migraine.min()), float(mock.p_migraine.max())
    peaks = modes(mock.p_migraine)
    inside = low >= 0 and high <= 1
    return ChecklistFinding(
        inside and peaks == 1,
        f"probabilities from {low:.3f} to {high:.3f} with {peaks} mode{'s' * (peaks != 1)}",
        {"lowest": low, "highest": high, "modes": peaks, "mean": float(mock.p_migraine.mean())},
    )


def posterior_shifted(mock: MockDistribution) -> ChecklistFinding:
    """The mean given migraine differs from the prior mean: significantly (Hotelling's T^2) and enough to matter."""
    import numpy as np
    from scipy import stats

    given = mock.samples[mock.migraine]
    count, dimensions = given.shape
    scale = np.sqrt(np.diag(mock.sigma_prior))
    shift = (mock.mu_post - mock.mu_prior) / scale
    largest = int(np.argmax(np.abs(shift)))
    if count <= dimensions:
        return ChecklistFinding(False, f"{count} samples drew a migraine; more than {dimensions} are needed", {})
    standard = (given - mock.mu_prior) / scale
    covariance = np.cov(standard, rowvar=False)
    t2 = count * float(shift @ np.linalg.pinv(covariance, rcond=1e-9, hermitian=True) @ shift)
    rank = int(np.linalg.matrix_rank(covariance, tol=1e-9, hermitian=True))
    f = t2 * (count - rank) / (rank * (count - 1))
    p_value = float(stats.f.sf(f, rank, count - rank))
    passed = p_value < FALSE_ALARM and abs(float(shift[largest])) >= MEANINGFUL_SHIFT
    return ChecklistFinding(
        passed,
        f"largest shift {shift[largest]:+.2f} sd ({mock.variables[largest]}), p = {p_value:.1e}",
        {"largest_shift_sd": float(shift[largest]), "hotelling_t2": t2, "p_value": p_value},
    )


POINTS: dict[str, Callable[[MockDistribution], ChecklistFinding]] = {
    "clinical_directions": clinical_directions,
    "probabilities_unimodal": probabilities_unimodal,
    "posterior_shifted": posterior_shifted,
}
"""The whole checklist, by name."""


def modes(values: NDArray[np.float64]) -> int:
    """Modes of a sample: peaks of its kernel density (Silverman's bandwidth) above a twentieth of the highest.

    Args:
        values: [N] samples.
    """
    import numpy as np
    from scipy.signal import find_peaks
    from scipy.stats import gaussian_kde

    if values.std() == 0:
        return 1
    margin = 3 * values.std()
    grid = np.linspace(values.min() - margin, values.max() + margin, 512)
    density = gaussian_kde(values, bw_method="silverman")(grid)
    peaks, _ = find_peaks(density, prominence=0.05 * density.max())
    return len(peaks)
