"""The look of a comparison: light or dark as the reader's machine is."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff;
  --line: #d8dee4; --panel: #f6f8fa; --gain: #1a7f37; --loss: #b42318; --open: #57606a;
  --right: #dafbe1; --mark: #fff3c4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4af; --paper: #0d1117; --line: #30363d;
    --panel: #161b22; --gain: #3fb950; --loss: #ff7b72; --open: #9aa4af;
    --right: #12331d; --mark: #3a2f0b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
h4 { font-size: .85rem; margin: 0 0 .25rem; color: var(--soft); }
.models { display: grid; gap: .25rem; margin: 0 0 .75rem; }
.models div { display: flex; gap: .75rem; }
.models dt { font-weight: 700; }
.models dd { margin: 0; overflow-wrap: anywhere; }
small, .note { color: var(--soft); font-size: .85rem; }
.note { margin: .25rem 0 .75rem; max-width: 60rem; overflow-wrap: anywhere; }
.verdict { font-size: 1.05rem; font-weight: 600; padding: .75rem 1rem; margin: 0 0 .5rem;
  background: var(--panel); border-left: 4px solid var(--open); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); text-align: left; }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.decides { background: var(--mark); }
.decides th { font-weight: 700; }
svg { display: block; }
svg line { stroke: currentColor; stroke-width: 2.5; }
svg .zero { stroke: var(--line); stroke-width: 1; }
svg circle { fill: currentColor; }
.gain { color: var(--gain); } .loss { color: var(--loss); } .open { color: var(--open); }
details summary { cursor: pointer; font-size: 1.2rem; font-weight: 600; margin: 1.5rem 0 .5rem; }
article { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 0 0 1rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; }
ol { margin: 0; padding: 0; font-size: .9rem; counter-reset: rank; }
li::before { counter-increment: rank; content: counter(rank); color: var(--soft);
  min-width: 1.3em; text-align: right; font-variant-numeric: tabular-nums; }
li { display: flex; gap: .5rem; align-items: center; padding: .25rem .4rem; border-radius: 4px; }
.right { background: var(--right); }
.item { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.item small { display: block; }
img { width: 36px; height: 36px; object-fit: contain; background: #ffffff; border-radius: 4px; }
.mark { font-weight: 700; }
"""
