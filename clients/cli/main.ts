#!/usr/bin/env node
import { run } from './run.ts'

// A reader that has gone, as `| head` does, has had what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
process.exitCode = await run(process.argv.slice(2), process)
