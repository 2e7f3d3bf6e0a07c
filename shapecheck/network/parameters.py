"""Parameters: leaf arrays whose later versions depend on themselves through the network."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shapecheck.network.begun_anew import begun_once
from shapecheck.network.dependence import Dependence
from shapecheck.network.uses import times_used, uses_of, value_names
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import PART, Operation, Ref, Shape, Tape

_IN_PLACE = frozenset({"setitem", "write_back", "-=", "+=", "*=", "/="})
_SCALED_IN_PLACE = frozenset({"*=", "/="})
_REBOUND = frozenset({"-", "+", "*", "/", "numpy.subtract", "numpy.add", "numpy.multiply", "numpy.clip", ".clip"})
# What brings a step back into bounds: a clipped weight, a norm that may not grow.
_BOUNDS = PRODUCTS | QUOTIENTS | {"numpy.clip", ".clip", "numpy.maximum", "numpy.minimum"}
_MOST_PROJECTIONS = 3
# By so many of its first updates a parameter's next one is known.
_FEW = 8


@dataclass(slots=True)
class Update:
    """One step of a parameter.

    Attributes:
        operation: Number of the operation `old - change` or `old + change`.
        sign: -1 where the change is subtracted, +1 where it is added.
    """

    operation: int
    old: int
    new: int
    change: int
    sign: int


@dataclass(slots=True)
class Parameter:
    """A parameter and its updates on the tape, in order.

    Attributes:
        name: The user's name for it.
        birth: The number of its first version.
        weight: Whether it takes part in a product (else it is added: a bias).
        layer: Counted from the input, 1-based; 0 while unknown.
        stray: Whether its steps were not computed from it.
        late: Whether it was another parameter's number, too, or an integer, before its first step, which is left out
            for that.
    """

    name: str
    birth: int
    updates: list[Update] = field(default_factory=list)
    weight: bool = True
    layer: int = 0
    stray: bool = False
    late: bool = False

    def shape(self, tape: Tape) -> Shape:
        """Of its first version."""
        return tape.values[self.birth].shape

    def version(self, step: int) -> int:
        """The value it has when the network runs for update number `step`."""
        return self.updates[step].old

    def grew(self, tape: Tape) -> Update | None:
        """The first update that gave it more entries; an axis of one more, `(3,)` that becomes `(1, 3)`, is nothing."""
        size = tape.values[self.birth].size
        return next((u for u in self.updates if tape.values[u.new].size != size), None)


class _Finder:
    def __init__(self, tape: Tape, *, averages: bool = False) -> None:
        self.tape = tape
        self.may_average = averages
        self.dependence = Dependence(tape)
        self.by_version: dict[int, Parameter] = {}
        self.parameters: list[Parameter] = []
        self.uses = uses_of(tape)
        self.names = value_names(tape)
        self.named = set(self.names) | {access.value for access in tape.accesses}
        self.branched: set[int] = set()
        self.alike: set[int] = set()  # numbers that several parameters begin with
        self.grown: dict[int, int] = {}  # what was added to an integer -> the bit of what depends on it
        self.strays: list[Parameter] = []
        self.stray_of: dict[int, Parameter] = {}
        # (site, which operand) -> whether that reads what the result is bound to
        self.reads_itself: dict[tuple[int, int], bool] = {}
        self.latest: dict[int, int] = {}
        self.last_use = [-1] * len(tape.values)
        self.used = times_used(tape)
        self.readers: dict[int, list[Operation]] = defaultdict(list)
        for operation in tape.operations:
            if operation.function in _BOUNDS and operation.arguments and isinstance(operation.arguments[0], Ref):
                self.readers[operation.arguments[0].value].append(operation)
        for operation in tape.operations:
            for number in operation.inputs:
                self.last_use[number] = operation.number

    def find(self) -> list[Parameter]:
        for operation in self.tape.operations:
            self.dependence.advance(operation)
            update = self.update(operation) or self.repeated(operation)
            if update is None:
                self.carry(operation)
                self.stray(operation)
                self.grown_from_integer(operation)
                continue
            stray = self.stray_of.get(update.old)
            if stray is not None and not self.was_shifted(operation, stray):
                self.stray(operation, followed=True)
                continue
            parameter = self.by_version.get(update.old)
            if parameter is not None and self.begin_alike(parameter, update):
                continue
            if parameter is None:
                shifted = stray.name if stray is not None else None
                name = self.names.get(update.old) or shifted or self.operand_text(operation)
                parameter = self.born(name, update.old)
                parameter.late = update.old in self.grown
            if self.latest.get(id(parameter), update.old) != update.old:
                self.branched.add(id(parameter))  # one version stepped twice: a residual connection, not a parameter
                continue
            self.latest[id(parameter)] = update.new
            parameter.updates.append(update)
            self.by_version[update.new] = parameter
            self.dependence.cut(update.new)
        return [p for p in self.parameters if id(p) not in self.branched and p.updates]

    def born(self, name: str, value: int) -> Parameter:
        parameter = Parameter(name, value)
        self.parameters.append(parameter)
        self.by_version[value] = parameter
        return parameter

    def begin_alike(self, parameter: Parameter, update: Update) -> bool:
        """Whether two begin with one number that was written down (`m = b = 0.0`): each is known by its second."""
        if update.old not in self.alike:
            written = self.tape.values[update.old].producer is None and self.tape.values[update.old].shape == ()
            if update.old != parameter.birth or len(parameter.updates) != 1 or not written:
                return False
            self.alike.add(update.old)
            parameter.birth = parameter.updates.pop().new
            parameter.name = self.names.get(parameter.birth) or parameter.name
            parameter.late = True
        site = self.tape.sites[self.tape.operations[update.operation].site or 0]
        self.born(self.names.get(update.new) or site.bound_to or site.text, update.new).late = True
        self.dependence.cut(update.new)
        return True

    def grown_from_integer(self, operation: Operation) -> None:
        """Note what may be a parameter's second version: `b = 0` is no value on the tape, `b - rate * db` is one."""
        first, second = (*operation.arguments, None, None)[:2]
        if operation.function not in SUMS or type(first) is not int or not isinstance(second, Ref):
            return
        site = self.tape.sites[operation.site] if operation.site is not None else None
        value = self.tape.values[operation.result]
        if site is None or value.shape != () or value.dtype[:5] != "float":
            return
        augmented = isinstance(site.node, ast.AugAssign)
        if augmented or (site.bound_to is not None and _normal(site.bound_to) in _parts(site.node)):
            self.grown[operation.result] = self.dependence.mark(operation.result)

    def carry(self, operation: Operation) -> None:
        """What changes a parameter and is no step of it leaves it the same parameter.

        An item set by itself (`theta[0] = ...`), a decay (`W *= 0.99`), a step that does not see the one before.
        """
        if not operation.arguments or not isinstance(operation.arguments[0], Ref):
            return
        old = operation.arguments[0].value
        stray = self.stray_of.get(old)
        if stray is not None and operation.function in _BOUNDS and self.lands(operation, old, stray):
            self.stray_of[operation.result] = stray
        parameter = self.by_version.get(old)
        if parameter is None or self.latest.get(id(parameter)) != old:
            return
        if self.is_decay(operation):
            return
        rebound = operation.function in _REBOUND
        if (
            operation.function in _IN_PLACE
            or (rebound and self.keeps_name(operation, old))
            or (rebound and self.succeeds(operation, old, parameter))
            or (operation.function in _BOUNDS and self.lands(operation, old, parameter))
        ):
            self.by_version[operation.result] = parameter
            self.latest[id(parameter)] = operation.result
            self.dependence.cut(operation.result)

    def repeated(self, operation: Operation) -> Update | None:
        """A step of a parameter made where an earlier one was, by what has nothing to do with any parameter."""
        first, second = (*operation.arguments, None, None)[:2]
        if operation.function not in SUMS or len(operation.arguments) != 2:
            return None
        if not isinstance(first, Ref) or not isinstance(second, Ref) or first.value not in self.by_version:
            return None
        known, tape = self.by_version[first.value], self.tape
        sites = {tape.operations[u.operation].site for u in known.updates[:_FEW]}
        if operation.site not in sites or tape.values[first.value].shape != tape.values[operation.result].shape:
            return None
        if self.sees_a_parameter(second.value):
            return None
        sign = -1 if operation.function in {"-", "-=", "numpy.subtract"} else 1
        return Update(operation.number, first.value, operation.result, second.value, sign)

    def sees_a_parameter(self, value: int) -> bool:
        """Whether a value was computed from any version of any parameter."""
        seen: set[int] = set()
        open_values = [value]
        while open_values:
            number = open_values.pop()
            if number in self.by_version:
                return True
            producer = self.tape.values[number].producer
            if number not in seen and producer is not None and self.tape.operations[producer].function != "leaf":
                open_values.extend(self.tape.operations[producer].inputs)
            seen.add(number)
        return False

    def stray(self, operation: Operation, *, followed: bool = False) -> None:
        """Note a step like a parameter's whose change was not computed from the array that it moves.

        Later on such a change may depend on what the array was before (`followed`).
        """
        if operation.function not in SUMS or len(operation.arguments) != 2 or operation.label == PART:
            return
        first, second = operation.arguments
        if not isinstance(first, Ref) or not isinstance(second, Ref):
            return
        values, old = self.tape.values, self.unscaled(first.value)
        known = self.stray_of.get(old)
        if old in self.by_version or not (known or self.dependence.newborn[old]):
            return
        if values[old].dtype[:5] != "float" or values[old].shape != values[operation.result].shape:
            return
        own = self.dependence.masks[known.birth if known else old]
        if values[old].producer is not None:
            own &= ~self.dependence.written  # a rate may be written as the number that scales what is drawn
        if (self.dependence.masks[second.value] & own and not followed) or not self.takes_place(operation, old):
            return
        name = self.names.get(old)
        if known is not None and self.was_shifted(operation, known):
            name, known = name or known.name, None
        if known is None:
            known = Parameter(name or self.operand_text(operation), old, stray=True)
            self.strays.append(known)
        self.stray_of[operation.result] = known
        sign = -1 if operation.function in {"-", "-=", "numpy.subtract"} else 1
        known.updates.append(Update(operation.number, old, operation.result, second.value, sign))

    def was_shifted(self, operation: Operation, stray: Parameter) -> bool:
        """Whether what looked like steps only made the array ready for this one, its first: `b -= 1.0`."""
        steps = [self.tape.operations[u.operation] for u in stray.updates]
        written = (self.tape.values[u.change] for u in stray.updates)
        if any(o.site == operation.site for o in steps) or not all(v.producer is None and not v.shape for v in written):
            return False
        self.strays = [known for known in self.strays if known is not stray]
        self.stray_of = {value: known for value, known in self.stray_of.items() if known is not stray}
        return True

    def keeps_name(self, operation: Operation, old: int) -> bool:
        """Whether the result of an operation on a parameter is kept under the parameter's own name."""
        site = self.tape.sites[operation.site] if operation.site is not None else None
        if site is None or self.tape.values[operation.result].shape != self.tape.values[old].shape:
            return False
        named = self.names.get(old)
        return (site.bound_to is not None and _normal(site.bound_to) in _parts(site.node)) or (
            named is not None and named == self.names.get(operation.result)
        )

    def lands(self, operation: Operation, old: int, parameter: Parameter) -> bool:
        """Whether what bounds a step is kept as the parameter that was stepped."""
        if not parameter.updates or old != parameter.updates[-1].new:
            return False
        step = self.tape.operations[parameter.updates[-1].operation]
        before = parameter.updates[-1].old
        name = self.names.get(operation.result)
        named = name is not None and name in {parameter.name, self.names.get(before)}
        if not named and self.uses[before].isdisjoint(self.uses[operation.result]):
            return False
        return self.is_first(operation, old) and self.is_projected(step, before, self.names.get(before))

    def succeeds(self, operation: Operation, old: int, parameter: Parameter) -> bool:
        """Whether a result without a name takes a parameter's place: used where it was, and nobody reads it again."""
        if self.last_use[old] > operation.number or len(operation.arguments) != 2:
            return False
        change = operation.arguments[1]
        if not isinstance(change, Ref) or self.uses[parameter.birth].isdisjoint(self.uses[operation.result]):
            return False
        return any(self.dependence.masks[change.value] & self.dependence.masks[u.old] for u in parameter.updates[:_FEW])

    def operand_text(self, operation: Operation) -> str:
        site = self.tape.sites[operation.site] if operation.site is not None else None
        if site is None:
            return "?"
        if operation.function.endswith("="):
            return site.text.partition(operation.function)[0].strip()
        if isinstance(site.node, ast.AugAssign):
            return ast.unparse(site.node.target)
        return site.bound_to or site.text

    def update(self, operation: Operation) -> Update | None:
        if operation.function not in SUMS or len(operation.arguments) < 2:
            return None
        first, second = operation.arguments[:2]
        pairs = [(first, second)]
        if operation.function in {"+", "numpy.add"}:
            pairs.append((second, first))
        for old, change in pairs:
            if not isinstance(old, Ref) or not isinstance(change, Ref) or len(operation.arguments) > 2:
                continue
            start = self.unscaled(old.value)
            if self.is_step(operation, start, change.value):
                sign = -1 if operation.function in {"-", "-=", "numpy.subtract"} else 1
                return Update(operation.number, start, operation.result, change.value, sign)
        return None

    def is_decay(self, operation: Operation) -> bool:
        """Whether an array is only made smaller for the step that follows: `W *= 1 - rate * decay; W -= rate * dW`."""
        if operation.function not in _SCALED_IN_PLACE or self.used[operation.result] != 1:
            return False
        step = self.tape.operations[self.last_use[operation.result]]
        return step.function in SUMS and step.arguments[:1] == (Ref(operation.result),)

    def unscaled(self, value: int) -> int:
        """The value before weight decay: `(1 - rate * decay) * w` is still w's place."""
        producer = self.tape.values[value].producer
        if producer is not None and self.is_decay(decay := self.tape.operations[producer]):
            first = decay.arguments[0]
            return first.value if isinstance(first, Ref) else value
        for _ in range(3):
            producer = self.tape.values[value].producer
            if value in self.by_version or value in self.stray_of or producer is None:
                return value
            operation = self.tape.operations[producer]
            same = [n for n in operation.inputs if self.tape.values[n].shape == self.tape.values[value].shape]
            if operation.function not in {"*", "/", "numpy.multiply"} or len(same) != 1:
                return value
            if self.dependence.newborn[same[0]] and self.names.get(value) is None and same[0] in self.names:
                return same[0]
            if same[0] not in self.by_version and same[0] not in self.stray_of:
                return value
            value = same[0]
        return value

    def is_step(self, operation: Operation, old: int, change: int) -> bool:
        values = self.tape.values
        value = values[old]
        if value.dtype[:5] not in {"float", "compl"} or not self.holds(value.shape, values[operation.result].shape):
            return False
        grown = self.grown.get(old) if old not in self.by_version else None
        if old not in self.by_version and not self.dependence.newborn[old] and grown is None:
            return False
        if old not in self.by_version and value.size == 1 and self.used[old] < 2:
            return False  # a number that goes into its own step only is a sum: no network reads it
        mask = self.dependence.masks
        # `random() - 0.5` has the 0.5 in common with all weights that are drawn so.
        made = value.producer is not None and old not in self.by_version
        own = grown or (mask[old] & ~self.dependence.written if made else mask[old])
        depends = mask[change] & own and mask[change] & ~(grown or mask[old])
        if not depends or (old not in self.by_version and not self.may_average and self.averages(old, change)):
            return False
        return self.takes_place(operation, old)

    def averages(self, old: int, change: int) -> bool:
        """Whether a change pulls an array towards what was not made from it: `m += 0.1 * (g - m)` remembers `g`."""
        shape, tape = self.tape.values[old].shape, self.tape
        producer = tape.values[change].producer
        while producer is not None:
            operation = tape.operations[producer]
            whole = [n for n in operation.inputs if tape.values[n].shape == shape]
            if operation.function in {"-", "+", "numpy.subtract", "numpy.add"} and old in whole:
                return not any(self.dependence.masks[n] & self.dependence.masks[old] for n in whole if n != old)
            if operation.function not in {"*", "/", "unary-", "numpy.multiply"} or len(whole) != 1:
                return False
            producer = tape.values[whole[0]].producer
        return False

    @staticmethod
    def holds(old: Shape, new: Shape) -> bool:
        """Whether a shape can be the old one, kept or grown by broadcasting."""
        if old == new:
            return True
        return len(old) <= len(new) and len(new) > 0

    def takes_place(self, operation: Operation, old: int) -> bool:
        """Whether the result goes where the old version was: the same object, the same name, or the same uses."""
        if operation.function.endswith("="):
            return True
        result = operation.result
        site = self.tape.sites[operation.site] if operation.site is not None else None
        known = old in self.named or old in self.by_version or old in self.stray_of
        if not known and not (site is not None and self.is_read_by_name(site.node, operation, old)):
            return False  # a passing value is nobody's parameter
        if site is not None and site.bound_to is not None:
            side = operation.arguments.index(Ref(old)) if Ref(old) in operation.arguments[:2] else -1
            if (site.number, side) not in self.reads_itself:
                own = _operand(site.node, side)
                self.reads_itself[site.number, side] = _normal(site.bound_to) in _parts(own)
            if self.reads_itself[site.number, side]:
                return True
        old_name, new_name = self.names.get(old), self.names.get(result)
        if old_name is not None and old_name == new_name:
            return True
        return not self.uses[old].isdisjoint(self.uses[result]) or self.is_projected(operation, old, old_name)

    def is_projected(self, operation: Operation, old: int, name: str | None) -> bool:
        """Whether a step is brought into bounds on its way to the old version's name: `W = clip(W - dW, -c, c)`."""
        value, known = operation.result, self.by_version.get(old)
        wanted = {known.name if known is not None else name, name} - {None}
        for _ in range(_MOST_PROJECTIONS):
            # What the bounds are computed from reads the step, too.
            bounded = [o for o in self.readers[value] if o.function in _BOUNDS and self.is_first(o, value)]
            if len(bounded) != 1:
                return False
            value = bounded[0].result
            if self.tape.values[value].shape != self.tape.values[old].shape:
                return False
            if self.names.get(value) in wanted or not self.uses[old].isdisjoint(self.uses[value]):
                return True
        return False

    @staticmethod
    def is_first(operation: Operation, value: int) -> bool:
        """Whether an operation is applied to a value, and not only reads it."""
        return operation.arguments[:1] == (Ref(value),)

    @staticmethod
    def is_read_by_name(node: ast.AST, operation: Operation, value: int) -> bool:
        """Whether an operand is written as a name: numbers unpacked from one line (`m, b = 0.0, 0.0`) are unknown."""
        if isinstance(node, ast.AugAssign):
            return bool(operation.arguments[0] == Ref(value))
        if not isinstance(node, ast.BinOp):
            return False
        written = zip((node.left, node.right), operation.arguments, strict=False)
        return any(isinstance(part, ast.Name) and argument == Ref(value) for part, argument in written)


