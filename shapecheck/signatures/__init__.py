"""Dimension signatures, checked at the call: jaxtyping and beartype, with an error that says which axis and why.

Named in the plural because `shapecheck.signature` is the decorator itself, and a submodule of that name would hide it.
"""

from shapecheck.signatures.checked import Call, observed_calls, signature
from shapecheck.signatures.refusal import AxisBinding, Refusal, SignatureError

__all__ = ["AxisBinding", "Call", "Refusal", "SignatureError", "observed_calls", "signature"]
