// All that goes to standard output, and waits until it is taken. Nothing that comes from data gets to a
// terminal as anything but text, whether for people or as JSON.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exactJson, readableJson } from './exact-json.ts'
import { printable, printableLines } from './printable.ts'
import { say } from './say.ts'

/** Prints lines of text: whatever stands in one, it stays one. */
export async function printLines(lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  await print(lines, (line) => `${printable(line)}\n`)
}

/** Prints one JSON document. */
export async function printJson(value: unknown): Promise<void> {
  await print([value], (document) => printableLines(`${readableJson(document)}\n`))
}

/** Prints each value as one line of JSON. */
export async function printNdjson(values: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
  await print(values, (value) => printableLines(`${exactJson(value)}\n`))
}

/** Prints text that is lines of JSON. */
export async function printJsonText(text: AsyncIterable<string>): Promise<void> {
  await print(text, printableLines)
}

async function print<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  textOf: (item: Item) => string,
): Promise<void> {
  async function* texts(): AsyncGenerator<string, void, void> {
    for await (const item of items) yield textOf(item)
  }
  await pipeline(Readable.from(texts()), process.stdout, { end: false })
}

/**
 * From here on the command ends when standard output does: without a word where its reader has gone, as in
 * `inturn audit log.ndjson | head -1`, and with one line and exit code 1 where it cannot be written.
 */
export function endWithOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    say(`Cannot write to standard output: ${error.code === 'ENOSPC' ? 'the disk is full' : error.message}`)
    process.exit(1)
  })
  // Where nobody can be told, that is no reason to end.
  process.stderr.on('error', () => undefined)
}
