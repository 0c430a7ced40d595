import { defineConfig } from 'vite'

// What is built is served by the function app: nothing inline, since its policy allows none.
export default defineConfig({
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: { '/api': process.env.SWITCHYARD_URL ?? 'http://127.0.0.1:7071' } },
})
