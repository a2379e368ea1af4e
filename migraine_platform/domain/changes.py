"""Changes of a person."""

from __future__ import annotations

from typing import Final

CHANGE_KINDS: Final = ("covariate", "concept", "label")
"""In exposures, in a susceptibility, in the level of the hazard."""

CHANGE_SHAPES: Final = ("sudden", "gradual", "recurring")
