"""How steps of several arrays are written: one after another, or as a loop over the containers that hold them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

# More arrays than these are not stepped one by one.
_MOST_LISTED = 16

# How an array and its gradient are called, and the sign of the step.
Named = tuple[str, str, str]


def in_turns(texts: Iterable[str], loop: ast.For, keys: Mapping[str, int | str]) -> tuple[str, ...]:
    """The expressions, among those that name an array in one turn of a loop, that name others in other turns."""
    # What the loop itself sets is another in each turn, too.
    parts = [n for place in (loop.target, *loop.body) for n in ast.walk(place) if isinstance(n, ast.Name)]
    names = list(dict.fromkeys(n.id for n in parts if isinstance(n.ctx, ast.Store)))
    found = []
    for text in texts:
        root = next((n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)), "")
        node = ast.parse(text, mode="eval").body
        if root in names:
            found.append(text)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            holder, key = ast.get_source_segment(text, node.value), node.slice.value
            # Who goes over a dictionary is given its keys.
            over = _gone_over(loop.iter, loop.target)
            found += [name for one, name in over if one == (holder if isinstance(key, int) else f"{holder}.items()")]
            if isinstance(node.value, ast.Subscript) and isinstance(node.value.slice, ast.Constant):
                outer = ast.get_source_segment(text, node.value.value)
                over = _gone_over(loop.iter, loop.target)
                found += [name for one, name in over if one == _part_of_each(outer, key)]
            found += [f"{holder}[{told}]" for name in names if (told := _as_key(key, name, keys.get(name)))]
    return tuple(dict.fromkeys(found))


def _gone_over(iterated: ast.expr, target: ast.expr) -> Iterator[tuple[str, str]]:
    """(what a loop goes over, as it is written, the name of its elements): `zip(weights, grads)` with `w, g`."""
    function = iterated.func if isinstance(iterated, ast.Call) else None
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    given = iterated.args if isinstance(iterated, ast.Call) else []
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    if not isinstance(iterated, ast.Call) and isinstance(target, ast.Name):
        yield ast.unparse(iterated), target.id
    elif not isinstance(iterated, ast.Call):
        whole = ast.unparse(iterated)
        yield from ((_part_of_each(whole, n), part.id) for n, part in enumerate(parts) if isinstance(part, ast.Name))
    elif called == "zip" and len(given) == len(parts):
        for one, part in zip(given, parts, strict=True):
            yield from _gone_over(one, part)
    elif called == "enumerate" and given and len(parts) == 2:
        yield from _gone_over(given[0], parts[1])
    elif called in {"list", "tuple", "reversed"} and len(given) == 1:
        yield from _gone_over(given[0], target)
    elif called == "items" and isinstance(function, ast.Attribute) and len(parts) == 2:
        yield from ((f"{one}.items()", name) for one, name in _gone_over(function.value, parts[1]))


def _part_of_each(holder: str | None, part: object) -> str:
    """What a loop is said to go over that takes its elements apart: `for w, b in layers`."""
    return f"{holder}[...][{part!r}]"


def _as_key(key: object, name: str, value: int | str | None) -> str | None:
    """A key with the name of a loop's variable in it."""
    if value is None:
        return None
    if key == value:
        return name
    if isinstance(key, int) and isinstance(value, int) and abs(key - value) == 1:
        return f"{name} - 1" if key < value else f"{name} + 1"
    end = str(value)
    if isinstance(key, str) and key.endswith(end) and len(key) > len(end):
        told = name if isinstance(value, str) else f"str({name})"
        return f'"{key[: -len(end)]}" + {told}'
    return None


def listed(named: Sequence[Named], rate: str) -> Iterator[tuple[float, list[str]]]:
    """(cost, lines) of the steps of all of them, in the shortest way first."""
    groups = _by_container(named)
    looped: list[str] | None = []
    for rows in groups.values():
        lines = _loop(rows, rate) if looped is not None else None
        looped = [*looped, *lines] if looped is not None and lines is not None else None
    if looped:
        yield 0.0, looped
    if len(named) <= _MOST_LISTED:
        yield 0.05, [f"{array} {sign}= {rate} * {gradient}" for array, gradient, sign in named]


def _by_container(named: Sequence[Named]) -> dict[tuple[str, str], list[tuple[object, object, Named]]]:
    """(holder of arrays, holder of gradients) -> their keys."""
    groups: dict[tuple[str, str], list[tuple[object, object, Named]]] = {}
    for row in named:
        (holder, key), (other, label) = (_apart(text) for text in row[:2])
        groups.setdefault((holder, other), []).append((key, label, row))
    return groups


def _apart(text: str) -> tuple[str, object]:
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return ast.get_source_segment(text, node.value) or text, node.slice.value
    return text, None


def _loop(rows: Sequence[tuple[object, object, Named]], rate: str) -> list[str] | None:
    """A loop over two containers; None where their keys do not go together."""
    (holder, _), (other, _) = (_apart(text) for text in rows[0][2][:2])
    sign = rows[0][2][2]
    if any(row[2] != sign for _, _, row in rows):
        return None
    if all(isinstance(key, int) for key, _, _ in rows):
        in_order = sorted(key for key, _, _ in rows if isinstance(key, int)) == list(range(len(rows)))
        if in_order and len(rows) > 1 and all(key == label for key, label, _ in rows):
            return [f"for array, gradient in zip({holder}, {other}):", f"    array {sign}= {rate} * gradient"]
        return None
    label = next((p for p in ("", "d", "d_", "grad_") if all(o == f"{p}{k}" for k, o, _ in rows)), None)
    if label is None or not all(isinstance(key, str) for key, _, _ in rows):
        return None
    item = f'"{label}" + key' if label else "key"
    return [f"for key in {holder}:", f"    {holder}[key] {sign}= {rate} * {other}[{item}]"]


__all__ = ["in_turns", "listed"]
