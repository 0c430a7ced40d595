// The stages of a release with their times, made from its history: a pure function, so that it can be tried without a page.

import type { Schemas } from './api/client'
import { secondsBetween } from './times'
import { STAGES } from './words'

type Entry = Pick<Schemas['HistoryView'], 'at' | 'actor' | 'event' | 'phase_before' | 'phase_after'>
type Release = Pick<Schemas['ReleaseView'], 'kind' | 'phase' | 'phase_since' | 'ended'>

export interface Stage {
  name: string
  isHuman: boolean
  state: 'done' | 'now' | 'failed' | 'next'
  /** Seconds in it: whole, or so far. Null for what is to come or took no time that was recorded. */
  lastedS: number | null
  /** Who decided at a gate. */
  who: string[]
}

interface Visit {
  phase: string
  lastedS: number
  who: string[]
}

/** In order. The current stage of a held release, and the one in which it ended badly, has `failed`. */
export function stagesOf(release: Release, entries: Entry[], now: Date): Stage[] {
  const visits = visitsOf(release, entries, now)
  const known = STAGES[release.kind] ?? []
  const at = currentOf(release, entries)
  const reached = Math.max(...known.map((stage, index) => (stage.phases.some((phase) => visits.has(phase)) ? index : -1)), 0)
  return known.map((stage, index) => {
    const been = stage.phases.flatMap((phase) => visits.get(phase) ?? [])
    const isCurrent = stage.phases.includes(at)
    const isDone = index < reached || (index === reached && !isCurrent)
    const state = isCurrent ? (endsWell(release.phase) ? 'done' : isBad(release.phase) ? 'failed' : 'now') : isDone ? 'done' : 'next'
    return {
      name: stage.name,
      isHuman: stage.isHuman ?? false,
      state: been.length || isCurrent ? state : index < reached ? 'done' : 'next',
      lastedS: been.length ? been.reduce((sum, visit) => sum + visit.lastedS, 0) : null,
      who: been.flatMap((visit) => visit.who),
    }
  })
}

/** The phase it is in, or was in when it was held or ended. */
function currentOf(release: Release, entries: Entry[]): string {
  if (!release.ended && release.phase !== 'held') return release.phase
  const last = [...entries].reverse().find((entry) => entry.phase_after === release.phase && entry.phase_before !== release.phase)
  if (!last) return ''
  if (last.phase_before !== 'held') return last.phase_before
  const held = [...entries].reverse().find((entry) => entry.phase_after === 'held' && entry.phase_before !== 'held')
  return held?.phase_before ?? ''
}

function visitsOf(release: Release, entries: Entry[], now: Date): Map<string, Visit[]> {
  const visits = new Map<string, Visit[]>()
  let since = entries[0]?.at
  let who: string[] = []
  const leave = (phase: string, until: string | Date) => {
    if (!since) return
    const visit = { phase, lastedS: secondsBetween(since, until), who }
    visits.set(phase, [...(visits.get(phase) ?? []), visit])
  }
  for (const entry of entries) {
    if (entry.event === 'ApprovalSubmitted' && !who.includes(entry.actor)) who = [...who, entry.actor]
    if (entry.phase_after === entry.phase_before) continue
    leave(entry.phase_before, entry.at)
    since = entry.at
    who = []
  }
  if (!release.ended) leave(release.phase, now)
  return visits
}

function endsWell(phase: string): boolean {
  return ['released', 'rolled_back', 'compared'].includes(phase)
}

function isBad(phase: string): boolean {
  return ['held', 'failed', 'rejected', 'expired', 'aborted'].includes(phase)
}
