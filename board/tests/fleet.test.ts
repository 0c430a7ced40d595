import { describe, expect, it } from 'vitest'

import type { Schemas } from '../src/api/client'
import { fleetOf } from '../src/fleet'

const AT = '2026-12-01T03:00:00Z'

function circuit(key: string, changes: Partial<Schemas['FleetCircuit']> = {}): Schemas['FleetCircuit'] {
  const runs = { model: 'model:7', environment: 'env:1.5.0', model_by: 'r-1', environment_by: 'r-2', provisioning: 'Succeeded' }
  return { circuit: key, plant_name: '', circuit_name: '', criticality: 'normal', runs, read_at: AT, held_by: '', releases: [], waits: '', frozen: false, ...changes }
}

const CHECK = { period: '2026-11', circuits: [], levels: {}, without_check: [], unreadable: [] }

function fleet(circuits: Schemas['FleetCircuit'][], missing: string[] = []) {
  const day = { date: '2026-11-30', late: [], missing, open: 0, succeeded: 0, tasks: [], unreadable: [] }
  const now = { fleet: { at: AT, circuits, fleet_releases: [], strangers: [] }, open: [], changed: [], freezes: [] }
  return fleetOf(now, { day, checks: { performance: CHECK, drift: CHECK, proposals: [], unreadable_proposals: [] } })
}

describe('the health of a circuit', () => {
  it.each([
    ['well', circuit('P001/C001'), []],
    ['missing', circuit('P001/C001'), ['P001-C001']],
    ['nothing', circuit('P001/C001', { runs: null }), []],
    ['unknown', circuit('P001/C001', { runs: null, read_at: null }), []],
    ['wrong', circuit('P001/C001', { runs: { ...circuit('x').runs, provisioning: 'Failed' } as Schemas['RunningView'] }), []],
  ])('is %s', (health, of, missing) => {
    expect(fleet([of], missing).circuits[0]?.health).toBe(health)
  })

  it('is told before the checks were read', () => {
    const now = { fleet: { at: AT, circuits: [circuit('P001/C001')], fleet_releases: [], strangers: [] }, open: [], changed: [], freezes: [] }

    expect(fleetOf(now, undefined).circuits[0]).toMatchObject({ health: 'well', plant: 'P001', circuit: 'C001' })
  })
})
