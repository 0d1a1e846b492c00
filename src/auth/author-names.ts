import type { Platform } from '../platform.ts'

/** Names of tokens by their ids: whoever applied a generation is known by the id of a token. */
export async function readAuthorNames(
  { tokens }: Platform,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await tokens.findAll([...new Set(ids)])
  return new Map(found.map(({ id, name }) => [id, name]))
}
