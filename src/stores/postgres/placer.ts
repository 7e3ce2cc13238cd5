// Gives committed events their places in the log. Whoever reads to the end or has appended does it; it is one
// message to the server, so no process can stand still within it and hold the others up. Upholds I3: places
// are dense, and given in the order in which events became visible.
import type { Connection } from './connection.ts'
import { numberAt } from './row.ts'

/** How many events get their places in one transaction. */
const atOnceMax = 10_000

type Places = ReadonlyMap<number, number>

/** One run, for everybody who waits for it. */
interface Run {
  readonly rowIds: number[]
  readonly places: Promise<Places>
}

/** Gives places; calls that come while it is at work share the next run. */
export class Placer {
  readonly #connection: Connection
  #current: Promise<unknown> = Promise.resolve()
  #next: Run | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Everything that was committed before this call has its place then; tells those of the rows asked for. */
  async place(rowIds: readonly number[] = []): Promise<Places> {
    // A run is for others too, who may be waiting for what this is a part of.
    this.#connection.checkMayWrite()
    this.#next ??= this.#begin()
    for (const rowId of rowIds) this.#next.rowIds.push(rowId)
    return this.#next.places
  }

  #begin(): Run {
    const rowIds: number[] = []
    const places = this.#current.then(() => {
      this.#next = undefined
      return this.#run(rowIds)
    })
    this.#current = places.catch(() => undefined)
    return { rowIds, places }
  }

  async #run(rowIds: readonly number[]): Promise<Places> {
    for (;;) {
      const [given = [], found = []] = await this.#connection.writeAtOnce(
        `SELECT inturn.log_give_places(${atOnceMax}) AS given`,
        `SELECT row_id, place FROM inturn.log_place WHERE row_id = ANY ('{${rowIds.join()}}'::bigint[])`,
      )
      if (numberAt(given[0], 'given') === atOnceMax) continue
      return new Map(found.map((row) => [numberAt(row, 'row_id'), numberAt(row, 'place')]))
    }
  }
}
