// What a browser has to load, packed: more than this makes the first visit slow, and the check fails.

import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BYTES_MAX = 250_000
const folder = new URL('./dist/', import.meta.url)
const files = readdirSync(folder, { recursive: true }).filter((name) => /\.(html|js|css|svg)$/.test(name))
const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, folder))).length, 0)

if (!files.includes('index.html')) throw new Error('the board is not built: run make board')
console.log(`The board has ${Math.round(bytes / 1000)} KB packed, of ${BYTES_MAX / 1000} that it may have.`)
process.exitCode = bytes > BYTES_MAX ? 1 : 0
