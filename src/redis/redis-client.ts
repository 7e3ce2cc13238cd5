// What inturn asks of a Redis client: to send one command, and where a connection of its own is needed, to
// make another client like itself. The official client `redis` has this shape, single and cluster; nothing
// else of it is used, so that its types stay out of ours.

/** A command's part: text, or bytes as they are. */
export type RedisArgument = string | Buffer

/** A client of one server. */
export interface RedisClient {
  sendCommand(args: RedisArgument[], options?: object): Promise<unknown>
}

/** A client of a cluster, which finds the node by the first key. */
export interface RedisCluster {
  readonly masters: readonly unknown[]
  /** The client of the node that has a key. */
  getNodeClientForKey(key: string): Promise<RedisClient>
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: RedisArgument[],
    options?: object,
  ): Promise<unknown>
}

/** A client that another one made, and that is ours to end. */
export interface RedisDuplicate {
  connect(): Promise<unknown>
  destroy(): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** A client of one server that can make another one, not connected yet. */
export interface DuplicableClient extends RedisClient {
  duplicate(): RedisDuplicate & RedisClient
}

/** A client of a cluster that can make another one, not connected yet. */
export interface DuplicableCluster extends RedisCluster {
  duplicate(): RedisDuplicate & RedisCluster
}

/** Whatever commands can be sent through. */
export type AnyClient = RedisClient | RedisCluster

/** Answers with bytes instead of text. */
const bytes = { typeMapping: { 36: Buffer } }

/**
 * Sends one command to the server that has the key; text in the reply comes as bytes. With a time limit the
 * client takes back a command that was not even sent by then, so that none piles up.
 */
export function sendTo(
  client: AnyClient,
  key: string | undefined,
  args: RedisArgument[],
  timeoutMs?: number,
): Promise<unknown> {
  const options = timeoutMs === undefined ? bytes : { ...bytes, timeout: timeoutMs }
  return isCluster(client) ? client.sendCommand(key, false, args, options) : client.sendCommand(args, options)
}

/** The client of the server that has a key. */
export async function clientOf(client: AnyClient, key: string): Promise<RedisClient> {
  return isCluster(client) ? client.getNodeClientForKey(key) : client
}

/** Whether a client is one of a cluster. */
export function isCluster(client: AnyClient): client is RedisCluster {
  return 'masters' in client
}

/** Ends a client, whatever state it is in. */
export function endClient(client: RedisDuplicate | undefined): void {
  try {
    client?.destroy()
  } catch {
    // One that was never connected has nothing to end.
  }
}
