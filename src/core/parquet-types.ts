import type { SchemaElement, SchemaTree } from 'hyparquet'
import { elementType, type ScalarType, type ValueType } from './value.ts'

export interface ColumnShape {
  readonly name: string
  readonly type: ValueType
  /** True when no value is null; written as REQUIRED. */
  readonly required?: boolean
}

export interface ParquetFileColumn {
  readonly name: string
  /** What the file holds, in our types; undefined for what has no counterpart (maps, structs, decimals, …). */
  readonly type: ValueType | undefined
  /** How the file names it, for messages. */
  readonly physical: string
}

const SCALAR_ELEMENTS: Readonly<Record<ScalarType, Omit<SchemaElement, 'name'>>> = {
  bool: { type: 'BOOLEAN' },
  int64: { type: 'INT64' },
  float64: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  bytes: { type: 'BYTE_ARRAY' },
}

/** What a column is in a file's schema: one element, or the three that make a list. */
export function schemaElements({ name, type, required }: ColumnShape): SchemaElement[] {
  const repetition_type = required ? 'REQUIRED' : 'OPTIONAL'
  const element = elementType(type)
  if (element === undefined) return [{ name, repetition_type, ...SCALAR_ELEMENTS[type as ScalarType] }]
  return [
    { name, repetition_type, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', ...SCALAR_ELEMENTS[element] },
  ]
}

/** What a column of any file is in the store's types. */
export function fileColumn({ element, children }: SchemaTree): ParquetFileColumn {
  const isList = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST'
  const leaf = isList ? children[0]?.children[0] : undefined
  const scalar = isList
    ? leaf && children.length === 1 && scalarType(leaf)
    : scalarType({ element, children })
  const annotation = element.logical_type?.type ?? element.converted_type
  const physical = [element.type ?? 'group', annotation].filter(Boolean).join(' ')
  if (!scalar || (isList && scalar === 'bytes')) return { name: element.name, type: undefined, physical }
  return { name: element.name, type: isList ? (`list<${scalar}>` as ValueType) : scalar, physical }
}

function scalarType({ element, children }: Pick<SchemaTree, 'element' | 'children'>): ScalarType | undefined {
  const annotation = element.logical_type?.type ?? element.converted_type
  if (children.length > 0 || element.repetition_type === 'REPEATED') return undefined
  switch (annotation) {
    case undefined:
      return PHYSICAL_TYPES[element.type ?? '']
    case 'TIMESTAMP':
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return 'timestamp'
    case 'STRING':
    case 'UTF8':
    case 'ENUM':
      return 'string'
    case 'INTEGER':
    case 'INT_8':
    case 'INT_16':
    case 'INT_32':
    case 'INT_64':
    case 'UINT_8':
    case 'UINT_16':
    case 'UINT_32':
      return 'int64'
    default:
      return undefined
  }
}

const PHYSICAL_TYPES: Readonly<Record<string, ScalarType | undefined>> = {
  BOOLEAN: 'bool',
  INT32: 'int64',
  INT64: 'int64',
  INT96: 'timestamp',
  FLOAT: 'float64',
  DOUBLE: 'float64',
  BYTE_ARRAY: 'bytes',
}
