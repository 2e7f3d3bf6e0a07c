"""Shape debugging and gradient verification for backpropagation written by hand in NumPy."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

# Public name -> the module that holds it; loaded on first use, so that `import shapecheck` stays light.
_PUBLIC: dict[str, str] = {
    "GradientCheckError": "shapecheck.gradients.errors",
    "GradientMismatchError": "shapecheck.gradients.errors",
    "GradientReport": "shapecheck.gradients.result",
    "NondeterministicLossError": "shapecheck.gradients.errors",
    "ShapeMismatchError": "shapecheck.gradients.errors",
    "PairingError": "shapecheck.verification.errors",
    "VerificationError": "shapecheck.verification.errors",
    "gradcheck": "shapecheck.verification.gradcheck",
    "numeric_gradient": "shapecheck.gradients.check",
    "assert_gradients": "shapecheck.assertions",
    "assert_shapes": "shapecheck.assertions",
    "verify": "shapecheck.verification.decorator",
    "install": "shapecheck.postmortem.hooks",
    "uninstall": "shapecheck.postmortem.hooks",
    "load_ipython_extension": "shapecheck.ipython",
    "unload_ipython_extension": "shapecheck.ipython",
    "SignatureError": "shapecheck.signatures",
    "signature": "shapecheck.signatures",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        value = getattr(import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'shapecheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
