import type { Platform } from '../platform.ts'

/** Names of tokens by their ids: whoever applied a generation is known by the id of a token. */
export async function readAuthorNames({ tokens }: Platform): Promise<ReadonlyMap<string, string>> {
  return new Map((await tokens.list()).map(({ id, name }) => [id, name]))
}
