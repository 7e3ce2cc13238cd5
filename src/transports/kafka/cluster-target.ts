// Where a cluster is, and who asks, as its users say it and as the library takes it.
import type { ConnectionOptions as TlsOptions } from 'node:tls'

/** A text, or how to get it whenever it is needed. */
export type KafkaCredential = string | (() => string | Promise<string>)

/** Who asks, where brokers want to know. */
export interface KafkaSasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'
  readonly username?: KafkaCredential
  readonly password?: KafkaCredential
  /** Of `OAUTHBEARER`. */
  readonly token?: KafkaCredential
}

/** Where the brokers are. */
export interface KafkaTarget {
  /** Some of the cluster's brokers, as `host:port`. */
  readonly brokers: readonly string[]
  /** What brokers call this client in their logs and quotas. Default `inturn`. */
  readonly clientId?: string | undefined
  /** TLS, with the options of `node:tls`; `{}` for a certificate that everybody trusts. */
  readonly ssl?: TlsOptions | undefined
  readonly sasl?: KafkaSasl | undefined
}

export function clientIdOf({ clientId = 'inturn' }: KafkaTarget): string {
  return clientId
}

/** How the library connects. */
export function connectionOf({ ssl, sasl }: KafkaTarget): { tls?: TlsOptions; sasl?: KafkaSasl } {
  return { ...(ssl !== undefined && { tls: ssl }), ...(sasl !== undefined && { sasl }) }
}
