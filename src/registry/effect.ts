/** What a change does to those who use what it changes, the mildest first. */
export const CHANGE_IMPACTS = ['metadata', 'additive', 'new_version', 'destructive'] as const
export type ChangeImpact = (typeof CHANGE_IMPACTS)[number]

/** What a change comes to, and why. */
export interface Effect {
  /**
   * `metadata`: nothing but what is said of it. `additive`: more than before, or elsewhere; what worked works on.
   * `new_version`: a view's values are made anew. `destructive`: something that worked will not, or answers otherwise.
   */
  readonly impact: ChangeImpact
  readonly consequences: readonly string[]
}

export const METADATA: Effect = { impact: 'metadata', consequences: [] }

export function additive(...consequences: string[]): Effect {
  return { impact: 'additive', consequences }
}

export function destructive(...consequences: string[]): Effect {
  return { impact: 'destructive', consequences }
}

/** Several effects as one: the gravest impact, all consequences. */
export function joinEffects(effects: readonly Effect[]): Effect {
  const gravest = effects.reduce((most, { impact }) => Math.max(most, CHANGE_IMPACTS.indexOf(impact)), 0)
  return {
    impact: CHANGE_IMPACTS[gravest]!,
    consequences: effects.flatMap(({ consequences }) => consequences),
  }
}

export function isBreaking({ impact }: Effect): boolean {
  return impact === 'new_version' || impact === 'destructive'
}
