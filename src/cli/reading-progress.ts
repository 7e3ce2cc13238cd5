// How far the reading of a recorded log has come, in words.
const mebibyte = 1024 * 1024

/** `read 120 of 470 MiB (25 %)`, or what is known of it. */
export function progressText(bytesRead: number, bytesInAll: number | undefined): string {
  const read = Math.floor(bytesRead / mebibyte)
  if (bytesInAll === undefined) return `read ${read} MiB`
  const share = Math.floor((100 * bytesRead) / Math.max(1, bytesInAll))
  return `read ${read} of ${Math.ceil(bytesInAll / mebibyte)} MiB (${share} %)`
}
