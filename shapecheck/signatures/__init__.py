"""Dimension signatures, checked at the call: jaxtyping and beartype, with an error that says which axis and why.

Named in the plural because `shapecheck.signature` is the decorator itself, and a submodule of that name would hide it.
"""

from shapecheck.signatures.checked import Call, array_arguments, observed_calls, signature
from shapecheck.signatures.refusal import AxisBinding, Refusal, SignatureError, annotation_text
from shapecheck.signatures.signed import hints_of

__all__ = [
    "AxisBinding",
    "Call",
    "Refusal",
    "SignatureError",
    "annotation_text",
    "array_arguments",
    "hints_of",
    "observed_calls",
    "signature",
]
