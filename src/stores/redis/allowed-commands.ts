// Which commands a handler may have run inside a commit: writes to one key whose reply nobody needs. Their
// arguments are looked at when they are given, since what is wrong by then cannot be undone later.

/** A whole number, and any number, as Redis reads them. */
const whole = /^-?(?:0|[1-9]\d{0,18})$/
const real = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf)$/i

const any = /^.+$/
const pairs = /^(?:..)+$/
const none = /^$/
const oneWhole = /^w$/
const twoWhole = /^ww$/
const expiry = /^w.?$/

/** What may follow the key: `w` stands for a whole number, `r` for any other, `t` for any other text. */
const commands: ReadonlyMap<string, RegExp> = new Map([
  ['APPEND', /^.$/],
  ['DECR', none],
  ['DECRBY', oneWhole],
  ['DEL', none],
  ['EXPIRE', expiry],
  ['EXPIREAT', expiry],
  ['GEOADD', /^.*[wr][wr].$/],
  ['HDEL', any],
  ['HINCRBY', /^.w$/],
  ['HINCRBYFLOAT', /^.[wr]$/],
  ['HSET', pairs],
  ['HSETNX', /^..$/],
  ['INCR', none],
  ['INCRBY', oneWhole],
  ['INCRBYFLOAT', /^[wr]$/],
  ['LINSERT', /^t..$/],
  ['LPUSH', any],
  ['LPUSHX', any],
  ['LREM', /^w.$/],
  ['LSET', /^w.$/],
  ['LTRIM', twoWhole],
  ['PERSIST', none],
  ['PEXPIRE', expiry],
  ['PEXPIREAT', expiry],
  ['PFADD', /^.*$/],
  ['PSETEX', /^w.$/],
  ['RPUSH', any],
  ['RPUSHX', any],
  ['SADD', any],
  ['SET', /^.(?:t|tw)*$/],
  ['SETBIT', twoWhole],
  ['SETEX', /^w.$/],
  ['SETNX', /^.$/],
  ['SETRANGE', /^w.$/],
  ['SREM', any],
  ['UNLINK', none],
  ['XADD', /^.{3,}$/],
  ['XDEL', any],
  ['XTRIM', /^t.{1,4}$/],
  ['ZADD', /^.*[wr].$/],
  ['ZINCRBY', /^[wr].$/],
  ['ZREM', any],
  ['ZREMRANGEBYLEX', /^..$/],
  ['ZREMRANGEBYRANK', twoWhole],
  ['ZREMRANGEBYSCORE', /^..$/],
])

/** The commands, in upper case. */
export const allowedCommands: readonly string[] = [...commands.keys()]

/** Whether a command may be given, and with these arguments behind its key; its name is in upper case. */
export function isAllowed(name: string, rest: readonly (string | Uint8Array)[]): boolean | undefined {
  return commands.get(name)?.test(rest.map(kindOf).join(''))
}

function kindOf(argument: string | Uint8Array): 'w' | 'r' | 't' {
  if (typeof argument !== 'string' || argument.length > 400) return 't'
  if (whole.test(argument)) return 'w'
  return real.test(argument) ? 'r' : 't'
}
