"""A reference network as text and as plain values: the list of them, the signatures of one, the shapes of a run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from shapecheck.signatures import Call, annotation_text, array_arguments, hints_of, observed_calls

if TYPE_CHECKING:
    from reference_nets.catalogue import Entry
    from reference_nets.progress import Progress

_TITLES = {"network": "networks", "layer": "layers", "part": "parts of both"}


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """What the catalogue knows of it, as plain values."""
    return {"name": entry.name, "kind": entry.kind, "title": entry.title, "layouts": list(entry.layouts)}


def list_as_text(entries: Sequence[Entry], width: int) -> str:
    """One line per entry, by kind; titles are cut to `width` columns."""
    names = max(len(entry.name) for entry in entries)
    lines: list[str] = []
    for kind, group in groupby(entries, key=lambda entry: entry.kind):
        lines += [""] * bool(lines) + [_TITLES[kind]]
        for entry in group:
            line = f"  {entry.name:<{names}}  {entry.title.rstrip('.')}"
            lines.append(line if len(line) <= width else line[: max(width - 3, 20)].rstrip() + "...")
    return "\n".join([*lines, "", "python -m shapecheck nets NAME shows one: its source, its shapes and a run"])


class RunRecorder:
    """Runs a reference network and keeps the shapes of the first call of each of its functions."""

    def __init__(self, entry: Entry) -> None:
        self.module = entry.load()
        self.calls: list[Call] = []

    def run(self, arguments: dict[str, Any]) -> Iterator[Progress]:
        """Yield the progress of the run; the shapes are there once it has ended."""
        with observed_calls() as calls:
            yield from self.module.run(**arguments)
        self.calls = [call for call in calls if call.module == self.module.__name__]

    def shapes(self) -> list[dict[str, Any]]:
        """One entry per function of the module: its arrays with signature and, after a run, shape."""
        seen = {call.function: call for call in self.calls}
        rows = []
        for name, function in vars(self.module).items():
            plain = inspect.unwrap(function) if inspect.isfunction(function) else None
            if plain is None or plain.__module__ != self.module.__name__ or name.startswith("_"):
                continue
            call = seen.get(plain.__qualname__)
            arrays = _of_call(call) if call else _of_hints(plain)
            if arrays:
                rows.append({"function": name, "arrays": arrays})
        return rows


def _of_hints(function: Any) -> list[dict[str, Any]]:
    hints = hints_of(function)
    texts = {name: annotation_text(hint) for name, hint in hints.items()}
    return [{"name": name, "signature": text, "shape": None} for name, text in texts.items() if "Array" in text]


def _of_call(call: Call) -> list[dict[str, Any]]:
    return [
        {"name": name, "signature": annotation_text(hint), "shape": list(value.shape)}
        for name, hint, value in array_arguments(call)
    ]


def signatures_as_text(functions: list[dict[str, Any]]) -> str:
    """The functions, one array per line: name, shape where it is known, signature."""
    arrays = [array for function in functions for array in function["arrays"]]
    if not arrays:
        return "no signed functions"
    names = max(len(array["name"]) for array in arrays)
    shapes = max(len(_shape(array["shape"])) for array in arrays)
    lines = []
    for function in functions:
        lines.append(f"  {function['function']}")
        lines += [
            f"    {array['name']:<{names}}  {_shape(array['shape']):<{shapes}}  {array['signature']}"
            for array in function["arrays"]
        ]
    return "\n".join(lines)


def _shape(shape: list[int] | None) -> str:
    return "" if shape is None else str(tuple(shape))
