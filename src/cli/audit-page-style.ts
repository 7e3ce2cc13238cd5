// How the audit's page looks, by day and by night.

/** The page's style sheet. */
export const auditPageStyle: string = `
:root { color-scheme: light dark; --paper: #fbfaf8; --card: #fff; --ink: #1d2129; --soft: #6a7180; --line:
  #e6e3dd;
  --ground: #dfe9e2; --missing: #c8322b; --repeated: #d98a0b; --reordered: #3c6fd1; --good: #1f7a4d; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1c1f25; --ink: #e8e9ec; --soft:
  #969dab;
  --line: #2c3038; --ground: #26352d; --missing: #ff6b5e; --repeated: #f0b04a; --reordered: #7da6ff;
  --good: #5fcf97; } }
* { box-sizing: border-box; margin: 0; }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .6rem 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.6rem 0 .7rem; }
.sub, dl p, .range, small { color: var(--soft); }
.state { display: inline-block; padding: .15rem .7rem; border-radius: 1rem; font-weight: 600; font-size:
  .85rem;
  border: 1px solid currentColor; }
.clean { color: var(--good); } .troubled { color: var(--missing); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr)); gap: .8rem;
  margin-top: 1.8rem; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem
  1rem; }
dt { color: var(--soft); font-size: .85rem; } dl p { font-size: .8rem; }
dd { font-size: 1.5rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.bad dd { color: var(--missing); }
.key { color: var(--soft); font-size: .85rem; }
.key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin: 0 .35rem 0
  .9rem; }
.key i:first-child { margin-left: 0; }
figure { margin-top: 1.1rem; } figcaption { font-weight: 600; font-size: .9rem; overflow-wrap: anywhere; }
svg { display: block; shape-rendering: crispEdges; width: 100%; height: 2.6rem; margin: .25rem 0 .1rem; }
.range { display: flex; justify-content: space-between; font-size: .78rem; font-variant-numeric:
  tabular-nums; }
.ground { fill: var(--ground); } .missing { fill: var(--missing); background: var(--missing); }
.repeated { fill: var(--repeated); background: var(--repeated); }
.reordered { fill: var(--reordered); background: var(--reordered); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem 1rem; border-top: 1px solid var(--line); white-space: nowrap; }
th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .85rem; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
`
