// What makes the tables of the audit's page sortable: heads become buttons, numbers are compared as numbers.

/** The page's script; without it the tables stand as they are. */
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
