// What inturn asks of a Redis client: to send one command. The official client `redis` has this shape, single
// and cluster; nothing else of it is used, so that its types stay out of ours.

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

/** Answers with bytes instead of text. */
const bytes = { typeMapping: { 36: Buffer } }

/** Sends one command to the server that has the key; text in the reply comes as bytes. */
export function sendTo(
  client: RedisClient | RedisCluster,
  key: string,
  args: RedisArgument[],
): Promise<unknown> {
  return isCluster(client) ? client.sendCommand(key, false, args, bytes) : client.sendCommand(args, bytes)
}

/** The client of the server that has a key. */
export async function clientOf(client: RedisClient | RedisCluster, key: string): Promise<RedisClient> {
  return isCluster(client) ? client.getNodeClientForKey(key) : client
}

/** Whether a client is one of a cluster. */
export function isCluster(client: RedisClient | RedisCluster): client is RedisCluster {
  return 'masters' in client
}
