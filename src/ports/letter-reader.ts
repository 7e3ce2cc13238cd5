// The letter-reader port: how a dead letter that never got into a stream is read again by the rules of a
// configuration, for whoever looks after dead letters and knows no configuration.
import type { InturnEvent } from '../core/event.ts'
import type { StreamRules } from '../core/rules.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { DeadLetter, InboxEntry } from './records.ts'

/** What a dead letter reads as. */
export type LetterReading =
  /** An event, or a fill, of a tracked stream, which decides it by these rules. */
  | {
      readonly kind: 'tracked'
      readonly stream: StreamPath
      readonly arrival: InboxEntry['arrival']
      readonly rules: StreamRules
    }
  /** An event of a domain without tracking. */
  | { readonly kind: 'untracked'; readonly stream: StreamPath; readonly event: InturnEvent }
  /** Still no event; why, in words. */
  | { readonly kind: 'unreadable'; readonly detail: string }

/** Reads a dead letter again. */
export type LetterReader = (letter: DeadLetter) => Promise<LetterReading>
