// The servers of this example without Docker: those that the project's tests start, once `npm run services`
// has installed them. They end with this program.
import { startKafka } from '../../test/services/kafka-server.ts'
import { startPostgres } from '../../test/services/postgres-server.ts'

const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()])
console.log(`export KAFKA_BROKERS=${kafka.broker}\nexport DATABASE_URL=${postgres.url}`)
process.stdin.resume()
