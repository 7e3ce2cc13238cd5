// Reads the JSON report of a vitest run and prints its totals as one plain line, so that whoever runs the
// tests need not trust a summary. It fails if no test ran, if one failed or if a file did not load.
import { readFileSync } from 'node:fs'

/** What is read of the report, which has the form of Jest's. */
interface Report {
  readonly success: boolean
  readonly numFailedTestSuites: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

function isReport(value: unknown): value is Report {
  return typeof value === 'object' && value !== null && 'success' in value && 'testResults' in value
}

function readReport(file: string): Report | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isReport(value) ? value : undefined
  } catch {
    return undefined
  }
}

const report = readReport(process.argv[2] ?? '')
const files = report?.testResults ?? []
const statuses = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status))
const passed = statuses.filter((status) => status === 'passed').length
const failedTests = statuses.filter((status) => status === 'failed').length
const unloaded = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some(isFailed),
).length
const failed = failedTests + unloaded
const skipped = statuses.length - passed - failedTests

function isFailed({ status }: { readonly status: string }): boolean {
  return status === 'failed'
}

if (!report) console.error('The test run left no report.')
if (unloaded > 0)
  console.error(`${unloaded} test files failed outside their tests; each counts as one failure.`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = report?.success === true && passed > 0 && failed === 0 ? 0 : 1
