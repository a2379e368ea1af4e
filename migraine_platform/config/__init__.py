"""Typed settings: what may be configured, where it is read from, and what a population is."""

from migraine_platform.config.hashing import code_version, population_hash
from migraine_platform.config.loading import (
    ConfigError,
    config_file,
    load_settings,
    preset_names,
    project_root,
    resized,
)
from migraine_platform.config.settings import Settings

__all__ = [
    "ConfigError",
    "Settings",
    "code_version",
    "config_file",
    "load_settings",
    "population_hash",
    "preset_names",
    "project_root",
    "resized",
]
