// Which inturn this is.
import { readFileSync } from 'node:fs'

/** The version in package.json, which stands two folders up in the sources and in the build alike. */
export function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : ''
}
