// How large a message is before anything is made of it. Upholds I7: what is too large is never decoded.

/** How large a message is, in bytes of its text; `undefined` for an object, whose text is not known. */
export function messageBytes(message: unknown): number | undefined {
  if (message instanceof Uint8Array) return message.byteLength
  return typeof message === 'string' ? Buffer.byteLength(message) : undefined
}
