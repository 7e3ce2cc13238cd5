// One Kafka broker for a whole run of the tests: made when the first test file asks for it, and ended with
// the run. `INTURN_TEST_KAFKA_BROKERS` uses running ones instead.
import { startKafka } from './kafka-server.ts'
import { sharedServer } from './shared-server.ts'

const shared = sharedServer({
  running: 'INTURN_TEST_KAFKA_BROKERS',
  variable: 'INTURN_TEST_KAFKA_PORT',
  // Nobody kills it; on a machine that is busy it must not lose its partitions for that.
  start: () => startKafka(['broker.session.timeout.ms=30000']),
  addressOf: ({ broker }) => broker,
})

export const setup: () => Promise<void> = shared.setup
export const teardown: () => Promise<void> = shared.teardown

/** The broker of this run, as `host:port`. A broker that is missing fails the tests. */
export const kafkaBrokers = async (): Promise<string[]> => (await shared.address()).split(',')
