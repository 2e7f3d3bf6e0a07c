"""Under which name a call stands on the tape, and whether a replay may make it again."""

from __future__ import annotations

import copy
import inspect
import sys
import types
from typing import Any

import numpy as np

from shapecheck.trace.operations import DRAWS
from shapecheck.trace.recorder import ArrayStub
from shapecheck.trace.sites import Site
from shapecheck.trace.vectorized import vectorized_name

# Functions whose result depends on nothing but sizes, files or chance: a replay takes what they gave.
LEAF_NAMES = frozenset(
    "zeros ones empty full eye identity arange linspace logspace zeros_like ones_like empty_like full_like meshgrid "
    "load loadtxt genfromtxt fromfile fromstring frombuffer fromiter tri indices argmax argmin argsort argwhere "
    "nonzero permutation where_true unique searchsorted bincount digitize shuffle sample".split()
).union(DRAWS)

# What they make of an array is what `np.copy` makes of it.
_COPIERS = (copy.copy, copy.deepcopy)


def library_object(path: str) -> Any:
    """What a dotted path names in the libraries that the program imported; None where nothing."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        thing = sys.modules.get(".".join(parts[:count]))
        if thing is not None:
            for part in parts[count:]:
                thing = getattr(thing, part, None)
            return thing
    return None


def callee_of(site: Site, roles: dict[str, Any]) -> tuple[Any, Any]:
    """(function, receiver) of a call; a method of the user's own is found without running any of their code."""
    if "receiver" not in roles:
        return roles.get("function"), None
    receiver = roles["receiver"]
    try:
        if isinstance(receiver, types.ModuleType | type | np.ufunc | np.ndarray | np.generic):
            return getattr(receiver, site.operator, None), receiver
        return inspect.getattr_static(receiver, site.operator, None), receiver
    except Exception:
        return None, receiver


def code_file(callee: Any) -> str | None:
    """The file that a Python function is written in; None for compiled ones."""
    callee = getattr(callee, "__func__", callee)
    code = getattr(callee, "__code__", None)
    if code is None and not isinstance(callee, type | types.BuiltinFunctionType | np.ufunc):
        code = getattr(inspect.getattr_static(type(callee), "__call__", None), "__code__", None)
    return None if code is None else code.co_filename


def function_name(site: Site, callee: Any, receiver: Any) -> tuple[str, str]:
    """(name to replay it by, label)."""
    if any(callee is copier for copier in _COPIERS):
        return "numpy.copy", site.operator
    if isinstance(callee, np.vectorize):
        return vectorized_name(callee) or "opaque", site.operator
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
    # `from numpy.lib.stride_tricks import ...`, `from scipy.special import expit`
    for home in (module, "scipy.special"):
        if name and home and callee is not None and getattr(sys.modules.get(home), name, None) is callee:
            return f"{home}.{name}", name
    return "opaque", name or site.operator


def is_leaf(function: str, label: str, receiver: Any) -> bool:
    """Whether a replay takes what the function gave."""
    if isinstance(receiver, np.random.Generator | np.random.RandomState):
        return True
    if function == "opaque":
        return label in LEAF_NAMES
    if function.startswith(("numpy.random.", "random.")):
        return True
    return function.startswith("numpy.") and function.rpartition(".")[2] in LEAF_NAMES
