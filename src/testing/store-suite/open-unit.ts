// A unit of work that stays open until a case lets it end, so that others can come in between.
import type { Store, UnitOfWork, Worked, WorkRequest } from '../../ports/store.ts'
import { work } from './samples.ts'

/** A unit of work that is under way. */
export interface OpenUnit {
  readonly unit: UnitOfWork
  /** Lets its body return, and waits for the end of the work. */
  end(): Promise<Worked<undefined>>
  /** Lets its body throw, and waits for the end of the work. */
  fail(): Promise<void>
}

/** Begins a unit of work and leaves it open. */
export async function openUnit(
  store: Store,
  request: Partial<WorkRequest> & Pick<WorkRequest, 'streams'>,
): Promise<OpenUnit> {
  const begun = Promise.withResolvers<UnitOfWork>()
  const ended = Promise.withResolvers<undefined>()
  const working = work(store, request, (unit) => {
    begun.resolve(unit)
    return ended.promise
  })
  working.catch(begun.reject)
  const unit = await begun.promise
  return {
    unit,
    end() {
      ended.resolve(undefined)
      return working
    },
    async fail() {
      ended.reject(new Error('the handler failed'))
      await working.catch(() => undefined)
    },
  }
}
