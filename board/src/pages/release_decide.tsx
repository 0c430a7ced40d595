// What a person can do with a release: approve, reject, abort, retry, roll back, release again. Each is asked for once,
// with what will happen.

import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { useAllGates } from '../api/gates'
import { connection } from '../api/live'
import { useMine } from '../api/mine'
import { Dialog, type Question } from '../parts/dialog'
import { Note } from '../parts/note'
import { Sign } from '../parts/sign'
import { go } from '../router'
import { session } from '../session'
import { useStore } from '../store'
import { exactly, when } from '../times'
import { capital } from '../words'
import { questions, type Asked } from './release_questions'
import type { ReleaseView } from './release'

export function Decide({ of, asOf }: { of: ReleaseView; asOf: Date | undefined }): JSX.Element | null {
  const [asked, setAsked] = useState<Question | null>(null)
  const [done, setDone] = useState('')
  const { isOffline } = useStore(connection)
  const now = useStore(session)
  const mine = useMine()
  const person = now.state === 'signed-in' ? now.person : null
  const isMine = mine.data?.some((each) => each.release_id === of.release_id) ?? false
  const possible = questions(of)
  const gate = possible.filter((each) => each.of === 'gate')
  const others = possible.filter((each) => each.of !== 'gate')

  useEffect(() => {
    const hasBar = isMine && gate.length > 0
    document.body.classList.toggle('has-decidebar', hasBar)
    return () => document.body.classList.remove('has-decidebar')
  }, [isMine, gate.length])

  const button = (each: Asked) => (
    <button
      key={each.name}
      class={`btn btn--${each.look}`}
      type="button"
      aria-disabled={isOffline}
      aria-describedby={isOffline ? 'offline' : undefined}
      onClick={() => {
        if (!isOffline) setAsked(each.question)
      }}
    >
      {each.name}…
    </button>
  )
  const canDecide = isMine && gate.length > 0
  if (!possible.length && !done) return null
  return (
    <aside class="stack decide" aria-label="Decide">
      <section class="panel" aria-labelledby="decide">
        <div class="panel__head">
          <h2 id="decide">{of.gate ? 'If you approve now' : 'What you can do'}</h2>
        </div>
        <div role="status">
          {done && (
            <div class="panel__body">
              <Note is="ok" tone="good" title={done}>
                <p>The page shows what comes of it.</p>
              </Note>
            </div>
          )}
        </div>
        {of.gate && (
          <div class="panel__body stack">
            <Consequences of={of} />
          </div>
        )}
        <div class="panel__body decide__form stack stack--tight">
          {!person?.isInAGroup && (
            <Note is="eye" title="You can read this and not decide">
              <p>Deciding needs {groups(of)}.</p>
            </Note>
          )}
          {person?.isInAGroup && of.gate && !isMine && mine.data && <NotMine of={of} />}
          {canDecide && <div class="btns btns--even">{gate.map(button)}</div>}
          {isOffline && (
            <p class="small dim" id="offline">
              Off while there is no connection.
            </p>
          )}
          {of.gate && <Signs of={of} asOf={asOf} />}
          {person?.isInAGroup && others.length > 0 && <div class="btns">{others.map(button)}</div>}
        </div>
      </section>
      {canDecide && <div class="decidebar">{gate.map(button)}</div>}
      {asked && (
        <Dialog
          of={asked}
          onClose={(isDone, address) => {
            if (isDone) setDone(asked.verb + ': sent, and accepted')
            setAsked(null)
            if (address && address !== location.pathname) go(address)
          }}
        />
      )}
    </aside>
  )
}

function Consequences({ of }: { of: ReleaseView }): JSX.Element {
  const { gate } = of
  const steps: ComponentChildren[] =
    gate?.stage === 'registry'
      ? ['It is shared to the registry and deployed to test.', 'A test inference runs there.', 'Production is not changed: that has a gate of its own.']
      : gate?.stage === 'production'
        ? [
            'What runs now is recorded.',
            <>
              <b>{of.kind === 'model' ? '1 deployment changes' : `${of.progress?.targets ?? 'All'} deployments change`}</b>: {of.circuit} to{' '}
              <span class="mono">{of.model}</span>.
            </>,
            'Each is read back from Azure ML.',
          ]
        : [<b key="back">{of.circuit} goes back to what ran before.</b>, 'Each deployment is read back and tried.']
  return (
    <>
      <ol class="then">
        {steps.map((step, index) => (
          <li key={index}>
            <span>{step}</span>
          </li>
        ))}
      </ol>
      <details class="more">
        <summary>
          <Sign is="chev" />
          If you wait, or reject
        </summary>
        <ul class="small stack stack--tight">
          <li>
            <b>Wait:</b> the gate ends {of.waiting?.until ? when(of.waiting.until) : 'at its deadline'}, and the release as expired.
          </li>
          <li>
            <b>Reject:</b> it ends as rejected, and what runs stays. The version can be released again.
          </li>
        </ul>
      </details>
    </>
  )
}

function Signs({ of, asOf }: { of: ReleaseView; asOf: Date | undefined }): JSX.Element | null {
  const { gate } = of
  if (!gate) return null
  const needs = gate.approvals_needed.map((rule) => `${String(rule.count)} of ${String(rule.group)}`).join(' and ')
  return (
    <>
      <p class="small dim">
        Needs {needs}
        {gate.people_min > 1 && `, at least ${gate.people_min} different people`};{' '}
        {gate.approved_by.length ? `approved by ${gate.approved_by.join(', ')}` : 'nobody has approved yet'}.
      </p>
      <p class="small dim">
        You sign <code title={gate.digest}>{gate.digest.slice(0, 8)}…</code>, what is shown here{asOf && ` at ${exactly(asOf)}`}. If it changes, you
        are told and nothing is sent.
      </p>
    </>
  )
}

/** Why the buttons are not there: the rule that would refuse it says so, and with whom to ask. */
function NotMine({ of }: { of: ReleaseView }): JSX.Element {
  const because = useAllGates().data?.gates.find((gate) => gate.release_id === of.release_id)?.because
  return (
    <Note is="person" title="Not yours to decide">
      {because && <p>{capital(because)}.</p>}
      <p>
        It needs {groups(of)}
        {of.waiting?.until && `, until ${when(of.waiting.until)}`}.
      </p>
    </Note>
  )
}

function groups(of: ReleaseView): string {
  const named = of.gate?.approvals_needed.map((rule) => String(rule.group)) ?? of.waiting?.who_can_end_it ?? []
  return named.join(' and ') || 'a member of an approving group'
}
