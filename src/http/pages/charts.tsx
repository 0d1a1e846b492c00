import type { NumberStatistics } from '../../core/statistics.ts'

const WIDTH = 320
const HEIGHT = 90

/** Counts side by side, for example of hours; the text says what a reader of charts sees. */
export function Bars({
  counts,
  label,
  from,
  to,
}: {
  readonly counts: readonly number[]
  readonly label: string
  /** What stands below the first and the last bar. */
  readonly from: string
  readonly to: string
}) {
  const highest = Math.max(...counts, 1)
  const step = WIDTH / Math.max(counts.length, 1)
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 36}`} width={WIDTH} role="img" aria-label={label}>
      <text class="soft" x="0" y="12">
        {formatNumber(highest)}
      </text>
      {counts.map((count, at) => {
        const height = count === 0 ? 0 : Math.max((count / highest) * HEIGHT, 1.5)
        return (
          <rect
            class="bar"
            x={at * step + 0.5}
            y={16 + HEIGHT - height}
            width={Math.max(step - 1, 1)}
            height={height}
            rx="1"
          >
            <title>{count.toLocaleString('en')}</title>
          </rect>
        )
      })}
      <path class="line" d={`M0 ${16.5 + HEIGHT}H${WIDTH}`} />
      <text class="soft" x="0" y={HEIGHT + 32}>
        {from}
      </text>
      <text class="soft" x={WIDTH} y={HEIGHT + 32} text-anchor="end">
        {to}
      </text>
    </svg>
  )
}

/** How numbers are spread. `format` writes an end of the axis. */
export function Histogram({
  numbers,
  name,
  format = formatNumber,
}: {
  readonly numbers: NumberStatistics
  readonly name: string
  readonly format?: (value: number) => string
}) {
  const { bins, min, max } = numbers
  return (
    <Bars
      counts={bins.map(({ count }) => count)}
      label={`Histogram of ${name}: from ${format(min)} to ${format(max)}, median ${format(numbers.median)}`}
      from={format(min)}
      to={format(max)}
    />
  )
}

/** At most four digits that matter. */
export function formatNumber(value: number): string {
  if (value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 1e15))
    return value.toLocaleString('en', { maximumSignificantDigits: 4 })
  return value.toExponential(2)
}

/** In kB, MB or GB, of a thousand each. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${formatNumber(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${formatNumber(bytes / 1e6)} MB` : `${formatNumber(bytes / 1e9)} GB`
}
