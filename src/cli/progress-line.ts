// One line of progress on standard error that is written over and over; silent where nobody looks at a
// terminal.

import { printable } from './printable.ts'

const everyMs = 100
const mebibyte = 1024 * 1024

/** A line of progress. */
export class ProgressLine {
  readonly #isOn = process.stderr.isTTY
  #isShown = false
  #lastMs = -Infinity

  /** Shows a text instead of the last one, at most ten times a second. */
  show(text: string): void {
    if (!this.#isOn || performance.now() - this.#lastMs < everyMs) return
    this.#lastMs = performance.now()
    this.#isShown = true
    process.stderr.write(`\r\u001b[2K${printable(text).slice(0, (process.stderr.columns ?? 80) - 1)}`)
  }

  /** Shows how far the reading of a recorded log has come. */
  readonly showReading = (bytesRead: number, bytesInAll: number | undefined): void => {
    this.show(readingText(bytesRead, bytesInAll))
  }

  /** Takes the line away, for what comes next. */
  clear(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[2K')
    this.#isShown = false
    this.#lastMs = -Infinity
  }
}

/** `read 120 of 470 MiB (25 %)`, or what is known of it. */
function readingText(bytesRead: number, bytesInAll: number | undefined): string {
  const read = Math.floor(bytesRead / mebibyte)
  if (bytesInAll === undefined) return `read ${read} MiB`
  const share = Math.floor((100 * bytesRead) / Math.max(1, bytesInAll))
  return `read ${read} of ${Math.ceil(bytesInAll / mebibyte)} MiB (${share} %)`
}
