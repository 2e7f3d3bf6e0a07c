"""The HTML report: whole, escaped, alone, drawn to scale, and legible in a real browser in light and in dark."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.diagnose.finding import (
    Diagnosis,
    Finding,
    LayerSummary,
    LossSummary,
    NetworkSummary,
    Operand,
    ProgramOutcome,
    Span,
    TrailStep,
)
from shapecheck.report.html import render_finding, render_fragment, render_html
from shapecheck.report.shape_boxes import Box, boxes_of, draw
from shapecheck.report.source_text import SourceFiles

Write = Callable[..., Any]
VOID = {"meta", "rect", "line"}


def terminal_reports() -> list[Any]:
    """The diagnoses that the report for the terminal is tested with."""
    spec = importlib.util.spec_from_file_location("terminal_reports", Path(__file__).with_name("test_terminal.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.REPORTS)


REPORTS = terminal_reports()


class Page(HTMLParser):
    """Reads a page and insists that each element ends where it must."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


@pytest.mark.parametrize("build", REPORTS, ids=lambda build: build.__name__)
def test_every_report_is_a_whole_page_that_needs_nothing(build: Callable[[Write], Diagnosis], program: Write) -> None:
    diagnosis = build(program)
    text = render_html(diagnosis)
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"} == set()
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in attributes if name.startswith("on") or name in {"src", "href", "style"}}
    assert "url(" not in text
    assert "@import" not in text
    for finding in diagnosis.findings:
        assert finding.code in page.text
        for operand in finding.operands:
            assert str(operand.shape) in page.text


@pytest.mark.parametrize("build", [b for b in REPORTS if b.__name__ in {"backprop", "hostile_source", "other_file"}])
def test_page(build: Callable[[Write], Diagnosis], program: Write, golden: Callable[[str, str], None]) -> None:
    text = re.sub(r"<style>.*?</style>", "<style></style>", render_html(build(program)), flags=re.DOTALL)
    golden(f"html/{build.__name__}.html", text)


def test_what_comes_from_the_program_is_escaped(program: Write) -> None:
    evil = "<script>alert('\"&')</script>"
    source = program(f"y = a['{evil}'] @ b\n", f"{'&'}evil.py")
    span = source.span(f"a['{evil}'] @ b")
    operand = Operand(f"a['{evil}']", (2, 3), (3, 2), source.span(f"a['{evil}']"))
    finding = Finding(
        "SC101", "error", f"`{evil}` {evil}", f"{evil} `{evil}`", span, span, 1, (evil,), (operand, operand),
        (TrailStep(span, evil),),
    )  # fmt: skip
    layers = (LayerSummary(1, (evil,), ((1, 2),), evil),)
    network = NetworkSummary(evil, LossSummary(None, evil, inferred=True), layers)
    outcome = ProgramOutcome("exception", ("ValueError", evil), 0.1)
    text = render_html(Diagnosis(evil, "findings", outcome, network, (finding,)))
    Page(text)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_a_finding_by_itself_and_a_fragment_have_their_style_with_them(program: Write) -> None:
    diagnosis = REPORTS[0](program)
    alone = render_finding(diagnosis.findings[0], SourceFiles(), closing="see `%%diagnose` & more")
    assert "see <code>%%diagnose</code> &amp; more" in alone
    for text in (alone, render_fragment(diagnosis)):
        page = Page(text)
        assert [tag for tag, _ in page.tags[:2]] == ["div", "style"]
        # Every rule is bound to the report: a notebook around it keeps its looks.
        rules = re.sub(r"@media[^{]*{|/\*.*?\*/", "", text.partition("<style>")[2].partition("</style>")[0])
        selectors = [s for block in re.findall(r"([^{}]+){", rules) for s in block.split(",") if s.strip()]
        assert [s for s in selectors if ".shapecheck" not in s] == []


# -- boxes ------------------------------------------------------------------------------------------------------------


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    found = re.findall(r'<rect class="box b\d" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg)
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h in found]


def test_boxes_are_drawn_to_scale() -> None:
    (_, _, w1, h1), (_, _, w2, h2) = rectangles(draw([Box("a", (10, 40)), Box("b", (40, 20))]))
    assert w1 / h1 == pytest.approx(4, rel=0.01)
    assert (w1, h1) == pytest.approx((h2, w2 * 0.5), rel=0.01) or w1 == pytest.approx(h2, rel=0.01)
    assert h2 / w2 == pytest.approx(2, rel=0.01)


def test_a_small_one_beside_a_large_one_can_be_seen() -> None:
    (_, _, w1, h1), (_, _, w2, h2) = rectangles(draw([Box("b", (2,)), Box("W", (784, 196))]))
    assert min(w1, h1, w2, h2) >= 5
    assert max(w2, h2) <= 150
    assert h2 > w2 > w1


