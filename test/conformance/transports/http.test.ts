// The HTTP healer keeps the laws of healers (I9), against a real server.
import { describe } from 'vitest'
import { httpHealer } from '../../../src/transports/http.ts'
import { HealServer } from '../../unit/transports/heal-server.ts'
import { keepsTheHealerLaws } from '../healer-laws.ts'

describe.each(['array', 'ndjson'] as const)('a service that answers with %s', (form) => {
  keepsTheHealerLaws(async () => {
    const server = await HealServer.start(form)
    return {
      healer: httpHealer(server.template),
      keep: async (messages) => void server.events.push(...messages),
      dispose: () => server.close(),
    }
  })
})
