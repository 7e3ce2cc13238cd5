// Serves the health and the metrics of a running worker over HTTP, on the loopback unless another address is
// named.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InturnError } from '../core/errors.ts'
import { errorMessage } from '../core/thrown.ts'

/** Where to listen. */
export interface HttpAddress {
  readonly host: string
  readonly port: number
}

/**
 * An address from a flag: `9464`, `0.0.0.0:9464`, `[::1]:9464`.
 *
 * @throws InturnError `usage`
 */
export function httpAddress(text: string): HttpAddress {
  const [, inBrackets, plain, digits = ''] = /^(?:\[([^\]]+)\]:|([^:]+):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535) {
    throw new InturnError(
      'usage',
      `--http takes a port, or an address and a port like 0.0.0.0:9464; not ${text}`,
    )
  }
  return { host: inBrackets ?? plain ?? '127.0.0.1', port }
}

/**
 * Listens, and gives what ends it, and its address.
 *
 * @throws InturnError `usage` where nobody can listen there
 */
export async function serve(
  { host, port }: HttpAddress,
  answer: (request: Request) => Promise<Response>,
): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming
    const answered = async (): Promise<void> => {
      const response = await answer(new Request(new URL(url, 'http://inturn.invalid'), { method }))
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      outgoing.end(method === 'HEAD' ? undefined : Buffer.from(await response.arrayBuffer()))
    }
    answered().catch(() => outgoing.writeHead(500).end())
  })
  const listening = Promise.withResolvers<undefined>()
  server.once('error', listening.reject)
  server.listen(port, host, () => listening.resolve(undefined))
  try {
    await listening.promise
  } catch (cause) {
    throw new InturnError('usage', `--http: ${errorMessage(cause)}`, { cause })
  }
  // A worker that has ended ends its process.
  server.unref()
  const { port: given } = addressOf(server.address())
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${given}`, close }
}

function addressOf(address: string | AddressInfo | null): { readonly port: number } {
  return typeof address === 'object' && address !== null ? address : { port: 0 }
}
