"""What can be set for the pytest plugin: on the command line, else in the configuration file, else its default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Settings:
    """The settings of one session.

    Attributes:
        explains: Whether failures are explained.
        reruns: Whether a failed test may be run again for that; else it is explained from its frames alone.
        budget: Seconds that all explanations of the session may take together.
        each: Seconds that one may take.
        trials: Whether edited copies of a test may be run to prove repairs.
        seed: Of the random directions of gradient checks; None for a fresh one each time.
        rtol: The relative error that gradient checks allow; None for what the noise of the loss explains.
    """

    explains: bool
    reruns: bool
    budget: float
    each: float
    trials: bool
    seed: int | None
    rtol: float | None

    def check_options(self) -> dict[str, Any]:
        """The options of a gradient check that says nothing of them itself."""
        options = {"seed": self.seed, "rtol": self.rtol}
        return {name: value for name, value in options.items() if value is not None}

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """Read them.

        Raises:
            pytest.UsageError: One of them is not what it must be.
        """
        switch = _choice(config, "shapecheck", ("on", "frames", "off"))
        return cls(
            explains=switch != "off" and os.environ.get("SHAPECHECK", "").lower() != "off",
            reruns=switch == "on",
            budget=_given(_number(config, "shapecheck_budget"), 60.0),
            each=_given(_number(config, "shapecheck_timeout"), 20.0),
            trials=_choice(config, "shapecheck_trials", ("on", "off")) == "on",
            seed=_seed(config),
            rtol=_number(config, "shapecheck_rtol"),
        )


def _text(config: pytest.Config, name: str) -> str:
    given = config.getoption(name, None)
    return str(given if given is not None else config.getini(name)).strip()


def _choice(config: pytest.Config, name: str, choices: tuple[str, ...]) -> str:
    text = _text(config, name) or choices[0]
    if text not in choices:
        raise pytest.UsageError(f"{name} = {text!r}: it is {', '.join(choices[:-1])} or {choices[-1]}")
    return text


def _number(config: pytest.Config, name: str) -> float | None:
    text = _text(config, name)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise pytest.UsageError(f"{name} = {text!r}: a number is wanted")
    return number


def _given(number: float | None, default: float) -> float:
    return default if number is None else number


def _seed(config: pytest.Config) -> int | None:
    text = _text(config, "shapecheck_seed")
    if not text:
        return None
    if not text.isdecimal():
        raise pytest.UsageError(f"shapecheck_seed = {text!r}: a whole number from 0 is wanted")
    return int(text)
