"""Symmetric matrices: an entry and the one across are one number, `J = J.T`, and its slope is the sum of both.

Couplings of a Boltzmann machine are stepped by `G + G.T`, often with a diagonal that stays zero (Hinton & Sejnowski
1983), where `G` is the derivative by each entry for itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Of a smaller matrix too few numbers are left.
_FEWEST = 3


def tied_entries(before: Any, change: Any) -> Any:
    """Which entries are stepped as one with those across from them; None where a matrix, or its change, says otherwise.

    Args:
        before: The parameter.
        change: What it is changed by.
    """
    before, change = np.asarray(before), np.asarray(change)
    square = before.ndim == 2 and before.shape == change.shape == before.shape[::-1] and len(before) >= _FEWEST
    if not square or not np.array_equal(before, before.T) or not np.allclose(change, change.T, rtol=1e-9, atol=0.0):
        return None
    return ~np.eye(len(before), dtype=bool) if np.any(change) else None


__all__ = ["tied_entries"]
