"""The page of each code, and the list of all codes, for a reader at a terminal."""

from __future__ import annotations

import difflib
import re
from importlib.resources import files

from rich.text import Text

from shapecheck.diagnose.codes import CODES, FAMILIES
from shapecheck.report.terminal import MIN_WIDTH, to_string, wrap

_INLINE_CODE = re.compile(r"`([^`]+)`")
_INDENT = Text("    ")


class UnknownCodeError(ValueError):
    """There is no such code; the message names those that are near."""


def page(code: str) -> str:
    """Read the page of a code, in Markdown.

    Args:
        code: Upper or lower case, `SC101` or `101`.

    Raises:
        UnknownCodeError: No such code.
    """
    name = code.strip().upper()
    name = f"SC{name}" if name.isdigit() else name
    if name not in CODES:
        raise UnknownCodeError(_unknown(code, name))
    return files("shapecheck.report").joinpath("pages", f"{name}.md").read_text(encoding="utf-8")


def _unknown(code: str, name: str) -> str:
    family = [known for known in CODES if name[:3] in FAMILIES and known.startswith(name[:3])]
    near = family or difflib.get_close_matches(name, CODES, n=3)
    hint = f"; there is {', '.join(near)}" if near else ""
    return f"there is no code {code!r}{hint}; `python -m shapecheck explain` lists all codes"


def render_page(code: str, *, width: int = 80, color: bool = False) -> str:
    """Lay out the page of a code.

    Raises:
        UnknownCodeError: No such code.
    """
    width = max(width, MIN_WIDTH)
    rows: list[Text] = []
    paragraph: list[str] = []
    block = ""  # the language of the block of code that a line is in

    def finish_paragraph() -> None:
        if paragraph:
            rows.extend(_paragraph(" ".join(paragraph), width))
            paragraph.clear()

    for line in page(code).splitlines():
        if line.startswith("```"):
            finish_paragraph()
            block = line[3:]
            if block == "text":
                rows[-1:] = [Text("  gives")]  # in place of the blank row between an example and its output
        elif block == "text":
            rows += wrap(Text(line, style="dim"), width, _INDENT, _INDENT)
        elif block:
            rows.append(Text.assemble(_INDENT, (line, "cyan")))
        elif line.startswith("#"):
            finish_paragraph()
            rows += wrap(Text(line.lstrip("# "), style="bold"), width, Text(), Text("       "))
        elif not line.strip():
            finish_paragraph()
            rows.append(Text())
        else:
            if line.startswith("- "):
                finish_paragraph()
            paragraph.append(line.strip())
    finish_paragraph()
    return to_string(rows, color=color)


def _paragraph(text: str, width: int) -> list[Text]:
    styled = Text()
    for index, part in enumerate(_INLINE_CODE.split(text)):
        styled.append(f"`{part}`" if index % 2 else part, style="cyan" if index % 2 else "")
    return wrap(styled, width, Text(), Text("  " if text.startswith("- ") else ""))


def render_codes(*, width: int = 80, color: bool = False) -> str:
    """List all codes with their titles, family by family."""
    rows: list[Text] = []
    for prefix, title in FAMILIES.items():
        rows += [Text(f"{prefix}xx: {title}", style="bold")]
        for code, entry in CODES.items():
            if code.startswith(prefix):
                first = Text.assemble("  ", (code, "cyan"), "  ")
                rows += wrap(Text(entry.title), max(width, MIN_WIDTH), first, Text(" " * first.cell_len))
        rows.append(Text())
    rows += wrap(Text("python -m shapecheck explain CODE shows the page of one"), max(width, MIN_WIDTH), Text(), Text())
    return to_string(rows, color=color)
