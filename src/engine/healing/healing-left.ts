// Whether gaps of a consumer's streams are still being healed, by any worker.
import { isHealingLeft } from '../../core/heal.ts'
import type { EngineParts } from '../engine-parts.ts'

const pageMax = 500

/** Whether an attempt at some gap of our streams is left, or under way. */
export async function isHealingLeftIn({ store, consumer, domains }: EngineParts): Promise<boolean> {
  let now: number | undefined
  for (const domain of domains.byName.values()) {
    if (domain.kind !== 'tracked' || domain.rules.heal === undefined) continue
    now ??= await store.now()
    const query = { domain: domain.name, onlyWaiting: true, limit: pageMax }
    let page = await store.reader.streams(consumer, query)
    while (page.length > 0) {
      for (const { state } of page) if (isHealingLeft(domain.rules, state, now)) return true
      const after = page.at(-1)?.stream ?? ''
      page = page.length < pageMax ? [] : await store.reader.streams(consumer, { ...query, after })
    }
  }
  return false
}
