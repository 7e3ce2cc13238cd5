// How the tests run: against the sources, with time limits that only a hang can reach; in three processes, as
// those that do servers harm wait most of the time.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import type { ViteUserConfig } from 'vitest/config'

const src = fileURLToPath(new URL('./src', import.meta.url))
const compileCache = fileURLToPath(new URL('./node_modules/.cache/node', import.meta.url))

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^inturn$/, replacement: `${src}/index.ts` },
      { find: /^inturn\/(operate|producer|testing)$/, replacement: `${src}/$1/index.ts` },
      { find: /^inturn\/audit$/, replacement: `${src}/audit.ts` },
      { find: /^inturn\/((?:stores|transports)\/[^/]+)$/, replacement: `${src}/$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/property-seed.ts'],
    globalSetup: ['test/services/shared-postgres.ts', 'test/services/shared-kafka.ts'],
    // Hundreds of processes are started, most of them on the same sources.
    env: { NODE_COMPILE_CACHE: compileCache },
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})

export default config
