import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'

process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'

/** Tests below the edges, but for those that measure what their process holds. */
const UNIT =
  'test/{auth,batch,catalog,core,definitions,http,ingest,offline,online,platform,registry}/**/!(*-memory).test.ts'

export default defineConfig({
  test: {
    // Most tests of the whole Worker wait for its timers: three files at a time keep two cores busy.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        // A process loads modules once for all its files: none of them changes what another sees.
        test: {
          name: 'unit',
          include: [UNIT],
          isolate: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // The whole Worker and the tools from outside, and whatever else needs a process of its own.
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cloudflare/**', 'test/browser/**', UNIT],
          // Tests of the whole Worker wait for what comes about: on a busy machine that takes its time.
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
      {
        // The catalog's pages in a real browser: `npm run test:browser`, for it needs Chromium.
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // The adapters, inside workerd with real bindings.
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { ADMIN_TOKEN: 'test' } },
          }),
        ],
        test: {
          name: 'workerd',
          include: ['test/cloudflare/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          provide: { migrations: await readD1Migrations('migrations') },
        },
      },
    ],
  },
})
