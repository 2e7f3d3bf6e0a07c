"""Backward passes that begin without the target: found, placed and mended whatever the loss is called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited, findings, repaired

PRINTED = "-np.mean(wanted * np.log(out) + (1 - wanted) * np.log(1 - out))"
COMPUTED = ("    e3 = ", f"    seen_so_far.append({PRINTED})\n    e3 = ")
KEPT = ("rate = 0.4\n", "rate = 0.4\nseen_so_far = []\n")

#     id, edits
LEFT_OUT: list[tuple[str, Edits]] = [
    ("no difference", [("(out - wanted) / n", "out / n")]),
    ("the output under another name", [("e3 = (out - wanted) / n", "e3 = out")]),
]


@pytest.mark.parametrize("edits", [row[1] for row in LEFT_OUT], ids=[row[0].replace(" ", "-") for row in LEFT_OUT])
def test_the_missing_target_is_placed(tmp_path: Path, edits: Edits) -> None:
    text = edited("inline", edits)
    found = findings(tmp_path, text)
    assert len(found) == 1
    assert "e3 = out" in blamed_line(text, found[0])


def test_a_loss_without_a_telling_name_serves_two_weights(tmp_path: Path) -> None:
    biases = [(f"    {bias} -= rate * g{bias}\n", "") for bias in "abc"]
    text = edited("inline", [*biases, KEPT, COMPUTED, ("(out - wanted) / n", "out / n")])
    (finding,) = findings(tmp_path, text, trials=True)
    assert finding.fixes[0].confidence == "verified"
    assert repaired(text, finding.fixes[0]) == edited("inline", [*biases, KEPT, COMPUTED])
