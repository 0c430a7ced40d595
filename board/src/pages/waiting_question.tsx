// The question about many gates: what will happen, each one with its digest, one reason.

import type { Gate } from '../api/gates'
import { keyOf, warned } from '../inbox'
import type { Question } from '../parts/dialog'
import { Sign } from '../parts/sign'
import { versionOf } from '../words'

export function many(decision: 'approve' | 'reject', gates: Gate[], send: Question['send']): Question {
  const verb = decision === 'approve' ? 'Approve' : 'Reject'
  return {
    title: `${verb} ${gates.length} ${gates.length === 1 ? 'gate' : 'gates'}?`,
    verb: `${verb} ${gates.length}`,
    danger: decision === 'reject',
    reason:
      decision === 'approve'
        ? { label: 'Reason, if you want: it is kept in the history of each', needed: false }
        : { label: 'Reason: whoever made them reads it', needed: true },
    draft: `many ${decision}`,
    send,
    children: (
      <>
        {decision === 'approve' ? <WhatFollows of={gates} /> : <p>Each release ends as rejected; production stays as it is. The versions can be released again.</p>}
        <ul class="listed" tabIndex={0} aria-label="What is decided">
          {gates.map((gate) => (
            <li key={gate.release_id}>
              <b class="mono">{keyOf(gate)}</b> <span class="mono">{versionOf(gate.asset)}</span>
              <span class="dim">{gate.gate.stage}</span>
              {warned(gate) && (
                <span class="tag tag--warn">
                  <Sign is="warn" />
                  {(gate.gate.warnings ?? []).map((warning) => warning.text).join('; ')}
                </span>
              )}
              <code class="end" title={gate.gate.digest}>
                {gate.gate.digest.slice(0, 8)}…
              </code>
            </li>
          ))}
        </ul>
        <p class="small dim">
          You sign {gates.length} {gates.length === 1 ? 'digest' : 'digests'} of what you were shown. A gate whose facts changed since then, or that
          somebody else decided, is left out and says so.
        </p>
      </>
    ),
  }
}

function WhatFollows({ of }: { of: Gate[] }) {
  const changes = of.filter((gate) => gate.gate.stage === 'production').length
  return (
    <ol class="then">
      {changes > 0 && (
        <li>
          <span>
            <b>
              {changes} {changes === 1 ? 'deployment changes' : 'deployments change'}
            </b>
            , each to the version shown, and is read back. Nothing else of the fleet does.
          </span>
        </li>
      )}
      {changes < of.length && (
        <li>
          <span>
            <b>{of.length - changes}</b> go on to the registry and to test. Production is not changed by these.
          </span>
        </li>
      )}
      <li>
        <span>Each is answered by itself: one that is refused stops no other.</span>
      </li>
    </ol>
  )
}
