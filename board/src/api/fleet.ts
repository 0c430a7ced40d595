// The fleet, circuit by circuit, from what the API tells in several lists: the last day's predictions, performance and
// drift, releases and freezes. What a list does not tell is left open, and never made up.

import { api, data, type Schemas } from './client'
import { type Live, useLive } from './live'
import type { Summary } from '../words'

export type Health = 'well' | 'missing' | 'worse' | 'drift' | 'late' | 'unknown'

export interface CircuitState {
  key: string
  plant: string
  circuit: string
  health: Health
  /** What is said about it, in words of the API. */
  says: string
  /** `:7` of the last release that brought a model; empty where none is known. */
  version: string
  runs: Summary | undefined
  /** The open release for this circuit. */
  open: Summary | undefined
  freeze: Schemas['FreezeView'] | undefined
  isChanged: boolean
  day: Schemas['TaskView'] | undefined
  performance: Schemas['TaskView'] | undefined
  drift: Schemas['TaskView'] | undefined
}

export interface Fleet {
  circuits: CircuitState[]
  freezes: Schemas['FreezeView'][]
  /** Releases that ended as released within a day, the latest first. */
  changed: Summary[]
  /** Open releases that concern the whole fleet. */
  ofAll: Summary[]
  day: string
}

const DAY_MS = 86_400_000

export function useFleet(): Live<Fleet> {
  return useLive('fleet', readFleet, 3)
}

export async function readFleet(): Promise<Fleet> {
  const since = new Date(Date.now() - DAY_MS).toISOString()
  const list = (query: { phase?: 'released'; since?: string; limit: number }) =>
    data(api.GET('/api/releases', { params: { query } })).then((page) => page.releases)
  const [releases, released, changed, day, checks, freezes] = await Promise.all([
    list({ limit: 100 }),
    list({ phase: 'released', limit: 200 }),
    list({ phase: 'released', since, limit: 50 }),
    data(api.GET('/api/inference')),
    data(api.GET('/api/monitoring')),
    data(api.GET('/api/freezes')).then((page) => page.freezes),
  ])
  return fleetOf({ open: releases.filter((each) => !each.ended), released, changed, day, checks, freezes })
}

interface Told {
  open: Summary[]
  released: Summary[]
  changed: Summary[]
  day: Schemas['InferenceView']
  checks: Schemas['MonitoringView']
  freezes: Schemas['FreezeView'][]
}

/** Pure. Circuits by plant and number. */
export function fleetOf(told: Told): Fleet {
  const { day, checks } = told
  const keys = new Set(
    [
      ...day.tasks.map((task) => task.circuit),
      ...day.missing,
      ...checks.performance.circuits.map((task) => task.circuit),
      ...checks.drift.circuits.map((task) => task.circuit),
      ...[...told.open, ...told.released].filter((each) => each.kind === 'model').map((each) => each.circuit),
    ].map(slashed),
  )
  const circuits = [...keys].sort().map((key) => circuitOf(key, told))
  return {
    circuits,
    freezes: told.freezes,
    changed: told.changed.filter((each) => !each.undone_by),
    ofAll: told.open.filter((each) => each.kind !== 'model'),
    day: day.date,
  }
}

function circuitOf(key: string, { open, released, changed, day, checks, freezes }: Told): CircuitState {
  const [plant = '', circuit = ''] = key.split('/')
  const isIt = (task: { circuit: string }) => slashed(task.circuit) === key
  const runs = released.find((each) => each.kind === 'model' && each.circuit === key && !each.undone_by)
  const state = {
    day: day.tasks.find(isIt),
    performance: checks.performance.circuits.find(isIt),
    drift: checks.drift.circuits.find(isIt),
  }
  const isMissing = day.missing.some((each) => slashed(each) === key)
  const isLate = day.late.some((each) => slashed(each) === key)
  return {
    key,
    plant,
    circuit,
    ...state,
    ...health(state, isMissing, isLate),
    version: runs ? runs.model.slice(runs.model.lastIndexOf(':')) : '',
    runs,
    open: open.find((each) => each.kind === 'model' && each.circuit === key),
    freeze: freezes.find((each) => each.active && ['fleet', plant, `${plant}-${circuit}`].includes(each.scope)),
    isChanged: changed.some((each) => each.kind === 'model' && each.circuit === key && !each.undone_by),
  }
}

type Tasks = Pick<CircuitState, 'day' | 'performance' | 'drift'>

/** The worst first: no predictions, worse than it may be, drift, late. */
function health({ day, performance, drift }: Tasks, isMissing: boolean, isLate: boolean): { health: Health; says: string } {
  const bad = ['warning', 'critical']
  if (isMissing) return { health: 'missing', says: day?.detail ?? 'It has no predictions of the last day.' }
  if (bad.includes(levelOf(performance))) return { health: 'worse', says: performance?.detail ?? '' }
  if (bad.includes(levelOf(drift))) return { health: 'drift', says: drift?.detail ?? '' }
  if (isLate) return { health: 'late', says: day?.detail ?? '' }
  return { health: day || performance || drift ? 'well' : 'unknown', says: day?.detail ?? '' }
}

export function levelOf(task: Schemas['TaskView'] | undefined): string {
  const level = task?.result.level
  return typeof level === 'string' ? level : ''
}

/** `P001-C001` and `P001/C001` are the same circuit. */
export function slashed(key: string): string {
  return key.replace('-', '/')
}
