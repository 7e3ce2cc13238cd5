// A worker in a NestJS application: it starts once the application has, its handlers use the application's
// services, and SIGTERM lets it finish what is in hand.
import 'reflect-metadata'
import { setTimeout as wait } from 'node:timers/promises'
import type { BeforeApplicationShutdown, DynamicModule, OnApplicationBootstrap } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { contiguous, createWorker } from 'inturn'
import type { HandlerContext, Worker } from 'inturn'
import { sqliteStore } from 'inturn/stores/sqlite'
import { fileSource } from 'inturn/transports/file'

/** A service as the application has many: a bank that takes its time. */
class Bank {
  async pay(account: string, amount: number, { idempotencyKey }: HandlerContext): Promise<void> {
    console.log(`paying ${amount} to ${account}, once by ${idempotencyKey}`)
    await wait(200)
    console.log(`paid ${amount} to ${account}`)
  }
}

/** What ties the worker to the life of the application. */
class PaymentsWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #worker: Worker

  constructor(bank: Bank) {
    this.#worker = createWorker({
      consumer: 'payments',
      store: sqliteStore('payments.db'),
      source: fileSource('payments.ndjson', { follow: true }),
      // What was taken is finished before the process ends: few slow payments at a time.
      batch: 2,
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'external',
          handle: ({ stream, data }, context) => bank.pay(stream, Number(data), context),
        },
      },
    })
  }

  onApplicationBootstrap(): void {
    this.#worker.run().catch((error: unknown) => {
      console.error(error)
      process.exitCode = 1
    })
  }

  /** Before other providers close the connections that handlers use. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#worker.stop()
  }
}

/** With `@Module` above it in an application that is compiled; Node alone runs no decorators. */
const module: DynamicModule = {
  // oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows a module by its class
  module: class PaymentsModule {},
  providers: [
    { provide: Bank, useFactory: () => new Bank() },
    { provide: PaymentsWorker, useFactory: (bank: Bank) => new PaymentsWorker(bank), inject: [Bank] },
  ],
}

const application = await NestFactory.createApplicationContext(module, { logger: ['warn', 'error'] })
// Without `useProcessExit` Nest ends itself by the signal again, and a supervisor reads that as a failure.
application.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true })
