import { describe, expect, it } from 'vitest'

import type { Gate } from '../src/api/gates'
import { grouped } from '../src/inbox'

function gate(id: string, group: string, warnings: { code: string; text: string; is_bad: boolean }[] = []): Gate {
  return {
    release_id: id,
    kind: 'model',
    asset: `model:${id}`,
    circuit: 'P001/C001',
    plant_name: '',
    circuit_name: '',
    criticality: 'normal',
    group,
    since: '2026-12-01T03:00:00Z',
    until: null,
    eligible: true,
    because: '',
    gate: { stage: 'production', digest: '0'.repeat(64), instructions: '', facts: {}, approvals_needed: [], people_min: 1, approved_by: [], warnings },
  }
}

const BAD = [{ code: 'worse', text: 'worse', is_bad: true }]

describe('gates that wait', () => {
  it('are grouped in the order in which they are looked at, and keep their order inside', () => {
    const groups = grouped([gate('1', 'first_gate'), gate('2', 'model'), gate('3', 'rollback'), gate('4', 'model')])

    expect(groups.map((group) => group.gates.map((each) => each.release_id))).toEqual([['3'], ['2', '4'], ['1']])
  })

  it('are selected all at once only where none has a warning', () => {
    const select = (gates: Gate[]) => grouped(gates)[0]?.select

    expect(select([gate('1', 'first_gate'), gate('2', 'first_gate')])).toBe('all')
    expect(select([gate('1', 'first_gate'), gate('2', 'first_gate', BAD)])).toBe('each')
    expect(select([gate('1', 'model_with_warnings', BAD)])).toBe('each')
    expect(select([gate('1', 'rollback')])).toBe('none')
  })

  it('of a group that is not known are not selected with others', () => {
    expect(grouped([gate('1', 'something new')])[0]?.select).toBe('none')
  })
})
