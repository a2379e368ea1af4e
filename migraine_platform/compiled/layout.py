"""Arrays as compiled code takes them: in one layout, as each further one would be compiled anew, for seconds."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Arrays = TypeVar("Arrays", bound=tuple[Any, ...])


def in_one_layout(array: NDArray[Any]) -> NDArray[Any]:
    """The array in C order and writable: itself if it is so already, else a copy."""
    return np.require(array, requirements=["C", "W"])


def all_in_one_layout(arrays: Arrays) -> Arrays:
    """A named tuple whose arrays are in C order and writable; what else it holds stays."""
    made = (in_one_layout(part) if isinstance(part, np.ndarray) else part for part in arrays)
    return type(arrays)(*made)
