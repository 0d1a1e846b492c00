import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/cloudflare/*-schema.ts',
  out: './migrations',
})
