// The laws of the house, each held against every file of the project, and against an example that breaks it.
import { describe, expect, test } from 'vitest'
import { importLaws } from './tidy/import-laws.ts'
import { nameLaws } from './tidy/name-laws.ts'
import { projectOf, thisProject } from './tidy/project.ts'
import { purityLaws } from './tidy/purity-laws.ts'
import { recordLaws } from './tidy/record-laws.ts'
import { sizeLaws } from './tidy/size-laws.ts'
import { textLaws } from './tidy/text-laws.ts'

const laws = [...sizeLaws, ...nameLaws, ...textLaws, ...importLaws, ...purityLaws, ...recordLaws]
const project = thisProject()

describe('the project keeps its laws', () => {
  for (const { name, broken } of laws) {
    test(name, () => {
      expect(broken(project)).toEqual([])
    })
  }
})

describe('a breach is noticed', () => {
  for (const { name, broken, example } of laws) {
    test(name, () => {
      expect(broken(projectOf(example))).not.toEqual([])
    })
  }
})
