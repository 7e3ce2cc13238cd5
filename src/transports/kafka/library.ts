// The client library, loaded when it is needed: nobody else has to have it. Which versions of it and of Node
// go together is checked here, since npm silently gives an older Node an older library.
import type * as Kafka from '@platformatic/kafka'
import { InturnError } from '../../core/errors.ts'
import { loadPackage } from '../../ports/load-package.ts'

/** What the library exports. */
export type KafkaLibrary = typeof Kafka

const supported = '2.12'

/**
 * The library.
 *
 * @throws InturnError `config-invalid` where it is missing, of another version, or this Node is too old
 */
export async function kafkaLibrary(node: string = process.versions.node): Promise<KafkaLibrary> {
  if (!isNodeForKafka(node)) {
    throw new InturnError(
      'config-invalid',
      `Kafka needs Node 22.22 or later, or 24.6 or later; this is ${node}`,
    )
  }
  const library = await loadPackage('@platformatic/kafka', () => import('@platformatic/kafka'), supported)
  const version = String(library.clientSoftwareVersion)
  if (version.startsWith(`${supported}.`)) return library
  const message = `inturn works with version ${supported} of @platformatic/kafka, and this is ${version}`
  throw new InturnError('config-invalid', message)
}

/** Whether a version of Node runs the library. */
function isNodeForKafka(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major === 22) return minor >= 22
  return major === 24 ? minor >= 6 : major > 24
}
