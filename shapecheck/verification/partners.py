"""Which forward pass goes with which backward pass, by name: `affine_backward` with `affine_forward`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_PARTNERS = (
    ("backward_propagation", ("forward_propagation",)),
    ("backward_propagate", ("forward_propagate",)),
    ("back_propagation", ("forward_propagation", "forward_propagate", "feed_forward", "forward")),
    ("back_propagate", ("forward_propagate", "feed_forward", "forward")),
    ("backpropagation", ("forwardpropagation", "forward_propagation", "feedforward", "forward")),
    ("backpropagate", ("forwardpropagate", "forward_propagate", "feedforward", "forward")),
    ("back_prop", ("forward_prop", "feed_forward", "forward")),
    ("backprop", ("forwardprop", "forward_prop", "fprop", "feedforward", "feed_forward", "forward")),
    ("backward_pass", ("forward_pass",)),
    ("backward", ("forward",)),
    ("backwards", ("forwards", "forward")),
    ("bprop", ("fprop",)),
    ("bwd", ("fwd",)),
    ("vjp", ("forward", "__call__")),
)


def forward_names(backward: str) -> Iterator[str]:
    """Names that the forward pass beside `backward` may have, likeliest first."""
    for word, others in _PARTNERS:
        if re.search(rf"(?:^|_){word}(?:_|$)", backward, re.IGNORECASE):
            for other in others:
                yield re.sub(word, other, backward, count=1, flags=re.IGNORECASE)
            if backward.startswith("_"):
                for other in others:
                    yield re.sub(word, other, backward.lstrip("_"), count=1, flags=re.IGNORECASE)


def forward_of(backward: str, find: Callable[[str], Any]) -> Any:
    """The forward pass beside `backward`: the first name that `find` knows as a callable; None if there is none."""
    for name in forward_names(backward):
        found = find(name)
        if callable(found):
            return found
    return None


def is_called_backward(name: str) -> bool:
    """Whether a method's name says that it goes backward."""
    return next(forward_names(name), None) is not None
