"""Builds a tape from the recorder's events: gives values identity and versions, and operations their functions."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from shapecheck.trace.recorder import AFTER, BEFORE, ArrayStub, Event
from shapecheck.trace.sites import Kind, Site, SiteTable, Source
from shapecheck.trace.tape import Access, Binding, Operation, Ref, Tape, Value, refs

_SCALARS = np.generic | float | complex

# Functions whose result depends on nothing but sizes, files or chance: a replay takes what they gave.
LEAF_NAMES = frozenset(
    "zeros ones empty full eye identity arange linspace logspace zeros_like ones_like empty_like full_like meshgrid "
    "load loadtxt genfromtxt fromfile fromstring frombuffer fromiter tri indices argmax argmin argsort argwhere "
    "nonzero permutation randint where_true unique searchsorted bincount digitize random rand randn normal uniform "
    "choice shuffle standard_normal random_sample integers binomial beta gamma poisson exponential dirichlet "
    "multinomial multivariate_normal sample triangular laplace".split()
)


def _root(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class _Builder:
    def __init__(self, sites: SiteTable, traced: Iterable[str], *, values: bool) -> None:
        self.tape = Tape(sites=sites)
        self.sites = sites
        self.traced = frozenset(traced)
        self.keep_values = values
        self.current: dict[int, int] = {}  # object -> its value's number
        self.valid: dict[int, int] = {}  # object -> number of changes of its memory when that value was read
        self.members: dict[int, dict[int, Any]] = {}  # memory -> the objects that look into it
        self.changes: dict[int, int] = {}  # memory -> how often it was changed
        self.working: dict[int, np.ndarray[Any, Any]] = {}  # memory -> its contents at this point of the tape
        self.root_objects: dict[int, Any] = {}
        self.aug: dict[int, tuple[Any, ...]] = {}
        # A call that gave one of its operands back, until it is known whether it changed that operand (`out=`).
        self.returned_operand: tuple[Site, str, tuple[Any, ...], dict[str, Any], Any] | None = None

    # -- values -------------------------------------------------------------------------------------------------

    def new_value(self, thing: Any, producer: int | None, version: int = 0) -> int:
        number = len(self.tape.values)
        if isinstance(thing, ArrayStub):
            value = Value(number, None, thing.shape, str(thing.dtype), producer, thing.identity, version)
        elif isinstance(thing, np.ndarray):
            value = Value(number, self.contents(thing), thing.shape, str(thing.dtype), producer, id(thing), version)
        elif isinstance(thing, np.generic):
            value = Value(number, thing, (), str(thing.dtype), producer, id(thing), version)
        else:
            value = Value(number, thing, (), type(thing).__name__, producer, id(thing), version)
        self.tape.values.append(value)
        return number

    def contents(self, array: np.ndarray[Any, Any]) -> Any:
        """The array's data at this point of the tape."""
        if not self.keep_values:
            return None
        root = _root(array)
        if id(root) not in self.working:
            return array
        return self.look(array, self.working[id(root)]).copy()

    def look(self, view: np.ndarray[Any, Any], memory: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The same piece of `memory` that `view` is of its own root."""
        root = _root(view)
        if view is root:
            return memory
        offset = view.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        return np.ndarray(view.shape, view.dtype, buffer=_flat_buffer(memory), offset=offset, strides=view.strides)

    def join(self, thing: Any) -> None:
        """Remember which memory an array looks into."""
        if isinstance(thing, np.ndarray):
            root = _root(thing)
            self.members.setdefault(id(root), {})[id(thing)] = thing
            self.root_objects[id(root)] = root
            self.valid[id(thing)] = self.changes.get(id(root), 0)

    def known(self, thing: Any) -> bool:
        identity = thing.identity if isinstance(thing, ArrayStub) else id(thing)
        return identity in self.current

    def read(self, thing: Any) -> int:
        """The number of an object's present value."""
        identity = thing.identity if isinstance(thing, ArrayStub) else id(thing)
        if identity in self.current:
            if isinstance(thing, np.ndarray):
                root = _root(thing)
                if self.valid.get(identity, 0) != self.changes.get(id(root), 0):
                    return self.reread(thing, root)
            return self.current[identity]
        if isinstance(thing, np.ndarray) and isinstance(thing.base, np.ndarray):
            root = _root(thing)
            if id(root) in self.current and root.flags.c_contiguous:
                return self.view_of(thing, root)
        number = self.new_value(thing, None)
        self.current[identity] = number
        self.join(thing)
        return number

    def reread(self, thing: np.ndarray[Any, Any], root: np.ndarray[Any, Any]) -> int:
        """A new version of an object whose memory was changed through another one."""
        if thing is not root and id(root) in self.current and root.flags.c_contiguous:
            return self.view_of(thing, root)
        old = self.tape.values[self.current[id(thing)]]
        number = self.new_value(thing, None, old.version + 1)
        self.current[id(thing)] = number
        self.join(thing)
        return number

    def view_of(self, thing: np.ndarray[Any, Any], root: np.ndarray[Any, Any]) -> int:
        base = self.read(root)
        offset = thing.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        arguments = (Ref(base), offset, thing.shape, thing.strides)
        old = self.tape.values[self.current[id(thing)]].version + 1 if id(thing) in self.current else 0
        return self.operation(None, "view", arguments, {}, thing, version=old)

    def structure(self, thing: Any, depth: int = 0) -> Any:
        """An operand with its arrays replaced by references."""
        if isinstance(thing, np.ndarray | ArrayStub | _SCALARS):
            return Ref(self.read(thing))
        if type(thing) in {list, tuple} and depth < 6 and len(thing) < 10_000:
            return type(thing)(self.structure(element, depth + 1) for element in thing)
        if isinstance(thing, int | str | bytes | bool | type(None) | slice | type(Ellipsis) | np.dtype | type | range):
            return thing
        return _Opaque(type(thing).__name__)

    # -- operations ---------------------------------------------------------------------------------------------

    def operation(
        self,
        site: int | None,
        function: str,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        result: Any,
        *,
        version: int = 0,
        label: str = "",
    ) -> int:
        number = len(self.tape.operations)
        inputs = tuple(dict.fromkeys(refs((arguments, keywords))))
        self.join(result)
        value = self.new_value(result, number, version)
        identity = result.identity if isinstance(result, ArrayStub) else id(result)
        self.current[identity] = value
        self.tape.operations.append(Operation(number, site, function, arguments, keywords, inputs, value, label))
        return value

    def event(self, event: Event) -> None:
        number, result, values = event
        if number == BEFORE:
            self.before(values[0], result)
        elif number == AFTER:
            self.after(values[0], result)
        else:
            self.returned_operand = None
            site = self.sites[number]
            _HANDLERS[site.kind](self, site, result, values)

    def before(self, root: np.ndarray[Any, Any], copy: np.ndarray[Any, Any]) -> None:
        """The memory is about to be changed for the first time: what was read of it so far is in the copy."""
        if id(root) in self.working:
            return
        self.working[id(root)] = copy.copy()
        for identity, member in self.members.get(id(root), {}).items():
            if identity in self.current:
                value = self.tape.values[self.current[identity]]
                if value.array is member:
                    value.array = self.look(member, copy)

    def after(self, root: np.ndarray[Any, Any], copy: np.ndarray[Any, Any]) -> None:
        """The memory's contents after a call that may have changed it."""
        working = self.working.get(id(root))
        if working is None or np.array_equal(working, copy, equal_nan=copy.dtype.kind in "fc"):
            return
        self.working[id(root)] = copy.copy()
        self.changes[id(root)] = self.changes.get(id(root), 0) + 1
        if self.returned_operand is not None and _root(self.returned_operand[4]) is root:
            site, function, arguments, keywords, target = self.returned_operand
            version = self.tape.values[self.current[id(target)]].version + 1 if id(target) in self.current else 0
            self.operation(site.number, function, arguments, keywords, target, version=version)
            self.refresh_root(target)
        elif id(root) in self.current:
            old = self.tape.values[self.current[id(root)]]
            last = self.tape.operations[-1].site if self.tape.operations else None
            self.operation(last, "leaf", (Ref(old.number),), {}, root, version=old.version + 1, label="changed")

    def changed(self, target: Any, write: Callable[[np.ndarray[Any, Any]], None]) -> None:
        """Apply an in-place change to the memory that `target` looks into."""
        root = _root(target)
        self.changes[id(root)] = self.changes.get(id(root), 0) + 1
        if self.keep_values and id(root) in self.working:
            try:
                write(self.look(target, self.working[id(root)]))
            except Exception:
                self.working[id(root)] = root.copy()

    # -- one method per kind of site ----------------------------------------------------------------------------

    def roles(self, site: Site, values: tuple[Any, ...]) -> dict[str, Any]:
        found = {slot.role: slot.constant for slot in site.slots if slot.source is Source.CONSTANT}
        found.update({slot.role: _library_object(slot.constant) for slot in site.slots if slot.source is Source.LIBRARY})
        found.update({slot.role: value for slot, value in zip(site.event_slots, values, strict=False)})
        return found

    def binary(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        roles = self.roles(site, values)
        if self.identical(result, roles.values()):
            return
        arguments = (self.structure(roles.get("left")), self.structure(roles.get("right")))
        self.operation(site.number, site.operator, arguments, {}, result)

    def compare(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if isinstance(result, np.ndarray | np.generic | ArrayStub):
            self.binary(site, result, values)

    def unary(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        operand = self.structure(self.roles(site, values).get("operand"))
        self.operation(site.number, "unary" + site.operator, (operand,), {}, result)

    def attribute(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        operand = self.roles(site, values).get("operand")
        if isinstance(operand, np.ndarray | ArrayStub | np.generic):
            if self.identical(result, [operand]):
                return
            self.operation(site.number, "." + site.operator, (self.structure(operand),), {}, result)
        elif not self.known(result):
            self.leaf(site, result, "." + site.operator, ())

    def getitem(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        roles = self.roles(site, values)
        target, index = roles.get("target"), roles.get("index")
        if isinstance(target, np.ndarray | ArrayStub):
            arguments = (self.structure(target), self.structure(index))
            self.operation(site.number, "getitem", arguments, {}, result)
            return
        if not self.known(result) and not isinstance(target, dict | list | tuple):
            self.leaf(site, result, "getitem", ())
        value = self.read(result)
        key = index if isinstance(index, int | str | tuple) else None
        self.tape.accesses.append(Access(len(self.tape.operations), site.number, value, id(target), key))

    def call(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        roles = self.roles(site, values)
        callee, receiver = self.callee(site, roles)
        if self.is_users(callee) or result is None or not isinstance(result, np.ndarray | ArrayStub | _SCALARS):
            self.in_place_call(site, roles, result)
            return
        function, label = _function_name(site, callee, receiver)
        if self.is_access(function, result):
            return
        positional, keywords = self.arguments(site, roles)
        if function.startswith("."):
            positional = (self.structure(receiver), *positional)
        if self.identical(result, roles.values()):
            if isinstance(result, np.ndarray):
                self.returned_operand = (site, function, positional, keywords, result)
            return
        if _is_leaf(function, label, receiver):
            self.leaf(site, result, label or function, positional)
            return
        self.operation(site.number, function, positional, keywords, result, label=label)

    def arguments(self, site: Site, roles: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for slot in site.slots:
            value = roles.get(slot.role)
            if slot.role == "*" and isinstance(value, list | tuple):
                positional.extend(self.structure(element) for element in value)
            elif slot.role == "**" and isinstance(value, dict):
                keywords.update({key: self.structure(element) for key, element in value.items()})
            elif slot.role.isdigit():
                positional.append(self.structure(value))
            elif slot.role.endswith("="):
                keywords[slot.role[:-1]] = self.structure(value)
        return tuple(positional), keywords

    def callee(self, site: Site, roles: dict[str, Any]) -> tuple[Any, Any]:
        if "receiver" in roles:
            receiver = roles["receiver"]
            try:
                if isinstance(receiver, types.ModuleType | type | np.ufunc | np.ndarray | np.generic):
                    return getattr(receiver, site.operator, None), receiver
                return inspect.getattr_static(receiver, site.operator, None), receiver
            except Exception:
                return None, receiver
        return roles.get("function"), None

    def is_users(self, callee: Any) -> bool:
        """Whether the callee's own operations are on the tape."""
        callee = getattr(callee, "__func__", callee)
        code = getattr(callee, "__code__", None)
        if code is None and not isinstance(callee, type | types.BuiltinFunctionType | np.ufunc):
            code = getattr(getattr(type(callee), "__call__", None), "__code__", None)
        return code is not None and code.co_filename in self.traced

    def in_place_call(self, site: Site, roles: dict[str, Any], result: Any) -> None:
        """`np.add.at(x, i, v)` and its like: the change is a scatter; others are seen by their `AFTER` event."""
        if result is not None or site.operator != "at":
            return
        target, index, value = (roles.get(str(i)) for i in range(3))
        receiver = roles.get("receiver")
        if not isinstance(target, np.ndarray) or not isinstance(receiver, np.ufunc):
            return
        arguments = (self.structure(target), self.structure(index), self.structure(value))
        old = self.tape.values[self.read(target)].version
        self.changed(target, lambda view: receiver.at(view, index, value))
        self.operation(site.number, f"numpy.{receiver.__name__}.at", arguments, {}, target, version=old + 1)

    def leaf(self, site: Site, result: Any, label: str, arguments: tuple[Any, ...]) -> None:
        if self.keep_values and self.known(result):
            return
        self.operation(site.number, "leaf", arguments, {}, result, label=label)

    def is_access(self, function: str, result: Any) -> bool:
        """Whether a call only handed out an object made elsewhere: `getattr(self, name)`, `next(it)`, a method whose
        function could not be found."""
        hands_out = function in {"opaque", "builtins.getattr", "builtins.next", "operator.getitem"}
        return hands_out and self.keep_values and isinstance(result, np.ndarray) and self.known(result)

    def identical(self, result: Any, operands: Iterable[Any]) -> bool:
        """Whether an operation gave one of its operands back (`np.asarray(x)`)."""
        if isinstance(result, float):
            return False
        return any(result is operand for operand in operands)

    def bind(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        owner = id(values[0]) if values else None
        time = len(self.tape.operations)
        if isinstance(result, list | tuple):
            names = _element_names(site, len(result))
            for i, (name, element) in enumerate(zip(names, result, strict=False)):
                if isinstance(element, np.ndarray | _SCALARS):
                    self.tape.bindings.append(Binding(time, site.number, name, self.read(element), id(result), i))
        elif isinstance(result, dict):
            for key, element in result.items():
                if isinstance(element, np.ndarray | _SCALARS):
                    name = f"{site.bound_to}[{key!r}]"
                    self.tape.bindings.append(Binding(time, site.number, name, self.read(element), id(result), key))
        elif isinstance(result, np.ndarray | ArrayStub | _SCALARS):
            name = site.bound_to or site.text
            attribute = site.operator.rpartition(".")[2] if owner is not None else None
            self.tape.bindings.append(Binding(time, site.number, name, self.read(result), owner, attribute))

    def returned(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        elements = result if isinstance(result, tuple) else (result,)
        numbers = tuple(self.read(e) for e in elements if isinstance(e, np.ndarray | ArrayStub | _SCALARS))
        self.tape.returns.append((len(self.tape.operations), site.number, numbers))

    def setitem(self, site: Site, index: Any, values: tuple[Any, ...]) -> None:
        roles = self.roles(site, values)
        target, value = roles.get("target"), roles.get("value")
        if not isinstance(target, np.ndarray):
            if isinstance(value, np.ndarray | ArrayStub | _SCALARS):
                name = f"{site.text.partition('[')[0]}[{index!r}]" if isinstance(index, int | str) else site.text
                time = len(self.tape.operations)
                binding = Binding(time, site.number, name, self.read(value), id(target), index)
                self.tape.bindings.append(binding)
            return
        number = self.read(target)
        arguments = (Ref(number), self.structure(index), self.structure(value))
        old = self.tape.values[number]

        def write(view: np.ndarray[Any, Any]) -> None:
            view[index] = value

        self.changed(target, write)
        self.operation(site.number, "setitem", arguments, {}, target, version=old.version + 1)
        self.refresh_root(target)

    def refresh_root(self, target: Any) -> None:
        """After a change through a view: the memory's owner gets its new version, made from the view's."""
        root = _root(target)
        if root is target or id(root) not in self.current:
            return
        old = self.tape.values[self.current[id(root)]]
        if not root.flags.c_contiguous:
            return
        offset = target.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        arguments = (Ref(old.number), Ref(self.current[id(target)]), offset, target.shape, target.strides)
        self.operation(None, "write_back", arguments, {}, root, version=old.version + 1)

    def augmented(self, site: Site, result: Any, values: tuple[Any, ...]) -> None:
        if len(values) == 3:
            self.aug[site.number] = (result, *values)
            target, now, key = values
            if not isinstance(now, np.ndarray):
                self.aug_operand(site, result, now, key)
                return
            self.aug_array(site, result, now, key)
            return
        pending = self.aug.pop(site.number, None)
        if pending is None or isinstance(pending[2], np.ndarray):
            return
        if self.known(result) and not isinstance(result, float):
            return
        arguments = (self.structure(pending[2]), self.structure(pending[0]))
        number = self.operation(site.number, site.operator, arguments, {}, result)
        name = self.sites[site.number].text.partition(site.operator + "=")[0].strip()
        time = len(self.tape.operations)
        self.tape.bindings.append(Binding(time, site.number, name, number, id(pending[1]), pending[3]))

    def aug_operand(self, site: Site, value: Any, now: Any, key: Any) -> None:
        """A scalar: read what it was; its new value comes with the second event."""
        if isinstance(now, _SCALARS):
            self.read(now)
        if isinstance(value, np.ndarray | _SCALARS):
            self.read(value)

    def aug_array(self, site: Site, value: Any, now: np.ndarray[Any, Any], key: Any) -> None:
        number = self.read(now)
        old = self.tape.values[number].version
        operator = site.operator
        item = isinstance(key, int | slice | tuple | list | np.ndarray | np.integer | type(Ellipsis))
        item = item and self.aug[site.number][1] is now  # `x[i] += v` on the array itself, not on a list's element
        arguments: tuple[Any, ...] = (Ref(number), self.structure(value))
        if item:
            arguments = (Ref(number), self.structure(value), self.structure(key))

        def write(view: np.ndarray[Any, Any]) -> None:
            if item:
                view[key] = IN_PLACE[operator](view[key], value)
            else:
                IN_PLACE[operator](view, value)

        self.changed(now, write)
        self.operation(site.number, operator + "=", arguments, {}, now, version=old + 1)
        self.refresh_root(now)


def _library_object(path: str) -> Any:
    """What a dotted path names in the libraries that the program imported; None where nothing."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        thing = sys.modules.get(".".join(parts[:count]))
        if thing is not None:
            for part in parts[count:]:
                thing = getattr(thing, part, None)
            return thing
    return None


class _Opaque:
    """An operand of a type that the tape does not follow."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {}


def _fill_in_place() -> None:
    import operator

    names = {"+": "iadd", "-": "isub", "*": "imul", "/": "itruediv", "//": "ifloordiv", "**": "ipow", "@": "imatmul"}
    names |= {"%": "imod", "&": "iand", "|": "ior", "^": "ixor", "<<": "ilshift", ">>": "irshift"}
    IN_PLACE.update({symbol: getattr(operator, name) for symbol, name in names.items()})


_fill_in_place()

_HANDLERS: dict[Kind, Callable[[_Builder, Site, Any, tuple[Any, ...]], None]] = {
    Kind.BINARY: _Builder.binary,
    Kind.UNARY: _Builder.unary,
    Kind.COMPARE: _Builder.compare,
    Kind.CALL: _Builder.call,
    Kind.ATTRIBUTE: _Builder.attribute,
    Kind.GETITEM: _Builder.getitem,
    Kind.SETITEM: _Builder.setitem,
    Kind.AUGMENTED: _Builder.augmented,
    Kind.BIND: _Builder.bind,
    Kind.RETURN: _Builder.returned,
}


def _flat_buffer(memory: np.ndarray[Any, Any]) -> Any:
    return memory.data if memory.flags.c_contiguous else memory.T.data


def _element_names(site: Site, count: int) -> list[str]:
    """Names of the elements of a tuple or list that was bound: the targets' own, or `weights[0]`..."""
    elements = getattr(site.node, "elts", None)
    if elements is not None and len(elements) == count:
        import ast

        return [ast.unparse(element) for element in elements]
    return [f"{site.bound_to}[{i}]" for i in range(count)]


def _function_name(site: Site, callee: Any, receiver: Any) -> tuple[str, str]:
    """(name to replay it by, label)."""
    if isinstance(receiver, np.ndarray | ArrayStub | np.generic):
        return "." + site.operator, site.operator
    if isinstance(receiver, np.ufunc):
        return f"numpy.{receiver.__name__}.{site.operator}", site.operator
    if isinstance(receiver, types.ModuleType):
        return f"{receiver.__name__}.{site.operator}", site.operator
    name = getattr(callee, "__name__", "")
    if name and getattr(np, name, None) is callee:
        return f"numpy.{name}", name
    if name and getattr(np.random, name, None) is callee:
        return f"numpy.random.{name}", name
    module = getattr(callee, "__module__", None)
    if name and module in {"builtins", "math"}:
        return f"{module}.{name}", name
    if module and name and isinstance(callee, types.FunctionType | types.BuiltinFunctionType | np.ufunc):
        return f"{module}.{name}", name
    for home in (module, "scipy.special"):  # `from numpy.lib.stride_tricks import ...`, `from scipy.special import expit`
        if name and home and callee is not None and getattr(sys.modules.get(home), name, None) is callee:
            return f"{home}.{name}", name
    return "opaque", name or site.operator


def _is_leaf(function: str, label: str, receiver: Any) -> bool:
    if isinstance(receiver, np.random.Generator | np.random.RandomState):
        return True
    if function == "opaque":
        return label in LEAF_NAMES
    if function.startswith(("numpy.random.", "random.")):
        return True
    return function.startswith("numpy.") and function.rpartition(".")[2] in LEAF_NAMES


def build_tape(events: Iterable[Event], sites: SiteTable, traced: Iterable[str], *, values: bool = True) -> Tape:
    """The tape of a list of events.

    Args:
        events: The recorder's, in order.
        sites: Of the same run.
        traced: The names of the files whose functions were recorded, as their code objects have them.
        values: Whether the arrays' contents can be relied on (the window) or their shapes only (the ring).
    """
    builder = _Builder(sites, traced, values=values)
    for event in events:
        builder.event(event)
    return builder.tape
