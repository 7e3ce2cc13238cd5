// Kafka behind TLS and SASL, on a real broker: source, sink and command line get in by every mechanism with
// what is right, and say what is wrong, and where to put it, where it is not (I10).
import { execFileSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alterUserScramCredentialsV0, Connection } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sample } from '../../src/testing/sink-suite/sink-world.ts'
import type { KafkaSasl, KafkaTarget } from '../../src/transports/kafka.ts'
import { kafkaSink, kafkaSource } from '../../src/transports/kafka.ts'
import { inturn, sourceUrl, testFolder } from '../integration/run-inturn.ts'
import type { KafkaServer } from '../services/kafka-server.ts'
import { startKafka } from '../services/kafka-server.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { freshTopic } from '../services/kafka-topic.ts'
import { openSource } from '../services/open-source.ts'
import { freePort } from '../services/redis-server.ts'

const [username, password] = ['ada', 'lovelace-1815']
const folder = mkdtempSync(join(tmpdir(), 'inturn-tls-'))
const ports = { tls: 0, sasl: 0, both: 0 }
let server: KafkaServer
let topic: TestTopic
let ca: string

/** An authority of our own, and what it has signed for this machine: key and certificate in one file. */
function makeCertificates(): string {
  const run = (...args: readonly string[]): unknown =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const key = ['-newkey', 'rsa:2048', '-nodes']
  const constraints = ['-addext', 'basicConstraints=critical,CA:TRUE']
  run(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=ours',
    ...constraints,
  )
  run('req', ...key, '-keyout', 'broker.key', '-out', 'broker.csr', '-subj', '/CN=broker')
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1')
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '2']
  run('x509', '-req', '-in', 'broker.csr', '-out', 'broker.pem', ...signed)
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
  writeFileSync(join(folder, 'keystore.pem'), text('broker.key') + text('broker.pem'))
  return text('ca.pem')
}

