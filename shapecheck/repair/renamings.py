"""Rewritings that read other arrays: `d * h * (1 - h)` for `d * a * (1 - a)`, and `x.T @ d` for `h.T @ e`."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.terms import arrays_in_scope, likeness, nearest, single_numbers

_MOST_OTHERS = 24
# Of so many arrays at hand each may stand for one that another layer's step is made from.
_MOST_AT_HAND = 12
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


def likened_candidates(place: Place, whole: ast.expr) -> Iterator[Candidate]:
    """What makes one layer's gradient, made of another layer's arrays: `ones(x).T @ d` for `ones(h).T @ e`.

    Args:
        place: The statement.
        whole: The expression of the other layer, with two arrays of its own.
    """
    at_hand = nearest(place)
    nodes = list(_at_hand(place, whole, at_hand))
    named = {place.text(node): node for node in nodes}
    if len(named) != 2 or len(nodes) != 2:
        return
    ranks = [len(at_hand[text].shape or ()) for text in named]
    others = [[t for t, seen in at_hand.items() if len(seen.shape or ()) == rank][:_MOST_AT_HAND] for rank in ranks]
    for texts in itertools.product(*others):
        if not set(texts) & set(named):
            edits = tuple(place.edit(node, text) for node, text in zip(named.values(), texts, strict=True))
            title = " and ".join(f"`{new}` instead of `{old}`" for old, new in zip(named, texts, strict=True))
            yield Candidate(f"use {title}", "name", edits, 1.4, place.path, edits[0].line)


def _at_hand(place: Place, node: ast.AST, at_hand: Collection[str]) -> Iterator[ast.expr]:
    """The parts of an expression that name arrays at hand."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and place.text(node) in at_hand:
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _at_hand(place, child, at_hand)


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


__all__ = ["likened_candidates", "renaming_candidates"]
