"""The `diagnose` command: what it asks of the pipeline, where it writes, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import shapecheck
from shapecheck.cli import main
from shapecheck.diagnose.finding import Diagnosis, Finding, Fix, ProgramOutcome, Span, Status
from shapecheck.report.stream import Output
from shapecheck.trace.run import Program

FINISHED = ProgramOutcome("finished", None, 0.5)
CRASHED = ProgramOutcome("exception", ("ValueError", "shapes"), 0.5)
CLEAN = Diagnosis("script.py", "clean", FINISHED, None, ())


@dataclass(frozen=True)
class Request:
    """The contract of the pipeline, with its defaults."""

    script: str
    program: Program
    timeout: float = 60.0
    memory_mib: int | None = None
    trace_memory_mib: int = 256
    trials: bool = True
    script_stdout_to_stderr: bool = False


class InputError(Exception):
    pass


@dataclass
class Run:
    status: int
    out: str
    err: str
    requests: list[Any]


@pytest.fixture
def diagnose(monkeypatch, capsys) -> Callable[..., Run]:
    """Run `diagnose` with a pipeline that gives the wanted answer."""

    monkeypatch.setattr("shapecheck.programs.unusable", lambda script: None)

    def run(*arguments: str, answer: Any = CLEAN) -> Run:
        requests: list[Any] = []
        pipeline = ModuleType("shapecheck.pipeline")

        def diagnose_script(request: Request) -> Diagnosis:
            requests.append(request)
            if isinstance(answer, BaseException):
                raise answer
            return answer() if callable(answer) else answer

        pipeline.Request, pipeline.InputError, pipeline.diagnose_script = Request, InputError, diagnose_script
        monkeypatch.setitem(sys.modules, "shapecheck.pipeline", pipeline)
        monkeypatch.setattr(shapecheck, "pipeline", pipeline, raising=False)
        with pytest.raises(SystemExit) as ended:
            main(["diagnose", *arguments])
        captured = capsys.readouterr()
        return Run(ended.value.code, captured.out, captured.err, requests)

    return run


def asked(script: str, arguments: tuple[str, ...], *, module: bool = False, **options: Any) -> Request:
    return Request(script, Program(script, arguments, module), **options)


#        id                      command line                                      request
REQUESTS = [
    ("plain", ["script.py"], asked("script.py", ())),
    ("script's own options", ["script.py", "--fix", "-x", "--", "y"], asked("script.py", ("--fix", "-x", "--", "y"))),
    ("our --help is not the script's", ["script.py", "--help"], asked("script.py", ("--help",))),
    ("double dash before", ["--", "-script.py", "a"], asked("-script.py", ("a",))),
    ("module", ["-m", "package.module", "--epochs", "3"], asked("package.module", ("--epochs", "3"), module=True)),
    ("limits", ["--timeout", "1.5", "--memory", "512", "s.py"], asked("s.py", (), timeout=1.5, memory_mib=512)),
    ("trace memory", ["--trace-memory", "64", "s.py"], asked("s.py", (), trace_memory_mib=64)),
    ("no trials", ["--no-trials", "s.py"], asked("s.py", (), trials=False)),
    ("json", ["--format", "json", "s.py"], asked("s.py", (), script_stdout_to_stderr=True)),
    ("sarif", ["--format=sarif", "s.py"], asked("s.py", (), script_stdout_to_stderr=True)),
    ("terminal", ["--format", "terminal", "s.py"], asked("s.py", ())),
    ("diff", ["--diff", "s.py"], asked("s.py", (), script_stdout_to_stderr=True)),
]


@pytest.mark.parametrize(("line", "request_"), [case[1:] for case in REQUESTS], ids=[case[0] for case in REQUESTS])
def test_request(line, request_, diagnose):
    assert diagnose(*line).requests == [request_]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["s.py", "--fix", "--memory=5", "x"], "`--fix`, `--memory=5` went to the program"),
        (["s.py", "--rate", "3"], ""),
        (["--fix", "s.py"], ""),
    ],
)
def test_options_that_went_to_the_program(line, said, diagnose):
    run = diagnose(*line)
    assert run.status == 0
    assert run.err.startswith(said)
    assert ("went to the program" in run.err) == bool(said)


#        id                  command line                                what must be said
USAGE = [
    ("no script", [], "Missing argument 'SCRIPT'"),
    ("unknown option", ["--tomeout", "3", "s.py"], "--timeout"),
    ("unknown format", ["--format", "xml", "s.py"], "'xml'"),
    ("no time", ["--timeout", "0", "s.py"], "--timeout"),
    ("not a time", ["--timeout", "nan", "s.py"], "nan is no number of seconds"),
    ("endless time", ["--timeout", "inf", "s.py"], "inf is no number of seconds"),
    ("no memory", ["--memory", "0", "s.py"], "--memory"),
    ("diff and fix", ["--diff", "--fix", "s.py"], "choose one"),
    ("diff and format", ["--diff", "--format", "json", "s.py"], "leave --format out"),
    ("inputs of no function", ["--with", "X=1", "s.py"], "name the function with --function"),
    ("function and script", ["--function", "net:train", "s.py"], "leave SCRIPT and -m out"),
    ("function and module", ["--function", "net:train", "-m"], "leave SCRIPT and -m out"),
    ("fix of standard input", ["--fix", "-"], "Use --diff"),
]


@pytest.mark.parametrize(("line", "said"), [case[1:] for case in USAGE], ids=[case[0] for case in USAGE])
def test_usage(line, said, diagnose):
    run = diagnose(*line)
    assert (run.status, run.out, run.requests) == (2, "", [])
    assert said in run.err
    assert "Traceback" not in run.err


def ended(status: Status, outcome: ProgramOutcome, *codes: str, severity: Any = "error") -> Diagnosis:
    span = Span("script.py", 1, 1, 1, 2, "")
    findings = tuple(Finding(code, severity, "wrong", "", span, span) for code in codes)
    return Diagnosis("script.py", status, outcome, None, findings)


def failed(kind: str) -> ProgramOutcome:
    return ProgramOutcome("exception", (kind, ""), 0.1)


TIMEOUT = ProgramOutcome("timeout", None, 60.0)
OS_EXIT = ProgramOutcome("exit", None, 0.1, 3)
#        id                              exit  answer
ENDINGS = [
    ("clean", 0, CLEAN),
    ("clean, left by sys.exit(0)", 0, ended("clean", ProgramOutcome("exit", None, 0.1, 0))),
    ("a crash explained", 1, ended("findings", CRASHED, "SC101")),
    ("a silent mistake", 1, ended("findings", FINISHED, "SC301")),
    ("a warning", 1, ended("findings", FINISHED, "SC203", severity="warning")),
    ("a note, held to be a finding", 1, ended("findings", FINISHED, "SC302", severity="note")),
    ("a note on a clean program", 0, ended("clean", FINISHED, "SC302", severity="note")),
    ("repairs not tried, nothing else", 0, ended("clean", FINISHED, "SC903", severity="note")),
    ("an exception of its own", 1, ended("clean", failed("KeyError"))),
    ("an exception of its own, incomplete", 1, ended("incomplete", failed("KeyError"))),
    ("left by sys.exit(3)", 1, ended("clean", ProgramOutcome("exit", None, 0.1, 3))),
    ("never ended, explained", 1, ended("incomplete", TIMEOUT, "SC101", "SC902")),
    ("never ended", 2, ended("incomplete", TIMEOUT)),
    ("never ended, and a note on it", 2, ended("incomplete", TIMEOUT, "SC902", severity="note")),
    ("os._exit", 2, ended("incomplete", OS_EXIT)),
    ("an import that fails", 2, ended("clean", failed("ModuleNotFoundError"))),
    ("interrupted", 2, ended("incomplete", failed("KeyboardInterrupt"))),
    ("out of memory", 2, ended("incomplete", failed("numpy._core._exceptions._ArrayMemoryError"))),
    ("no arrays", 2, ended("findings", FINISHED, "SC901", severity="note")),
    ("no arrays, incomplete", 2, ended("incomplete", FINISHED, "SC901", severity="note")),
    ("no arrays, and an exception", 1, ended("findings", failed("KeyError"), "SC901", severity="note")),
]


@pytest.mark.parametrize(("status", "answer"), [case[1:] for case in ENDINGS], ids=[case[0] for case in ENDINGS])
@pytest.mark.parametrize("form", ["terminal", "json", "sarif"])
def test_exit_status(status, answer, form, diagnose):
    run = diagnose("--format", form, "script.py", answer=answer)
    assert run.status == status
    assert run.out
    assert run.err == ""


def test_input_error_is_one_paragraph(diagnose):
    run = diagnose("gone.py", answer=InputError("there is no file gone.py: check the path"))
    assert (run.status, run.out, run.err) == (2, "", "there is no file gone.py: check the path\n")


def test_own_failure_is_one_paragraph(diagnose, monkeypatch):
    monkeypatch.delenv("SHAPECHECK_DEBUG", raising=False)
    run = diagnose("script.py", answer=ZeroDivisionError("division by zero\nand more"))
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("shapecheck failed: ZeroDivisionError: division by zero at test_diagnose.py:")
    assert "SHAPECHECK_DEBUG=1" in run.err
    assert run.err.count("\n") == 1


def test_a_broken_pipe_inside_is_not_passed_over(diagnose):
    run = diagnose("script.py", answer=BrokenPipeError(32, "Broken pipe"))
    assert (run.status, run.out) == (2, "")
    assert "shapecheck failed" in run.err
    assert "Broken pipe" in run.err


def test_debug_shows_where_it_failed(diagnose, monkeypatch):
    monkeypatch.setenv("SHAPECHECK_DEBUG", "1")
    run = diagnose("script.py", answer=ZeroDivisionError("division by zero"))
    assert run.status == 2
    assert "Traceback (most recent call last)" in run.err


def test_interrupted_while_we_work(diagnose):
    run = diagnose("script.py", answer=KeyboardInterrupt())
    assert (run.status, run.out) == (2, "")
    assert "interrupted" in run.err


@pytest.fixture
def crash(program) -> Diagnosis:
    source = program("y = a @ b\n")
    fix = Fix("swap the operands", "verified", (source.edit("a @ b", "b @ a"),), "runs to the end")
    span = source.span("a @ b")
    return Diagnosis(
        "script.py", "findings", CRASHED, None, (Finding("SC101", "error", "bad", "", span, span, fixes=(fix,)),)
    )


def test_terminal_report_goes_to_standard_output(crash, diagnose):
    run = diagnose("script.py", answer=crash)
    assert run.out.startswith("\nshapecheck: script.py\n")
    assert "error[SC101]: bad" in run.out
    assert "\x1b" not in run.out


def test_color_and_width(crash, diagnose, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" in diagnose("--color", "always", "script.py", answer=crash).out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" not in diagnose("--color", "never", "script.py", answer=crash).out
    narrow = diagnose("--width", "40", "script.py", answer=crash).out
    assert max(map(len, narrow.splitlines())) <= 40


def test_json_is_all_there_is(crash, diagnose):
    run = diagnose("--format", "json", "script.py", answer=crash)
    assert json.loads(run.out)["findings"][0]["code"] == "SC101"


def test_diff_is_all_there_is(crash, diagnose):
    run = diagnose("--diff", "script.py", answer=crash)
    assert run.out == "--- a/script.py\n+++ b/script.py\n@@ -1 +1 @@\n-y = a @ b\n+y = b @ a\n"
    assert run.err == "1 fix: 1 verified, 0 plausible\n"
    assert run.status == 1
    assert Path("script.py").read_text() == "y = a @ b\n"


def test_fix_writes_the_file(crash, diagnose):
    run = diagnose("--fix", "script.py", answer=crash)
    assert run.status == 1
    assert Path("script.py").read_text() == "y = b @ a\n"
    assert run.out.splitlines()[-1] == "applied 1 fix to script.py: swap the operands"


def test_fix_with_json_says_what_it_did_on_standard_error(crash, diagnose):
    run = diagnose("--fix", "--format", "json", "script.py", answer=crash)
    assert json.loads(run.out)["status"] == "findings"
    assert run.err == "applied 1 fix to script.py: swap the operands\n"
    assert Path("script.py").read_text() == "y = b @ a\n"


def test_fix_refuses_what_changed_while_the_program_ran(crash, diagnose):
    def run_and_edit() -> Diagnosis:
        Path("script.py").write_text("y = a * b\n")
        return crash

    run = diagnose("--fix", "script.py", answer=run_and_edit)
    assert run.status == 2
    assert "script.py has changed since the program ran" in run.err
    assert Path("script.py").read_text() == "y = a * b\n"


@pytest.mark.parametrize("form", ["--fix", "--diff"])
def test_nothing_to_fix(form, diagnose):
    run = diagnose(form, "script.py")
    assert run.status == 0
    assert "nothing" in run.out + run.err


DRIVER = """
import os, sys
from types import ModuleType, SimpleNamespace
from shapecheck.cli import main
from shapecheck.diagnose.finding import Diagnosis, ProgramOutcome

