"""`%load_ext shapecheck`: shape errors explained below their tracebacks, `%verify` and `%%diagnose`."""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from shapecheck.diagnose.finding import Diagnosis

_DIAGNOSE = re.compile(r"^\s*%%diagnose\b[^\n]*(?:\n|\Z)")
_UNSAID = "where it began, and what to change: put `%%diagnose` on top of the cell and run it again"
_extensions: dict[int, _Extension] = {}


def load_ipython_extension(shell: Any) -> None:
    """Explain shape errors in this session of IPython's from now on, and add the magics.

    Args:
        shell: What `get_ipython()` gives.
    """
    if id(shell) not in _extensions:
        _extensions[id(shell)] = _Extension(shell)
        _extensions[id(shell)].load()


def unload_ipython_extension(shell: Any) -> None:
    """Put everything back as it was before.

    Args:
        shell: What `get_ipython()` gives.
    """
    extension = _extensions.pop(id(shell), None)
    if extension is not None:
        extension.unload()


class _Extension:
    """What is added to one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self._own: Any = vars(shell).get("showtraceback")
        self._magics: dict[str, dict[str, Any]] = {"line": {"verify": self.verify}, "cell": {"diagnose": self.diagnose}}
        self._before: dict[tuple[str, str], Any] = {}

    def load(self) -> None:
        """Take our place: after the shell's own traceback, and among the magics."""
        self._show = self.shell.showtraceback
        self.shell.showtraceback = self.showtraceback
        registered = self.shell.magics_manager.magics
        for kind, magics in self._magics.items():
            for name, magic in magics.items():
                self._before[kind, name] = registered[kind].get(name)
                self.shell.register_magic_function(magic, magic_kind=kind, magic_name=name)

    def unload(self) -> None:
        """Leave it as it was; what somebody else put on top of ours stays."""
        if vars(self.shell).get("showtraceback") == self.showtraceback:
            del self.shell.showtraceback
            if self._own is not None:
                self.shell.showtraceback = self._own
        registered = self.shell.magics_manager.magics
        for (kind, name), before in self._before.items():
            registered[kind].pop(name, None)
            if before is not None:
                registered[kind][name] = before

    # -- explanations -------------------------------------------------------------------------------------------

    def showtraceback(self, *args: Any, **kwargs: Any) -> Any:
        """Show a traceback as the shell does, and what we know of it below."""
        given = args[0] if args else kwargs.get("exc_tuple")
        error = given[1] if given else sys.exc_info()[1] or getattr(sys, "last_value", None)
        shown = self._show(*args, **kwargs)
        if isinstance(error, Exception) and not kwargs.get("exception_only"):
            with _unnoticed():
                self._explain(error)
        return shown

    def _explain(self, error: BaseException) -> None:
        from shapecheck.postmortem.explanation import as_text, explain
        from shapecheck.report.html import render_finding
        from shapecheck.report.source_text import SourceFiles

        explanation = explain(error, advice=_UNSAID)
        if explanation is not None:
            finding, files = explanation.finding, SourceFiles(explanation.texts)
            self._display(
                lambda width, color: "\n" + as_text(explanation, width=width, color=color),
                lambda: render_finding(finding, files, closing=explanation.advice),
            )

    def _display(self, text: Callable[[int, bool], str], html: Callable[[], str]) -> None:
        """Show something as HTML where that is understood, and else as text."""
        if "text/html" not in self.shell.display_formatter.active_types:
            from shapecheck.report.stream import Output

            output = Output(sys.stdout)
            output.write(text(output.width(), output.wants_color("auto")))
            return
        self.shell.display_pub.publish(data={"text/plain": text(100, False), "text/html": html()}, metadata={})

    # -- %verify ------------------------------------------------------------------------------------------------

    def verify(self, line: str) -> Any:
        """Check a backward function against numeric gradients.

        `%verify backward` has every later call of it checked; `%verify backward(W, X, Y)` makes one call, checked, and
        shows the report. `--loss cost` and `--forward forward` name the functions to check it with, where they are not
        found by their names. `%verify --off backward` leaves it alone again.
        """
        from shapecheck.verification.decorator import verify

        options, rest = _parsed(_VERIFY, line)
        node = _expression(rest, _VERIFY)
        if options.off and isinstance(node, ast.Name):
            self.shell.user_ns[node.id] = _plain(self.shell.user_ns.get(node.id))
            return None
        wanted = {"loss": options.loss, "forward": options.forward}
        chosen = {key: self.shell.user_ns.get(name, name) for key, name in wanted.items() if name}
        if options.seed is not None:
            chosen["seed"] = options.seed
        if isinstance(node, ast.Call):
            function = self._value(node.func)
            return self._checked_call(verify(_plain(function), every=0, checks=1, **chosen), node)
        function = _plain(self._value(node))
        verified = verify(function, **chosen)
        if isinstance(node, ast.Name):
            self.shell.user_ns[node.id] = verified
        elif isinstance(node, ast.Attribute):
            setattr(self._value(node.value), node.attr, verified)
        else:
            _VERIFY.error(f"{rest} is neither a function's name nor a call of one")
        sys.stdout.write(f"{rest} is checked against numeric gradients when it is called\n")
        return None

    def _value(self, node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<%verify>", "eval"), self.shell.user_global_ns, self.shell.user_ns)

    def _checked_call(self, verified: Any, node: ast.Call) -> Any:
        """Call a verified function once and return its report, be it good or bad."""
        from shapecheck.gradients.errors import GradientCheckError

        name = "__shapecheck_verified__"
        call = ast.Call(ast.copy_location(ast.Name(name, ast.Load()), node.func), node.args, node.keywords)
        code = compile(ast.fix_missing_locations(ast.Expression(ast.copy_location(call, node))), "<%verify>", "eval")
        try:
            eval(code, self.shell.user_global_ns, {**self.shell.user_ns, name: verified})
        except GradientCheckError as error:
            report, said = getattr(error, "report", None), str(error)
            if report is None:
                raise
            self._display(lambda _width, _color: said + "\n", report._repr_html_)
            return None
        return verified.verification.report

    def _say(self, text: str) -> None:
        sys.stdout.write(text + "\n")

    # -- %%diagnose ---------------------------------------------------------------------------------------------

    def diagnose(self, line: str, cell: str) -> None:
        """Run this cell after the session's earlier ones, apart from the session, and explain what is wrong with it.

        Nothing of the session changes. Where an edit was found that makes the program right, the corrected cell is
        offered below. `--timeout SECONDS` says how long the cells may run; `--no-trials` looks for no corrections.
        """
        from shapecheck import pipeline
        from shapecheck.report.html import render_fragment
        from shapecheck.report.terminal import render_terminal
        from shapecheck.trace.run import Program

        options, rest = _parsed(_DIAGNOSE_OPTIONS, line)
        if rest:
            _DIAGNOSE_OPTIONS.error(f"unknown: {rest}")
        name = "<session>"
        request = pipeline.Request(
            name,
            timeout=options.timeout,
            trials=not options.no_trials,
            program=Program.of_cells(self._program(cell), name),
        )
        try:
            with _silent():
                diagnosis = pipeline.diagnose_script(request)
        except pipeline.InputError as error:
            self._say(str(error))
            return
        self._display(
            lambda width, color: render_terminal(diagnosis, width=width, color=color, fixing=True),
            lambda: render_fragment(diagnosis),
        )
        died = diagnosis.program.exception
        if died is not None and not diagnosis.findings:
            self._say(f"{died[0]}: {died[1]}")
        self._offer(diagnosis)

    def _number(self) -> int:
        """The number of the cell that is running: when the shell counts it on differs between versions of IPython."""
        return max(len(self.shell.history_manager.input_hist_raw) - 1, 1)

    def _program(self, cell: str) -> list[Any]:
        """The cells that ran before, and this one; the magic's own line is an empty one, so that lines keep numbers."""
        from shapecheck.trace.cells import Cell

        number = self._number()
        history = self.shell.history_manager.input_hist_raw
        # What failed in the session fails again, and what a cell found there (`_`, a file that is gone) may be missing.
        earlier = [
            Cell(i, source, may_fail=True)
            for i, source in enumerate(history[:number])
            if source.strip() and not _DIAGNOSE.match(source)
        ]
        return [*earlier, Cell(number, "\n" + cell)]

    def _offer(self, diagnosis: Diagnosis) -> None:
        """Put the corrected cell into the next input, where a fix was verified."""
        from shapecheck.report.diff import best_fixes, edits_by_file, patched_lines
        from shapecheck.report.source_text import SourceFiles

        chosen, _ = best_fixes(diagnosis, safe_only=True)
        files = SourceFiles(diagnosis.texts)
        number = self._number()
        for (path, cell), edits in edits_by_file(edit for one in chosen for edit in one.fix.edits).items():
            text = files.read(path, cell)
            if text is None:
                continue
            corrected = "".join(patched_lines(text, edits))
            if cell == number:
                corrected = corrected.removeprefix("\n")
            self.shell.set_next_input(corrected.rstrip("\n"), replace=False)
            return


class _Parser(argparse.ArgumentParser):
    """Reads a magic's line; what is wrong with it becomes an error of the shell's own kind."""

    def error(self, message: str) -> NoReturn:
        """Refuse a line."""
        from IPython.core.error import UsageError

        raise UsageError(f"{self.prog}: {message}")


def _options(name: str) -> _Parser:
    return _Parser(prog=name, add_help=False, allow_abbrev=False)


_VERIFY = _options("%verify")
_VERIFY.add_argument("--loss")
_VERIFY.add_argument("--forward")
_VERIFY.add_argument("--seed", type=int)
_VERIFY.add_argument("--off", action="store_true")
_DIAGNOSE_OPTIONS = _options("%%diagnose")
_DIAGNOSE_OPTIONS.add_argument("--timeout", type=float, default=60.0)
_DIAGNOSE_OPTIONS.add_argument("--no-trials", action="store_true")


def _parsed(parser: _Parser, line: str) -> tuple[argparse.Namespace, str]:
    """The options that a line begins with, and the rest of it as it is."""
    words, rest = [], line.strip()
    takes = {o for a in parser._actions if a.nargs != 0 for o in a.option_strings}
    while rest.startswith("--"):
        word, _, rest = rest.partition(" ")
        words.append(word)
        rest = rest.lstrip()
        if word in takes:
            word, _, rest = rest.partition(" ")
            words.append(word)
            rest = rest.lstrip()
    return parser.parse_args([w for word in words for w in shlex.split(word)]), rest


def _expression(text: str, parser: _Parser) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        parser.error(f"name a function, or write a call of one; this is neither: {text!r}")


def _plain(function: Any) -> Any:
    """A function without a check that was put around it before."""
    return function.__wrapped__ if hasattr(function, "verification") else function


@contextlib.contextmanager
def _unnoticed() -> Iterator[None]:
    """A fault of ours must cost the user nothing; who asked for it is told."""
    try:
        yield
    except BaseException as fault:  # an impatient interrupt too
        if os.environ.get("SHAPECHECK_DEBUG") not in {None, "", "0"}:
            sys.stderr.write(f"shapecheck could not explain this: {type(fault).__name__}: {fault}\n")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """While it lasts, processes that are started write nowhere: the cells' output has been seen before."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
