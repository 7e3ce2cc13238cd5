#!/usr/bin/env node
// The command line. Only the command that is asked for is loaded, so that each starts at once. Exit 0: fine;
// 1: the data or the system has a problem; 2: wrong usage or unreadable input.
import { Command, CommanderError } from 'commander'
import { isInstance } from '../core/thrown.ts'
import { withoutCredentials } from '../core/without-credentials.ts'
import { checkRuntime } from '../ports/runtime.ts'
import { ownVersion } from './own-version.ts'
import { endWithOutput } from './print.ts'
import { printableLines } from './printable.ts'
import { sayError, sayWarnings } from './say.ts'
import { endOnSignals } from './stop-on-signals.ts'

/** What an operator does to a stream or a domain. */
const actions = ['retry', 'skip', 'fill', 'halt', 'resume', 'seek', 'pause'] as const

async function loadAction(name: (typeof actions)[number]): Promise<Command> {
  return (await import('./operator-commands.ts')).operatorCommands[name]()
}

/** Every command, in the order of the help page. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  audit: async () => (await import('./audit.ts')).auditCommand(),
  resequence: async () => (await import('./resequence.ts')).resequenceCommand(),
  trace: async () => (await import('./trace.ts')).traceCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  relay: async () => (await import('./relay.ts')).relayCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  streams: async () => (await import('./streams.ts')).streamsCommand(),
  gaps: async () => (await import('./gaps.ts')).gapsCommand(),
  held: async () => (await import('./held.ts')).heldCommand(),
  dead: async () => (await import('./dead.ts')).deadCommand(),
  ledger: async () => (await import('./ledger.ts')).ledgerCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(Object.keys(commands)),
  ...Object.fromEntries(actions.map((name) => [name, async () => loadAction(name)])),
  import: async () => (await import('./import.ts')).importCommand(),
  replay: async () => (await import('./replay.ts')).replayCommand(),
  append: async () => (await import('./append.ts')).appendCommand(),
  read: async () => (await import('./read.ts')).readCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
  migrate: async () => (await import('./migrate.ts')).migrateCommand(),
}

function newProgram(): Command {
  return (
    new Command('inturn')
      .description('Every event, in turn, exactly once.')
      .version(ownVersion())
      .showHelpAfterError('Run with --help to see what there is.')
      // A nested command has options of its own, also where its parent has some of the same name.
      .enablePositionalOptions()
      .exitOverride()
      // What was typed is said again, and may have been pasted.
      .configureOutput({
        writeOut: (text) => process.stdout.write(printableLines(text)),
        writeErr: (text) => process.stderr.write(printableLines(withoutCredentials(text, { isTyped: true }))),
      })
  )
}

async function run(argv: readonly string[]): Promise<void> {
  checkRuntime()
  const program = newProgram()
  const asked = Object.entries(commands).filter(([name]) => name === argv[2])
  for (const [, load] of asked.length > 0 ? asked : Object.entries(commands)) {
    const command = (await load()).copyInheritedSettings(program)
    for (const nested of command.commands) nested.copyInheritedSettings(command)
    program.addCommand(command)
  }
  if (argv.length <= 2) program.help({ error: true })
  await program.parseAsync([...argv])
}

// What runs until it is stopped may be stopped before it runs.
if (['run', 'relay'].includes(process.argv[2] ?? '')) endOnSignals()
endWithOutput()
sayWarnings()
try {
  await run(process.argv)
} catch (error) {
  if (isInstance(error, CommanderError)) process.exitCode = error.exitCode === 0 ? 0 : 2
  else process.exitCode = sayError(error)
}

// What a configuration opened (a pool, a client) must not keep a command alive that has ended and been read.
setInterval(() => {
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit()
}, 100).unref()
