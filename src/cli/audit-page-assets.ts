// How the audit's page looks, by day, by night, on paper and on a telephone; and what makes its tables
// sortable.

/** The page's style sheet. */
export const auditPageStyle: string = `
:root { color-scheme: light dark; --paper: #fbfaf8; --card: #fff; --ink: #1d2129; --soft: #5d6573;
  --line: #e6e3dd; --ground: #dfe9e2; --missing: #c8322b; --duplicate: #b06f00; --conflict: #8a3ab9;
  --reordered: #3c6fd1; --good: #1f7a4d; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1c1f25; --ink: #e8e9ec;
  --soft: #a2a9b7; --line: #2c3038; --ground: #26352d; --missing: #ff6b5e; --duplicate: #f0b04a;
  --conflict: #d08bff; --reordered: #7da6ff; --good: #5fcf97; } }
* { box-sizing: border-box; margin: 0; }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: clamp(1.2rem, 5vw, 3rem) clamp(1rem, 4vw, 1.5rem) 4rem; }
h1 { font-size: clamp(1.25rem, 5vw, 1.7rem); line-height: 1.25; margin: .6rem 0 .2rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.4rem 0 .6rem; }
.sub, .note, .axis, small, .lane, dt { color: var(--soft); }
.state { display: inline-block; padding: .15rem .7rem; border-radius: 1rem; font-weight: 600;
  font-size: .85rem; border: 1px solid currentColor; }
.clean { color: var(--good); } .troubled { color: var(--missing); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .7rem;
  margin-top: 1.6rem; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .7rem .9rem; }
dt, .note { font-size: .85rem; }
.figures dd:not(.note) { font-size: 1.45rem; font-weight: 650; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.bad dd:not(.note) { color: var(--missing); }
figure { margin-top: 1.4rem; }
figcaption { font-weight: 600; font-size: .9rem; overflow-wrap: anywhere; }
small { font-weight: 400; }
.strip { display: grid; grid-template-columns: 5.2rem calc((100% - 5.7rem) * var(--share));
  column-gap: .5rem; row-gap: 2px; align-items: center; margin-top: .3rem; }
.lane { font-size: .78rem; line-height: 1rem; text-align: right; }
svg { display: block; width: 100%; height: .9rem; }
rect { fill: currentColor; stroke: currentColor; stroke-width: 1px; vector-effect: non-scaling-stroke; }
.ground { fill: var(--ground); stroke: none; }
.missing { color: var(--missing); } .duplicate { color: var(--duplicate); }
.conflict { color: var(--conflict); } .reordered { color: var(--reordered); }
.axis { position: relative; display: flex; justify-content: space-between; gap: .6rem; padding-top: .35rem;
  border-top: 1px solid var(--soft); font-size: .78rem; line-height: 1.1rem;
  font-variant-numeric: tabular-nums; }
.axis span { overflow-wrap: anywhere; }
.axis i { position: absolute; top: 0; height: .35rem; border-left: 1px solid var(--soft);
  font-style: normal; }
.axis b { position: absolute; top: .35rem; transform: translateX(-50%); font-weight: 400; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .8rem; border-top: 1px solid var(--line); white-space: nowrap; }
th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .85rem; }
.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9.5rem; }
button { all: unset; cursor: pointer; padding: .3rem 0; }
button:hover { color: var(--ink); } button:focus-visible { outline: 2px solid var(--reordered); }
button::after { content: ' ↕'; opacity: .5; }
[aria-sort=ascending] button::after { content: ' ↑'; opacity: 1; }
[aria-sort=descending] button::after { content: ' ↓'; opacity: 1; }
.made div { display: grid; grid-template-columns: 6rem 1fr; gap: .5rem; padding: .2rem 0; }
.made dd { overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; } * { print-color-adjust: exact; }
  body { font-size: 12px; } main { padding: 0; max-width: none; } .scroll { overflow: visible; }
  figure, tr { break-inside: avoid; } button::after { content: none; } }
`

/**
 * The page's script: heads become buttons, numbers are compared as numbers. Without it the tables stand as
 * they are.
 */
export const auditPageScript: string = `
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.tHead.rows[0].cells]
  const body = table.tBodies[0]
  const number = (text) => /^-?[\\d,]+$/.test(text) ? BigInt(text.replaceAll(',', '')) : undefined
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)]
    if (x === undefined || y === undefined) return a.localeCompare(b, 'en', { numeric: true })
    return x < y ? -1 : x > y ? 1 : 0
  }
  heads.forEach((head, column) => {
    const button = document.createElement('button')
    button.type = 'button'
    button.append(...head.childNodes)
    head.append(button)
    button.addEventListener('click', () => {
      const order = head.ariaSort === 'ascending' ? 'descending' : 'ascending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.ariaSort = order
      const sign = order === 'ascending' ? 1 : -1
      const text = (row) => row.cells[column].textContent
      body.append(...[...body.rows].sort((a, b) => sign * compare(text(a), text(b))))
    })
  })
}
`