def diagnose_script(request):
    print("the program's own words")
    {deed}
    return Diagnosis("script.py", "clean", ProgramOutcome("finished", None, 0.1), None, ())

pipeline = ModuleType("shapecheck.pipeline")
pipeline.Request, pipeline.InputError, pipeline.diagnose_script = SimpleNamespace, LookupError, diagnose_script
sys.modules["shapecheck.pipeline"] = pipeline
open("script.py", "w").close()
main(["diagnose", "script.py"])
"""

#        id                 what the program does to its standard output
DEEDS = [
    ("nothing", "pass"),
    ("closes it", "sys.stdout.close()"),
    ("closes the descriptor", "sys.stdout.flush(); os.close(1)"),
    ("redirects it", "sys.stdout.flush(); sys.stdout = open(os.devnull, 'w')"),
    ("removes it", "sys.stdout.flush(); sys.stdout = None"),
]


@pytest.mark.parametrize("deed", [case[1] for case in DEEDS], ids=[case[0] for case in DEEDS])
def test_the_report_comes_after_the_programs_output_whatever_it_did_to_it(deed, tmp_path):
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER.replace("{deed}", deed))
    done = subprocess.run(
        [sys.executable, driver], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.stdout.startswith("the program's own words\n\nshapecheck: script.py\nnothing found")
    assert done.returncode == 0


def test_signs_that_the_output_lacks_are_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Output(stream).write("誤差 \ud800\n")
    assert raw.getvalue() == b"\\u8aa4\\u5dee \\ud800\n"
