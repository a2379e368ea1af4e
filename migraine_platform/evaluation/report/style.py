"""How reports look: the health page's base, in one column, with tables that scroll in their own box and figures."""

from __future__ import annotations

from migraine_platform.page_style import CSS as BASE

CSS = (
    BASE
    + """
main { display: block; max-width: 72rem; }
main > * + *, .two section + section { margin-top: 1rem; }
.two { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr));
  align-items: start; }
.two > div { min-width: 0; }
p { max-width: 46rem; } p + p { margin-top: .6rem; }
h2 { font-size: 1.25rem; } h3 { font-size: 1.02rem; margin-top: 1.1rem; }
.lead { font-size: 1.05rem; }
.wide { overflow-x: auto; margin: .5rem 0; border: 1px solid var(--line); border-radius: .5rem; }
.wide:focus-visible { outline: 2px solid var(--well); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .4rem .6rem; text-align: right; border-top: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
  background: var(--card); min-width: 8rem; }
thead th { border-top: 0; font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; }
tr.ours th, tr.ours td { background: var(--wash-well); font-weight: 650; }
td small, th small { display: block; font-size: .78rem; font-weight: 400; }
td small { white-space: nowrap; }
table.words td { text-align: left; overflow-wrap: anywhere; }
.figures { display: grid; gap: 1.25rem 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 23rem), 1fr)); }
figure { margin: .5rem 0; min-width: 0; }
figure img { display: block; width: 100%; max-width: 34rem; height: auto; border-radius: .5rem; background: #fff; }
figcaption { font-size: .875rem; color: var(--dim); margin-top: .35rem; max-width: 34rem; }
figcaption b { color: var(--ink); font-weight: 600; }
@media (min-width: 50rem) { main > section > .figures:has(> figure:only-child) figure { display: grid; gap: 1rem;
  grid-template-columns: minmax(0, 31rem) minmax(0, 1fr); align-items: center; } }
.chance { position: relative; height: 1.3rem; max-width: 34rem; overflow: visible; }
.chance .span { position: absolute; top: 0; opacity: .35; }
.chance .at { position: absolute; top: -.25rem; width: .3rem; height: 1.7rem; margin-left: -.15rem;
  background: var(--ink); border-radius: .15rem; }
code { font-size: .85em; overflow-wrap: anywhere; }
@media print { body { background: #fff; } header, section { break-inside: avoid; } }
"""
)
