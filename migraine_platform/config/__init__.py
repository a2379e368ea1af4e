"""Typed settings: YAML files and presets, checked as they are read; hashes of what a population is made of.

Begin with `load_settings`; `settings` lists the stages, each with a module of its own. Does not belong here: what is
done with a setting.
"""

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
