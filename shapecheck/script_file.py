"""Whether a file is a program that can be run at all; says in one paragraph why not."""

from __future__ import annotations

import difflib
import io
import tokenize
import traceback
import warnings
from pathlib import Path


def unusable(script: str) -> str | None:
    """Look at a script before it is run.

    Args:
        script: The path as the user typed it.

    Returns:
        One paragraph on why it cannot be run and what to do, or None where it can.
    """
    return unreadable(script) or unusable_text(script, Path(script).read_bytes())


def unreadable(script: str) -> str | None:
    """One paragraph on why a file cannot be read, or None where it can."""
    path = Path(script)
    try:
        if path.is_dir():
            return _folder(script, path)
        path.read_bytes()
    except FileNotFoundError:
        return _not_found(script, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"{script} cannot be read: {reason}"
    return None


def unusable_text(name: str, data: bytes) -> str | None:
    """One paragraph on why a program's text cannot be run, or None where it can.

    Args:
        name: What the program is called.
        data: Its text, undecoded.
    """
    if b"\0" in data:
        return f"{name} is no Python source: it holds null bytes, as compiled or compressed files and UTF-16 text do"
    return _undecodable(name, data) or _syntax_error(name, data)


def _folder(script: str, path: Path) -> str:
    inside = sorted(path.glob("*.py"))
    names = ["__main__.py", "main.py", "train.py"]
    inside.sort(key=lambda file: names.index(file.name) if file.name in names else len(names))
    hint = f", such as {inside[0]}" if inside else ""
    return f"{script} is a folder: name the script in it{hint}"


def _not_found(script: str, path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no file {script}: there is no folder {folder} either"
    if path.with_name(path.name + ".py").is_file():
        return f"there is no file {script}: there is {path.with_name(path.name + '.py')}"
    try:
        scripts = [file.name for file in folder.iterdir() if file.suffix in {".py", ".ipynb"}]
    except OSError:
        scripts = []
    near = difflib.get_close_matches(path.name, scripts, n=1)
    if near:
        return f"there is no file {script}: there is {folder / near[0]}"
    return f"there is no file {script}: give its path from the current folder, {Path.cwd()}"


def _undecodable(script: str, data: bytes) -> str | None:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if _is_utf8(data):
            return f"{script} cannot be read as text: {error.msg}; correct the `coding:` comment in its first lines"
        encoding = "utf-8"
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode(encoding, "replace")) + 1
        name = "UTF-8" if encoding.startswith("utf-8") else encoding
        return (
            f"{script} is not {name} text: byte 0x{data[error.start]:02x} at line {line}, column {column}. Save it as "
            "UTF-8, or declare its encoding in the first line, such as `# -*- coding: latin-1 -*-`"
        )
    return None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _syntax_error(script: str, data: bytes) -> str | None:
    try:
        with warnings.catch_warnings():
            # Python gives its warnings when the program runs; once is enough.
            warnings.simplefilter("ignore")
            compile(data, script, "exec", dont_inherit=True)
    except SyntaxError as error:
        shown = "".join(traceback.format_exception_only(error)).rstrip()
        return f"{script} cannot be run, Python does not understand it:\n{shown}"
    except (RecursionError, MemoryError, ValueError) as error:
        return f"{script} cannot be run, Python does not understand it: {error or 'it is nested too deeply'}"
    return None
