// The memory store passes the store suite.
import { memoryCapabilities, memoryFixture } from './memory-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

runStoreSuite({ name: 'memory store', capabilities: memoryCapabilities, create: memoryFixture })
