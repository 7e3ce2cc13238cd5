// The last accepted numbers of a stream with the fingerprints of their ids: what tells a second event with a
// used number from a second copy of the same event. A flat list of (epoch, sequence, fingerprint), ascending.
import type { Epoch, Position, Sequence } from './sequence.ts'

/** Ascending triples: epoch, sequence, fingerprint, epoch, ... */
export type ConflictMemory = readonly Sequence[]

/** The fingerprint remembered for a number; `undefined` when it is not remembered. */
export function recall(memory: ConflictMemory, epoch: Epoch, sequence: Sequence): number | undefined {
  for (let at = memory.length - 3; at >= 0; at -= 3) {
    if (memory[at + 1] === sequence && memory[at] === epoch) return Number(memory[at + 2])
  }
  return undefined
}

/** Whether the memory is full and the number lies below all of it, so that nothing can be proven about it. */
export function isBeyondMemory(memory: ConflictMemory, size: number, place: Position): boolean {
  return memory.length >= size * 3 && (size === 0 || isBelow(place, memory, 0))
}

/** Adds a number in its order to a memory that the caller owns, and forgets the lowest beyond `size`. */
export function remember(
  memory: Sequence[],
  size: number,
  accepted: Position & { readonly print: number },
): void {
  const { epoch, sequence, print } = accepted
  if (memory.length > size * 3) memory.splice(0, memory.length - size * 3)
  let at = memory.length
  while (at > 0 && isBelow(accepted, memory, at - 3)) at -= 3
  if (memory.length < size * 3) {
    memory.splice(at, 0, epoch, sequence, print)
  } else if (at > 0) {
    for (let to = 0; to < at - 3; to++) memory[to] = memory[to + 3] ?? 0
    memory[at - 3] = epoch
    memory[at - 2] = sequence
    memory[at - 1] = print
  }
}

function isBelow(place: Position, memory: ConflictMemory, at: number): boolean {
  const epoch = memory[at] ?? 0
  const sequence = memory[at + 1] ?? 0
  return place.epoch === epoch ? place.sequence < sequence : place.epoch < epoch
}
