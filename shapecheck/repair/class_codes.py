"""Rows of an identity matrix for class numbers that were taken for targets: `np.eye(10)[label]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.class_numbers import CLASS_NUMBERS
from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk


def codes_of_classes(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The number's code where it is handed over or used: in the call that makes the difference first."""
    if finding.title != CLASS_NUMBERS or not finding.operands or finding.operands[0].expected is None:
        return
    operand, classes = finding.operands[0], finding.operands[0].expected[0]
    for number, span in enumerate(dict.fromkeys((finding.cause, finding.location))):
        node, numpy = desk.expression(span) if span.path == desk.path else None, desk.numpy()
        parts = node.args if isinstance(node, ast.Call) else []
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) else parts
        for place, part in enumerate(parts if numpy is not None else []):
            # A column of numbers is read as a row of indices.
            index = desk.text(part) if len(operand.shape) < 2 else f"{numpy}.ravel({desk.text(part)})"
            turned = ".T" if len(operand.shape) > 1 and operand.shape[0] == 1 else ""
            text = f"{numpy}.eye({classes})[{index}]{turned}"
            title = f"compare with the class's code, `{text}`"
            yield desk.candidate(title, "code", 0.5 + 0.2 * number + 0.05 * (1 - place), desk.edit(part, text))


__all__ = ["codes_of_classes"]
