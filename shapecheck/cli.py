"""The commands: reads the command line and hands over; what a command does is written elsewhere."""

from __future__ import annotations

import importlib
import math
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from shapecheck import __version__

if TYPE_CHECKING:
    from shapecheck.diagnose.finding import Diagnosis
    from shapecheck.report.stream import ColorChoice, Output

FOUND_NOTHING, FOUND, FAILED = 0, 1, 2

# Command -> module, attribute, help line: loaded when it is called, so that none of them slows the others down.
_LAZY = {
    "shapes": ("shapecheck.reference_commands", "shapes_command", "Show the shape of every quantity of a network."),
    "nets": ("shapecheck.reference_commands", "nets_command", "List the reference networks, or show one."),
}


class _Commands(click.Group):
    """The commands, some of which are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_LAZY]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LAZY:
            return super().get_command(ctx, cmd_name)
        module, attribute, short = _LAZY[cmd_name]
        try:
            command = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            return _unavailable(cmd_name, short, error)
        if not isinstance(command, click.Command):
            return _unavailable(cmd_name, short, TypeError(f"{module}.{attribute} is no command"))
        return command


def _unavailable(name: str, short: str, reason: Exception) -> click.Command:
    """Stand in for a command that cannot be imported: it is listed, and says why when it is called."""

    def refuse() -> NoReturn:
        raise click.ClickException(f"the command `{name}` cannot be loaded: {reason}")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, help=short, context_settings=settings)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shapecheck", message="%(prog)s %(version)s")
def commands() -> None:
    """Explain shape errors and wrong gradients in backpropagation written by hand in NumPy."""


def _finite(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds")
    return value


# Options end at SCRIPT: what follows is the program's own, as with `python script.py`.
@commands.command(
    short_help="Run a program and explain what is wrong with it.", context_settings={"allow_interspersed_args": False}
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "json", "sarif", "html"]),
    help="How to write the report. With json, sarif and html standard output holds nothing else.",
)
@click.option("--diff", "diff", is_flag=True, help="Write only the best fixes, as one unified diff.")
@click.option("--fix", "fix", is_flag=True, help="Apply the verified fixes of errors to the files.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    callback=_finite,
    metavar="SECONDS",
    help="Stop the program after this time and explain what was seen.",
)
@click.option("--memory", type=click.IntRange(min=1), metavar="MIB", help="Let the program use this much memory.")
@click.option(
    "--trace-memory",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="MIB",
    help="Keep at most this much of the program's values for checking gradients.",
)
@click.option("-m", "module", is_flag=True, help="SCRIPT is the name of a module, as in `python -m`.")
@click.option(
    "--function",
    metavar="MODULE:FUNCTION",
    help="Call this function instead of running a script: net:train, or nets/net.py:train.",
)
@click.option(
    "--with",
    "inputs",
    metavar="INPUTS",
    help='What to call it with: "X=np.ones((4, 3)), y=np.zeros(4)", or an .npz or .py file that holds the arguments.',
)
@click.option("--no-trials", is_flag=True, help="Never run the program again; fixes are then not proven.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("--width", type=click.IntRange(min=1), metavar="COLUMNS", help="Columns of the report.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@click.pass_context
def diagnose(ctx: click.Context, /, form: str | None, diff: bool, fix: bool, **options: Any) -> None:
    """Run SCRIPT and explain what is wrong with its shapes and gradients.

    SCRIPT is a Python file, a notebook (.ipynb), the name of a module with -m, or - for a program on standard input.

    The program runs once, with ARGS, as `python SCRIPT ARGS` would run it. Its own output comes first and the report
    follows on standard output; with --diff and with --format json, sarif or html the program's output goes to standard
    error instead, so that the result can be piped on.

    Exit status: 0 nothing found; 1 something found, or the program failed by itself; 2 the command is wrong, or the
    program could not be run or not be followed.
    """
    if diff and fix:
        raise click.UsageError("--diff only shows the fixes, --fix applies them: choose one", ctx)
    if diff and form is not None:
        raise click.UsageError("--diff writes a diff instead of a report: leave --format out", ctx)
    shown = "diff" if diff else form or "terminal"

    _require_one_program(ctx, options, fix=fix)

    from shapecheck import pipeline
    from shapecheck.programs import UnusableError, call_of, program_of
    from shapecheck.report.diff import EditError
    from shapecheck.report.stream import own_output
    from shapecheck.report.summary import exit_status

    with own_output() as output:
        started = time.time_ns()
        try:
            if options["function"] is not None:
                program = call_of(options["function"], options["inputs"] or "")
            else:
                program = program_of(options["script"], tuple(options["arguments"]), module=options["module"])
        except UnusableError as error:
            raise _InputError(str(error)) from error
        request = pipeline.Request(
            script=program.script,
            program=program,
            timeout=options["timeout"],
            memory_mib=options["memory"],
            trace_memory_mib=options["trace_memory"],
            trials=not options["no_trials"],
            script_stdout_to_stderr=shown != "terminal",
        )
        try:
            diagnosis = pipeline.diagnose_script(request)
        except pipeline.InputError as error:
            raise _InputError(str(error)) from error
        except OSError as error:
            # click takes a broken pipe for a reader that went away, and would end without a word.
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        try:
            _write(diagnosis, shown, output, fixing=fix, color=options["color"], width=options["width"])
            if fix:
                _apply(diagnosis, output, started, shown)
        except EditError as error:
            raise _InputError(str(error)) from error
    if astray := _options_behind_the_script(ctx, options["arguments"]):
        remark = f"{astray} went to the program, as all behind the script does: options of shapecheck stand before it"
        click.echo(remark, err=True)
    ctx.exit(exit_status(diagnosis))


def _options_behind_the_script(ctx: click.Context, arguments: Sequence[str]) -> str:
    """The program's arguments that look like options of ours, as `--fix` in `diagnose script.py --fix`."""
    own = {opt for parameter in ctx.command.params for opt in parameter.opts if opt.startswith("--")}
    return ", ".join(f"`{a}`" for a in arguments if a.partition("=")[0] in own)


