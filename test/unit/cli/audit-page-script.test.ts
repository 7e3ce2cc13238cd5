// The script of the audit's page, run on a table that is just what it asks for: a click on a head sorts by
// its column, numbers as numbers, another click the other way round.
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { auditPageScript } from '../../../src/cli/audit-page-assets.ts'

class FakeHead {
  ariaSort: string | null = null
  childNodes: readonly unknown[] = ['name']
  click: () => void = () => undefined

  append(button: FakeButton): void {
    this.click = () => button.listener()
  }

  removeAttribute(): void {
    this.ariaSort = null
  }
}

class FakeButton {
  readonly names: unknown[] = []
  listener: () => void = () => undefined

  append(...nodes: readonly unknown[]): void {
    this.names.push(...nodes)
  }

  addEventListener(_type: string, listener: () => void): void {
    this.listener = listener
  }
}

interface FakeRow {
  readonly cells: readonly { readonly textContent: string }[]
}

/** A table after the script ran; `column` tells what stands in one, from above. */
function sortable(rows: readonly (readonly string[])[]): {
  readonly heads: readonly FakeHead[]
  readonly column: (index: number) => readonly (string | undefined)[]
} {
  const heads = (rows[0] ?? []).map(() => new FakeHead())
  let shown: FakeRow[] = rows.map((row) => ({ cells: row.map((textContent) => ({ textContent })) }))
  const body = {
    get rows() {
      return shown
    },
    append: (...sorted: FakeRow[]) => void (shown = sorted),
  }
  const table = { tHead: { rows: [{ cells: heads }] }, tBodies: [body] }
  const document = { querySelectorAll: () => [table], createElement: () => new FakeButton() }
  runInNewContext(auditPageScript, { document })
  return { heads, column: (index) => shown.map(({ cells }) => cells[index]?.textContent) }
}

test('a column of numbers is sorted as numbers, whatever they are written with, up and down', () => {
  const { heads, column } = sortable([['1,234'], ['99'], ['-5'], ['170,141,183,460,469,231,731,687,303,715']])
  heads[0]?.click()
  expect(column(0)).toEqual(['-5', '99', '1,234', '170,141,183,460,469,231,731,687,303,715'])
  expect(heads[0]?.ariaSort).toBe('ascending')
  heads[0]?.click()
  expect(column(0)).toEqual(['170,141,183,460,469,231,731,687,303,715', '1,234', '99', '-5'])
  expect(heads[0]?.ariaSort).toBe('descending')
})

test('a column of names is sorted as people count, and the head sorted by before says so no more', () => {
  const { heads, column } = sortable([
    ['order/10', '1'],
    ['order/9', '3'],
    ['<b>', '2'],
  ])
  heads[1]?.click()
  expect(column(0)).toEqual(['order/10', '<b>', 'order/9'])
  heads[0]?.click()
  expect(column(0)).toEqual(['<b>', 'order/9', 'order/10'])
  expect(heads.map(({ ariaSort }) => ariaSort)).toEqual(['ascending', null])
})
