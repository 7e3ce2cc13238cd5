// Appends of one log object go in the order in which they were called, although checking one may take longer
// than checking the next: a schema may wait. Upholds I1 where a program does not await each append.

/** What begins to be written once it was checked; the promise in it is not waited for. */
export interface Begun<Written> {
  readonly written: Promise<Written>
}

/** Lets appends go on in the order of their calls. */
export class AppendOrder {
  #last: Promise<unknown> = Promise.resolve()

  /** Begins to write what was checked, once everything that was called before has begun or failed. */
  async run<Checked, Written>(
    checked: Promise<Checked>,
    begin: (checked: Checked) => Promise<Begun<Written>>,
  ): Promise<Written> {
    const before = this.#last
    const begun = Promise.all([checked, before]).then(([own]) => begin(own))
    // The next one waits for those before this one too, also where this one fails its check early.
    this.#last = Promise.allSettled([begun, before]).then(() => undefined)
    return (await begun).written
  }
}
