// Connections of the official client, the package `redis`, to the server that a URL names.
import type * as Redis from 'redis'
import { loadPackage } from '../ports/load-package.ts'
import type { ConnectionMaker, SingleConnection } from './own-client.ts'
import { OwnClient } from './own-client.ts'

const connectMs = 5000

/** A client for a URL. The package is loaded when it connects. */
export function clientForUrl(url: string): OwnClient {
  return new OwnClient(async () => makerFor(url, await loadPackage('redis', () => import('redis'))))
}

function makerFor(
  url: string,
  { createClient, ErrorReply, DisconnectsClientError }: typeof Redis,
): ConnectionMaker {
  return {
    make({ lost }): SingleConnection {
      let isDestroyed = false
      // The library writes host, port and TLS of its URL into what it is given: each has a socket of its own.
      const socket = { connectTimeout: connectMs, reconnectStrategy: false } as const
      const client = createClient({ url, disableOfflineQueue: true, socket })
      // Every command that fails tells of the failure itself.
      client.on('error', lost)
      client.on('connect', () => {
        // One that was destroyed before its socket was there has gone on connecting.
        if (isDestroyed) client.destroy()
      })
      return {
        connect: () => client.connect(),
        sendCommand: (args, options) => client.sendCommand(args, options),
        close: () => client.close(),
        destroy: () => {
          isDestroyed = true
          client.destroy()
        },
      }
    },
    isReply: (error) => error instanceof ErrorReply,
    isEnded: (error) => error instanceof DisconnectsClientError,
  }
}
