import { createApp } from '../../src/http/app.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

/** The routes of the API as the app has them, as documents write them: `GET /v1/jobs/{id}`. */
export function apiRoutes(): string[] {
  const app = createApp(() => ({ platform: memoryPlatform(0), adminToken: 'test' }))
  const routes = app.routes
    .filter(({ method, path }) => method !== 'ALL' && path.startsWith('/v1/'))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`)
  return [...new Set(routes)].sort()
}
