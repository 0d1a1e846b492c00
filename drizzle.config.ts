import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/cloudflare/registry-schema.ts',
  out: './migrations',
})
