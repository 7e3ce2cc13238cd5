// What is asked of a Redis client: to send one command, and to make another client like itself. The official
// client `redis` has this shape, single and cluster; nothing else of it is used, so that its types stay out
// of ours.

/** A command's part: text, or bytes as they are. */
export type RedisArgument = string | Buffer

/** A client that another one made, and that is ours to end. */
export interface RedisDuplicate {
  connect(): Promise<unknown>
  destroy(): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** A client of one server. */
export interface RedisClient {
  sendCommand(args: RedisArgument[], options?: object): Promise<unknown>
  /** Another client of the same server, not connected yet. */
  duplicate(): RedisDuplicate & Pick<RedisClient, 'sendCommand'>
}

/** A client of a cluster, which finds the node by the first key. */
export interface RedisCluster {
  readonly masters: readonly unknown[]
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: RedisArgument[],
    options?: object,
  ): Promise<unknown>
  /** Another client of the same cluster, not connected yet. */
  duplicate(): RedisDuplicate & Pick<RedisCluster, 'masters' | 'sendCommand'>
}

/** Whatever commands can be sent through. */
export type CommandSender = Pick<RedisClient, 'sendCommand'> | Pick<RedisCluster, 'masters' | 'sendCommand'>

/** Sends one command to the server that has the key; texts in the reply come as bytes. */
export function sendTo(
  client: CommandSender,
  key: string | undefined,
  command: { readonly args: RedisArgument[]; readonly timeoutMs: number },
): Promise<unknown> {
  const { args, timeoutMs } = command
  // The client's own time limit takes back a command that was not even sent, so that none piles up.
  const options = { typeMapping: { 36: Buffer }, timeout: timeoutMs }
  return 'masters' in client
    ? client.sendCommand(key, false, args, options)
    : client.sendCommand(args, options)
}
