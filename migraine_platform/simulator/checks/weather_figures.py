"""How the simulated weather goes: falls of air pressure, what comes with them, what neighbours share."""

from __future__ import annotations

import numpy as np
import polars as pl

from migraine_platform.domain.exposures import PRESSURE_FALL

WIDTH = 4.78
"""Standard errors to either side: 99.9 % of Student's t with 9 degrees of freedom."""


def site_figures(site_days: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Value and margin of each figure of the weather: of rows of `cohort.site_days`."""

    is_station = (pl.col("origin") != "simulated").any().over("site_id")
    kind = pl.when(is_station).then(pl.lit("station")).otherwise(pl.col("climate"))
    fell = pl.col("pressure_change_24h") <= -PRESSURE_FALL
    shares = site_days.group_by(kind.alias("kind")).agg(share=fell.mean(), days=pl.len())
    out = {}
    for kind_name, share, days in shares.iter_rows():
        # 3.29: 99.9 % of the normal; falls hardly repeat from day to day.
        margin = 3.29 * np.sqrt(max(share * (1 - share), 1 / days) / days)
        out[f"pressure_falls_{kind_name}"] = (float(share), float(margin))
    return out | _weather_correlations(site_days.filter(~is_station))


def _weather_correlations(site_days: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """How a fall of pressure goes with the rest of the weather, and the pressure of neighbours with each other.

    Args:
        site_days: of the simulated sites.
    """
    days = site_days.sort("site_id", "date").with_columns(
        fall=-pl.col("pressure_change_24h"), warmer=pl.col("temperature").diff().over("site_id")
    )
    sites = days.drop_nulls("warmer").group_by("site_id", maintain_order=True)
    moist = sites.agg(r=pl.corr("fall", "humidity"))["r"].to_numpy()
    warm = sites.agg(r=pl.corr("fall", "warmer"))["r"].to_numpy()
    pairs = []
    for _, near in days.group_by("climate", "hemisphere", maintain_order=True):
        alike = np.atleast_2d(np.corrcoef(near["pressure"].to_numpy().reshape(near["site_id"].n_unique(), -1)))
        pairs.append(alike[np.triu_indices(len(alike), 1)])
    found = {
        "fall_humidity_correlation": moist,
        "fall_warming_correlation": warm,
        "neighbour_pressure_correlation": np.concatenate(pairs) if pairs else np.empty(0),
    }
    return {
        name: (float(values.mean()), float(WIDTH * values.std(ddof=1) / np.sqrt(len(values))))
        for name, values in found.items()
        if len(values) > 1
    }
