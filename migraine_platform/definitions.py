"""The code location: what `workspace.yaml` loads."""

from migraine_platform.config import load_settings
from migraine_platform.config.private import keep_private
from migraine_platform.defs.build import build_defs

keep_private()
defs = build_defs(load_settings())
