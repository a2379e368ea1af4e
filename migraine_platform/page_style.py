"""How the platform's pages look: one column on a phone, two on a desk; light or dark as the reader's device is.

Colours are of the palette of Okabe and Ito, and always stand beside a word and a sign.
"""

CSS = """
:root { --ink: #1b1f24; --dim: #57606a; --paper: #f6f7f9; --card: #fff; --line: #d9dee4;
  --well: #0072b2; --look: #b36b00; --failed: #c44601; --wash-well: #e6f1f8; --wash-look: #fdf1dc;
  --wash-failed: #fbe9df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --dim: #a3abb5; --paper: #14171b; --card: #1d2126;
  --line: #343a42; --well: #56b4e9; --look: #e69f00; --failed: #ff9257; --wash-well: #16303f; --wash-look: #392b10;
  --wash-failed: #40230f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1rem; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); align-items: start; }
header, section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.15rem;
  min-width: 0; }
header { grid-column: 1 / -1; }
main > div { display: grid; gap: 1rem; min-width: 0; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
h3 { font-size: .95rem; margin: .9rem 0 .2rem; }
p { margin: .25rem 0; }
small, .dim { color: var(--dim); font-size: .875rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { padding: .45rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
li:first-child { border-top: 0; padding-top: 0; }
h3 + ul li:first-child { padding-top: .2rem; }
header.well { border-left: .5rem solid var(--well); background: var(--wash-well); }
header.look { border-left: .5rem solid var(--look); background: var(--wash-look); }
header.failed { border-left: .5rem solid var(--failed); background: var(--wash-failed); }
header ul { margin-top: .75rem; }
.mark { font-weight: 650; white-space: nowrap; }
.well .mark, .mark.well { color: var(--well); } .mark.look { color: var(--look); }
.mark.failed { color: var(--failed); }
.mark.dim { color: var(--dim); font-weight: 500; }
.row { display: flex; gap: .25rem .75rem; flex-wrap: wrap; align-items: baseline; justify-content: space-between; }
.row b { font-weight: 600; }
.why { display: block; margin-top: .1rem; }
summary { cursor: pointer; padding: .35rem 0; }
details li { padding: .3rem 0; }
.bar { height: .6rem; border: 1px solid var(--line); border-radius: .3rem; overflow: hidden; margin: .3rem 0 .6rem; }
.bar i { display: block; height: 100%; background: var(--well); }
"""
