"""What `--diff` and `--fix` do: the best fix of each finding, shown together or applied together."""

from __future__ import annotations

from shapecheck.diagnose.finding import Diagnosis
from shapecheck.report.apply import apply_fixes
from shapecheck.report.diff import ChosenFix, best_fixes, unified_diff
from shapecheck.report.source_text import SourceFiles
from shapecheck.report.summary import plural


def render_diff(diagnosis: Diagnosis) -> tuple[str, str]:
    """Write the best fixes as one unified diff, and one sentence about them for standard error.

    Raises:
        EditError: A file changed or vanished since the run.
    """
    chosen, left_out = best_fixes(diagnosis)
    if not chosen:
        return "", "no fix to show" if diagnosis.findings else "nothing found, nothing to fix"
    verified = sum(one.fix.confidence == "verified" for one in chosen)
    remark = f"{plural(len(chosen), 'fix', 'fixes')}: {verified} verified, {len(chosen) - verified} plausible"
    return unified_diff((one.fix for one in chosen), SourceFiles(diagnosis.texts)), remark + _left_out(left_out)


def apply_best(diagnosis: Diagnosis, *, unchanged_since_ns: int) -> str:
    """Apply the verified fixes of errors and say in one sentence what was done.

    Raises:
        EditError: They could not be applied; nothing was written.
    """
    chosen, left_out = best_fixes(diagnosis, safe_only=True)
    if not chosen:
        return "nothing was fixed: no error has a verified fix" if diagnosis.findings else "nothing to fix"
    paths = apply_fixes(chosen, unchanged_since_ns=unchanged_since_ns)
    titles = "; ".join(one.fix.title for one in chosen)
    return f"applied {plural(len(chosen), 'fix', 'fixes')} to {', '.join(paths)}: {titles}{_left_out(left_out)}"


def _left_out(left_out: list[ChosenFix]) -> str:
    if not left_out:
        return ""
    return f" ({plural(len(left_out), 'other edits', 'others edit')} the same place and can follow: run again)"
