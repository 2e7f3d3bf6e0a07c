"""What the operations of a tape are called, by what they compute; each with its form that works in place."""

from __future__ import annotations

ADDITIONS = frozenset({"+", "+=", "numpy.add"})
DIFFERENCES = frozenset({"-", "-=", "numpy.subtract"})
SUMS = ADDITIONS | DIFFERENCES
# Entry by entry.
PRODUCTS = frozenset({"*", "*=", "numpy.multiply"})
QUOTIENTS = frozenset({"/", "/=", "numpy.divide", "numpy.true_divide"})
MATRIX_PRODUCTS = frozenset({"@", ".dot", "numpy.dot", "numpy.matmul"})
TRANSPOSES = frozenset({".T", ".transpose", "numpy.transpose"})

__all__ = ["ADDITIONS", "DIFFERENCES", "MATRIX_PRODUCTS", "PRODUCTS", "QUOTIENTS", "SUMS", "TRANSPOSES"]
