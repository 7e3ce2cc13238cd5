// A disk that is full in the middle of the next write to a file: the write comes to some bytes, and fails.
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

/** Makes the next write of any file handle write so many bytes and fail; the returned function undoes it. */
export async function breakNextWrite(path: string, bytes: number): Promise<() => void> {
  const handle = await open(path, 'a')
  const prototype: unknown = Object.getPrototypeOf(handle)
  await handle.close()
  if (typeof prototype !== 'object' || prototype === null) throw new Error('a file handle has no prototype')
  const whole: unknown = Reflect.get(prototype, 'write')
  const undo = (): void => void Reflect.set(prototype, 'write', whole)
  Reflect.set(prototype, 'write', async function broken(this: FileHandle, data: Uint8Array) {
    undo()
    await this.write(data, 0, Math.min(bytes, data.length))
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  })
  return undo
}
