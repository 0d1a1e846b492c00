import budgets from './budgets.json' with { type: 'json' }

/** One thing measured twice in one run: by us and by what we are held against. */
export interface Comparison {
  readonly name: string
  readonly ours: number
  readonly baseline: number
  /** Of `ours` and `baseline`. */
  readonly unit: 'requests/s' | 'events/s' | 'rows/s' | 'ms' | 'us' | 'puts' | 'bytes'
  /** Figures beside the comparison, under names that end in their unit. */
  readonly facts?: Readonly<Record<string, number>>
}

export interface JudgedComparison extends Comparison {
  /** How many times as good as the baseline we are: as fast, or with as few. */
  readonly ratio: number
  readonly at_least: number
  readonly aim: number
  readonly outcome: 'ok' | 'missed'
}

const LESS_IS_BETTER: ReadonlySet<Comparison['unit']> = new Set(['ms', 'us', 'puts', 'bytes'])

/** Holds a comparison against its budget. Throws when it has none. */
export function judgeComparison(comparison: Comparison): JudgedComparison {
  const budget = budgets.find(({ name }) => name === comparison.name)
  if (budget === undefined) throw new Error(`Cannot judge "${comparison.name}": it has no budget`)
  const { ours, baseline, unit } = comparison
  const ratio = LESS_IS_BETTER.has(unit) ? baseline / ours : ours / baseline
  const { at_least, aim } = budget
  return { ...comparison, ratio, at_least, aim, outcome: ratio >= at_least ? 'ok' : 'missed' }
}

export function formatComparisons(comparisons: readonly JudgedComparison[]): string {
  const lines = [
    ['name', 'ours', 'baseline', 'ratio', 'budget', ''],
    ...comparisons.map(({ name, ours, baseline, unit, ratio, at_least, aim, outcome }) => [
      name,
      `${Math.round(ours)} ${unit}`,
      `${Math.round(baseline)} ${unit}`,
      ratio.toFixed(2),
      `${at_least} (aim ${aim})`,
      outcome,
    ]),
  ]
  const facts = comparisons.flatMap(({ name, facts = {} }) =>
    Object.entries(facts).map(([fact, value]) => `${name} ${fact}: ${Math.round(value)}`),
  )
  return [formatTable(lines), ...facts].join('\n')
}

/** Lines of cells as text, columns under one another. */
export function formatTable(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
