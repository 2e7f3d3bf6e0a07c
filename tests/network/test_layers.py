"""Layers are numbered from the input, whatever the layout, the names, or the loop that one line serves them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shapecheck.network.layers import Layers

#        id, program, layout, [(shapes of a layer, activation)]
NETWORKS = [
    (
        "rows, functions of a dictionary",
        """
        import numpy as np
        rng = np.random.default_rng(1)
        X, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 1))
        p = {"W1": rng.normal(size=(3, 5)), "b1": np.zeros(5), "W2": rng.normal(size=(5, 1)), "b2": np.zeros(1)}
        for _ in range(2):
            H = np.maximum(X @ p["W1"] + p["b1"], 0)
            d = H @ p["W2"] + p["b2"] - y
            e = d @ p["W2"].T * (H > 0)
            for k, g in {"W1": X.T @ e, "b1": e.sum(axis=0), "W2": H.T @ d, "b2": d.sum(axis=0)}.items():
                p[k] = p[k] - 0.01 * g
        """,
        "batch-first",
        [([(3, 5), (5,)], "relu"), ([(5, 1), (1,)], None)],
    ),
    (
        "columns, one line for all layers",
        """
        import numpy as np
        np.random.seed(1)
        sizes = [4, 6, 3, 2]
        ws = [np.random.randn(b, a) / np.sqrt(a) for a, b in zip(sizes, sizes[1:])]
        a = np.random.randn(4, 8)
        for w in ws:
            a = np.tanh(np.dot(w, a))
        """,
        "features-first",
        [([(6, 4)], "tanh"), ([(3, 6)], "tanh"), ([(2, 3)], "tanh")],
    ),
    (
        "single samples",
        """
        import numpy as np
        np.random.seed(1)
        hidden_weights = np.random.normal(size=(3, 2))
        output_weights = np.random.normal(size=2)
        x = np.array([0.5, 0.1, -0.2])
        h = 1 / (1 + np.exp(-np.dot(x, hidden_weights)))
        out = 1 / (1 + np.exp(-np.dot(h, output_weights)))
        """,
        "single-sample",
        [([(3, 2)], "sigmoid"), ([(2,)], "sigmoid")],
    ),
]


@pytest.mark.parametrize(("program", "layout", "layers"), [n[1:] for n in NETWORKS], ids=[n[0] for n in NETWORKS])
def test_layers_are_numbered_from_the_input(
    record: Callable[[str], Any], program: str, layout: str, layers: list[Any]
) -> None:
    recorded = record(program)
    found = Layers(recorded.tape, [recorded.source], complete="- 0.01" in program)
    assert found.layout == layout
    assert [(layer.shapes, layer.activation) for _, layer in sorted(found.layers.items())] == layers
