"""The states of the global random generators at a program's start, so that a second run draws the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GeneratorStates:
    """What `random` and the legacy generator of NumPy start from."""

    python: Any
    numpy: Any


def generator_states() -> GeneratorStates:
    """The states as they are; reading them moves neither."""
    import random

    import numpy as np

    return GeneratorStates(random.getstate(), np.random.get_state())


def restore_generators(states: GeneratorStates) -> None:
    """Put both generators into earlier states."""
    import random

    import numpy as np

    random.setstate(states.python)
    np.random.set_state(states.numpy)
