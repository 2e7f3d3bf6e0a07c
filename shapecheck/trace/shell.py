"""What a notebook's program finds in the place of IPython's shell: it takes every command and does no harm."""

from __future__ import annotations

import builtins
import os
import sys
from typing import Any


class Shell:
    """Stands in for the object that `get_ipython()` gives; what it does not know, it takes and does nothing.

    `%cd`, `%env` and `%%writefile` do what they say, because the rest of the program stands on it. Shell commands and
    other programs (`!pip`, `%%bash`, `%run`) are not run, and a line on standard error says so.
    """

    def run_line_magic(self, name: str, line: str = "", *_: Any, **__: Any) -> Any:
        """`%name line`."""
        if name == "cd" and line.strip():
            os.chdir(os.path.expanduser(line.strip().strip("'\"")))
        elif name in {"env", "set_env"} and line.strip():
            key, _space, value = line.replace("=", " ", 1).strip().partition(" ")
            if value.strip():
                os.environ[key] = value.strip()
        elif name in {"run", "sx", "system", "pip", "conda", "mamba", "uv"}:
            self._left_out(f"%{name} {line}")
        return None

    def run_cell_magic(self, name: str, line: str = "", cell: str = "", *_: Any, **__: Any) -> Any:
        """`%%name line` with the cell below it."""
        if name in {"writefile", "file"}:
            append = line.split()[:1] == ["-a"]
            _write(line.split(maxsplit=1)[-1] if append else line.strip(), cell.rstrip("\n") + "\n", append)
        elif name not in {"html", "HTML", "markdown", "latex", "svg", "javascript", "js"}:
            self._left_out(f"%%{name} {line}")
        return None

    def magic(self, line: str, *_: Any) -> Any:
        """The old form of `run_line_magic`."""
        name, _space, rest = line.lstrip("%").partition(" ")
        return self.run_line_magic(name, rest)

    def system(self, command: str, *_: Any) -> None:
        """`!command`."""
        self._left_out(f"!{command}")

    def getoutput(self, command: str, *_: Any) -> list[str]:
        """`lines = !command`."""
        self._left_out(f"!{command}")
        return []

    @staticmethod
    def _left_out(command: str) -> None:
        sys.stderr.write(f"not run while diagnosing: {command.strip()}\n")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> None:
        """Any other method of the shell."""


def _write(path: str, text: str, append: bool) -> None:
    path = os.path.expanduser(path.strip("'\""))
    try:
        with open(path, encoding="utf-8") as file:
            before = file.read()
    except OSError:
        before = None
    if before is not None and (before.endswith(text) if append else before == text):
        return  # a trial may write nothing, and need not
    with open(path, "a" if append else "w", encoding="utf-8") as file:
        file.write(text)


def install_shell() -> None:
    """Put `get_ipython` and `display` where a notebook's program finds them: among the builtins."""
    shell = Shell()

    def get_ipython() -> Shell:
        return shell

    def display(*objects: Any, **_: Any) -> None:
        for thing in objects:
            sys.stdout.write(f"{thing!r}\n")

    names: dict[str, Any] = {"get_ipython": get_ipython, "display": display}
    vars(builtins).update(names)
    # A notebook shows its figures below the cell; there is no window to wait for.
    os.environ.setdefault("MPLBACKEND", "Agg")
