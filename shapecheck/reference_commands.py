"""The commands `shapes` and `nets`: they read the command line and print; what they print is made elsewhere."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
from typing import Any

import click

from reference_nets.catalogue import ENTRIES, Entry, find
from shapecheck.net_rendering import RunRecorder, entry_as_json, list_as_text, signatures_as_text
from shapecheck.shape_rendering import as_markdown, as_text
from shapecheck.shapes import ACTIVATIONS, LAYOUTS, LOSSES, shape_table


@click.command("shapes")
@click.argument("sizes", nargs=-1, type=click.IntRange(min=1), required=True, metavar="SIZES...")
@click.option(
    "--batch", type=click.IntRange(min=1), default=None, metavar="M", help="Samples in a batch; 32 if left out."
)
@click.option("--layout", type=click.Choice(LAYOUTS), default="batch-first", show_default=True, help="How arrays lie.")
@click.option(
    "--activation",
    default="sigmoid",
    show_default=True,
    metavar="NAME[,NAME...]",
    help=f"Of the hidden layers, or one for each layer, with commas: {', '.join(ACTIVATIONS)}.",
)
@click.option("--output-activation", type=click.Choice(ACTIVATIONS), help="Of the last layer; by its size if left out.")
@click.option("--loss", type=click.Choice(LOSSES), help="By the output's activation if left out.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.pass_context
def shapes_command(ctx: click.Context, /, sizes: tuple[int, ...], form: str, **options: Any) -> None:
    """Show the shape of every quantity of a network, forward and backward, and the operation that makes it.

    SIZES are the numbers of units from the input to the output: shapes 784 196 1 --batch 11272
    """
    layout = options["layout"]
    batch = options["batch"] or (1 if layout == "single-sample" else 32)
    activations = [name.strip().replace("-", "_") for name in options["activation"].split(",")]
    last = options["output_activation"]
    if last is not None:
        layers = len(sizes) - 1
        hidden = activations * (layers - 1) if len(activations) == 1 else activations[: layers - 1]
        activations = [*hidden, last]
    try:
        table = shape_table(sizes, batch=batch, layout=layout, activations=activations, loss=options["loss"])
    except ValueError as error:
        raise click.UsageError(str(error), ctx) from error
    if form == "json":
        click.echo(json.dumps(table.as_json(), indent=2))
    elif form == "markdown":
        click.echo(as_markdown(table))
    else:
        click.echo(as_text(table, _columns()))


@click.command("nets")
@click.argument("name", required=False)
@click.option("--run/--no-run", default=True, show_default=True, help="Train it and show its progress.")
@click.option("--source/--no-source", default=True, show_default=True, help="Show the module.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the run.")
@click.option(
    "--data",
    type=click.Path(exists=True),
    metavar="PATH",
    help="A folder with MNIST's files, or a table, as NAME needs.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def nets_command(ctx: click.Context, /, name: str | None, form: str, **options: Any) -> None:
    """List the reference networks; with NAME show one: its source, its shapes and a run."""
    if name is None:
        listed = json.dumps([entry_as_json(entry) for entry in ENTRIES], indent=2)
        click.echo(listed if form == "json" else list_as_text(ENTRIES, _columns()))
        return
    try:
        entry = find(name)
    except KeyError as error:
        raise click.UsageError(str(error.args[0]), ctx) from error
    arguments = _run_arguments(entry, options["seed"], options["data"], ctx) if options["run"] else None
    _show(entry, form, arguments, source=options["source"])


def _run_arguments(entry: Entry, seed: int, data: str | None, ctx: click.Context) -> dict[str, Any] | None:
    """What `run` of the module is called with; None where it cannot run for want of data."""
    taken = inspect.signature(entry.load().run).parameters if hasattr(entry.load(), "run") else None
    if data is not None and (taken is None or "data" not in taken):
        raise click.UsageError(f"`{entry.name}` reads no data; leave --data out", ctx)
    if taken is None or ("data" in taken and taken["data"].default is inspect.Parameter.empty and data is None):
        return None
    given = {"seed": seed, "data": data}
    return {key: given[key] for key in taken if key in given}


def _show(entry: Entry, form: str, arguments: dict[str, Any] | None, *, source: bool) -> None:
    recorder = RunRecorder(entry)
    if form == "json":
        steps = [] if arguments is None else [vars(p) for p in recorder.run(arguments)]
        shown = {**entry_as_json(entry), "shapes": recorder.shapes(), "run": steps}
        click.echo(json.dumps({**shown, **({"source": entry.source} if source else {})}, indent=2))
        return
    click.echo(f"{entry.name}: {entry.title}\n")
    if source:
        click.echo(entry.source)
    if arguments is None:
        click.echo(signatures_as_text(recorder.shapes()))
        if entry.needs == "data":
            click.echo(f"\nit runs on data that is not part of this project: nets {entry.name} --data PATH")
        return
    click.echo("a run")
    try:
        for progress in recorder.run(arguments):
            click.echo(f"  {progress}")
            sys.stdout.flush()  # a long run is watched while it goes
    except (OSError, ValueError, ModuleNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"\nshapes in this run\n{signatures_as_text(recorder.shapes())}")


def _columns() -> int:
    """Columns of the terminal; a pipe has no width, so nothing is broken there."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
