// Payments as they lie in a file, one a line.
import { readFileSync } from 'node:fs'

interface Payment {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  /** The amount. */
  readonly data: number
}

export function paymentsIn(file: string): readonly Payment[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map(readPayment)
}

function readPayment(line: string): Payment {
  const payment: unknown = JSON.parse(line)
  const read = new Map<string, unknown>(Object.entries(payment ?? {}))
  const [stream, id] = [String(read.get('stream')), String(read.get('id'))]
  return { stream, id, sequence: Number(read.get('sequence')), data: Number(read.get('data')) }
}
