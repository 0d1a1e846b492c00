import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import { findProblems } from '../../src/definitions/validate.ts'
import { definitionSet, isDefinition } from '../typescript/definition-set.ts'
import { jsonFault, readNamedFile, UsageError } from './command.ts'

/** What a command takes that is given no file: the first of them that is here. */
export const DEFAULT_FILES = [
  'definitions.mts',
  'definitions.ts',
  'definitions.mjs',
  'definitions.js',
  'definitions.json',
] as const

const MODULE_ENDINGS: ReadonlySet<string> = new Set(['.mts', '.ts', '.mjs', '.js'])

/** A file of definitions did not hold what the store takes. */
export class DefinitionsError extends Error {
  readonly problems: readonly string[]

  constructor(path: string, problems: readonly string[]) {
    super(`${path}: ${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`)
    this.problems = problems
  }
}

export function findDefinitions(): string | undefined {
  return DEFAULT_FILES.find((file) => existsSync(file))
}

/** The set that a file defines: a module's default export or all it exports, or a JSON document. */
export async function readDefinitions(given: string | undefined): Promise<DefinitionSet> {
  const path = given ?? findDefinitions()
  if (path === undefined) {
    throw new UsageError(
      `there is none of ${DEFAULT_FILES.join(', ')} here: name a file, or run "featheredge init"`,
    )
  }
  const ending = extname(path)
  const content = ending === '.json' ? await readJson(path) : await importModule(path, ending)
  const parsed = DefinitionSet.safeParse(content)
  const problems = parsed.success
    ? findProblems(parsed.data)
    : parsed.error.issues.map(({ path: place, message }) =>
        [...(place.length === 0 ? [] : [place.join('.')]), message].join(': '),
      )
  if (problems.length > 0) throw new DefinitionsError(path, problems)
  return parsed.data!
}

async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readNamedFile(path))
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DefinitionsError(path, [jsonFault(error)])
  }
}

async function importModule(path: string, ending: string): Promise<unknown> {
  await readNamedFile(path)
  if (!MODULE_ENDINGS.has(ending))
    throw new UsageError(`"${path}" is none of ${[...MODULE_ENDINGS, '.json'].join(', ')} by its ending`)
  const module = await importFile(path)
  const exported = Object.values(module).flat()
  const definitions = exported.filter(isDefinition)
  if (definitions.length > 0) return definitionSet(definitions)
  if (module.default !== undefined) return module.default
  throw new DefinitionsError(path, ['it exports no definitions'])
}

async function importFile(path: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(resolve(path)).href)
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw new UsageError(
        `Node ${process.versions.node} reads no TypeScript: take 22.18 or later, or write JavaScript`,
      )
    }
    throw new DefinitionsError(path, [reasonOf(error)])
  }
}

function reasonOf(error: unknown): string {
  const { name, message } = error as Error
  const isScript = name === 'SyntaxError' && message.includes('import statement outside a module')
  return isScript
    ? 'it is no module in this project: name it .mts or .mjs, or set "type": "module" in package.json'
    : message
}
