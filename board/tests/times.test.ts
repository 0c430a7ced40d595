import { describe, expect, it } from 'vitest'

import { lasting, when } from '../src/times'

const NOW = new Date('2026-11-30T17:05:00Z')

describe('a time', () => {
  it.each([
    ['2026-11-30T15:35:00Z', '15:35'],
    ['2026-12-01T15:35:00Z', 'Tue 15:35'],
    ['2026-10-12T08:00:00Z', '12 Oct 08:00'],
    ['2025-10-12T08:00:00Z', '12 Oct 2025'],
  ])('%s is told as %s', (time, told) => {
    expect(when(time, NOW)).toBe(told)
  })
})

describe('a length of time', () => {
  it.each([
    [8, '8 s'],
    [232, '3 min 52 s'],
    [1860, '31 min'],
    [5400, '1 h 30 min'],
    [259200, '3 days'],
  ])('%i s is told as %s', (seconds, told) => {
    expect(lasting(seconds)).toBe(told)
  })
})
