// `--memory <MiB>`, shared by the commands that sort.
import { InvalidArgumentError, Option } from 'commander'
import { memoryBytesDefault } from '../recorded/audit-report.ts'

const mebibyte = 1024 * 1024

/** The flag; its value is in bytes. */
export function memoryOption(): Option {
  return new Option('--memory <MiB>', 'memory for sorting; beyond it, sorted runs go to the temporary folder')
    .argParser(bytesOf)
    .default(memoryBytesDefault, String(memoryBytesDefault / mebibyte))
}

function bytesOf(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text) * mebibyte
  throw new InvalidArgumentError('It takes a whole number of MiB from 1.')
}
