"""A table of shapes as text and as Markdown; decides nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from shapecheck.shapes import Quantity, ShapeTable


def _heading(table: ShapeTable) -> str:
    sizes = " -> ".join(str(size) for size in table.sizes)
    batch = "one sample at a time" if table.layout == "single-sample" else f"{table.layout}, m = {table.batch}"
    return f"{sizes}, {batch}, {', '.join(table.activations)}, {table.loss}; {table.parameters:,} parameters"


def _shape(shape: tuple[int, ...]) -> str:
    return "a number" if shape == () else str(shape)


def _groups(table: ShapeTable) -> Iterator[tuple[str, list[Quantity]]]:
    for (stage, layer), rows in groupby(
        table.quantities, key=lambda q: (q.stage, "" if q.stage == "update" else q.layer)
    ):
        known = stage in ("forward", "backward")
        yield (f"{stage}, layer {layer}" if known else stage), list(rows)


def as_text(table: ShapeTable, width: int = 120) -> str:
    """The table for a terminal of `width` columns; where it is too narrow, the operation in shapes goes below.

    Args:
        table: What to show.
        width: Columns of the terminal.
    """
    names = max(len(q.name) for q in table.quantities)
    shapes = max(len(_shape(q.shape)) for q in table.quantities)
    operations = max(len(q.operation) for q in table.quantities if q.stage != "loss")
    lines = [_heading(table)]
    for title, rows in _groups(table):
        lines += ["", title]
        for q in rows:
            start = f"  {q.name:<{names}}  {_shape(q.shape):<{shapes}}  "
            line = f"{start}{q.operation:<{operations}}  {q.shapes}".rstrip()
            if len(line) > width and q.shapes:
                line = f"{start}{q.operation}\n{' ' * len(start)}{q.shapes}"
            lines.append(line)
    lines += [""] * bool(table.notes)
    lines += [textwrap.fill(f"note: {note}", max(width, 40), subsequent_indent="      ") for note in table.notes]
    return "\n".join(lines)


def as_markdown(table: ShapeTable) -> str:
    """The table in Markdown, with the signatures in jaxtyping's words."""
    lines = [
        f"**{_heading(table)}**",
        "",
        "| | quantity | shape | signature | operation | in shapes |",
        "|" + " --- |" * 6,
    ]
    for title, rows in _groups(table):
        for number, q in enumerate(rows):
            operation = f"`{q.operation}`" if q.stage != "data" and q.operation != "parameter" else q.operation
            shapes = f"`{q.shapes}`" if q.shapes else ""
            first = title if number == 0 else ""
            lines.append(f"| {first} | `{q.name}` | `{_shape(q.shape)}` | `{q.signature}` | {operation} | {shapes} |")
    lines += [""] * bool(table.notes) + [f"- {note}" for note in table.notes]
    return "\n".join(lines)
