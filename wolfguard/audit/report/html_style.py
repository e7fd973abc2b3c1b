# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of the HTML report: one style sheet for screen, phone and paper, light and dark. Colours never stand alone:
every state is a word too."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --card: #f6f7f9; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --link: #0b57a4;
  --pass: #1a7f37; --fail: #b3261e; --error: #8a4b00; --waived: #6b4ea0; --manual: #0b57a4; --not-applicable: #6e7781;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1d2125; --text: #e6e9ec; --soft: #a3adb8; --line: #3a4149; --link: #7ab7ff;
    --pass: #56d364; --fail: #ff8177; --error: #f0b072; --waived: #c3a6ff; --manual: #7ab7ff; --not-applicable: #98a2ad;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1rem 0 0; padding: 0; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
svg { display: block; width: 100%; height: 2rem; margin: 1rem 0 .5rem; }
svg rect { stroke: var(--ground); stroke-width: 2; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; list-style: none; margin: 0; padding: 0; }
.counts b { font-variant-numeric: tabular-nums; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; }
summary { cursor: pointer; padding: .5rem .75rem; display: grid; grid-template-columns: 8rem 1fr; gap: 0 .75rem; }
summary .id { grid-column: 2; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
.state { font-weight: 650; }
.pass { color: var(--pass); fill: var(--pass); } .fail { color: var(--fail); fill: var(--fail); }
.error { color: var(--error); fill: var(--error); } .waived { color: var(--waived); fill: var(--waived); }
.manual { color: var(--manual); fill: var(--manual); }
.not-applicable { color: var(--not-applicable); fill: var(--not-applicable); }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .3rem .75rem; margin: 0; padding: .25rem .75rem .75rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); padding: .35rem .5rem; }
th[scope=row] { font-weight: 600; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
@media (max-width: 40rem) {
  summary, dl { grid-template-columns: 1fr; } summary .id { grid-column: 1; }
  dt { margin-top: .4rem; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --card: #fff; --text: #000; --soft: #444; --line: #999; --link: #000;
    --pass: #14622b; --fail: #9b1c15; --error: #6e3c00; --waived: #533c80; --manual: #083f77; --not-applicable: #555; }
  nav { display: none; } main { max-width: none; padding: 0; } body { font-size: 10pt; }
  details { break-inside: avoid; } h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
