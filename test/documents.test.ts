// The documents say what the code does; where they part, this fails.
import { globSync, readFileSync } from 'node:fs'
import { getTableName } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { COMMANDS } from '../clients/cli/run.ts'
import * as cronSchema from '../src/cloudflare/cron-schema.ts'
import * as definitionsSchema from '../src/cloudflare/definitions-schema.ts'
import * as registrySchema from '../src/cloudflare/registry-schema.ts'
import {
  AGGREGATION_FUNCTIONS,
  type AggregationFunction,
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../src/core/aggregate/aggregation-function.ts'
import { ERROR_CODES } from '../src/core/error.ts'
import { LIMITS } from '../src/core/limits.ts'
import { STAMP_COLUMNS } from '../src/core/log-columns.ts'
import { encodeValue, VALUE_TYPES } from '../src/core/value.ts'
import { Entity } from '../src/definitions/entity.ts'
import { FeatureService, ServiceEntry } from '../src/definitions/feature-service.ts'
import { FeatureView } from '../src/definitions/feature-view.ts'
import { OnDemandView } from '../src/definitions/on-demand-view.ts'
import { Column, Source } from '../src/definitions/source.ts'
import { STATUS_BY_CODE } from '../src/http/error-response.ts'
import { apiRoutes } from './http/api-routes.ts'

const read = (path: string) => readFileSync(path, 'utf8')
const operations = read('docs/operations.md')
const layout = read('docs/data-layout.md')
const concepts = read('docs/concepts.md')
const semantics = read('docs/semantics.md')

test('every route stands in docs/operations.md', () => {
  const documented = operations.replaceAll('`', '')
  expect(apiRoutes().length).toBeGreaterThan(40)
  expect(apiRoutes().filter((route) => !documented.includes(route))).toEqual([])
})

test('every command of the command-line tool and its options stand in docs/operations.md', () => {
  const missing = Object.entries(COMMANDS).flatMap(([name, { options = {} }]) =>
    [`\`featheredge ${name}`, ...Object.keys(options).map((option) => `\`--${option}`)].filter(
      (text) => !operations.includes(text),
    ),
  )
  expect(missing).toEqual([])
})

test('every error code and its status stand in docs/operations.md', () => {
  const missing = ERROR_CODES.filter((code) => {
    const lines = operations.split('\n').filter((text) => text.includes(`\`${code}\``))
    return !lines.some((line) => line.includes(String(STATUS_BY_CODE[code])))
  })
  expect(missing).toEqual([])
})

test('every limit and its value stand in docs/operations.md', () => {
  const missing = Object.entries(LIMITS).filter(([name, value]) => {
    const line = operations.split('\n').find((text) => text.includes(`\`${name}\``))
    return !line?.replaceAll(/[,_]/g, '').includes(String(value))
  })
  expect(missing).toEqual([])
})

test('every stored table and column of the log stands in docs/data-layout.md', () => {
  const tables = Object.values({ ...definitionsSchema, ...registrySchema, ...cronSchema }).map((table) =>
    getTableName(table),
  )
  const writer = [
    ...read('src/cloudflare/writer-storage-sqlite.ts').matchAll(/CREATE TABLE IF NOT EXISTS (\w+)/g),
  ]
  const names = [...tables, ...writer.map((match) => match[1]!), ...STAMP_COLUMNS]
  expect(names.filter((name) => !layout.includes(`\`${name}\``))).toEqual([])
  const prefixes = [
    'block/',
    'definitions/',
    'landing/',
    'log/',
    'loads/',
    'labels/',
    'training/',
    'dead-letters/',
  ]
  for (const prefix of prefixes) expect(layout).toContain(prefix)
})

test('every queue and its binding stand in docs/data-layout.md, and each has a binding that has it made', () => {
  const config = read('wrangler.toml')
  const bound = [...config.matchAll(/\[\[queues\.producers\]\]\nbinding = "(\w+)"\nqueue = "([\w-]+)"/g)]
  const consumed = [...config.matchAll(/\[\[queues\.consumers\]\]\nqueue = "([\w-]+)"/g)]
  expect(consumed.map(([, queue]) => queue).sort()).toEqual(bound.map(([, , queue]) => queue).sort())
  const documented = bound.map(([, binding, queue]) => `| \`${queue}\` (binding \`${binding}\`) |`)
  expect(documented.length).toBeGreaterThan(2)
  expect(documented.filter((text) => !layout.includes(text))).toEqual([])
})

test('every variable and every duty of Cron stands in docs/operations.md', () => {
  const variables = [...read('src/cloudflare/env.ts').matchAll(/^ {2}([A-Z_]+): z\./gm)]
  const [, duties] = /const duties = \{([^}]*)\}/.exec(read('src/cloudflare/cron.ts'))!
  const names = [...variables.map((match) => match[1]!), ...duties!.match(/\w+/g)!]
  expect(names.length).toBeGreaterThan(10)
  expect(names.filter((name) => !operations.includes(`\`${name}\``))).toEqual([])
})

test('every field of a definition stands in docs/concepts.md', () => {
  const fields = [Entity, Source, Column, FeatureView, OnDemandView, FeatureService, ServiceEntry].flatMap(
    (definition) => Object.keys(definition.shape),
  )
  expect([...new Set(fields)].filter((field) => !concepts.includes(`\`${field}\``))).toEqual([])
})

test('every aggregation stands in docs/aggregations.md as the code has it (S20)', () => {
  const [table] = read('docs/aggregations.md').split('\n## ')
  const rows = [...table!.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)]
  const facts = rows.map(([, name, cells]) => [
    name,
    ...cells!
      .split('|')
      .slice(0, 4)
      .map((cell) => cell.trim()),
  ])
  expect(facts).toEqual(AGGREGATION_FUNCTIONS.map(factsOf))
})

/** Input types, output type, parameter and value over nothing, as the table of aggregations says them. */
function factsOf(name: AggregationFunction): string[] {
  const { inputTypes, parameter, create } = PROPERTIES_BY_FUNCTION[name]
  const aggregators = inputTypes.map((inputType) => create(inputType, PARAMETER_DEFAULTS))
  const outputs = aggregators.map(({ outputType }, at) => outputType.replace(inputTypes[at]!, "input's"))
  const isFixed = aggregators.every(({ outputType }) => outputType === aggregators[0]!.outputType)
  const output = isFixed ? aggregators[0]!.outputType : [...new Set(outputs)].join(' ')
  const [some] = aggregators
  return [
    name,
    inputTypes.length === VALUE_TYPES.length ? 'any' : inputTypes.join(' '),
    output.replace(/^list<(.*)>$/, 'list of $1'),
    parameter === null ? '' : `\`${parameter}\`, ${PARAMETER_DEFAULTS[parameter]}`,
    encodeValue(some!.outputType, some!.finish(some!.create())),
  ]
}

test('every rule of the semantics stands in docs/semantics.md', () => {
  const rules = Array.from({ length: 34 }, (_, at) => `**S${at + 1} `)
  expect(rules.filter((rule) => !semantics.includes(rule))).toEqual([])
})

test('every dependency has its reason in docs/decisions', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))
  const reasons = read('docs/decisions/0001-dependencies.md')
  const names = Object.keys({ ...dependencies, ...devDependencies })
  expect(names.filter((name) => !reasons.includes(`\`${name}\``))).toEqual([])
})

test('README.md is short and its links lead somewhere', () => {
  const readme = read('README.md')
  expect(readme.split('\n').length).toBeLessThanOrEqual(150)
  const links = [...readme.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!)
  expect(links.filter((link) => globSync(link).length === 0)).toEqual([])
})
