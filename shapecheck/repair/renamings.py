"""Candidates that mean another thing wherever one is named: `d * h * (1 - h)` for `d * a * (1 - a)`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.terms import arrays_in_scope, likeness, single_numbers

_MOST_OTHERS = 24
_MOST_LOOKED_AT = 60


def renaming_candidates(place: Place, whole: ast.expr) -> Iterator[Candidate]:
    """Another value of the shape in all the places in which an expression has one; each in one edit would not do."""
    by_text: dict[str, list[ast.expr]] = defaultdict(list)
    for node in _used(whole):
        by_text[place.text(node)].append(node)
    for own, nodes in by_text.items():
        if len(nodes) < 2:
            continue
        others = sorted(_alike(place, nodes[0]), key=lambda text: -likeness(own, text))
        for text in [text for text in others if text != own][:_MOST_OTHERS]:
            title = f"use `{text}` instead of `{own}`"
            cost = 1.9 - 0.8 * likeness(own, text)
            edits = tuple(place.edit(node, text) for node in nodes)
            yield Candidate(title, "name", edits, cost, place.path, edits[0].line)


def _used(node: ast.AST) -> Iterator[ast.expr]:
    """The names, attributes and items of an expression, each as it is read; nothing that is called, and no index."""
    if isinstance(node, ast.Call):
        # What is written into is no operand: another array there would be spoilt by being tried.
        for argument in (*node.args, *(k.value for k in node.keywords if k.arg != "out")):
            yield from _used(argument)
        if isinstance(node.func, ast.Attribute):
            yield from _used(node.func.value)
    elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield node
    else:
        for child in ast.iter_child_nodes(node):
            yield from _used(child)


def _alike(place: Place, node: ast.expr) -> list[str]:
    shape = place.shape(node)
    if shape == ():
        return single_numbers(place, _MOST_LOOKED_AT)
    return [text for text, seen in arrays_in_scope(place).items() if shape is not None and seen.shape == shape]


__all__ = ["renaming_candidates"]
