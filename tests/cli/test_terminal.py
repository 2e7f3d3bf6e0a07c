"""Colours and width at a real terminal, in a pipe, and as the environment asks for."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def environment(**changes: str) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return {**plain, "TERM": "xterm-256color", **changes}


def at_terminal(*arguments: str, columns: int = 80, **variables: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "shapecheck", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment(**variables)) as process:
        os.close(theirs)
        output = b""
        with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
            while piece := os.read(ours, 4096):
                output += piece
        os.close(ours)
        assert process.wait(60) == 0
    return output.decode().replace("\r\n", "\n")


def in_pipe(*arguments: str, **variables: str) -> str:
    command = [sys.executable, "-m", "shapecheck", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(**variables), timeout=60, check=True)
    return done.stdout


#        id                        where          arguments               environment                    colours
COLORS = [
    ("terminal", at_terminal, [], {}, True),
    ("terminal, NO_COLOR", at_terminal, [], {"NO_COLOR": "1"}, False),
    ("terminal, dumb", at_terminal, [], {"TERM": "dumb"}, False),
    ("terminal, never", at_terminal, ["--color", "never"], {}, False),
    ("terminal, NO_COLOR, always", at_terminal, ["--color", "always"], {"NO_COLOR": "1"}, True),
    ("pipe", in_pipe, [], {}, False),
    ("pipe, always", in_pipe, ["--color", "always"], {}, True),
]


@pytest.mark.parametrize(
    ("where", "arguments", "variables", "colored"), [case[1:] for case in COLORS], ids=[case[0] for case in COLORS]
)
def test_color(where, arguments, variables, colored):
    assert bool(ANSI.search(where("explain", "SC103", *arguments, **variables))) is colored


#        id                 where                                                              columns
WIDTHS = [
    ("terminal", lambda: at_terminal("explain", "SC103", columns=50), 50),
    ("wide terminal", lambda: at_terminal("explain", "SC103", columns=120), 120),
    ("COLUMNS", lambda: at_terminal("explain", "SC103", columns=120, COLUMNS="60"), 60),
    ("pipe", lambda: in_pipe("explain", "SC103"), 80),
    ("pipe, COLUMNS", lambda: in_pipe("explain", "SC103", COLUMNS="60"), 60),
    ("pipe, --width", lambda: in_pipe("explain", "SC103", "--width", "50"), 50),
]


@pytest.mark.parametrize(("run", "columns"), [case[1:] for case in WIDTHS], ids=[case[0] for case in WIDTHS])
def test_width(run, columns):
    prose = [line for line in ANSI.sub("", run()).splitlines() if not line.startswith("    ")]
    assert columns - 12 < max(map(len, prose)) <= columns
