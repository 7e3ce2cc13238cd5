// `context.redis`: records the commands that a handler gives for its commit. Nothing runs before that.
// Whatever cannot run is refused here, where it is an ordinary failure of the handler. Upholds I2 and I7.
import { InturnError } from '../../core/errors.ts'
import type { CommandArgument, Recorded, RecordedCommand, Recording } from '../../ports/commit-commands.ts'
import { isAllowed } from './allowed-commands.ts'
import { checkedName } from './effect-key.ts'

/** Commands that one call of a handler may give, at most. */
const commandsMax = 1_000
/** What it may give in bytes; each argument counts 16 more. */
const bytesMax = 2 ** 20
const argumentBytes = 16
/** Lua passes at most some thousands of arguments at once. */
const argumentsMax = 1_000

/** What follows the key of a command. Bytes are copied. */
export type RedisValue = string | number | bigint | Uint8Array

/** What a handler has for Redis. */
export interface RedisCommands {
  /**
   * Records a command. It runs inside the commit that moves the stream's position, in the order of events and
   * calls; if the handler fails, it never runs. At most 1,000 commands and 1 MiB (each argument counts 16
   * bytes more) a call of the handler, and 1,000 arguments a command.
   *
   * @param command - one of those that docs/stores/redis.md lists, upper or lower case
   * @param key - what {@link key} gave, of this event's stream
   * @throws InturnError `command-invalid`
   * @example
   * redis.call('HINCRBY', redis.key('balance'), 'sum', event.data.amount)
   */
  readonly call: (command: string, key: string, ...values: readonly RedisValue[]) => void
  /**
   * The key with a name, of this consumer and the event's stream: the only keys that {@link call} takes.
   * `effectKey` gives the same to whoever reads it.
   *
   * @throws InturnError `command-invalid` for a name that is empty or longer than 512 bytes
   */
  readonly key: (name: string) => string
}

/** Records what one call of a handler gives. */
export class CommandRecording implements Recording<RedisCommands> {
  readonly commands: RedisCommands
  readonly #startOfKeys: () => string
  #keyStart: string | undefined
  readonly #recorded: RecordedCommand[] = []
  #bytes = 0
  #hasEnded = false

  /** `startOfKeys`: what all keys of the stream begin with; asked once, if the handler gives anything. */
  constructor(startOfKeys: () => string) {
    this.#startOfKeys = startOfKeys
    this.commands = {
      call: (command, key, ...values) => this.#call(command, key, values),
      key: (name) => this.#start() + checkedName(name),
    }
  }

  end(): Recorded {
    this.#hasEnded = true
    return { commands: this.#recorded, bytes: this.#bytes }
  }

  #start(): string {
    this.#keyStart ??= this.#startOfKeys()
    return this.#keyStart
  }

  #call(command: unknown, key: string, values: readonly RedisValue[]): void {
    if (this.#hasEnded) refuse('the handler has ended: await whatever calls redis before it returns')
    const name = String(command).toUpperCase()
    if (values.length > argumentsMax) refuse(`${name} has more than ${argumentsMax} arguments`)
    const rest = values.map((value) => argumentOf(name, value))
    const allowed = isAllowed(name, rest)
    if (allowed === undefined) refuse(`${name.slice(0, 50)} is none of the commands that may run in a commit`)
    if (!allowed) refuse(`${name} does not take these arguments: ${shown(rest)}`)
    if (typeof key !== 'string' || !key.startsWith(this.#start())) {
      refuse(`${name} takes a key that redis.key gave for this event's stream, not ${shown([key])}`)
    }
    checkedName(key.slice(this.#start().length))
    const recorded: RecordedCommand = [name, key, ...rest]
    const bytes = recorded.reduce((sum, part) => sum + Buffer.byteLength(part) + argumentBytes, this.#bytes)
    if (this.#recorded.length >= commandsMax)
      refuse(`a call of a handler gives at most ${commandsMax} commands`)
    if (bytes > bytesMax) refuse(`the commands of a call of a handler have at most ${bytesMax} bytes`)
    this.#recorded.push(recorded)
    this.#bytes = bytes
  }
}

function argumentOf(name: string, value: unknown): CommandArgument {
  if (typeof value === 'string' && value.isWellFormed()) return value
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number' && Number.isFinite(value)) {
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return String(value)
  }
  if (value instanceof Uint8Array) return Buffer.from(value)
  return refuse(
    `${name} takes texts, numbers (whole ones up to 2^53 - 1), bigints and bytes, not ${shown([value])}`,
  )
}

function shown(values: readonly unknown[]): string {
  const texts = values.map((value) => (value instanceof Uint8Array ? '(bytes)' : String(value).slice(0, 50)))
  return texts.slice(0, 5).join(' ') || '(none)'
}

function refuse(why: string): never {
  throw new InturnError('command-invalid', `context.redis: ${why}`)
}
