import { readFile } from 'node:fs/promises'
import type { Api } from './api.ts'
import type { Output } from './output.ts'

/** What can go wrong on the command line itself; everything else is the store's answer or a fault. */
export class UsageError extends Error {}

/** An option that a command takes, as `node:util` parses it. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly default?: string | boolean
  readonly multiple?: boolean
  /** What stands for its value in the help text. */
  readonly value?: string
  readonly help: string
}

export interface CommandInput {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  readonly api: Api
  readonly output: Output
}

export interface Command {
  readonly summary: string
  /** Arguments as the help shows them. */
  readonly usage: string
  readonly options?: Readonly<Record<string, CommandOption>>
  /** Answers the exit code: 0 done, 1 refused or failed, 3 there is a difference (`diff`). 2 is wrong usage. */
  readonly run: (input: CommandInput) => Promise<number>
}

/** The arguments by name. Throws `UsageError` when there are fewer, or more than may be. */
export function takeArguments(
  args: readonly string[],
  needed: readonly string[],
  countMax = needed.length,
): readonly string[] {
  const lacking = needed[args.length]
  if (lacking !== undefined) throw new UsageError(`an argument <${lacking}> is needed`)
  if (args.length > countMax) throw new UsageError(`"${args[countMax]}" is one argument too many`)
  return args
}

export function textOption(input: CommandInput, name: string): string | undefined {
  const value = input.options[name]
  return typeof value === 'string' ? value : undefined
}

/** A whole number from 0 on; undefined where the option is not given. Throws `UsageError`. */
export function numberOption(input: CommandInput, name: string): number | undefined {
  const text = textOption(input, name)
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new UsageError(`--${name} takes a whole number, not "${text}"`)
}

/** Bytes of a file that the command line names. Throws `UsageError` where there is none to be read. */
export async function readNamedFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError(`there is no file "${path}"`)
    throw new UsageError(
      `file "${path}" cannot be read: ${code === 'EISDIR' ? 'it is a folder' : (code ?? error)}`,
    )
  }
}

/** The reason that `JSON.parse` gives, which may quote line ends, in one line. */
export function jsonFault(error: unknown): string {
  return `it is no JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`
}