def _parts(node: ast.AST) -> set[str]:
    """The names, attributes and items within an expression."""
    kinds = (ast.Name, ast.Attribute, ast.Subscript)
    return {ast.unparse(part) for part in ast.walk(node) if isinstance(part, kinds)}


def _operand(node: ast.AST, side: int) -> ast.AST:
    """One side of what is written with an operator; all of anything else, or where it is not known which."""
    if side < 0 or not isinstance(node, ast.BinOp):
        return node
    return node.left if side == 0 else node.right


def _normal(text: str) -> str:
    try:
        return ast.unparse(ast.parse(text, mode="eval"))
    except SyntaxError:
        return text


def find_parameters(tape: Tape, *, most_updates: int = 3) -> list[Parameter]:
    """The parameters that the program updates on this tape.

    Args:
        tape: With or without whole values.
        most_updates: How many updates of each are kept.
    """
    return list(parameters_and_strays(tape, most_updates)[0])


def parameters_and_strays(tape: Tape, most_updates: int) -> tuple[list[Parameter], list[Parameter]]:
    """The parameters and the strays; looked for once, for many ask."""
    key = ("parameters", most_updates, len(tape.operations), len(tape.bindings))
    if key not in tape.memory:
        every = (*key[:1], *key[2:])
        if every not in tape.memory:
            finder = _Finder(tape)
            found = finder.find()
            if not found:
                # A table that is pulled towards what was seen is learned, where nothing else is.
                finder = _Finder(tape, averages=True)
                found = finder.find()
            tape.memory[every] = begun_once(tape, found), finder.strays
        few = ([replace(p, updates=p.updates[:most_updates]) for p in one] for one in tape.memory[every])
        tape.memory[key] = tuple(few)
    parameters, strays = tape.memory[key]
    return parameters, strays


def side_by_side(parameters: Sequence[Parameter]) -> list[Parameter]:
    """The parameters without the first steps of those of which others have none: `w, b = random(), 0`.

    A number that several begin with, or an integer, is no one's first version: these are known by their second. The
    versions that are left were together in one forward pass.
    """
    if not any(p.late for p in parameters):
        return list(parameters)
    later = (p if p.late else replace(p, birth=p.updates[0].new, updates=p.updates[1:], late=True) for p in parameters)
    return [p for p in later if p.updates]
