/** Black on white, one serif-free face, tables that a narrow window scrolls; nothing is told by colour alone. */
export const STYLE = `
:root { color-scheme: light; }
body { margin: 2.5rem auto; max-width: 62rem; padding: 0 1.25rem; background: #fff; color: #1a1a1a;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; padding-top: .5rem; border-top: 1px solid #bbb; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .4rem 0; max-width: 46rem; }
.from, .note { color: #555; font-size: .9rem; }
.from { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: .7rem 0; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: left; padding: .16rem 1rem .16rem 0; vertical-align: baseline; white-space: nowrap; }
thead th { border-bottom: 1px solid #1a1a1a; font-weight: 600; }
tbody th { font-weight: 400; font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .95em; }
tbody tr:nth-child(3n) > * { border-bottom: 1px solid #e4e4e4; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.warnings li { margin: .5rem 0; max-width: 46rem; }
.warnings code { font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem 2rem; }
figure { margin: .8rem 0; }
figcaption { color: #555; font-size: .9rem; max-width: 46rem; }
.vega-embed { width: 100%; }
@media print { body { margin: 0; max-width: none; } .vega-embed details { display: none; } }
`;
