// The laws of names: files, folders and symbols are named for what they are, never for their kind.
import { typeScriptFiles } from './project.ts'
import type { Law } from './project.ts'
import type { SourceFile } from './source-file.ts'

const kebabCase = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/
const ours = /^(?:src|test|bench|examples|scripts|console|docs)\//
const bannedNames = /^(?:utils?|helpers?|common|misc|types?|interfaces?|lib|classes|shared)$/

function declaredNames(file: SourceFile): string[] {
  const names: string[] = []
  const add = (node: { id: { type: string; name?: unknown } | null }): void => {
    if (typeof node.id?.name === 'string') names.push(node.id.name)
  }
  file.visit({
    ClassDeclaration: add,
    FunctionDeclaration: add,
    TSInterfaceDeclaration: add,
    TSTypeAliasDeclaration: add,
    VariableDeclarator: add,
  })
  return names
}

export const nameLaws: readonly Law[] = [
  {
    name: 'files and folders are named in kebab-case',
    broken: (project) =>
      project.paths
        .filter((path) => ours.test(path) && !/(?:^|\/)(?:README|CHANGELOG)\.md$/.test(path))
        .filter((path) => path.split('/').some((part) => !kebabCase.test(part))),
    example: { 'src/core/gapClock.ts': '' },
  },
  {
    name: 'no file or folder is a drawer for odds and ends, or named for a kind',
    broken: (project) =>
      project.paths.filter(
        (path) =>
          ours.test(path) && path.split('/').some((part) => bannedNames.test(part.split('.')[0] ?? '')),
      ),
    example: { 'src/core/utils.ts': '' },
  },
  {
    name: 'no interface or type has an I prefix',
    broken: (project) =>
      project
        .files(typeScriptFiles)
        .flatMap((file) =>
          [...file.text.matchAll(/^\s*(?:export )?(?:interface|type) (?<name>I[A-Z][a-z]\w*)/gm)].map(
            ({ groups }) => `${file.path} declares ${groups?.['name']}`,
          ),
        ),
    example: { 'src/ports/store.ts': 'export interface IStore {}' },
  },
  {
    name: 'nothing is called a manager',
    broken: (project) =>
      project.files(typeScriptFiles).flatMap((file) =>
        declaredNames(file)
          .filter((name) => /manager/i.test(name))
          .map((name) => `${file.path} declares ${name}`),
      ),
    example: { 'src/engine/claims.ts': 'export class ClaimManager {}' },
  },
]
