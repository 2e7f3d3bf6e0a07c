"""Runs the command line: `python -m shapecheck`."""

import os
import sys

if __name__ == "__main__":
    # Python looks in the working directory first, where a `copy.py` of the user's hides Python's own.
    if not sys.flags.safe_path and sys.path[:1] in ([""], [os.getcwd()]):  # noqa: PTH109 - `pathlib` is not safe yet
        sys.path.pop(0)
    from shapecheck.cli import main

    main(prog_name="python -m shapecheck")