def _require_one_program(ctx: click.Context, options: dict[str, Any], *, fix: bool) -> None:
    """Refuse words that name no program, or two."""
    function, script = options["function"], options["script"]
    if function is None and options["inputs"] is not None:
        raise click.UsageError("--with says what to call a function with: name the function with --function", ctx)
    if function is not None and (script is not None or options["module"]):
        raise click.UsageError("--function calls one function and runs no script: leave SCRIPT and -m out", ctx)
    if function is None and script is None:
        raise click.UsageError("Missing argument 'SCRIPT': a file, a notebook, -m MODULE, or - for standard input", ctx)
    if fix and script == "-" and not options["module"]:
        raise click.UsageError("--fix has no file to write to: a program from standard input has none. Use --diff", ctx)


class _InputError(click.ClickException):
    """What was asked for cannot be done; the message is a whole paragraph."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


def _write(
    diagnosis: Diagnosis, shown: str, output: Output, *, fixing: bool, color: ColorChoice, width: int | None
) -> None:
    if shown == "json":
        from shapecheck.report.json import render_json

        output.write(render_json(diagnosis))
    elif shown == "sarif":
        from shapecheck.report.sarif import render_sarif

        output.write(render_sarif(diagnosis))
    elif shown == "html":
        from shapecheck.report.html import render_html

        output.write(render_html(diagnosis))
    elif shown == "diff":
        from shapecheck.report.best_fixes import render_diff

        diff, remark = render_diff(diagnosis)
        output.write(diff)
        click.echo(remark, err=True)
    else:
        from shapecheck.report.terminal import render_terminal

        text = render_terminal(diagnosis, width=width or output.width(), color=output.wants_color(color), fixing=fixing)
        output.write("\n" + text)


def _apply(diagnosis: Diagnosis, output: Output, started: int, shown: str) -> None:
    from shapecheck.report.best_fixes import apply_best

    remark = apply_best(diagnosis, unchanged_since_ns=started)
    if shown == "terminal":
        output.write(remark + "\n")
    else:
        click.echo(remark, err=True)


@commands.command(short_help="Show the page of a code, or list all codes.")
@click.argument("code", required=False)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("--width", type=click.IntRange(min=1), metavar="COLUMNS", help="Columns of the page.")
def explain(code: str | None, color: ColorChoice, width: int | None) -> None:
    """Show the page of a finding's CODE with a wrong and a right example; without CODE list all codes."""
    from shapecheck.report.explain import UnknownCodeError, render_codes, render_page
    from shapecheck.report.stream import own_output

    with own_output() as output:
        width, colored = width or output.width(), output.wants_color(color)
        if code is None:
            output.write(render_codes(width=width, color=colored))
            return
        try:
            output.write(render_page(code, width=width, color=colored))
        except UnknownCodeError as error:
            raise _InputError(str(error)) from error


def main(args: Sequence[str] | None = None, prog_name: str | None = None) -> NoReturn:
    """Run the command line and end the process.

    Args:
        args: The command line without the program's name; `sys.argv[1:]` where None.
        prog_name: What usage messages call the program.

    Raises:
        SystemExit: Always. 0 nothing found, 1 findings, 2 wrong usage or a failure of shapecheck itself.
    """
    try:
        if not (sys.argv[1:] if args is None else args):
            click.echo(commands.get_help(click.Context(commands, info_name=prog_name or "shapecheck")), err=True)
            sys.exit(FAILED)
        status = commands.main(args, prog_name=prog_name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: there is no report", err=True)
        sys.exit(FAILED)
    except Exception as error:  # whatever it is, it is ours and must not look like the user's
        click.echo(_own_failure(error), err=True)
        sys.exit(FAILED)
    sys.exit(status if isinstance(status, int) else FOUND_NOTHING)


def _own_failure(error: Exception) -> str:
    if os.environ.get("SHAPECHECK_DEBUG") not in {None, "", "0"}:
        return "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = str(error).partition("\n")[0]
    return (
        f"shapecheck failed: {type(error).__name__}{': ' if what else ''}{what}{place}. This is a fault in shapecheck, "
        "not in your program; SHAPECHECK_DEBUG=1 shows where it came from."
    )
