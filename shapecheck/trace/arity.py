"""The recorder's most frequent function, written out for each number of operands.

`record_2_1(site, result, a, b)` is called when an expression with two operands that can be read again and one that
was held has been evaluated. A call with a fixed number of arguments, and no object made that Python's garbage
collector has to watch, is what keeps a program of tiny arrays from waiting for its recorder; so these are made from a
template rather than taking `*operands`. `record_list_2_1` does the same, and copies lists as they are at that time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import Any

_TEMPLATE = """
def make(state, extend, flat, roll, push, pop, identify, ndarray, tracked, keep, lists, copied):
    def {name}({parameters}):
{take}
        kind = type(result)
        if kind in tracked:
            if kind is ndarray and result.nbytes > 4096:
                keep(site, result, ({operands}))
            elif state.rolling:
                roll((site, result, {operands}))
            elif state.quick:
                extend((site, result, {count}, {operands}))
                if len(flat) >= state.limit:
                    state.reached()
            else:
                keep(site, result, ({operands}))
{give}
        return result
    return {name}
"""
_GUARD = "        if state.guarded and identify() != state.owner:\n            return result"


@cache
def _compiled(reloaded: int, held: int, push: bool, copies: bool) -> CodeType:
    names = [f"r{i}" for i in range(reloaded)]
    kept = [f"h{i}" for i in range(held)]
    lines = [f"        {name} = pop()" for name in reversed(kept)]
    if copies:
        lines += [f"        if type({n}) in lists:\n            {n} = copied({n})" for n in [*names, *kept]]
    text = _TEMPLATE.format(
        name=function_name(reloaded, held, push, copies),
        parameters=", ".join(["site", "result", *names]),
        count=reloaded + held,
        operands="".join(f"{name}, " for name in [*names, *kept]),
        take="\n".join([_GUARD, *lines] if held or push else lines),
        give="        push(result)" if push else "",
    )
    return compile(text, __file__, "exec")


def function_name(reloaded: int, held: int, push: bool, copies: bool) -> str:
    """The name under which rewritten code asks for it."""
    return "record" + "_list" * copies + f"_{reloaded}_{held}" + "_push" * push


def record_function(name: str, **scope: Any) -> Callable[..., Any]:
    """Make one of the functions.

    Args:
        name: As `function_name` gives it.
        scope: The recorder's own objects that the template reads.
    """
    reloaded, held, *push = name.removeprefix("record_").removeprefix("list_").split("_")
    namespace: dict[str, Any] = {}
    exec(_compiled(int(reloaded), int(held), bool(push), name.startswith("record_list")), namespace)
    made: Callable[..., Any] = namespace["make"](**scope)
    return made
