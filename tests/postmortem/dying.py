"""Programs that die here and now, and what is said of them from their frames alone."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from shapecheck.postmortem.explanation import Explanation, explain


def died(text: str, folder: Path) -> Exception:
    """Run a program that is a file of the current folder; the exception that it ends with."""
    path = folder / "program.py"
    path.write_text(text)
    assert folder.samefile(Path.cwd()), "the program must lie in the current folder"
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(text, str(path), "exec"), namespace)
    except Exception as error:
        return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
    raise AssertionError("the program ran to its end")


def said_of(text: str, folder: Path) -> Explanation | None:
    """What is said of a program that dies."""
    return explain(died(text, folder))


def operands_of(text: str, folder: Path) -> list[tuple[str, tuple[int, ...]]]:
    """The operands that are named; none where nothing is said."""
    explanation = said_of(text, folder)
    return [] if explanation is None else [(o.source, o.shape) for o in explanation.finding.operands]
