// Prints on standard output and waits until it is taken. Whoever reads may stop early, as `head` does: that
// ends the printing and is no error.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exactJson, readableJson } from './exact-json.ts'

/** Prints lines of text. */
export async function printLines(lines: Iterable<string>): Promise<void> {
  await print(withNewlines(lines))
}

/** Prints one JSON document. */
export async function printJson(value: unknown): Promise<void> {
  await printLines([readableJson(value)])
}

/** Prints each value as one line of JSON. */
export async function printNdjson(values: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
  await print(jsonLines(values))
}

/** Prints text as it comes. */
export async function print(text: Iterable<string> | AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(text), process.stdout, { end: false })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error
  }
}

function* withNewlines(lines: Iterable<string>): Generator<string, void, void> {
  for (const line of lines) yield `${line}\n`
}

async function* jsonLines(
  values: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<string, void, void> {
  for await (const value of values) yield `${exactJson(value)}\n`
}
