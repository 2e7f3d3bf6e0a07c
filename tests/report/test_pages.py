"""Each code has a page, and each page says what its examples really print."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import warnings
from typing import Any

import pytest

from shapecheck.diagnose.codes import CODES, FAMILIES, family
from shapecheck.report.explain import UnknownCodeError, page, render_codes, render_page

EXAMPLE = re.compile(r"^## (Wrong|Right)\n\n```python\n(.*?)```\n\n```text\n(.*?)```\n", re.MULTILINE | re.DOTALL)
EXAMPLES = [(code, kind, source, said) for code in CODES for kind, source, said in EXAMPLE.findall(page(code))]
# These end the interpreter, never end, or read standard input, so they get a process of their own.
OWN_PROCESS = {"SC902", "SC903", "SC904"}
# NumPy 2 has changed the wording of these between its releases; the type of the exception is compared.
WORDING_VARIES = {"SC108", "SC109"}


def in_this_process(source: str) -> str:
    output = io.StringIO()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(output), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            exec(compile(source, "example.py", "exec"), namespace)
        except Exception as error:
            kind = type(error)
            module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
            output.write(f"{module}{kind.__qualname__}: {error}\n")
    return output.getvalue().rstrip() + "\n"  # NumPy ends some of its messages with a blank


def in_own_process(source: str) -> str:
    command = [sys.executable, "-c", source]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return "(does not end)\n"
    assert done.stderr == ""
    return done.stdout + (f"(exit status {done.returncode})\n" if done.returncode else "")


@pytest.mark.parametrize("code", CODES)
def test_page_has_its_parts(code):
    text = page(code)
    assert text.startswith(f"# {code}: {CODES[code].title}\n\n")
    assert [kind for of, kind, _, _ in EXAMPLES if of == code] == ["Wrong", "Right"]
    assert re.search(r"^## What to look for\n\n- ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("code", "kind", "source", "said"), EXAMPLES, ids=[f"{code}-{kind.lower()}" for code, kind, _, _ in EXAMPLES]
)
def test_example_prints_what_the_page_says(code, kind, source, said):
    printed = in_own_process(source) if code in OWN_PROCESS else in_this_process(source)
    if code in WORDING_VARIES and kind == "Wrong":
        printed, said = (text.partition(":")[0] for text in (printed, said))
    assert printed == said


@pytest.mark.parametrize("code", CODES)
def test_only_the_wrong_example_of_a_crash_crashes(code):
    died = {
        kind: bool(re.search(r"^[\w.]*Error: ", said, re.MULTILINE)) for of, kind, _, said in EXAMPLES if of == code
    }
    assert died == {"Wrong": code.startswith("SC1"), "Right": False}


@pytest.mark.parametrize("code", CODES)
def test_page_fits_the_terminal(code):
    rendered = render_page(code, width=80)
    assert max(map(len, rendered.splitlines())) <= 80
    assert "```" not in rendered
    prose = [line for line in render_page(code, width=50).splitlines() if not line.startswith("    ")]
    assert max(map(len, prose)) <= 50


def test_rendered_page(golden):
    golden("explain/SC103.txt", render_page("SC103"))
    golden("explain/codes.txt", render_codes(width=60))


@pytest.mark.parametrize("code", ["SC998", "x", "", "SC", "../SC101"])
def test_unknown(code):
    with pytest.raises(UnknownCodeError, match="lists all codes"):
        page(code)


def test_every_code_belongs_to_a_family():
    assert {code[:3] for code in CODES} == set(FAMILIES)
    assert family("SC101") == "shape errors that stop the program"
    assert all(re.fullmatch(r"SC\d\d\d", code) for code in CODES)
    assert all(not entry.title.endswith(".") for entry in CODES.values())