SHAPES = st.lists(st.integers(0, 5000), max_size=4).map(tuple)


@given(shapes=st.lists(SHAPES, min_size=1, max_size=3))
def test_every_box_lies_within_the_drawing(shapes: list[tuple[int, ...]]) -> None:
    svg = draw([Box("name of an array", shape) for shape in shapes], "@")
    if not svg:
        assert not any(shapes)
        return
    width, height = (float(n) for n in re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[0])
    for x, y, w, h in rectangles(svg):
        assert x >= 0 <= y
        assert x + w <= width
        assert y + h <= height


@given(small=st.integers(1, 300), large=st.integers(1, 300))
def test_the_longer_axis_is_never_drawn_shorter(small: int, large: int) -> None:
    small, large = sorted([small, large])
    ((_, _, width, height),) = rectangles(draw([Box("a", (small, large))]))
    assert width >= height


#        id                          code     source              shapes                axes that clash
CLASHES = [
    ("product", "SC101", "a @ b", [(4, 3), (5, 2)], [{1}, {0}]),
    ("product with a vector", "SC101", "np.dot(a, b)", [(2,), (1, 5)], [{0}, {0}]),
    ("axes that only the text knows", "SC101", "np.einsum('ij,ik', a, b)", [(4, 3), (5, 2)], [set(), set()]),
    ("element by element", "SC102", "a * b", [(8, 24), (32, 24)], [{0}, {0}]),
    ("one of length one fits", "SC102", "a * b", [(8, 1, 4), (3, 5)], [{2}, {1}]),
    ("an update that grows", "SC103", "b -= db", [(5, 1), (5, 80)], [{1}, {1}]),
    ("an update of more axes", "SC103", "b -= db", [(5,), (3, 5)], [set(), {0}]),
    ("a value put where it does not fit", "SC106", "a[0]", [(6,), (4, 3)], [{0}, {1}]),
    ("a check of one's own", "SC110", "assert", [(1, 4), (6, 1)], [{0, 1}, {0, 1}]),
    ("a check of the number of axes", "SC110", "assert", [(4,), (4, 1)], [{0}, {0, 1}]),
    ("no product at all", "SC104", "a.reshape(3)", [(4, 3), (5, 2)], [set(), set()]),
]


@pytest.mark.parametrize(("code", "source", "shapes", "clash"), [c[1:] for c in CLASHES], ids=[c[0] for c in CLASHES])
def test_the_axes_that_clash_are_marked(
    code: str, source: str, shapes: list[tuple[int, ...]], clash: list[set[int]]
) -> None:
    span = Span("s.py", 1, 1, 1, 2, source)
    operands = tuple(Operand(name, shape) for name, shape in zip("ab", shapes, strict=True))
    boxes, sign = boxes_of(Finding(code, "error", "", "", span, span, operands=operands))
    assert [set(box.clashing) for box in boxes] == clash
    assert draw(boxes, sign).count('<line class="clash"') == sum(
        axis >= len(box.shape) - 2 for box in boxes for axis in box.clashing
    )


# -- in a browser -----------------------------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync --hide-scrollbars --force-color-profile=srgb"


def colours(page: Path, folder: Path, *, dark: bool) -> dict[tuple[int, int, int], int]:
    """How many pixels of each colour a browser paints."""
    import numpy as np
    from matplotlib.image import imread

    shot = folder / "shot.png"
    theme = "--blink-settings=preferredColorScheme=0" if dark else "--blink-settings=preferredColorScheme=1"
    subprocess.run(
        [str(BROWSER), *FLAGS.split(), theme, f"--user-data-dir={folder / 'profile'}", "--window-size=900,1000",
         f"--screenshot={shot}", page.as_uri()],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    pixels = np.round(imread(shot)[..., :3] * 255).astype(int).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return {(int(r), int(g), int(b)): int(n) for (r, g, b), n in zip(found, counts, strict=True)}


@pytest.mark.skipif(BROWSER is None, reason="there is no browser on this machine")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it(program: Write, tmp_path: Path, dark: bool) -> None:
    diagnosis = REPORTS[0](program)
    finding = diagnosis.findings[0]
    operands = tuple(replace(o, expected=None) for o in finding.operands)
    page = tmp_path / "page.html"
    page.write_text(render_html(replace(diagnosis, findings=(replace(finding, operands=operands),))))
    seen = colours(page, tmp_path, dark=dark)
    paper, error, first, second = (
        ((13, 17, 23), (255, 123, 114), (121, 192, 255), (255, 166, 87))
        if dark
        else ((255, 255, 255), (207, 34, 46), (5, 80, 174), (149, 56, 0))
    )
    assert max(seen, key=lambda colour: seen[colour]) == paper
    for colour in (error, first, second):
        assert seen.get(colour, 0) > 40
