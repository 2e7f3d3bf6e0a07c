"""Shapes of what library functions return, told from the shapes of what they are given; computes with no entries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Shape = tuple[int, ...]
# Stand-ins of more entries than this are not handed to a function that would fill a new array.
_MOST_ENTRIES = 20_000_000


class NotKnownError(Exception):
    """What an expression gave cannot be told without running it."""


class Inferred:
    """An array that is gone: its shape is known for certain, its entries are not.

    Attributes:
        matrix: Whether it was an `np.matrix`, whose `*` is the matrix product.
    """

    __slots__ = ("matrix", "shape")

    def __init__(self, shape: Shape, matrix: bool = False) -> None:
        self.shape = tuple(int(size) for size in shape)
        self.matrix = matrix

    def stand_in(self) -> Any:
        """An array of this shape that takes no memory, or little for an `np.matrix`."""
        if self.matrix:
            return np.full(self.shape, 0.5).view(np.matrix)  # its constructor warns
        return np.broadcast_to(0.5, self.shape)


Numeric = (bool, int, float, complex, np.generic)


def shape_of(value: Any) -> Shape:
    """The shape of an array or a number.

    Raises:
        NotKnownError: It is neither.
    """
    if type(value) in {np.ndarray, np.matrix, Inferred}:
        return tuple(value.shape)
    if isinstance(value, Numeric):
        return ()
    raise NotKnownError


def is_matrix(value: Any) -> bool:
    """Whether a value is an `np.matrix`."""
    return type(value) is np.matrix or (type(value) is Inferred and value.matrix)


def elementwise(*operands: Any) -> Inferred:
    """The broadcast of some operands.

    Raises:
        NotKnownError: One of them is no array, or they do not go together.
    """
    shapes = [shape_of(o) for o in operands]
    try:
        return Inferred(np.broadcast_shapes(*shapes), any(map(is_matrix, operands)))
    except ValueError as error:
        raise NotKnownError from error


def product(left: Any, right: Any) -> Inferred:
    """`np.dot`.

    Raises:
        NotKnownError: The shapes do not go together.
    """
    a, b = shape_of(left), shape_of(right)
    matrix = is_matrix(left) or is_matrix(right)
    if not a or not b:
        return Inferred(a or b, matrix)
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner:
        raise NotKnownError
    return Inferred(a[:-1] + b[:-2] + (b[-1:] if len(b) > 1 else ()), matrix)


def matmul(left: Any, right: Any) -> Inferred:
    """`a @ b`, whose leading axes are broadcast.

    Raises:
        NotKnownError: The shapes do not go together.
    """
    a, b = shape_of(left), shape_of(right)
    if not a or not b:
        raise NotKnownError
    if len(a) <= 2 and len(b) <= 2:
        return product(left, right)
    rows, columns = (a[-2:-1] if len(a) > 1 else ()), (b[-1:] if len(b) > 1 else ())
    if a[-1] != (b[-2] if len(b) > 1 else b[0]):
        raise NotKnownError
    try:
        return Inferred(np.broadcast_shapes(a[:-2], b[:-2]) + rows + columns)
    except ValueError as error:
        raise NotKnownError from error


def _outer(left: Any, right: Any) -> Inferred:
    return Inferred((math.prod(shape_of(left)), math.prod(shape_of(right))))


def _reduced(array: Any, axis: Any = None, *, keepdims: Any = False, **_: Any) -> Inferred:
    shape = shape_of(array)
    if is_matrix(array) or keepdims not in (True, False):
        raise NotKnownError
    axes = range(len(shape)) if axis is None else axis if type(axis) is tuple else (axis,)
    if not all(type(a) is int and -len(shape) <= a < len(shape) for a in axes):
        raise NotKnownError
    gone = {a % len(shape) for a in axes}
    if keepdims:
        return Inferred(tuple(1 if i in gone else size for i, size in enumerate(shape)))
    return Inferred(tuple(size for i, size in enumerate(shape) if i not in gone))


def _like(array: Any, *_: Any, **__: Any) -> Inferred:
    return Inferred(shape_of(array), is_matrix(array))


def _reshaped(array: Any, *sizes: Any) -> Inferred:
    shape = _sizes(sizes)
    total = math.prod(shape_of(array))
    if shape.count(-1) == 1:
        rest = -math.prod(shape)
        if rest <= 0 or total % rest:
            raise NotKnownError
        shape = tuple(total // rest if size == -1 else size for size in shape)
    if math.prod(shape) != total or min(shape, default=0) < 0 or is_matrix(array):
        raise NotKnownError
    return Inferred(shape)


def _sizes(sizes: Any) -> Shape:
    """The shape in `reshape(3, 4)`, `reshape((3, 4))` or `zeros(3)`."""
    if len(sizes) == 1 and type(sizes[0]) in {tuple, list}:
        sizes = sizes[0]
    if not all(isinstance(size, int | np.integer) and not isinstance(size, bool) for size in sizes):
        raise NotKnownError
    return tuple(int(size) for size in sizes)


def _filled(shape: Any, *_: Any, **__: Any) -> Inferred:
    return Inferred(_sizes((shape,)))


def _drawn(*sizes: Any) -> Inferred:
    return Inferred(_sizes(sizes))


def _sampled(*parameters: Any, size: Any = None) -> Inferred:
    """A draw whose size is said by name; of parameters that are arrays the size may be theirs."""
    if size is None or any(shape_of(parameter) != () for parameter in parameters):
        raise NotKnownError
    return Inferred(_sizes((size,)))


def _flat(array: Any) -> Inferred:
    if is_matrix(array):
        raise NotKnownError
    return Inferred((math.prod(shape_of(array)),))


def _made(thing: Any, *_: Any, **keywords: Any) -> Inferred:
    if set(keywords) - {"dtype", "copy"} or is_matrix(thing):
        raise NotKnownError
    return Inferred(shape_of(thing))


def _matrix(thing: Any) -> Inferred:
    shape = shape_of(thing)
    if len(shape) > 2:
        raise NotKnownError
    return Inferred((1, *shape) if len(shape) == 1 else shape or (1, 1), matrix=True)


def _by_stand_ins(function: Callable[..., Any]) -> Callable[..., Inferred]:
    """Have the function itself say what it makes of shapes; for those whose result no entry can change."""

    def rule(*arguments: Any, **keywords: Any) -> Inferred:
        if _entries(arguments) > _MOST_ENTRIES:
            raise NotKnownError
        try:
            result = function(*map(_stand_in, arguments), **{k: _stand_in(v) for k, v in keywords.items()})
        except Exception as error:
            raise NotKnownError from error
        return Inferred(np.shape(result), type(result) is np.matrix)

    return rule


def _entries(value: Any) -> int:
    if type(value) in {list, tuple}:
        return sum(map(_entries, value))
    return math.prod(value.shape) if type(value) in {np.ndarray, np.matrix, Inferred} else 1


def _stand_in(value: Any) -> Any:
    if type(value) in {list, tuple}:
        return type(value)(_stand_in(element) for element in value)
    if type(value) is Inferred:
        return value.stand_in()
    if type(value) in {np.ndarray, np.matrix}:
        return Inferred(value.shape, type(value) is np.matrix).stand_in()
    if value is None or isinstance(value, Numeric):
        return value
    raise NotKnownError


_REDUCTIONS = "sum mean max min amax amin prod std var argmax argmin any all median"
_SAME_SHAPE = "zeros_like ones_like empty_like full_like copy clip nan_to_num cumsum flip round real imag sort"
_VIEWS = "transpose squeeze expand_dims atleast_1d atleast_2d swapaxes moveaxis concatenate vstack hstack stack"
_VIEWS += " column_stack append repeat tile broadcast_to roll diag diagonal trace kron eye identity pad"

FUNCTIONS: dict[Any, Callable[..., Inferred]] = {
    np.dot: product,
    np.outer: _outer,
    np.reshape: _reshaped,
    np.ravel: _flat,
    np.where: lambda *three: elementwise(*three) if len(three) == 3 else _unknown(),
    np.array: _made,
    np.asarray: _made,
    np.matrix: _matrix,
    np.asmatrix: _matrix,
    np.linalg.norm: lambda array, *rest, **keywords: _reduced(array, **keywords) if not rest else _unknown(),
}
FUNCTIONS.update({getattr(np, name): _reduced for name in _REDUCTIONS.split()})
FUNCTIONS.update({getattr(np, name): _like for name in _SAME_SHAPE.split() if hasattr(np, name) and name != "cumsum"})
FUNCTIONS.update({getattr(np, name): _by_stand_ins(getattr(np, name)) for name in [*_VIEWS.split(), "cumsum"]})
FUNCTIONS.update({getattr(np, name): _filled for name in ("zeros", "ones", "empty", "full")})
# What draws samples: by the names that it has in `np.random` and on its generators.
_DRAWS: dict[str, Callable[..., Inferred]] = {
    **dict.fromkeys(("rand", "randn"), _drawn),
    **dict.fromkeys(("random", "random_sample", "standard_normal"), lambda size: Inferred(_sizes((size,)))),
    **dict.fromkeys(("normal", "uniform", "randint", "integers"), _sampled),
}
FUNCTIONS.update({getattr(np.random, name): rule for name, rule in _DRAWS.items() if hasattr(np.random, name)})


def _unknown(*_: Any, **__: Any) -> Inferred:
    raise NotKnownError


_BY_IDENTITY = {id(function): rule for function, rule in FUNCTIONS.items()}

GENERATORS = frozenset({np.random.RandomState, np.random.Generator})
METHODS: dict[str, Callable[..., Inferred]] = {
    "dot": product,
    "reshape": _reshaped,
    "ravel": _flat,
    "flatten": _flat,
    "copy": _like,
    "astype": _like,
    "clip": _like,
    "round": _like,
    "conj": _like,
    **dict.fromkeys("sum mean max min prod std var argmax argmin any all".split(), _reduced),
    **{name: FUNCTIONS[getattr(np, name)] for name in "transpose squeeze swapaxes repeat cumsum".split()},
}


def called(function: Any, arguments: list[Any], keywords: dict[str, Any]) -> Inferred:
    """What a library function returned, given what it was called with.

    Raises:
        NotKnownError: There is no rule for it, or its result depends on more than shapes.
    """
    if "out" in keywords or "where" in keywords:
        raise NotKnownError
    if function is np.matmul:
        return matmul(*arguments) if len(arguments) == 2 and not keywords else _unknown()
    if isinstance(function, np.ufunc):
        plain = function.signature is None and function.nout == 1 and len(arguments) == function.nin
        return elementwise(*arguments) if plain and not keywords else _unknown()
    rule = _BY_IDENTITY.get(id(function))  # a callable of the user's own may have a `__hash__` of its own
    if rule is None:
        raise NotKnownError
    return _applied(rule, arguments, keywords)


def method(owner: Any, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Inferred:
    """What a method of an array, or of a random generator, returned.

    Raises:
        NotKnownError: There is no rule for it, or its result depends on more than shapes.
    """
    if type(owner) in GENERATORS:
        return _applied(_DRAWS.get(name, _unknown), arguments, keywords)
    rule = METHODS.get(name)
    if rule is None or "out" in keywords or "where" in keywords:
        raise NotKnownError
    if name == "transpose" and arguments and type(arguments[0]) is not tuple:
        arguments = [tuple(arguments)]
    return _applied(rule, [owner, *arguments], keywords)


def _applied(rule: Callable[..., Inferred], arguments: list[Any], keywords: dict[str, Any]) -> Inferred:
    try:
        return rule(*arguments, **keywords)
    except NotKnownError:
        raise
    except Exception as error:  # called in a way that the rule does not know
        raise NotKnownError from error
