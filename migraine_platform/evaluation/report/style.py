"""How reports look: the health page's base, in one column, with tables that scroll in their own box and figures."""

from __future__ import annotations

from migraine_platform.page_style import CSS as BASE

CSS = (
    BASE
    + """
main { display: block; max-width: 75rem; }
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
th, td { padding: .4rem .35rem; text-align: right; border-top: 1px solid var(--line); vertical-align: top; }
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
@media (max-width: 34rem) { figure { overflow-x: auto; } figure img { width: 34rem; max-width: none; } }
@media (prefers-color-scheme: dark) { @media screen { figure img { filter: invert(.89) hue-rotate(180deg); } } }
@media print { @page { margin: 11mm; }
  :root { --ink: #000; --dim: #444; --paper: #fff; --card: #fff; --line: #bbb; }
  body { background: #fff; font-size: 7pt; line-height: 1.2; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, .two { padding: 0; gap: 2mm 4mm; } .two { grid-template-columns: 1fr 1fr; }
  header, section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 1.2mm 0; }
  main > * + *, .two section + section { margin-top: 0; }
  h1 { font-size: 13pt; } h2 { font-size: 9pt; margin-bottom: .4mm; } h3 { font-size: 8pt; margin: .6mm 0 0; }
  li { padding: .3mm 0; } p, p + p { margin: .4mm 0; max-width: none; } .lead { font-size: 10pt; }
  small, .dim, figcaption { font-size: 6.8pt; }
  figure { margin: .5mm 0; break-inside: avoid; } figure img { max-height: 31mm; width: auto; max-width: 100%; }
  .figures { grid-template-columns: 1fr 1fr; gap: 2mm; } .two .figures { grid-template-columns: 1fr; }
  .wide { overflow: visible; border: 0; } table { font-size: 7.2pt; } th, td { padding: .5mm .8mm; }
  th:first-child, td:first-child { position: static; min-width: 0; } td small, th small { white-space: normal; }
  #week ul { columns: 2; column-gap: 4mm; } #week li { border: 0; break-inside: avoid; }
  .row { display: block; } .row b::after { content: ": "; }
  h2, h3 { break-after: avoid; } tr, li { break-inside: avoid; } }
"""
)
