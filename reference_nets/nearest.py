"""Which reference network a user's network is most like."""

from __future__ import annotations

from collections.abc import Sequence

from reference_nets.catalogue import ENTRIES, LAYER, NETWORK, Entry


def nearest_network(
    *,
    layout: str = "batch-first",
    activations: Sequence[str | None] = (),
    loss: str | None = None,
    biases: bool = True,
    kind: str = "dense",
) -> Entry:
    """The reference network that a user's network is most like.

    Args:
        layout: Of the user's arrays.
        activations: One per layer, the output's last; None where it is not known.
        loss: "squared error", "binary cross-entropy" or "cross-entropy"; None where it is not known.
        biases: Whether the user's layers have biases.
        kind: What kind of layer it is about; anything but "dense" is looked up by name ("lstm", "conv", ...).

    Returns:
        The entry with most traits in common; `entry.name` is for `python -m shapecheck nets NAME`.
    """
    wanted = kind.lower().replace("_", " ").replace("-", " ")
    if wanted != "dense":
        for entry in ENTRIES:
            if wanted in (entry.name.replace("_", " "), *entry.words):
                return entry
    hidden, output = [a for a in activations[:-1] if a], activations[-1] if activations else None

    def likeness(entry: Entry) -> tuple[float, ...]:
        fixed = entry.depth is not None
        return (
            4.0 * (layout in entry.layouts)
            + 2.0 * (loss in entry.losses)
            + 1.0 * (output in entry.output)
            + sum(a in entry.hidden for a in hidden) / max(1, len(hidden))
            - 3.0 * (fixed and entry.depth != len(activations))
            - 1.0 * (entry.biases != biases),
            float(fixed),
            -float(len(entry.layouts) + len(entry.output)),
        )

    return max((e for e in ENTRIES if e.kind in (NETWORK, LAYER) and e.output), key=likeness)
