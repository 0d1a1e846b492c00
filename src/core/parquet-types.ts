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
  /** Of a decimal, how many of its digits stand behind the point: its values are read as texts. */
  readonly scale?: number
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
export function fileColumn(tree: SchemaTree): ParquetFileColumn {
  const { element } = tree
  const { name } = element
  const isRepeated = element.repetition_type === 'REPEATED'
  const item = isList(element) ? listElement(tree) : undefined
  const physical = describeElement(element, item?.element)
  if (isDecimal(element) && !isRepeated) return { name, type: undefined, scale: element.scale ?? 0, physical }
  const leaf = isList(element) ? item : tree
  const scalar = leaf === undefined || isRepeated ? undefined : scalarType(leaf)
  if (scalar === undefined || (isList(element) && scalar === 'bytes'))
    return { name, type: undefined, physical }
  return { name, type: isList(element) ? (`list<${scalar}>` as ValueType) : scalar, physical }
}

function isList({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === 'LIST' || logical_type?.type === 'LIST'
}

/** A list as older writers have it: what is repeated is the element itself. */
export function isTwoLevelList({ element, children }: SchemaTree): boolean {
  const [repeated] = children
  const isRepeated = repeated?.element.repetition_type === 'REPEATED'
  return isList(element) && isRepeated && children.length === 1 && repeated.children.length === 0
}

/** The element of a list of two levels or of three, whatever they are called. */
function listElement(list: SchemaTree): SchemaTree | undefined {
  const { element, children } = list
  const [repeated] = children
  if (isTwoLevelList(list)) return repeated
  if (repeated?.element.repetition_type !== 'REPEATED' || children.length > 1) return undefined
  // A struct of one field, by the format's rule for files of before there were three levels.
  const isStruct = ['array', `${element.name}_tuple`].includes(repeated.element.name)
  const [child] = repeated.children
  const isElement = repeated.children.length === 1 && child!.element.repetition_type !== 'REPEATED'
  return isElement && !isStruct ? child : undefined
}

function describeElement(element: SchemaElement, item: SchemaElement | undefined): string {
  const annotation = isDecimal(element)
    ? `DECIMAL(${element.precision}, ${element.scale ?? 0})`
    : (element.logical_type?.type ?? element.converted_type)
  const physical = [element.type ?? 'group', annotation].filter(Boolean).join(' ')
  return item === undefined ? physical : `${physical} of ${describeElement(item, undefined)}`
}

export function isDecimal({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL'
}

function scalarType({ element, children }: Pick<SchemaTree, 'element' | 'children'>): ScalarType | undefined {
  const annotation = element.logical_type?.type ?? element.converted_type
  if (children.length > 0 || isDecimal(element)) return undefined
  switch (annotation) {
    case undefined:
      return PHYSICAL_TYPES[element.type ?? '']
    case 'DATE':
    case 'TIMESTAMP':
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return 'timestamp'
    case 'STRING':
    case 'UTF8':
    case 'ENUM':
    case 'UUID':
      return 'string'
    case 'FLOAT16':
      return 'float64'
    case 'INTEGER':
    case 'INT_8':
    case 'INT_16':
    case 'INT_32':
    case 'INT_64':
    case 'UINT_8':
    case 'UINT_16':
    case 'UINT_32':
    case 'UINT_64':
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
  FIXED_LEN_BYTE_ARRAY: 'bytes',
}
