import { describe, expect, it } from 'vitest'

import { stagesOf } from '../src/stages'

const AT = '2026-11-30T15:00:00Z'

function entry(minute: number, before: string, after: string, event = 'StepDone', actor = 'switchyard') {
  const at = `2026-11-30T15:${String(minute).padStart(2, '0')}:00Z`
  return { at, actor, event, phase_before: before, phase_after: after }
}

const OPENED = entry(0, 'verifying', 'verifying', 'ModelRegistered')
const VERIFIED = entry(1, 'verifying', 'awaiting_registry_approval')
const APPROVED = entry(31, 'awaiting_registry_approval', 'promoting', 'ApprovalSubmitted', 'Engineer Two')

describe('the stages of a release', () => {
  it('are done, now and to come, with what each took and who decided', () => {
    const release = { kind: 'model', phase: 'promoting', phase_since: AT, ended: false }
    const stages = stagesOf(release, [OPENED, VERIFIED, APPROVED], new Date('2026-11-30T15:32:00Z'))

    expect(stages.slice(0, 4)).toEqual([
      { name: 'Verified', isHuman: false, state: 'done', lastedS: 60, who: [] },
      { name: 'Registry gate', isHuman: true, state: 'done', lastedS: 1800, who: ['Engineer Two'] },
      { name: 'Share to registry', isHuman: false, state: 'now', lastedS: 60, who: [] },
      { name: 'Take the circuit', isHuman: false, state: 'next', lastedS: null, who: [] },
    ])
  })

  it('show where a release was held', () => {
    const release = { kind: 'model', phase: 'held', phase_since: AT, ended: false }
    const stages = stagesOf(release, [OPENED, VERIFIED, APPROVED, entry(40, 'promoting', 'held')], new Date(AT))

    expect(stages.map((stage) => stage.state).slice(0, 4)).toEqual(['done', 'done', 'failed', 'next'])
  })

  it('are all done when it was released', () => {
    const entries = [OPENED, VERIFIED, APPROVED, entry(40, 'promoting', 'deploying_production'), entry(50, 'deploying_production', 'released')]
    const stages = stagesOf({ kind: 'model', phase: 'released', phase_since: AT, ended: true }, entries, new Date(AT))

    expect(stages.every((stage) => stage.state === 'done')).toBe(true)
  })

  it('end at the gate that was refused', () => {
    const entries = [OPENED, VERIFIED, entry(5, 'awaiting_registry_approval', 'rejected', 'ApprovalSubmitted', 'Engineer One')]
    const stages = stagesOf({ kind: 'model', phase: 'rejected', phase_since: AT, ended: true }, entries, new Date(AT))

    expect(stages[1]).toMatchObject({ state: 'failed', who: ['Engineer One'] })
    expect(stages[2]).toMatchObject({ state: 'next' })
  })
})
