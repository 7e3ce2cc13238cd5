// What the demo shows while it runs: on a terminal a few lines that are written over, elsewhere a line now
// and then.
import { styleText } from 'node:util'
import { grouped } from '../table.ts'
import type { DemoProgress } from './run-demo.ts'

const barWidth = 36
const plainEveryMs = 2_500

/** Shows how far a demo is. */
export interface DemoView {
  show(progress: DemoProgress): void
  /** Leaves the last state standing. */
  end(): void
}

/** A view that writes over its own lines on standard error. */
export class TerminalView implements DemoView {
  #lines = 0

  show(progress: DemoProgress): void {
    const lines = terminalLines(progress)
    const up = this.#lines === 0 ? '' : `\u001b[${this.#lines}A`
    process.stderr.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`)
    this.#lines = lines.length
  }

  end(): void {
    process.stderr.write('\n')
  }
}

/** A view that prints a plain line every few seconds. */
export class PlainView implements DemoView {
  #lastMs = -Infinity
  #kills = 0

  show({ rows, events, gaps, held, healed, kills }: DemoProgress): void {
    const now = performance.now()
    const isNews = kills !== this.#kills
    if (!isNews && now - this.#lastMs < plainEveryMs) return
    this.#lastMs = now
    this.#kills = kills
    const killed = isNews ? '; the worker was killed with SIGKILL, and is started again' : ''
    const figures = `${held} held, ${gaps} gaps, ${healed} healed`
    console.log(`${grouped(rows)} of ${grouped(events)} events in the journal, ${figures}${killed}`)
  }

  end(): void {}
}

/** A view that shows nothing, for machines. */
export const silentView: DemoView = { show: () => undefined, end: () => undefined }

function terminalLines(progress: DemoProgress): readonly string[] {
  const { arrived, arrivals, faults, rows, events, held, gaps, healed, worker, processId, kills } = progress
  const share = arrivals === 0 ? 0 : arrived / arrivals
  const sofar = (count: number): string => grouped(Math.round(count * share))
  const dim = (text: string): string => styleText('dim', text)
  const process = worker === 'running' ? `process ${processId ?? '?'}` : worker
  const killed = kills === 0 ? '' : styleText('red', '  killed with SIGKILL once, started again')
  const thrown =
    `${sofar(faults.duplicated)} duplicates, ${sofar(faults.reordered)} out of order, ` +
    `${sofar(faults.delayed)} late, ${sofar(faults.dropped)} dropped`
  const waiting = `${grouped(held)} events held behind ${grouped(gaps)} gaps, ${grouped(healed)} healed`
  return [
    `  network   ${bar(share)}  ${of(arrived, arrivals)} deliveries`,
    `            ${dim(thrown)}`,
    `  journal   ${bar(rows / events)}  ${of(rows, events)} rows`,
    `            ${dim(waiting)}`,
    `  worker    ${process}${killed}`,
  ]
}

function bar(share: number): string {
  const full = Math.min(barWidth, Math.round(share * barWidth))
  return styleText('green', '█'.repeat(full)) + styleText('dim', '░'.repeat(barWidth - full))
}

function of(part: number, whole: number): string {
  return `${grouped(part).padStart(grouped(whole).length)} of ${grouped(whole)}`
}
