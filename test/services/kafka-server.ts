// A real Kafka broker for tests: one process with its own controller, on free ports of this machine, with a
// data folder of its own, and gone when the test process is, however that ends. Its jars come by
// `npm run services`, which also makes an archive of their classes: with it a broker is up in two seconds.
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, isAlive } from './redis-server.ts'

/** A broker that runs. */
export interface KafkaServer {
  /** Its host and port. */
  readonly broker: string
  readonly port: number
  /** Its process now; its end is a crash. */
  readonly pid: number
  /** The folder that has a folder of each partition: `clicks-0`. */
  readonly logs: string
  /** Starts it again on its data and its port, after its process has ended. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'inturn', 'kafka-4.4.0')

/** The folder of the jars. */
export const kafkaJars: string = join(cache, 'lib')

/**
 * Formats its folder, then starts the broker for each line that it is told; ends it when its input ends. The
 * log is emptied first: what the broker before has said does not tell that this one has started.
 */
const guard = `
  trap '' INT
  java $FLAGS -cp "$JARS/*" kafka.tools.StorageTool format -t inturnKafkaForTestsAA -c "$DATA/properties" \\
    >"$DATA/log" 2>&1 || exit 1
  while read -r _; do
    : >"$DATA/log"
    java $FLAGS -cp "$JARS/*" kafka.Kafka "$DATA/properties" >"$DATA/log" 2>&1 &
    server=$!
    echo "$server"
  done
  kill -CONT "$server" 2>/dev/null
  kill -"\${END:-KILL}" "$server" 2>/dev/null
  wait "$server"
  rm -rf "$DATA"
`

/** Small and quick: one core's worth of compiling, and no memory that a test does not use. */
const flags = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

const logging = `
  <Configuration>
    <Appenders>
      <Console name="log"><PatternLayout pattern="%d %p %c %m%n"/></Console>
    </Appenders>
    <Loggers>
      <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
      <Root level="WARN"><AppenderRef ref="log"/></Root>
    </Loggers>
  </Configuration>
`

interface Places {
  readonly port: number
  readonly controller: number
  readonly listeners: readonly string[]
}

function propertiesOf(data: string, { port, controller, listeners }: Places): string[] {
  const open = [`PLAINTEXT://127.0.0.1:${port}`, ...listeners].join()
  const internal = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic']
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    'controller.listener.names=CONTROLLER',
    `listeners=${open},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=${open}`,
    `log.dirs=${join(data, 'logs')}`,
    'auto.create.topics.enable=false',
    ...internal.flatMap((name) => [`${name}.replication.factor=1`, `${name}.num.partitions=4`]),
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'broker.session.timeout.ms=3000',
    'broker.heartbeat.interval.ms=500',
    'log.cleaner.dedupe.buffer.size=2097152',
  ]
}

/** Where the archive of the classes is, for the Java of this machine. */
function archivePath(): string {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  return join(cache, `kafka-${/"(?<version>[\w.+]+)"/.exec(stderr ?? '')?.groups?.['version']}.jsa`)
}

/** Makes the archive of the classes that a broker loads, where it is missing. */
export async function makeKafkaArchive(): Promise<void> {
  const archive = archivePath()
  if (existsSync(archive)) return
  // A broker that is asked to end writes it.
  const server = await start([], { classes: `-XX:ArchiveClassesAtExit=${archive}`, end: 'TERM' })
  await server.stop()
}

/**
 * Starts a broker with settings of its own, each a line of its properties, and perhaps more listeners than
 * the plain one.
 */
export function startKafka(
  settings: readonly string[] = [],
  listeners: readonly string[] = [],
): Promise<KafkaServer> {
  const classes = `-XX:SharedArchiveFile=${archivePath()} -Xshare:auto`
  return start(settings, { classes, end: 'KILL', listeners })
}

/** Brokers that keep each other's records. */
export interface KafkaCluster {
  /** Each as `host:port`. */
  readonly brokers: string[]
  /** Their nodes are 1, 2 and 3. */
  readonly servers: readonly KafkaServer[]
  stop(): Promise<void>
}

/** Starts three brokers, of which any two go on without the third. */
export async function startKafkaCluster(): Promise<KafkaCluster> {
  const ports = await Promise.all(Array.from({ length: 6 }, freePort))
  const places = [1, 2, 3].map((node) => ({ node, port: ports[node - 1], controller: ports[node + 2] }))
  const voters = places.map(({ node, controller }) => `${node}@127.0.0.1:${controller}`).join()
  const internal = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic']
  const shared = [
    `controller.quorum.voters=${voters}`,
    ...internal.map((name) => `${name}.replication.factor=3`),
    'transaction.state.log.min.isr=2',
    'min.insync.replicas=2',
    'replica.lag.time.max.ms=3000',
    'controller.quorum.election.timeout.ms=500',
    'controller.quorum.fetch.timeout.ms=1000',
  ]
  const classes = `-XX:SharedArchiveFile=${archivePath()} -Xshare:auto`
  const servers = await Promise.all(
    places.map(({ node, port = 0, controller = 0 }) =>
      start([...shared, `node.id=${node}`], { classes, end: 'KILL', ports: [port, controller] }),
    ),
  )
  return {
    brokers: servers.map(({ broker }) => broker),
    servers,
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

interface Start {
  readonly classes: string
  readonly end: string
  readonly listeners?: readonly string[]
  readonly ports?: readonly [port: number, controller: number]
}

async function start(
  settings: readonly string[],
  { classes, end, listeners = [], ports }: Start,
): Promise<KafkaServer> {
  if (!existsSync(kafkaJars)) throw new Error('these tests need a Kafka broker: run npm run services')
  const data = mkdtempSync(join(tmpdir(), 'inturn-kafka-'))
  const [port, controller] = ports ?? [await freePort(), await freePort()]
  writeFileSync(join(data, 'log4j2.xml'), logging)
  const properties = [...propertiesOf(data, { port, controller, listeners }), ...settings]
  writeFileSync(join(data, 'properties'), properties.join('\n'))
  const FLAGS = [...flags, classes, `-Dlog4j2.configurationFile=${data}/log4j2.xml`].join(' ')
  const env = { ...process.env, DATA: data, JARS: kafkaJars, FLAGS, END: end }
  const shell = spawn('sh', ['-c', guard], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  let pid = await begin(shell, data)
  return {
    broker: `127.0.0.1:${port}`,
    port,
    logs: join(data, 'logs'),
    get pid() {
      return pid
    },
    restart: async () => {
      pid = await begin(shell, data)
    },
    stop: async () => {
      if (shell.exitCode !== null) return
      const ended = once(shell, 'exit')
      shell.stdin.end()
      await ended
    },
  }
}

/** Has the broker started; resolves with its process once it takes requests. */
async function begin(shell: ChildProcess, data: string): Promise<number> {
  const ended = once(shell, 'exit')
  const said = shell.stdout === null ? ended : once(shell.stdout, 'data')
  shell.stdin?.write('start\n')
  const [line] = (await Promise.race([said, ended])) as [Buffer | number]
  const pid = Number(String(line))
  const log = (): string => readFileSync(join(data, 'log'), 'utf8')
  while (shell.exitCode === null && isAlive(pid)) {
    if (log().includes('Kafka Server started')) return pid
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`Kafka did not start:\n${log()}`)
}
