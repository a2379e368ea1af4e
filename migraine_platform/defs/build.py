"""All definitions of one configuration."""

import warnings

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.aline import aline_assets
from migraine_platform.defs.assets.cohort import cohort_assets
from migraine_platform.defs.assets.exports import exports_assets
from migraine_platform.defs.assets.priors import priors_assets
from migraine_platform.defs.assets.realism import realism_assets
from migraine_platform.defs.assets.twins import twins_assets
from migraine_platform.defs.assets.warehouse import warehouse_assets
from migraine_platform.defs.automation import nightly_schedule, platform_job
from migraine_platform.defs.checks import platform_checks
from migraine_platform.defs.context import patient_batches
from migraine_platform.defs.logging import console_lines
from migraine_platform.warehouse.lake import Lake
from migraine_platform.warehouse.places import Places


def build_defs(settings: Settings) -> dg.Definitions:
    """The code location for these settings; loads no numerical library."""
    batches = patient_batches(settings)
    owner = settings.platform.owner
    places = Places.of(settings.platform)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill policies: pinned, and covered by tests
        return dg.Definitions(
            assets=[
                *priors_assets(owner),
                *cohort_assets(owner, batches),
                *realism_assets(owner),
                *aline_assets(owner, batches),
                *twins_assets(owner, batches),
                *exports_assets(owner),
                *warehouse_assets(owner),
            ],
            asset_checks=platform_checks(),
            jobs=[platform_job(settings)],
            schedules=[nightly_schedule(settings)],
            executor=_executor(settings.platform.executor),
            loggers={"console": console_lines},
            resources={"settings": settings, "places": places, "lake": Lake(places.lake_url)},
        )


def _executor(name: str) -> dg.ExecutorDefinition:
    if name == "in_process":
        return dg.in_process_executor
    return dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": ["polars", "numba", "migraine_platform.definitions"]}}}
    )
