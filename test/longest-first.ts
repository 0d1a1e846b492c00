import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Begun last, these would run alone at the end while the other core has nothing to do. */
const LONG = /[/\\]test[/\\](?:simulation|examples)[/\\]/

/** The order of test files: those that take minutes first, the others as vitest would have them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [
      ...sorted.filter(({ moduleId }) => LONG.test(moduleId)),
      ...sorted.filter(({ moduleId }) => !LONG.test(moduleId)),
    ]
  }
}