/** What the broker is told; each listener has its mechanisms, and every one the same user. */
function securitySettings(): readonly string[] {
  const modules = 'org.apache.kafka.common.security'
  const logins = {
    plain: `plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-256': 'scram.ScramLoginModule required;',
    'scram-sha-512': 'scram.ScramLoginModule required;',
    oauthbearer: 'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
  }
  const plain = ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT']
  const protocols = [...plain, 'TLS:SSL', 'SASL:SASL_PLAINTEXT', 'BOTH:SASL_SSL']
  return [
    `listener.security.protocol.map=${protocols.join()}`,
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    ...['sasl', 'both'].flatMap((listener) =>
      Object.entries(logins).map(
        ([mechanism, login]) => `listener.name.${listener}.${mechanism}.sasl.jaas.config=${modules}.${login}`,
      ),
    ),
    'ssl.keystore.type=PEM',
    `ssl.keystore.location=${join(folder, 'keystore.pem')}`,
  ]
}

/** Has the broker know the user's password, salted as each mechanism wants it. */
async function addScramUser(port: number): Promise<void> {
  const connection = new Connection('inturn-tests')
  await connection.connect('127.0.0.1', port)
  for (const [mechanism, digest, bytes] of [
    [1, 'sha256', 32],
    [2, 'sha512', 64],
  ] as const) {
    const [salt, iterations] = [randomBytes(16), 4_096]
    const saltedPassword = pbkdf2Sync(password, salt, iterations, bytes, digest)
    const user = { name: username, mechanism, iterations, salt, saltedPassword }
    await alterUserScramCredentialsV0.api.async(connection, [], [user])
  }
  await connection.close()
}

/** A token that nobody has signed, as a broker without an authority takes it. */
function token({ lasts = 3_600 } = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1_000)
  return `${part({ alg: 'none' })}.${part({ sub: username, iat: now - 10, exp: now + lasts })}.`
}

beforeAll(async () => {
  ca = makeCertificates()
  for (const name of ['tls', 'sasl', 'both'] as const) ports[name] = await freePort()
  const listeners = Object.entries(ports).map(([name, port]) => `${name.toUpperCase()}://127.0.0.1:${port}`)
  server = await startKafka(securitySettings(), listeners)
  await addScramUser(server.port)
  topic = await freshTopic([server.broker])
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

/** How to get in, by a name. */
const ways: Readonly<Record<string, () => KafkaTarget>> = {
  TLS: () => ({ brokers: [`127.0.0.1:${ports.tls}`], ssl: { ca } }),
  ...Object.fromEntries(
    (['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map((mechanism) => [
      mechanism,
      () => withSasl({ mechanism, username, password: () => Promise.resolve(password) }),
    ]),
  ),
  OAUTHBEARER: () => withSasl({ mechanism: 'OAUTHBEARER', token: () => token() }),
  'SCRAM-SHA-512 over TLS': () => ({
    ...withSasl({ mechanism: 'SCRAM-SHA-512', username, password }),
    brokers: [`127.0.0.1:${ports.both}`],
    ssl: { ca },
  }),
}

function withSasl(sasl: KafkaSasl): KafkaTarget {
  return { brokers: [`127.0.0.1:${ports.sasl}`], sasl }
}

describe.each(Object.entries(ways))('%s', (_, target) => {
  test('lets a sink write and a source read', async () => {
    const { topic: name } = await freshTopic([server.broker])
    const sink = kafkaSink({ ...target(), topic: name })
    await sink.open()
    const sent = [1, 2, 3].map((sequence) => sample('a', sequence))
    await sink.send(sent, { signal: new AbortController().signal })
    await sink.close()
    await using member = await openSource(kafkaSource({ ...target(), topics: [name], groupId: name }))
    const read = await member.take(3)
    expect(read.map(({ offset }) => offset)).toEqual([0, 1, 2])
    await member.source.settle(read)
  })
})

/** What does not let in, and what is said then. */
const wrongs: readonly (readonly [string, () => KafkaTarget, RegExp])[] = [
  ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map(
    (mechanism) =>
      [
        `a wrong password with ${mechanism}`,
        () => withSasl({ mechanism, username, password: 'wrong' }),
        /refuse who asks: check the username and the password/,
      ] as const,
  ),
  [
    'a token that has expired',
    () => withSasl({ mechanism: 'OAUTHBEARER', token: token({ lasts: -5 }) }),
    /refuse who asks: .*the token/,
  ],
  [
    'an authority that nobody trusts',
    () => ({ brokers: [`127.0.0.1:${ports.tls}`], ssl: {} }),
    /is not trusted: name the authority that has signed it as ssl\.ca/,
  ],
]

test.each(wrongs)('%s is said, with what to look at, and is not waited out', async (_, target, words) => {
  const source = kafkaSource({ ...target(), topics: [topic.topic], groupId: topic.group })
  const checkpoint = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() }
  const sink = kafkaSink({ ...target(), topic: topic.topic })
  for (const [open, code] of [
    [() => source.open(checkpoint), 'source-unavailable'],
    [() => sink.open(), 'sink-unavailable'],
  ] as const) {
    const failure = open()
    await expect(failure).rejects.toThrow(words)
    await expect(failure).rejects.toMatchObject({ code, retryable: false })
  }
})

test('the command line gets in with what its configuration names, and says what is wrong', async () => {
  const cwd = testFolder()
  const configure = (given: string): string =>
    cwd.write(
      'inturn.config.ts',
      `
      import { readFileSync } from 'node:fs'
      import { increasing } from ${sourceUrl('core/numbering.ts')}
      import { memoryStore } from ${sourceUrl('stores/memory.ts')}
      import { kafkaSource } from ${sourceUrl('transports/kafka.ts')}
      export default {
        consumer: 'c',
        store: memoryStore(),
        source: kafkaSource({
          brokers: ['127.0.0.1:${ports.both}'], topics: ['${topic.topic}'], groupId: 'c',
          byOffset: 'partition',
          ssl: { ca: readFileSync('${join(folder, 'ca.pem')}') },
          sasl: { mechanism: 'SCRAM-SHA-256', username: '${username}', password: '${given}' },
        }),
        domains: { any: { numbering: increasing(), effects: 'external', handle: () => undefined } },
      }`,
    )
  await topic.add(['{"n": 1}', '{"n": 2}'])
  configure(password)
  const ran = await inturn(cwd.path, 'run', '--until', 'caught-up')
  expect(ran.stderr).toContain('2 deliver')
  expect(ran.code).toBe(0)
  configure('not-the-password')
  const refused = await inturn(cwd.path, 'run', '--until', 'caught-up')
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('check the username and the password')
  expect(refused.stderr).not.toContain('not-the-password')
  cwd.remove()
})
