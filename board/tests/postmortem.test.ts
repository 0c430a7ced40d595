import { describe, expect, it } from 'vitest'

import type { Schemas } from '../src/api/client'
import { postmortem } from '../src/postmortem'

const METER: NonNullable<Schemas['RollbackReport']['meter']> = {
  alert_id: 'a-1',
  alert_fired_at: '2026-12-01T03:41:05Z',
  alert_accepted_at: '2026-12-01T03:41:21Z',
  requested_at: '2026-12-01T03:41:22Z',
  decided_at: '2026-12-01T03:41:22Z',
  first_write_at: '2026-12-01T03:41:23Z',
  first_restored_at: '2026-12-01T03:42:01Z',
  last_restored_at: '2026-12-01T03:48:31Z',
  verified_at: null,
  seconds_to_first_restored: 56,
  seconds_to_last_restored: 446,
  seconds_to_verified: null,
}

const REPORT: Schemas['RollbackReport'] = {
  release_id: 'custom-tf-env-1-5-1-rollback-1',
  undoes: 'custom-tf-env-1-5-1',
  phase: 'verifying_rollback',
  reason: 'batch jobs fail',
  critical: true,
  counts: { restored: 1, failed: 1, pending: 0, untouched: 0 },
  targets: [
    { key: 'P001-C001', result: 'restored', detail: '' },
    { key: 'P001-C002', result: 'failed', detail: 'no answer' },
  ],
  meter: METER,
  checklist: [{ what: 'cause written down', done: null, detail: '' }],
}

describe('a post-mortem', () => {
  const text = postmortem(REPORT)

  it('has each moment with its distance from the alert, and none that did not come', () => {
    expect(text).toContain('| 03:48:31 | 7 min 26 s | last circuit back |')
    expect(text).not.toContain('verified |')
  })

  it('names what was not put back, and leaves the cause to people', () => {
    expect(text).toContain('- P001-C002: failed, no answer')
    expect(text).toContain('- [ ] cause written down')
    expect(text).toContain('## Cause\n\n(to be written)')
  })
})
