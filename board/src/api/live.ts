// What a page shows stays true without reloading: everything on it is read again every two seconds while it is looked
// at, seldom while nobody looks, and after 2, 4, 8 and then every 15 seconds while the app does not answer.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

import { session } from '../session'
import { store } from '../store'
import { asProblem, type Problem } from './client'

const EVERY_S = 2
const HIDDEN_S = 60
const WAITS_S = [2, 4, 8, 15]

/** Whether the app answers, and since when it does not. `missedS`: how long it did not, right after it is back. */
export interface Connection {
  isOffline: boolean
  since: Date
  missedS: number
  nextTry: Date | null
}

export const connection = store<Connection>({ isOffline: false, since: new Date(), missedS: 0, nextTry: null })

interface Reader {
  read: () => Promise<void>
  everyS: number
  due: number
}

const readers = new Set<Reader>()
let failures = 0
let timer: ReturnType<typeof setTimeout> | undefined
let running = false

/** Reads everything on the page now. */
export function readAllNow(): void {
  for (const reader of readers) reader.due = 0
  schedule(0)
}

function schedule(afterS: number): void {
  clearTimeout(timer)
  timer = setTimeout(() => void turn(), afterS * 1000)
}

async function turn(): Promise<void> {
  if (running) return
  running = true
  const now = Date.now()
  const due = [...readers].filter((reader) => reader.due <= now + 100)
  const done = await Promise.all(
    due.map(async (reader) => {
      reader.due = Date.now() + reader.everyS * 1000
      try {
        await reader.read()
        return true
      } catch (problem) {
        return !asProblem(problem).isOffline
      }
    }),
  )
  running = false
  if (done.length) tell(done.some(Boolean))
  const waitS = failures ? (WAITS_S[Math.min(failures, WAITS_S.length) - 1] ?? 15) : document.hidden ? HIDDEN_S : 0.5
  if (failures) {
    for (const reader of readers) reader.due = 0
    connection.set({ ...connection.get(), nextTry: new Date(Date.now() + waitS * 1000) })
  }
  if (session.get().state === 'signed-in') schedule(waitS)
}

function tell(answered: boolean): void {
  const known = connection.get()
  failures = answered ? 0 : failures + 1
  if (!answered && !known.isOffline) {
    connection.set({ isOffline: true, since: new Date(), missedS: 0, nextTry: null })
  } else if (answered && known.isOffline) {
    const missedS = Math.max(1, Math.round((Date.now() - known.since.getTime()) / 1000))
    connection.set({ isOffline: false, since: new Date(), missedS, nextTry: null })
  }
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) readAllNow()
})
window.addEventListener('online', readAllNow)
window.addEventListener('offline', readAllNow)
session.watch(() => {
  if (session.get().state === 'signed-in') readAllNow()
})

export interface Live<T> {
  data: T | undefined
  /** Why it could not be read, last time; `data` may be there all the same. */
  problem: Problem | undefined
  asOf: Date | undefined
  readAgain: () => void
}

/** What `read` answers, kept true. `key` says what it is: another key is another thing, and begins empty. */
export function useLive<T>(key: string, read: () => Promise<T>, everyS = EVERY_S): Live<T> {
  const [state, setState] = useState<{ key: string; text: string; data?: T; problem?: Problem; asOf?: Date }>({ key, text: '' })
  const latest = useRef(read)
  latest.current = read
  const reader = useRef<Reader>(undefined)

  useEffect(() => {
    let isGone = false
    const once = async () => {
      try {
        const data = await latest.current()
        const text = JSON.stringify(data)
        if (isGone) return
        setState((known) => {
          const isSame = known.key === key && known.text === text && !known.problem
          return isSame && known.data !== undefined ? Object.assign(known, { asOf: new Date() }) : { key, text, data, asOf: new Date() }
        })
      } catch (failed) {
        const problem = asProblem(failed)
        if (!isGone) setState((known) => (known.key === key ? { ...known, problem } : { key, text: '', problem }))
        throw problem
      }
    }
    const mine: Reader = { read: once, everyS, due: 0 }
    reader.current = mine
    readers.add(mine)
    schedule(0)
    return () => {
      isGone = true
      readers.delete(mine)
    }
  }, [key, everyS])

  const readAgain = useCallback(() => {
    if (reader.current) reader.current.due = 0
    schedule(0)
  }, [])
  const mine = state.key === key ? state : { key, text: '' }
  return { data: mine.data, problem: mine.problem, asOf: mine.asOf, readAgain }
}
