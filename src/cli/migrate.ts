// `inturn migrate`: makes the tables of a store before anybody works with it, for deployments in which
// workers may not; or prints what makes them, for who looks at everything that is run.
import { Command } from 'commander'
import { InturnError } from '../core/errors.ts'
import { printJson, printLines } from './print.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, withStore } from './store-flags.ts'

/** The command `inturn migrate`. */
export function migrateCommand(): Command {
  return addStoreFlags(new Command('migrate'))
    .description('makes the tables of a store, or brings them up to date')
    .option('--print', 'print the SQL that makes them (Postgres), and do nothing')
    .action(async (flags: StoreFlags & { readonly print?: boolean }) =>
      withStore(flags, async ({ store }) => {
        const { name, migrationSql } = store.about
        if (flags.print !== true) {
          await store.open()
          if (flags.json === true) return printJson({ store: name, migrated: true })
          return printLines([`the tables of inturn in ${name} are up to date`])
        }
        if (migrationSql === undefined) {
          throw new InturnError('usage', `${name} makes its tables itself; --print is for Postgres`)
        }
        return flags.json === true
          ? printJson({ store: name, sql: migrationSql })
          : printLines(migrationSql.split('\n'))
      }),
    )
}
