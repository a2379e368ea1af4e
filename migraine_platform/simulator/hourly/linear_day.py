"""A day's readings as one Gaussian: where the hours are linear, everything about them has a closed form.

    x = (Z[0], B u, facts of the day)            a Gaussian prior, or one day of a bank
    y = M x + noise of covariance S              24 x C linear readings, hour by hour
    Z[24] = M24 x + K (y - M x) + rest

Belongs here: the exact posterior of linear readings (a Kalman smoother in one matrix), and predictions of what is not
known yet. Does not: triggers, diet, signs (window_posterior.py integrates over persons and days by brute force).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.hours import DAY_FACTS, Hours
from migraine_platform.simulator.generative.dynamics import HOURS_A_DAY, LatentDynamics, to_hourly
from migraine_platform.simulator.hourly.bank import DayBank
from migraine_platform.simulator.hourly.windows import LATENT, HourlyChannels, HourlyWindows

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATE = 2 * LATENT


def standard_facts(hours: Hours, bank: DayBank) -> NDArray[np.float64]:
    """[D, 3] facts of a bank's days in standard units."""
    facts = [hours.facts[name] for name in DAY_FACTS]
    return np.asarray((bank.fact - [fact.mean for fact in facts]) / [fact.sd for fact in facts])


@dataclass(frozen=True)
class LinearDay:
    """The readings of a complete day, given (Z[0], B u)."""

    hours: Hours
    daily: LatentDynamics

    @cached_property
    def channels(self) -> HourlyChannels:
        """The linear readings."""
        return HourlyChannels.of(self.hours)

    @cached_property
    def _path(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Path [24 * 4] as a function of (Z0, drive), and its covariance given them."""
        hourly = to_hourly(LatentDynamics(self.daily.A, np.eye(LATENT), self.daily.Q))
        mean = np.zeros((HOURS_A_DAY, LATENT, STATE))
        cov = np.zeros((HOURS_A_DAY, LATENT, HOURS_A_DAY, LATENT))
        state, spread = np.hstack([np.eye(LATENT), np.zeros((LATENT, LATENT))]), np.zeros((LATENT, LATENT))
        drive = np.hstack([np.zeros((LATENT, LATENT)), hourly.B])
        for hour in range(HOURS_A_DAY):
            state = hourly.A @ state + drive
            spread = hourly.A @ spread @ hourly.A.T + hourly.Q
            mean[hour] = state
            ahead = spread
            for later in range(hour, HOURS_A_DAY):
                cov[later, :, hour] = ahead
                cov[hour, :, later] = ahead.T
                ahead = hourly.A @ ahead
        size = HOURS_A_DAY * LATENT
        return mean.reshape(size, STATE), cov.reshape(size, size)

    @cached_property
    def _each_hour(self) -> NDArray[np.float64]:
        """[24 * C, 24 * 4] readings of a path, without noise."""
        return np.asarray(np.kron(np.eye(HOURS_A_DAY), self.channels.loads), dtype=np.float64)

    @cached_property
    def readings(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """M [24 * C, 8] and S [24 * C, 24 * C]."""
        channels, (mean, cov) = self.channels, self._path
        offsets = np.kron(np.ones((HOURS_A_DAY, HOURS_A_DAY)), np.diag(channels.offset**2))
        noise = np.kron(np.eye(HOURS_A_DAY), np.diag(channels.noise**2))
        return self._each_hour @ mean, self._each_hour @ cov @ self._each_hour.T + offsets + noise

    @cached_property
    def gain(self) -> NDArray[np.float64]:
        """K [4, 24 * C]"""
        cross = self._path[1][-LATENT:] @ self._each_hour.T
        return np.asarray(np.linalg.solve(self.readings[1], cross.T).T)

    @cached_property
    def end(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """M24 [4, 8], and the covariance [4, 4] of the rest."""
        mean, cov = self._path
        return mean[-LATENT:], cov[-LATENT:, -LATENT:] - self.gain @ self._each_hour @ cov[:, -LATENT:]

    def stacked(self, windows: HourlyWindows) -> NDArray[np.float64]:
        """[W, 24 * C] all readings, known or not."""
        both = np.concatenate([windows.passive, windows.answers[:, :, : len(self.channels.prompted)]], axis=2)
        return both.reshape(len(both), -1)


class GaussianDay:
    """Readings, told facts and the end of the day as one Gaussian, its prior the moments of a bank's days.

    The vector: 24 * C readings hour by hour, the facts as told, the hours slept as the wearable has them, Z[24].
    """

    def __init__(self, hours: Hours, daily: LatentDynamics, bank: DayBank) -> None:
        self.day = LinearDay(hours, daily)
        M, S = self.day.readings
        M24, rest = self.day.end
        x = np.hstack([bank.z, bank.drive, standard_facts(hours, bank)])
        centre, V = x.mean(axis=0), np.cov(x, rowvar=False)
        facts = np.eye(len(DAY_FACTS))
        sleep = facts[[DAY_FACTS.index("sleep_hours")]]
        zero = np.zeros((STATE, len(DAY_FACTS)))
        lever = np.vstack(
            [
                np.hstack([M, np.zeros((len(M), len(DAY_FACTS)))]),
                np.hstack([zero.T, facts]),
                np.hstack([zero.T[:1], sleep]),
                np.hstack([M24, np.zeros((LATENT, len(DAY_FACTS)))]),
            ]
        )
        reported = np.diag([hours.facts[name].error ** 2 for name in DAY_FACTS])
        noise = np.zeros((len(lever), len(lever)))
        readings, end = slice(0, len(M)), slice(len(lever) - LATENT, len(lever))
        noise[readings, readings] = S
        noise[len(M) : len(M) + len(DAY_FACTS), len(M) : len(M) + len(DAY_FACTS)] = reported
        noise[end.start - 1, end.start - 1] = hours.device.sleep_error**2
        noise[end, readings] = self.day.gain @ S
        noise[readings, end] = noise[end, readings].T
        noise[end, end] = rest + self.day.gain @ S @ self.day.gain.T
        self.mean = lever @ centre
        self.covariance = lever @ V @ lever.T + noise
        self.readings, self.end = len(M), end

    def given(
        self, values: NDArray[np.float64], known: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and covariance of the whole vector for one day, some entries known.

        Args:
            values: [n] what is known; other entries are not looked at.
            known: [n]
        """
        seen = np.flatnonzero(known)
        factor = np.linalg.solve(self.covariance[np.ix_(seen, seen)], self.covariance[seen])
        mean = self.mean + (values[seen] - self.mean[seen]) @ factor
        return mean, self.covariance - self.covariance[:, seen] @ factor

    def end_of_day(
        self, values: NDArray[np.float64], known: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[W, 4] means of Z[24], and its covariance [4, 4], for days with the same entries known.

        Args:
            values: [W, n]
            known: [n]
        """
        seen = np.flatnonzero(known)
        factor = np.linalg.solve(self.covariance[np.ix_(seen, seen)], self.covariance[seen][:, self.end])
        mean = self.mean[self.end] + (values[:, seen] - self.mean[seen]) @ factor
        return mean, self.covariance[self.end, self.end] - self.covariance[self.end][:, seen] @ factor

    def vector(self, windows: HourlyWindows) -> NDArray[np.float64]:
        """[W, n] the readings and facts of windows; Z[24] too, as the truth has it."""
        prompted = len(self.day.channels.prompted)
        reported = windows.answers[:, -1, prompted : prompted + len(DAY_FACTS)]
        return np.hstack([self.day.stacked(windows), reported, windows.slept[:, None], windows.z])
