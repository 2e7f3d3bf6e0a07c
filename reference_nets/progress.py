"""Progress of a training run, and the plain gradient descent that the small demonstrations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reference_nets.annotations import Parameters


@dataclass(frozen=True)
class Progress:
    """Where a run stands after `step` updates; `str()` is the line that is shown."""

    step: int
    loss: float
    accuracy: float | None = None
    note: str = ""

    def __str__(self) -> str:
        parts = [f"step {self.step:>6}", f"loss {self.loss:<11.6g}"]
        if self.accuracy is not None:
            parts.append(f"accuracy {self.accuracy:6.1%}")
        return "  ".join([*parts, self.note]).rstrip()


def descend(
    params: Parameters, loss_and_gradients: Callable[[], tuple[float, Parameters]], *, rate: float, steps: int
) -> Iterator[Progress]:
    """Change `params` in place, steps times: p -= rate * dp; report about ten times, and at the end.

    Args:
        params: Read by `loss_and_gradients`; changed in place.
        loss_and_gradients: The loss and its gradients, under the names of `params`, at the present parameters.
        rate: Learning rate, above 0.
        steps: Number of updates.

    Yields:
        The loss before the first update, in between, and after the last.
    """
    for step in range(steps):
        loss, gradients = loss_and_gradients()
        if step % max(1, steps // 10) == 0:
            yield Progress(step, loss)
        for name in params:
            params[name] -= rate * gradients[name]
    yield Progress(steps, loss_and_gradients()[0])
