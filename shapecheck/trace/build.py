"""Builds a tape from the recorder's events: what each event did, on which versions of which values."""

from __future__ import annotations

import ast
import gc
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from shapecheck.trace.memory import IN_PLACE
from shapecheck.trace.naming import callee_of, code_file, function_name, is_leaf, library_object
from shapecheck.trace.recorder import AFTER, BEFORE, ArrayStub, Event, root_of
from shapecheck.trace.sites import Kind, Site, SiteTable, Source
from shapecheck.trace.tape import Access, Binding, Tape
from shapecheck.trace.values import SCALARS, Values

_ARRAYS = np.ndarray | ArrayStub
_FOLLOWED = np.ndarray | ArrayStub | np.generic | float | complex
# Lists within a list that was bound are looked into if they are no longer than this: parameters, not data.
_MOST_NESTED = 32
# Functions that only hand out what was made elsewhere.
_HAND_OUT = frozenset({"opaque", "builtins.getattr", "builtins.next", "operator.getitem", "builtins.float"})


class _Layout:
    """Where an event of one site carries which operand."""

    __slots__ = ("fixed", "places", "roles")

    def __init__(self, site: Site) -> None:
        self.fixed = {slot.role: slot.constant for slot in site.slots if slot.source is Source.CONSTANT}
        for slot in site.slots:
            if slot.source is Source.LIBRARY:
                self.fixed[slot.role] = library_object(slot.constant)
        self.roles = [slot.role for slot in site.event_slots]
        # For each slot its position in the event, or the operand itself.
        positions = {id(slot): position for position, slot in enumerate(site.event_slots)}
        self.places = [(positions.get(id(slot), -1), self.fixed.get(slot.role)) for slot in site.slots]

    def operands(self, values: tuple[Any, ...]) -> list[Any]:
        """The operands in the order of the slots."""
        return [operand if position < 0 else values[position] for position, operand in self.places]


def _are_arrays(index: Any) -> bool:
    """Whether an index is several arrays, of one or two axes, as what joins arrays in brackets takes them."""
    return isinstance(index, tuple) and all(isinstance(one, _ARRAYS) and len(one.shape) in {1, 2} for one in index)


