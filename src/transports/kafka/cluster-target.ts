// Where a cluster is, and who asks, as its users say it and as the library takes it.
import { isIP } from 'node:net'
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
interface Connecting {
  tls?: TlsOptions
  /** Brokers are told by which name they were called (SNI). */
  tlsServerName?: true
  sasl?: KafkaSasl
}

/**
 * How the library connects. Hosted clusters find a broker behind an address by the name in the TLS handshake,
 * which neither the library nor `node:tls` gives by itself; an address is no such name.
 */
export function connectionOf({ brokers, ssl, sasl }: KafkaTarget): Connecting {
  const isNamed = ssl !== undefined && ssl.servername === undefined && !brokers.some(isAddress)
  return {
    ...(ssl !== undefined && { tls: ssl }),
    ...(isNamed && { tlsServerName: true }),
    ...(sasl !== undefined && { sasl }),
  }
}

/** Whether a broker is given by its IP address, with a port or without. */
function isAddress(broker: string): boolean {
  return isIP(broker.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')) !== 0
}
