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
# What draws an array of numbers, by the name that it has in `numpy.random` and on its generators.
DRAWS = frozenset(
    "rand randn random random_sample standard_normal uniform normal integers randint binomial choice beta gamma "
    "poisson exponential dirichlet multinomial multivariate_normal triangular laplace".split()
)

__all__ = ["ADDITIONS", "DIFFERENCES", "DRAWS", "MATRIX_PRODUCTS", "PRODUCTS", "QUOTIENTS", "SUMS", "TRANSPOSES"]
