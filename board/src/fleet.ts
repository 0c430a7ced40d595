// The state of the fleet, circuit by circuit, from what the API tells in several lists. Pure.

import type { Schemas } from './api/client'
import type { Summary } from './words'

export type Health = 'well' | 'missing' | 'worse' | 'drift' | 'late' | 'wrong' | 'nothing' | 'unknown'
type Task = Schemas['TaskView']

export interface CircuitState {
  key: string
  plant: string
  circuit: string
  name: string
  plantName: string
  isHigh: boolean
  health: Health
  /** What is said about it, in words of the API. */
  says: string
  runs: Schemas['RunningView'] | null
  readAt: string | null
  heldBy: string
  /** The open release that is for it alone. */
  open: Summary | undefined
  freeze: Schemas['FreezeView'] | undefined
  isChanged: boolean
  day: Task | undefined
  performance: Task | undefined
  drift: Task | undefined
}

export interface Fleet {
  circuits: CircuitState[]
  freezes: Schemas['FreezeView'][]
  /** Releases that ended as released within a day, the latest first. */
  changed: Summary[]
  /** Open releases that concern more than one circuit. */
  ofAll: Summary[]
  strangers: Schemas['StrangerView'][]
  day: string
}

export interface Now {
  fleet: Schemas['FleetView']
  open: Summary[]
  changed: Summary[]
  freezes: Schemas['FreezeView'][]
}

export interface Checks {
  day: Schemas['InferenceView']
  checks: Schemas['MonitoringView']
}

/** Pure. Circuits in the order of the configuration. */
export function fleetOf(now: Now, checks: Checks | undefined): Fleet {
  const ids = new Set(now.fleet.fleet_releases)
  return {
    circuits: now.fleet.circuits.map((circuit) => circuitOf(circuit, now, checks)),
    freezes: now.freezes,
    changed: now.changed.filter((each) => !each.undone_by),
    ofAll: now.open.filter((each) => ids.has(each.release_id) || each.kind === 'environment'),
    strangers: now.fleet.strangers ?? [],
    day: checks?.day.date ?? '',
  }
}

function circuitOf(of: Schemas['FleetCircuit'], { open, changed, freezes }: Now, told: Checks | undefined): CircuitState {
  const key = of.circuit
  const [plant = '', circuit = ''] = key.split('/')
  const isIt = (task: { circuit: string }) => slashed(task.circuit) === key
  const tasks = {
    day: told?.day.tasks.find(isIt),
    performance: told?.checks.performance.circuits.find(isIt),
    drift: told?.checks.drift.circuits.find(isIt),
  }
  return {
    key,
    plant,
    circuit,
    name: of.circuit_name,
    plantName: of.plant_name,
    isHigh: of.criticality === 'high',
    ...tasks,
    ...health(of, tasks, told),
    runs: of.runs,
    readAt: of.read_at,
    heldBy: of.held_by,
    open: open.find((each) => of.releases.includes(each.release_id)),
    freeze: of.frozen ? freezes.find((each) => each.active && ['fleet', plant, `${plant}-${circuit}`].includes(each.scope)) : undefined,
    isChanged: changed.some((each) => each.kind === 'model' && each.circuit === key && !each.undone_by),
  }
}

/** The worst first: no predictions, a deployment that is not well, worse than it may be, drift, late. */
function health(of: Schemas['FleetCircuit'], tasks: Pick<CircuitState, 'day' | 'performance' | 'drift'>, told: Checks | undefined): { health: Health; says: string } {
  const { day, performance, drift } = tasks
  const has = (keys: string[] | undefined) => keys?.some((each) => slashed(each) === of.circuit) ?? false
  const bad = ['warning', 'critical']
  if (has(told?.day.missing)) return { health: 'missing', says: day?.detail ?? 'It has no predictions of the last day.' }
  if (of.runs && of.runs.provisioning !== 'Succeeded') return { health: 'wrong', says: `Azure ML says ${of.runs.provisioning} of its deployment.` }
  if (bad.includes(levelOf(performance))) return { health: 'worse', says: performance?.detail ?? '' }
  if (bad.includes(levelOf(drift))) return { health: 'drift', says: drift?.detail ?? '' }
  if (has(told?.day.late)) return { health: 'late', says: day?.detail ?? '' }
  if (!of.runs) return of.read_at ? { health: 'nothing', says: '' } : { health: 'unknown', says: '' }
  return { health: 'well', says: day?.detail ?? '' }
}

export function levelOf(task: Task | undefined): string {
  const level = task?.result.level
  return typeof level === 'string' ? level : ''
}

/** `P001-C001` and `P001/C001` are the same circuit. */
export function slashed(key: string): string {
  return key.replace('-', '/')
}
