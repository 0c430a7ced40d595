// One shape, one meaning. Decorative for screen readers: the word beside it is read.

import type { JSX } from 'preact'

const SHAPES = {
  fail: 'M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z M5.7 5.7l4.6 4.6 M10.3 5.7l-4.6 4.6',
  warn: 'M8 1.8 15 14H1z M8 6.2v3.6 M8 11.9v.2',
  late: 'M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13z M8 4.5V8l2.4 1.6',
  drift: 'M1.5 6c1.1-1.7 2.2-1.7 3.3 0s2.2 1.7 3.3 0 2.2-1.7 3.3 0 2.1 1.7 3.1 0 M1.5 11c1.1-1.7 2.2-1.7 3.3 0s2.2 1.7 3.3 0 2.2-1.7 3.3 0 2.1 1.7 3.1 0',
  down: 'M8 2v12 M3.5 9.5 8 14l4.5-4.5',
  up: 'M8 14V2 M3.5 6.5 8 2l4.5 4.5',
  none: 'M13.9 10.7a6.5 6.5 0 0 1-1.6 2.2 M9.5 14.3a6.5 6.5 0 0 1-2.9 0 M3.7 12.9a6.5 6.5 0 0 1-1.6-2.3 M1.6 7.2A6.5 6.5 0 0 1 2.5 4.6 M5 2.2a6.5 6.5 0 0 1 2.7-.7 M10.9 2.2a6.5 6.5 0 0 1 2.2 1.7 M14.4 7.2v.6',
  run: 'M14.5 8A6.5 6.5 0 1 1 8 1.5',
  queued: 'M8 4.8a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 0 1 0-6.4z',
  person: 'M8 2a3 3 0 1 1 0 6a3 3 0 0 1 0-6z M2.5 14.2c.6-3 2.6-4.4 5.5-4.4s4.9 1.4 5.5 4.4',
  held: 'M2 2h12v12H2z M6.2 5.4v5.2 M9.8 5.4v5.2',
  back: 'M6 3 2 7l4 4 M2 7h8a4 4 0 0 1 0 7H7',
  lock: 'M3 7h10v7H3z M5 7V5a3 3 0 0 1 6 0v2',
  snow: 'M8 1.5v13 M2.4 4.7l11.2 6.6 M13.6 4.7 2.4 11.3',
  plus: 'M8 3v10 M3 8h10',
  eye: 'M1 8c1.8-3 4.1-4.5 7-4.5S13.200 5 15 8c-1.800 3-4.100 4.500-7 4.500S2.800 11 1 8z M8 6a2 2 0 1 1 0 4a2 2 0 0 1 0-4z',
  unknown: 'M5.3 5.5a2.700 2.700 0 1 1 4 2.400c-.9.5-1.300 1-1.300 2 M8 12.600v.2',
  check: 'M3 8.5 6.500 12 13 4.500',
  ok: 'M8 1.500a6.500 6.500 0 1 1 0 13a6.500 6.500 0 0 1 0-13z M5 8.300 7.200 10.500 11 6',
  close: 'M3.500 3.500l9 9 M12.500 3.500l-9 9',
  chev: 'M6 3.500 10.500 8 6 12.500',
  prev: 'M10 3.500 5.500 8l4.500 4.500',
  link: 'M6.500 3H3v10h10V9.500 M9.500 2.500h4v4 M13.500 2.500 7.500 8.500',
  search: 'M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 0 1 0-9z M10.300 10.300l3.700 3.700',
  live: 'M8 6.800a1.200 1.200 0 1 1 0 2.400a1.200 1.200 0 0 1 0-2.400z M4.800 4.800a4.500 4.500 0 0 0 0 6.400 M11.200 4.800a4.500 4.500 0 0 1 0 6.400',
  off: 'M2 2l12 12 M4.800 4.800a4.500 4.500 0 0 0 0 6.400 M11.200 4.800a4.500 4.500 0 0 1 .8 5.200',
  keys: 'M1.500 4h13v8h-13z M4 6.700h.1 M6.700 6.700h.1 M9.300 6.700h.1 M12 6.700h.1 M5 9.500h6',
  theme: 'M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z',
  track: 'M1.500 12.500h3c4 0 4-7 8-7h2 M1.500 12.500h13',
  grid: 'M2 2h5v5H2z M9 2h5v5H9z M2 9h5v5H2z M9 9h5v5H9z',
  list: 'M5 4h9 M5 8h9 M5 12h9 M2 4h.1 M2 8h.1 M2 12h.1',
  bell: 'M4 11V7a4 4 0 0 1 8 0v4l1.500 1.500h-11z M6.700 14.500h2.600',
  pulse: 'M1.500 8.500h3l2-5 3 9 2-4h3',
  book: 'M3 2h10v12H3z M5.500 5h5 M5.500 8h5 M5.500 11h3',
  data: 'M2.500 4c0-3 11-3 11 0v8c0 3-11 3-11 0z M2.500 4c0 3 11 3 11 0 M2.500 8c0 3 11 3 11 0',
} as const

export type Shape = keyof typeof SHAPES

export function Sign({ is, tone }: { is: Shape; tone?: Tone }): JSX.Element {
  const classes = ['i', is === 'run' ? 'i--run' : '', tone ? `c-${tone}` : ''].filter(Boolean).join(' ')
  return (
    <svg class={classes} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[is]} />
    </svg>
  )
}

/** `wait` is the one that matters most: a person must act. */
export type Tone = 'bad' | 'warn' | 'run' | 'wait' | 'good' | 'mute'

/** What is going on: a sign and a word, always both. */
export function State({ is, tone, children }: { is: Shape; tone: Tone; children: preactChildren }): JSX.Element {
  return (
    <span class={`st st--${tone}`}>
      <Sign is={is} />
      <span>{children}</span>
    </span>
  )
}

type preactChildren = JSX.Element | string | number | (JSX.Element | string | number)[]
