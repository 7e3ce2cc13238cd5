// What a store knows of a domain as a whole.

/** What is known of a domain as a whole. */
export interface DomainStatus {
  /** Held events of all its streams; approximate by workers x batch. */
  readonly held: number
  /** Entries of the inboxes of all its streams. */
  readonly handedOver: number
  readonly paused: boolean
}
