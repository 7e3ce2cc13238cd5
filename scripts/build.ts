// Builds dist/ from src/: JavaScript, declarations and maps by the compiler. The new build takes the place of
// the old one in one step at the end, so a failing build leaves the last good one alone and nobody ever runs
// half of one.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const next = join(root, 'dist.next')
const dist = join(root, 'dist')

function compile(): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', next], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(1)
}

rmSync(next, { recursive: true, force: true })
compile()
const main = join(next, 'cli', 'main.js')
if (existsSync(main)) chmodSync(main, 0o755)
rmSync(dist, { recursive: true, force: true })
renameSync(next, dist)
