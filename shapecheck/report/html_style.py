"""The style sheet of the HTML report: light and dark, alone in a page or among a notebook's own styles."""

from __future__ import annotations

# Every rule is bound to the report's own element, so that a notebook around it keeps its looks.
_LIGHT = """
  --sc-text: #1f2328; --sc-soft: #59636e; --sc-line: #d1d9e0; --sc-paper: #ffffff; --sc-code: #f6f8fa;
  --sc-error: #cf222e; --sc-warning: #9a6700; --sc-note: #0969da; --sc-good: #1a7f37;
  --sc-a: #0550ae; --sc-b: #953800; --sc-c: #6639ba; --sc-minus: #ffebe9; --sc-plus: #dafbe1;
"""
_DARK = """
  --sc-text: #e6edf3; --sc-soft: #9198a1; --sc-line: #3d444d; --sc-paper: #0d1117; --sc-code: #161b22;
  --sc-error: #ff7b72; --sc-warning: #e3b341; --sc-note: #58a6ff; --sc-good: #56d364;
  --sc-a: #79c0ff; --sc-b: #ffa657; --sc-c: #d2a8ff; --sc-minus: #67060c55; --sc-plus: #03511466;
"""
_RULES = """
.shapecheck { color: var(--sc-text); background: var(--sc-paper); font: 14px/1.5 system-ui, sans-serif;
  text-align: left; padding: .75em 1em; max-width: 60em; box-sizing: border-box }
.shapecheck * { box-sizing: border-box }
.shapecheck section { border: 1px solid var(--sc-line); border-left-width: 4px; border-radius: 6px;
  padding: .6em 1em; margin: .8em 0 }
.shapecheck section.error { border-left-color: var(--sc-error) }
.shapecheck section.warning { border-left-color: var(--sc-warning) }
.shapecheck section.note { border-left-color: var(--sc-note) }
.shapecheck h2, .shapecheck h3 { font-size: 1em; margin: 0; padding: 0; line-height: 1.5; color: inherit }
.shapecheck .code { font-weight: 600; margin-right: .5em; white-space: nowrap }
.shapecheck .error > h2 .code { color: var(--sc-error) }
.shapecheck .warning > h2 .code { color: var(--sc-warning) }
.shapecheck .note > h2 .code { color: var(--sc-note) }
.shapecheck .place, .shapecheck .soft { color: var(--sc-soft) }
.shapecheck p { margin: .35em 0; padding: 0 }
.shapecheck code, .shapecheck pre { font: 13px/1.45 ui-monospace, "SFMono-Regular", Menlo, Consolas,
  "DejaVu Sans Mono", monospace; color: inherit }
.shapecheck code { background: var(--sc-code); padding: .1em .25em; border-radius: 3px }
.shapecheck pre { background: var(--sc-code); border: 0; border-radius: 4px; margin: .4em 0; padding: .45em .7em;
  overflow-x: auto; white-space: pre }
.shapecheck pre .number { color: var(--sc-soft); user-select: none }
.shapecheck pre .mark { text-decoration: underline 2px; text-underline-offset: 3px;
  text-decoration-color: var(--sc-error) }
.shapecheck pre .m0 { text-decoration-color: var(--sc-a) } .shapecheck pre .t0 { color: var(--sc-a) }
.shapecheck pre .m1 { text-decoration-color: var(--sc-b) } .shapecheck pre .t1 { color: var(--sc-b) }
.shapecheck pre .m2 { text-decoration-color: var(--sc-c) } .shapecheck pre .t2 { color: var(--sc-c) }
.shapecheck pre .minus { background: var(--sc-minus); display: inline-block; min-width: 100% }
.shapecheck pre .plus { background: var(--sc-plus); display: inline-block; min-width: 100% }
.shapecheck details { margin: .4em 0 }
.shapecheck summary { cursor: pointer; font-weight: 600 }
.shapecheck ol { margin: .3em 0 .3em 1.4em; padding: 0 }
.shapecheck li { margin: .3em 0 }
.shapecheck .help { color: var(--sc-good); font-weight: 600 }
.shapecheck .verified { color: var(--sc-good); font-weight: 600 }
.shapecheck .plausible { color: var(--sc-warning); font-weight: 600 }
.shapecheck table { border-collapse: collapse; margin: .4em 0; font-size: 13px }
.shapecheck th, .shapecheck td { border: 1px solid var(--sc-line); padding: .2em .6em; text-align: left }
.shapecheck .drawing { overflow-x: auto }
.shapecheck svg.boxes { display: block; margin: .3em 0 }
.shapecheck svg text { fill: var(--sc-text); font: 11px ui-monospace, "SFMono-Regular", Menlo, Consolas,
  "DejaVu Sans Mono", monospace; text-anchor: middle }
.shapecheck svg .end { text-anchor: end } .shapecheck svg .start { text-anchor: start }
.shapecheck svg .size { fill: var(--sc-soft) } .shapecheck svg .size.clash { fill: var(--sc-error); font-weight: 700 }
.shapecheck svg .shape { fill: var(--sc-soft) } .shapecheck svg .sign { font-size: 17px }
.shapecheck svg .box { stroke-width: 1.2; fill-opacity: .18 } .shapecheck svg .behind { fill-opacity: .06 }
.shapecheck svg .b0 { fill: var(--sc-a); stroke: var(--sc-a) } .shapecheck svg .n0 { fill: var(--sc-a) }
.shapecheck svg .b1 { fill: var(--sc-b); stroke: var(--sc-b) } .shapecheck svg .n1 { fill: var(--sc-b) }
.shapecheck svg .b2 { fill: var(--sc-c); stroke: var(--sc-c) } .shapecheck svg .n2 { fill: var(--sc-c) }
.shapecheck svg .clash { stroke: var(--sc-error); stroke-width: 3 }
.shapecheck svg text.clash { stroke: none }
.shapecheck svg .wanted { fill: none; stroke: var(--sc-good); stroke-width: 1.4; stroke-dasharray: 4 3 }
"""
# What notebooks say about their own theme, which may be another than the system's.
_SAID_DARK = 'body[data-jp-theme-light="false"] .shapecheck, body.vscode-dark .shapecheck, body.theme-dark .shapecheck'
_SAID_LIGHT = 'body[data-jp-theme-light="true"] .shapecheck, body.vscode-light .shapecheck'

STYLE = (
    f".shapecheck {{{_LIGHT}}}\n@media (prefers-color-scheme: dark) {{ .shapecheck {{{_DARK}}} }}\n"
    f"{_SAID_DARK} {{{_DARK}}}\n{_SAID_LIGHT} {{{_LIGHT}}}\n{_RULES}"
)
PAGE_STYLE = (
    ":root { color-scheme: light dark } body { margin: 0; background: #ffffff } "
    "@media (prefers-color-scheme: dark) { body { background: #0d1117 } } body > .shapecheck { margin: 0 auto }\n"
)