class _Builder:
    def __init__(self, events: list[Event], sites: SiteTable, traced: Iterable[str], *, whole: bool) -> None:
        self.values = Values(events, sites, whole=whole)
        self.tape = self.values.tape
        self.sites = sites
        self.traced = frozenset(traced)
        self.whole = whole
        self.layouts: dict[int, _Layout] = {}
        self.grids: list[list[Any]] = []
        self.begun: dict[int, tuple[Any, ...]] = {}  # in-place operators on numbers that have not come to their end
        # A call that gave one of its operands back, until it is known whether it changed that operand (`out=`).
        self.returned_operand: tuple[Site, str, tuple[Any, ...], dict[str, Any], Any] | None = None

    def build(self, events: Iterable[Event]) -> Tape:
        for number, result, values in events:
            if number == BEFORE:
                continue
            if number == AFTER:
                self.after(values[0], values[1], result)
                continue
            self.returned_operand = None
            site = self.sites[number]
            _HANDLERS[site.kind](self, site, result, values)
        return self.tape

    def layout(self, site: Site) -> _Layout:
        layout = self.layouts.get(site.number)
        if layout is None:
            layout = self.layouts[site.number] = _Layout(site)
        return layout

    def roles(self, site: Site, values: tuple[Any, ...]) -> dict[str, Any]:
        layout = self.layout(site)
        found = dict(layout.fixed)
        found.update(zip(layout.roles, values, strict=False))
        return found

    def is_new(self, result: Any) -> bool:
        """Whether a result was made by the operation that gave it, and not handed on."""
        return not self.values.known(result)

    # -- expressions --------------------------------------------------------------------------------------------

    def binary(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if not self.is_new(result):
            return
        left, right = self.layout(site).operands(values)
        structure = self.values.structure
        arguments = (structure(left), structure(right))
        self.values.operation(site.number, site.operator, arguments, {}, result)

    def compare(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if result is not None:
            self.binary(site, result, values)

    def unary(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if self.is_new(result):
            operand = self.values.structure(self.layout(site).operands(values)[0])
            self.values.operation(site.number, "unary" + site.operator, (operand,), {}, result)

    def attribute(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if not self.is_new(result):
            return
        (operand,) = self.layout(site).operands(values)
        if isinstance(operand, _ARRAYS | np.generic):
            arguments = (self.values.structure(operand),)
            self.values.operation(site.number, "." + site.operator, arguments, {}, result)
        else:
            self.leaf(site, result, "." + site.operator, ())

    def reshaped(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        """`x.shape = ...`: the same numbers in another form, which the array has had ever since."""
        if self.is_new(result):
            arguments = (self.values.structure(values[0]), np.shape(result))
            self.values.operation(site.number, ".reshape", arguments, {}, result)

    def getitem(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        target, index = self.layout(site).operands(values)
        if isinstance(target, _ARRAYS):
            if self.is_new(result):
                arguments = (self.values.structure(target), self.values.structure(index))
                self.values.operation(site.number, "getitem", arguments, {}, result)
            return
        if (target is np.c_ or target is np.r_) and self.is_new(result) and _are_arrays(index):
            # `np.c_[np.ones(m), X]` is a call in brackets.
            function = "numpy.column_stack" if target is np.c_ else "numpy.concatenate"
            self.values.operation(site.number, function, (self.values.structure(list(index)),), {}, result)
            return
        if self.is_new(result) and not isinstance(target, dict | list | tuple):
            self.leaf(site, result, "getitem", ())
        value = self.values.read(result)
        key = index if isinstance(index, int | str | tuple) else None
        self.tape.accesses.append(Access(len(self.tape.operations), site.number, value, id(target), key))

    def leaf(self, site: Site, result: Any, label: str, arguments: tuple[Any, ...]) -> None:
        self.values.operation(site.number, "leaf", arguments, {}, result, label=label)

    # -- calls --------------------------------------------------------------------------------------------------

    def call(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        roles = self.roles(site, values)
        callee, receiver = callee_of(site, roles)
        if code_file(callee) in self.traced:
            self.name_result(site, result)  # its own operations are on the tape
            return
        if not isinstance(result, _FOLLOWED):
            self.changing_call(site, roles, receiver)
            return
        function, label = function_name(site, callee, receiver)
        operand = any(result is value for value in roles.values())
        if not self.is_new(result) and not operand and (self.whole or function in _HAND_OUT):
            self.name_result(
                site, result
            )  # made within, by a function of the program that another one is wrapped round
            return
        positional, keywords = self.arguments(site, roles)
        if function.startswith("."):
            positional = (self.values.structure(receiver), *positional)
        if operand:
            if isinstance(result, np.ndarray):
                self.returned_operand = (site, function, positional, keywords, result)
        elif is_leaf(function, label, receiver):
            self.leaf(site, result, label or function, positional)
        else:
            self.values.operation(site.number, function, positional, keywords, result, label=label)

    def name_result(self, site: Site, result: Any) -> None:
        """What a call gives that has been made before, and may only get its name here."""
        if site.bound_to is not None and site.bound_to.isidentifier() and isinstance(result, _FOLLOWED):
            self.bind(site, result, ())

    def arguments(self, site: Site, roles: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        structure = self.values.structure
        for slot in site.slots:
            role = slot.role
            value = roles.get(role)
            if role == "*" and isinstance(value, list | tuple):
                positional.extend(structure(element) for element in value)
            elif role == "**" and isinstance(value, dict):
                keywords.update({key: structure(element) for key, element in value.items()})
            elif role.isdigit():
                positional.append(structure(value))
            elif role.endswith("="):
                keywords[role[:-1]] = structure(value)
        return tuple(positional), keywords

    def changing_call(self, site: Site, roles: dict[str, Any], receiver: Any) -> None:
        """Calls that return nothing: `np.add.at(x, i, v)`, `np.copyto(x, v)` and `x.fill(v)` store into an array.

        What others change is seen by their `AFTER` events.
        """
        if site.operator == "at" and isinstance(receiver, np.ufunc) and isinstance(roles.get("0"), np.ndarray):
            index, value = roles.get("1"), roles.get("2")
            now = self.values.memory.then((index, value))
            operands = (index, value) if "2" in roles else (index,)
            self.change(
                site,
                f"numpy.{receiver.__name__}.at",
                roles["0"],
                operands,
                lambda view: receiver.at(view, *now[: len(operands)]),
            )
        elif site.operator == "copyto" and {"0", "1"} <= set(roles) and not {"where=", "2", "3"} & set(roles):
            self.store(site, roles["0"], Ellipsis, roles["1"])
        elif site.operator in {"putmask", "place"} and isinstance(roles.get("2"), int | float):
            self.store(site, roles["0"], roles["1"], roles["2"])
        elif site.operator == "fill" and isinstance(receiver, np.ndarray) and "0" in roles:
            self.store(site, receiver, Ellipsis, roles["0"])
        elif site.operator == "fill_diagonal" and {"0", "1"} <= set(roles) and np.ndim(roles["0"]) == 2:
            rows = list(range(min(np.shape(roles["0"]))))
            if isinstance(roles["1"], int | float):  # of a tall matrix only the first square is filled
                self.store(site, roles["0"], (rows, rows), roles["1"])
        elif site.operator == "put_along_axis" and {"0", "1", "2"} <= set(roles):
            self.store_along(site, roles["0"], roles["1"], roles["2"], roles.get("3", roles.get("axis=")))
        elif site.operator == "setflags" and isinstance(receiver, np.ndarray):
            self.values.memory.freeze(receiver, bool(roles.get("write=", roles.get("0", True))))
        elif roles.get("function") is setattr and isinstance(roles.get("1"), str):
            self.name_attribute(site, roles["0"], roles["1"], roles.get("2"))

    def after(self, root: np.ndarray[Any, Any], site_number: int, copy: np.ndarray[Any, Any]) -> None:
        """The memory's contents after something that may have changed it in a way of its own."""
        if not self.whole:
            return
        handed_back = self.returned_operand
        target = root
        if handed_back is not None and root_of(handed_back[4]) is root:
            target = handed_back[4]
        number = self.values.before_change(target)
        version = self.values.version(target)
        if not self.values.memory.replace(root, copy):
            return
        if target is not root or (handed_back is not None and handed_back[4] is root):
            assert handed_back is not None
            site, function, arguments, keywords, _ = handed_back
            self.values.operation(site.number, function, arguments, keywords, target, version=version)
            self.values.after_change(target)
            return
        arguments = (self.values.refs[number],)
        self.values.operation(site_number, "leaf", arguments, {}, root, version=version, label="changed")

    # -- changes ------------------------------------------------------------------------------------------------

    def change(
        self,
        site: Site,
        function: str,
        target: np.ndarray[Any, Any],
        operands: tuple[Any, ...],
        write: Callable[[np.ndarray[Any, Any]], None],
    ) -> None:
        """Enter a change of an array as an operation on its old version that makes its new one."""
        structure = self.values.structure
        number = self.values.before_change(target)
        arguments = (self.values.refs[number], *(structure(operand) for operand in operands))
        version = self.values.version(target)
        if self.whole and not self.values.memory.change(target, write):
            return  # it failed in the program too
        self.values.operation(site.number, function, arguments, {}, target, version=version)
        self.values.after_change(target)

    def store(self, site: Site, target: Any, index: Any, value: Any) -> None:
        if not isinstance(target, np.ndarray):
            return
        now = self.values.memory.then((index, value))

        def write(view: np.ndarray[Any, Any]) -> None:
            view[now[0]] = now[1]

        self.change(site, "setitem", target, (index, value), write)

    def setitem(self, site: Site, index: Any, values: tuple[Any, ...]) -> None:
        roles = self.roles(site, values)
        target, value = roles.get("target"), roles.get("value")
        if isinstance(target, np.ndarray):
            self.store(site, target, index, value)
        elif isinstance(target, np.flatiter):
            self.store_flat(site, target.base, index, value)
        elif isinstance(target, ArrayStub):
            arguments = tuple(map(self.values.structure, (target, index, value)))
            old = self.tape.values[self.values.read(target)].version
            self.values.operation(site.number, "setitem", arguments, {}, target, version=old + 1)
        elif isinstance(value, _FOLLOWED):
            name = f"{site.text.partition('[')[0]}[{index!r}]" if isinstance(index, int | str) else site.text
            number = self.values.read(value)
            time = len(self.tape.operations)
            self.tape.bindings.append(Binding(time, site.number, name, number, id(target), index))

    def store_along(self, site: Site, target: Any, indices: Any, value: Any, axis: Any) -> None:
        """`np.put_along_axis(x, i, v, axis)` is `x[grid] = v`, with `i` in the place of one axis of the grid."""
        whole = isinstance(target, np.ndarray) and isinstance(indices, np.ndarray) and isinstance(axis, int)
        if whole and indices.ndim == target.ndim and -target.ndim <= axis < target.ndim:
            grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
            grid[axis] = indices
            self.grids.append(grid)  # what has gone may lend its identity to another array
            self.store(site, target, tuple(grid), value)

    def store_flat(self, site: Site, target: np.ndarray[Any, Any], index: Any, value: Any) -> None:
        """`x.flat[i] = v`."""
        now = self.values.memory.then((index, value))
        number = self.values.before_change(target)
        version = self.values.version(target)
        if self.whole and self.values.memory.change(target, lambda view: view.flat.__setitem__(*now)):
            arguments = (self.values.refs[number],)
            self.values.operation(site.number, "leaf", arguments, {}, target, version=version, label="changed")
            self.values.after_change(target)

    def augmented(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if len(values) != 3:
            self.augmented_number(site, result)
            return
        owner, now, key = values
        if isinstance(now, ArrayStub):
            arguments = tuple(map(self.values.structure, (now, result)))
            old = self.tape.values[self.values.read(now)].version
            self.values.operation(site.number, site.operator + "=", arguments, {}, now, version=old + 1)
        elif isinstance(now, np.ndarray):
            # `x[i] += v` on the array itself, not on a list's element
            item = owner is now and isinstance(site.node, ast.AugAssign) and isinstance(site.node.target, ast.Subscript)
            self.augmented_array(site, result, now, (key,) if item and not _is_all(key) else ())
        else:
            self.begun[site.number] = (result, *values)

    def augmented_array(self, site: Site, value: Any, now: np.ndarray[Any, Any], key: tuple[Any, ...]) -> None:
        apply = IN_PLACE[site.operator]
        operand, index = self.values.memory.then((value, key))

        def write(view: np.ndarray[Any, Any]) -> None:
            if index:
                view[index[0]] = apply(view[index[0]], operand)
            else:
                apply(view, operand)

        self.change(site, site.operator + "=", now, (value, *key), write)

    def augmented_number(self, site: Site, result: Any) -> None:
        begun = self.begun.pop(site.number, None)
        if begun is None or not self.is_new(result):
            return
        value, owner, now, key = begun
        arguments = (self.values.structure(now), self.values.structure(value))
        number = self.values.operation(site.number, site.operator, arguments, {}, result)
        name = site.text.partition(site.operator + "=")[0].strip()
        named = isinstance(site.node, ast.AugAssign) and isinstance(site.node.target, ast.Name)
        time = len(self.tape.operations)
        self.tape.bindings.append(Binding(time, site.number, name, number, None if named else id(owner), key))

    # -- names --------------------------------------------------------------------------------------------------

    def bind(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if isinstance(result, list | tuple):
            self.bind_elements(site, site.node, site.bound_to or "", result)
        elif isinstance(result, dict):
            for key, element in result.items():
                self.bind_element(site, f"{site.bound_to}[{key!r}]", element, id(result), key)
        elif isinstance(result, _FOLLOWED) and not isinstance(site.node, ast.Tuple | ast.List):
            owner = id(values[0]) if values else None
            attribute = site.operator.rpartition(".")[2] if owner is not None else None
            number = self.values.read(result)
            name = site.bound_to or site.text
            self.tape.bindings.append(Binding(len(self.tape.operations), site.number, name, number, owner, attribute))

    def name_attribute(self, site: Site, owner: Any, attribute: str, value: Any) -> None:
        """`setattr(owner, "W" + gate, value)`."""
        node = site.node
        if isinstance(value, _FOLLOWED) and isinstance(node, ast.Call) and node.args:
            name, time = f"{ast.unparse(node.args[0])}.{attribute}", len(self.tape.operations)
            self.tape.bindings.append(Binding(time, site.number, name, self.values.read(value), id(owner), attribute))

    def bind_elements(self, site: Site, target: ast.AST, name: str, elements: Sequence[Any], depth: int = 0) -> None:
        """The elements of a list or tuple that was bound, and those of the lists of `[W, b]` among them."""
        names = _element_names(target, name, len(elements))
        for i, ((inner, own), element) in enumerate(zip(names, elements, strict=False)):
            nested = isinstance(element, list | tuple) and depth < 2 and len(elements) <= _MOST_NESTED
            if nested and 0 < len(element) <= _MOST_NESTED:
                self.bind_elements(site, inner, own, element, depth + 1)
            elif not depth or self.values.known(element):
                # What a list within the list holds was looked at after the run: it may not have been made by now.
                self.bind_element(site, own, element, id(elements), i)

    def bind_element(self, site: Site, name: str, element: Any, owner: int, key: Any) -> None:
        """An array in a list, tuple or dictionary that was bound; of the numbers only those that were computed."""
        if isinstance(element, np.ndarray) or (isinstance(element, SCALARS) and self.values.known(element)):
            number = self.values.read(element)
            self.tape.bindings.append(Binding(len(self.tape.operations), site.number, name, number, owner, key))

    def returned(self, site: Site, result: Any, _: tuple[Any, ...]) -> None:
        elements = result if isinstance(result, tuple) else (result,)
        # `return (dW1, dW2), (db1, db2)`
        elements = tuple(e for one in elements for e in (one if isinstance(one, tuple) else (one,)))
        numbers = tuple(self.values.read(e) for e in elements if isinstance(e, _FOLLOWED))
        if isinstance(site.node, ast.Dict | ast.List) and isinstance(result, dict | list):
            held = result.values() if isinstance(result, dict) else result
            arrays = [e for e in held if isinstance(e, np.ndarray) and self.values.known(e)]
            numbers = tuple(map(self.values.read, arrays[:_MOST_NESTED]))
        self.tape.returns.append((len(self.tape.operations), site.number, numbers))


_HANDLERS: dict[Kind, Callable[[_Builder, Site, Any, tuple[Any, ...]], None]] = {
    Kind.BINARY: _Builder.binary,
    Kind.UNARY: _Builder.unary,
    Kind.COMPARE: _Builder.compare,
    Kind.CALL: _Builder.call,
    Kind.ATTRIBUTE: _Builder.attribute,
    Kind.GETITEM: _Builder.getitem,
    Kind.SETITEM: _Builder.setitem,
    Kind.RESHAPED: _Builder.reshaped,
    Kind.AUGMENTED: _Builder.augmented,
    Kind.BIND: _Builder.bind,
    Kind.RETURN: _Builder.returned,
}


def _is_all(key: Any) -> bool:
    """Whether an index takes all of an array, as it is: `x[...]`, `x[:]`."""
    return key is Ellipsis or (isinstance(key, slice) and key == slice(None))


def _element_names(target: ast.AST, name: str, count: int) -> list[tuple[ast.AST, str]]:
    """(target, name) of the elements of a tuple or list that was bound: the targets' own, or `weights[0]`..."""
    elements = getattr(target, "elts", None)
    if elements is not None and len(elements) == count:
        return [(element, ast.unparse(element)) for element in elements]
    return [(ast.Constant(i), f"{name}[{i}]") for i in range(count)]


def build_tape(events: Iterable[Event], sites: SiteTable, traced: Iterable[str], *, values: bool = True) -> Tape:
    """The tape of a list of events.

    Args:
        events: The recorder's, in order.
        sites: Of the same run.
        traced: The names of the files whose functions were recorded, as their code objects have them.
        values: Whether the arrays' contents can be relied on (the window) or their shapes only (the ring).
    """
    listed = list(events)
    collecting = gc.isenabled()
    gc.disable()  # a tape is a hundred thousand small objects, all of which stay
    try:
        return _build(listed, sites, traced, values)
    finally:
        if collecting:
            gc.enable()


def _build(listed: list[Event], sites: SiteTable, traced: Iterable[str], values: bool) -> Tape:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the program has had its own, and what is applied again here would repeat them
        return _Builder(listed, sites, traced, whole=values).build(listed)
