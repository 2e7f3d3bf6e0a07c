"""A gradient report as text, as HTML for notebooks and as a picture; decides nothing."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from shapecheck.gradients.origin import origin_text, underlined

if TYPE_CHECKING:
    from shapecheck.gradients.origin import Origin
    from shapecheck.gradients.result import GradientReport, ParameterResult

_HEADER = ("parameter", "shape", "gradient norm", "relative error", "allowed", "verdict")


def as_text(report: GradientReport) -> str:
    """The report as a table with what it found on top."""
    lines = [headline(report), ""]
    for origin in report.origins:
        lines += [*origin_text(origin), ""]
    rows = [_HEADER, *(_cells(p) for p in report.parameters)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    for row in rows:
        cells = [
            cell.ljust(w) if i in {0, 5} else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    details = _details(report)
    if details:
        lines += ["", *details]
    if not report.ok:
        lines += ["", f"  again    {report.reproduce}"]
    return "\n".join(lines)


def headline(report: GradientReport) -> str:
    """One sentence: what was found."""
    wrong = report.wrong()
    count = len(report.parameters)
    if wrong:
        names = _listed([p.name for p in wrong])
        verb = "is" if len(wrong) == 1 else "are"
        largest = max(map(_error_of, wrong))
        size = f": off by {_percent(largest)}" if 0 < largest < 10 else ": off by more than 10 times" if largest else ""
        return f"the gradient{'' if len(wrong) == 1 else 's'} of {names} {verb} wrong{size}"
    if not report.ok:
        moving = [p for p in report.parameters if p.verdict.value == "not deterministic"]
        return f"the check of {_listed([p.name for p in moving])} means nothing: not deterministic"
    unsure = [p for p in report.parameters if p.verdict.value == "cannot tell"]
    if unsure:
        right = count - len(unsure)
        names = _listed([p.name for p in unsure])
        return f"nothing wrong was seen, but of {names} nothing can be told ({right} of {count} right)"
    return (
        f"all {count} gradients are right" if count > 1 else f"the gradient of `{report.parameters[0].name}` is right"
    )


def _error_of(row: ParameterResult) -> float:
    """The error at the entry that was found, relative to what it should be, or that along the direction."""
    if row.worst is not None and row.worst.numeric:
        return abs(row.worst.analytic - row.worst.numeric) / abs(row.worst.numeric)
    return row.relative_error if math.isfinite(row.relative_error) else 0.0


def _cells(row: ParameterResult) -> tuple[str, ...]:
    return (
        row.name,
        str(row.shape),
        f"{row.norm:.3g}",
        "-" if math.isnan(row.relative_error) else f"{row.relative_error:.1e}",
        "-" if math.isnan(row.tolerance) else f"{row.tolerance:.1e}",
        row.verdict.value,
    )


def _details(report: GradientReport) -> list[str]:
    lines = []
    for row in report.parameters:
        if row.reason:
            lines.append(f"  {row.name}: {row.reason}")
        if row.worst is not None:
            index = f"[{', '.join(map(str, row.worst.index))}]" if row.worst.index else ""
            yours, numeric = f"{row.worst.analytic:.8g}", f"{row.worst.numeric:.8g}"
            lines.append(f"  {row.name}{index}: your gradient says {yours}, the loss says {numeric}")
    lines += [f"  looks like: {s.message}{_left(s.residual)}" for s in report.symptoms]
    lines += [f"  note: {note}" for note in report.notes]
    if not report.ok:
        lines.append(
            f"  note: one evaluation of the loss ({report.loss:.6g}) is good to {report.noise:.0e}; seed {report.seed}"
        )
    return lines


def _left(residual: float) -> str:
    return f" (left over: {residual:.0e})" if math.isfinite(residual) else ""


def _listed(names: list[str]) -> str:
    quoted = [f"`{n}`" for n in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


def _percent(fraction: float) -> str:
    percent = 100 * fraction
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %" if percent >= 1e-3 else f"{percent:.0e} %"


def as_html(report: GradientReport) -> str:
    """The report as a table for notebooks; colour says what the verdict column says in words."""
    colours = {"right": "#2da44e", "wrong": "#e5534b", "cannot tell": "#bf8700", "not deterministic": "#986ee2"}
    cells = "".join(f"<th>{h}</th>" for h in _HEADER)
    body = ""
    for row in report.parameters:
        values = _cells(row)
        colour = colours[row.verdict.value]
        body += "<tr>" + "".join(f"<td>{html.escape(v)}</td>" for v in values[:-1])
        body += f'<td style="color:{colour};font-weight:bold">{values[-1]}</td></tr>'
    details = "".join(f"<li>{_prose(line.strip())}</li>" for line in _details(report))
    found = "".join(
        f"<p>{html.escape(o.place)}: {_prose(o.explanation)}</p>"
        f"<pre>{html.escape(chr(10).join(underlined(o, '')))}</pre>{_mend_html(o)}"
        for o in report.origins
    )
    again = "" if report.ok else f"<pre>{html.escape(report.reproduce)}</pre>"
    return (
        f"<div><strong>{_prose(headline(report))}</strong>{found}<table><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table><ul>{details}</ul>{again}</div>"
    )


def _prose(text: str) -> str:
    """A sentence whose `names` are set as code."""
    pieces = html.escape(text).split("`")
    if len(pieces) % 2 == 0:
        return "`".join(pieces)
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))


def _mend_html(origin: Origin) -> str:
    mend = origin.mend
    if mend is None:
        return ""
    lines = [*(f"- {text}" for _, text in mend.before), *(f"+ {text}" for _, text in mend.after)]
    diff = html.escape("\n".join(lines))
    return f"<p>{_prose(mend.title)}</p><pre>{diff}</pre><p>{_prose(mend.evidence)}</p>"


def as_dict(report: GradientReport) -> dict[str, Any]:
    """The report as plain JSON values; NaN becomes None."""
    return {
        "ok": report.ok,
        "decided": report.decided,
        "mode": report.mode,
        "seed": report.seed,
        "reproduce": report.reproduce,
        "loss": _number(report.loss),
        "noise": _number(report.noise),
        "evaluations": report.evaluations,
        "notes": list(report.notes),
        "parameters": [
            {
                "name": p.name,
                "shape": list(p.shape),
                "dtype": p.dtype,
                "norm": _number(p.norm),
                "relative_error": _number(p.relative_error),
                "tolerance": _number(p.tolerance),
                "verdict": p.verdict.value,
                "reason": p.reason,
                "method": p.method,
                "worst": None
                if p.worst is None
                else {
                    "index": list(p.worst.index),
                    "analytic": _number(p.worst.analytic),
                    "numeric": _number(p.worst.numeric),
                },
                "rows": None if p.rows is None else list(p.rows),
            }
            for p in report.parameters
        ],
        "symptoms": [
            {
                "kind": s.kind,
                "parameters": list(s.parameters),
                "message": s.message,
                "evidence": {k: _number(v) if isinstance(v, float) else v for k, v in s.evidence.items()},
                "residual": _number(s.residual),
            }
            for s in report.symptoms
        ],
        "origins": [origin.to_dict() for origin in report.origins],
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def plot(report: GradientReport, name: str | None = None) -> Any:
    """A heat map of where the user's gradient and the numeric one differ; see `GradientReport.plot`."""
    try:
        from matplotlib import pyplot  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError("plotting needs matplotlib: pip install 'shapecheck[plot]'") from error
    known = [row.name for row in report]
    if name is not None and name not in known:
        raise ValueError(f"there is no parameter `{name}`; there are {_listed(known)}")
    names = [name] if name is not None else [n for n in report.analytic if n in report.numeric]
    if not names or any(n not in report.numeric for n in names):
        raise ValueError('there are numeric gradients to draw only after gradcheck(..., mode="full")')
    figure, axes = pyplot.subplots(1, len(names), squeeze=False, figsize=(4 * len(names), 3.5))
    for axis, each in zip(axes[0], names, strict=True):
        apart = np.atleast_1d(report.analytic[each] - report.numeric[each])
        picture = apart.reshape(apart.shape[0], -1) if apart.ndim > 1 else apart.reshape(1, -1)
        largest = float(np.max(np.abs(picture))) or 1.0
        image = axis.imshow(picture, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
        axis.set_title(f"{each}: yours minus the loss's")
        figure.colorbar(image, ax=axis)
    figure.tight_layout()
    return figure
