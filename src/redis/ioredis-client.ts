// Connections of ioredis, made of a client that the user has. It connects anew by itself, queues what it
// cannot send, and sends again what was not answered: a command that was done may be done twice. So inturn
// makes connections of its own like the user's, which do none of that; and keys are as inturn names them.
import { InturnError } from '../core/errors.ts'
import { errorClass, errorMessage } from '../core/thrown.ts'
import { NotConnectedError } from './faults.ts'
import type { ConnectionMaker, SingleConnection } from './own-client.ts'
import { OwnClient } from './own-client.ts'
import type { RedisArgument } from './redis-client.ts'

/** A connection of the package `ioredis`. */
interface IoredisConnection {
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  connect(): Promise<unknown>
  call(command: string, args: RedisArgument[]): Promise<unknown>
  callBuffer(command: string, args: RedisArgument[]): Promise<unknown>
  quit(): Promise<unknown>
  disconnect(): void
}

/** A client of the package `ioredis`, of one server, which may be behind sentinels. */
export interface IoredisClient {
  readonly isCluster: boolean
  callBuffer(command: string, args: RedisArgument[]): Promise<unknown>
  duplicate(options: object): IoredisConnection
}

const alone = {
  lazyConnect: true,
  retryStrategy: null,
  reconnectOnError: null,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  enableReadyCheck: false,
  enableAutoPipelining: false,
  // What is given up is ended at once.
  disconnectTimeout: 0,
  keyPrefix: '',
  protocol: 2,
  stringNumbers: false,
  readOnly: false,
  monitor: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  blockingTimeout: undefined,
}

/** Whether a client is one of ioredis, whatever its version. */
export function isIoredis(client: object): client is IoredisClient {
  return typeof Reflect.get(client, 'callBuffer') === 'function'
}

/**
 * A client of our own that connects as one of ioredis does.
 *
 * @throws InturnError `config-invalid` for one of a cluster
 */
export function clientLike(client: IoredisClient, by: string): OwnClient {
  if (client.isCluster) {
    const message = `${by}: a cluster takes a client of the package redis (createCluster), not one of ioredis`
    throw new InturnError('config-invalid', message)
  }
  return new OwnClient(() => Promise.resolve(makerLike(client)))
}

function makerLike(client: IoredisClient): ConnectionMaker {
  return {
    make({ lost }): SingleConnection {
      const own = client.duplicate(alone)
      let why: Error | undefined
      own.on('error', (error) => {
        why ??= error
        lost()
      })
      own.on('end', lost)
      return {
        async connect() {
          try {
            await own.connect()
          } catch (error) {
            // It says only that the connection is closed, and has told the reason before.
            throw why ?? error
          }
        },
        async sendCommand([command = '', ...args], options = {}) {
          try {
            // Text in a reply comes as bytes where that is asked for, as of the official client.
            const asBytes = 'typeMapping' in options
            return await (asBytes ? own.callBuffer(String(command), args) : own.call(String(command), args))
          } catch (error) {
            if (!errorMessage(error).startsWith("Stream isn't writeable")) throw error
            // Some versions say that they are connected before the server has taken the password.
            throw why !== undefined && isReply(why) ? why : new NotConnectedError(why ?? error)
          }
        },
        close: () => own.quit(),
        destroy: () => own.disconnect(),
      }
    },
    isReply,
    isEnded: (error) => errorMessage(error) === 'Connection is closed.',
  }
}

function isReply(error: unknown): boolean {
  return errorClass(error) === 'ReplyError'
}
