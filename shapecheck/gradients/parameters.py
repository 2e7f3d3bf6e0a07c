"""The parameters of a check: found in the user's containers, perturbed where they are, restored bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.errors import MutationError, ParameterError

Array = NDArray[Any]
Direction = Mapping[str, NDArray[np.float64]]


class Parameter:
    """One leaf of the user's structure.

    A writeable floating array is perturbed in place, so that every reference to it sees the change. A Python float,
    a NumPy scalar or a read-only array is replaced in the dict or list that holds it.
    """

    def __init__(self, name: str, value: Any, container: Any, key: Any) -> None:
        self.name = name
        self.value = value
        self.held = value
        self.container = container
        self.key = key
        # np.matrix and other subclasses change what * and indexing mean; their memory is an ordinary array.
        self.array: Array = np.asarray(value)
        self.shape: tuple[int, ...] = self.array.shape
        self.size: int = self.array.size
        self.dtype: np.dtype[Any] = self.array.dtype
        self.in_place = isinstance(value, np.ndarray) and bool(self.array.flags.writeable)
        self.original: Array = np.array(self.array, copy=True)  # K order: a Fortran array stays one
        self.center: Array = self.original  # where differences are taken around; moved for a second look

    @property
    def replaceable(self) -> bool:
        """Whether a new value can be put where the old one was found."""
        return isinstance(self.container, MutableMapping | MutableSequence)

    @property
    def is_single_precision(self) -> bool:
        """Whether the dtype has fewer digits than float64."""
        return bool(np.finfo(self.dtype).eps > np.finfo(np.float64).eps)

    def put(self, values: Array) -> None:
        """Make `values` (of the parameter's shape) what the user's code sees."""
        if self.in_place:
            self.array[...] = values
        elif values is self.original:
            self._hold(self.value)  # the very object that was there
        elif isinstance(self.value, float):
            self._hold(type(self.value)(values))
        else:
            self._hold(np.array(values, dtype=self.dtype))

    def _hold(self, value: Any) -> None:
        self.held = value
        if self.replaceable:
            self.container[self.key] = value

    def current(self) -> Array:
        """What the user's code sees now; not a copy."""
        if self.in_place:
            return self.array
        return np.asarray(self.container[self.key] if self.replaceable else self.held)


def flatten(structure: Any, name: str = "x", whole: frozenset[str] = frozenset()) -> list[tuple[str, Any, Any, Any]]:
    """Name every leaf of nested dicts, lists and tuples: (name, value, container, key). `None` is no leaf.

    Args:
        structure: What holds the leaves.
        name: What to call it if it is a leaf itself.
        whole: Names under which a list is a leaf: an array written as lists.
    """
    if isinstance(structure, Mapping):
        items: Iterator[tuple[Any, Any]] = iter(structure.items())
    elif isinstance(structure, Sequence) and not isinstance(structure, str | bytes):
        items = enumerate(structure)
    else:
        return [(name, structure, None, None)]
    return _flatten_items(structure, items, "", whole)


def _flatten_items(
    container: Any, items: Iterator[tuple[Any, Any]], prefix: str, whole: frozenset[str]
) -> list[tuple[str, Any, Any, Any]]:
    leaves: list[tuple[str, Any, Any, Any]] = []
    for key, value in items:
        path = key if isinstance(key, str) and not prefix else f"{prefix}[{key!r}]"
        if value is None:
            continue
        if isinstance(value, Mapping):
            leaves += _flatten_items(value, iter(value.items()), path, whole)
        elif isinstance(value, list | tuple) and path not in whole:
            leaves += _flatten_items(value, enumerate(value), path, whole)
        else:
            leaves.append((path, value, container, key))
    return leaves


class ParameterSet:
    """All parameters of a check, in the user's structure.

    Args:
        structure: A dict, list or tuple (nested, if you like) of floating arrays or floats, or a single array.
        name: What to call a single array.
        passed: Whether the loss gets the structure as an argument, so that a tuple of floats will do.

    Raises:
        ParameterError: A leaf cannot be perturbed, or two leaves share memory.
    """

    def __init__(self, structure: Any, *, name: str = "x", passed: bool = False) -> None:
        self.structure = structure
        self.parameters = [Parameter(*leaf) for leaf in flatten(structure, name)]
        self.by_name = {p.name: p for p in self.parameters}
        if not self.parameters:
            raise ParameterError("there are no parameters: `params` holds no array")
        for parameter in self.parameters:
            _refuse_unless_perturbable(parameter, passed=passed)
        self._refuse_shared_memory()

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self.by_name[name]

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The users' names, in their order."""
        return tuple(p.name for p in self.parameters)

    def current_structure(self) -> Any:
        """The structure to hand to a loss that takes it: the user's own object wherever its leaves live in it."""
        if all(p.in_place or p.replaceable for p in self.parameters):
            return self.structure
        return self.rebuild({p.name: p.value if p.in_place else p.held for p in self.parameters})

    def rebuild(self, values: Mapping[str, Any]) -> Any:
        """A structure like the user's with other leaves."""
        if len(self.parameters) == 1 and self.parameters[0].container is None:
            return values[self.parameters[0].name]
        return _rebuild(self.structure, iter([values[p.name] for p in self.parameters]))

    def displace(self, displacement: Direction) -> dict[str, NDArray[np.float64]]:
        """Move the named parameters to center + displacement; returns how far they really moved.

        The sum is rounded to the parameter's dtype, so the true displacement differs a little.
        """
        moved: dict[str, NDArray[np.float64]] = {}
        for name, along in displacement.items():
            parameter = self.by_name[name]
            target = (parameter.center + along).astype(parameter.dtype, copy=False)
            parameter.put(target)
            out = target if target.dtype == np.float64 and target.ndim else None
            moved[name] = np.subtract(target, parameter.center, out=out, dtype=np.float64)
        return moved

    def recenter(self, names: Iterable[str] | None = None) -> None:
        """Put the named parameters (all of them by default) back to the center."""
        for name in self.names if names is None else names:
            self.by_name[name].put(self.by_name[name].center)

    def move_center(self, centers: Mapping[str, Array]) -> None:
        """Take differences around other values from now on; `restore` still goes back to the original ones."""
        for name, center in centers.items():
            self.by_name[name].center = center.astype(self.by_name[name].dtype)
        self.recenter()

    def restore(self) -> None:
        """Put every parameter back as it was in the beginning, bit for bit."""
        for parameter in self.parameters:
            parameter.center = parameter.original
            parameter.put(parameter.original)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Restore on the way out, whatever happened inside, Ctrl-C included."""
        try:
            yield
        finally:
            self.restore()

    def refuse_changes(self, who: str, names: Iterable[str] | None = None) -> None:
        """Raise if a parameter no longer holds the bits that were put there.

        Raises:
            MutationError: `who` changed it. The parameters are restored first.
        """
        for name in self.names if names is None else names:
            parameter = self.by_name[name]
            now = parameter.current()
            if now.shape != parameter.shape or not _bits_equal(now, parameter.center):
                self.blame(who, name)

    def blame(self, who: str, name: str) -> None:
        """Restore the parameters and say that `who` changed one.

        Raises:
            MutationError: Always.
        """
        self.restore()
        raise MutationError(
            f"{who} changed the parameter `{name}` in place; differences of two evaluations then mean nothing. Work "
            f"on a copy (`{name}.copy()`), or write `p = p - ...` where it says `p -= ...`",
            parameter=name,
            who=who,
        )

    def _refuse_shared_memory(self) -> None:
        arrays = [p for p in self.parameters if p.in_place]
        for i, first in enumerate(arrays):
            for second in arrays[i + 1 :]:
                if np.may_share_memory(first.array, second.array) and _overlap(first.array, second.array):
                    raise ParameterError(
                        f"`{first.name}` and `{second.name}` share memory: perturbing one moves the other. Pass the "
                        f"shared array once, with the sum of its gradients, or give each its own copy",
                        parameters=(first.name, second.name),
                    )


def _rebuild(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, Mapping):
        new: Any = {k: None if v is None else _rebuild(v, leaves) for k, v in structure.items()}
        return new
    if isinstance(structure, list | tuple):
        parts: list[Any] = [None if v is None else _rebuild(v, leaves) for v in structure]
        if isinstance(structure, tuple) and hasattr(structure, "_fields"):
            return type(structure)(*parts)
        return parts if isinstance(structure, list) else tuple(parts)
    return next(leaves)


def _bits_equal(a: Array, b: Array) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True)) and bool(np.array_equal(np.signbit(a), np.signbit(b)))


def _overlap(a: Array, b: Array) -> bool:
    try:
        return bool(np.shares_memory(a, b, max_work=100_000))  # type: ignore[arg-type]  # the stubs know two values only
    except (np.exceptions.TooHardError, OverflowError):
        return True


def _refuse_unless_perturbable(parameter: Parameter, *, passed: bool) -> None:
    name, dtype, value = parameter.name, parameter.dtype, parameter.value
    reason = ""
    if isinstance(value, bool | np.bool_) or dtype.kind == "b":
        reason = f"`{name}` is boolean: it has no derivative"
    elif dtype.kind in "iu":
        reason = (
            f"`{name}` is an integer ({dtype}): a step of 1e-6 would be rounded away and every difference would be 0. "
            f"Make it a float where it is created, for instance `{name} = {name}.astype(float)`"
            if isinstance(value, np.ndarray)
            else f"`{name}` is an integer: write {value!r}.0, so that a small step does not change its type"
        )
    elif dtype.kind == "c":
        reason = f"`{name}` is complex: check its real and its imaginary part as two parameters"
    elif dtype.kind != "f":
        reason = f"`{name}` is a {type(value).__name__} of dtype {dtype}, not an array of floating-point numbers"
    elif isinstance(value, np.ndarray) and parameter.in_place and _repeats_itself(parameter.array):
        reason = f"several entries of `{name}` are one and the same number in memory (a broadcast view): pass a copy"
    elif not (parameter.in_place or parameter.replaceable or passed):
        what = "read-only" if isinstance(value, np.ndarray) else f"a {type(value).__name__}, which cannot be changed"
        reason = (
            f"`{name}` is {what}, so it cannot be perturbed in place. Keep it in a dict or a list that the loss "
            f"reads, pass a copy of an array, or write the loss as a function of the parameters"
        )
    if reason:
        raise ParameterError(reason, parameter=name, dtype=str(dtype))


def _repeats_itself(array: Array) -> bool:
    return any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))
