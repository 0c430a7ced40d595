// The questions that can be asked about a release, in words: what will happen, and what is sent when it is answered.

import type { ComponentChildren } from 'preact'

import { api, data, type Schemas } from '../api/client'
import type { Question } from '../parts/dialog'
import type { ReleaseView } from './release'
import { warningsOf } from './release_facts'
import { Sign } from '../parts/sign'
import { when } from '../times'
import { capital, nameOf } from '../words'

export interface Asked {
  of: 'gate' | 'release'
  name: string
  look: 'main' | 'no' | 'danger' | 'quiet' | 'plain'
  question: Question
}

/** What can be asked of it in its phase, in the order of the buttons. Who may is for the API to say. */
export function questions(of: ReleaseView): Asked[] {
  const asked: Asked[] = []
  if (of.gate) asked.push(reject(of), approve(of))
  if (of.phase === 'held') asked.push(retry(of))
  if (canGoBack(of)) asked.push(rollBack(of))
  if (!of.ended) asked.push(abort(of))
  if (canBeHadAgain(of)) asked.push(again(of))
  return asked
}

function canGoBack(of: ReleaseView): boolean {
  if (of.kind === 'online') return of.production_touched && !of.ended && of.phase !== 'restoring'
  if (of.phase === 'released') return !of.undone_by
  return of.kind === 'environment' && ['updating', 'watching', 'held'].includes(of.phase)
}

function canBeHadAgain(of: ReleaseView): boolean {
  return of.ended && of.kind !== 'rollback' && !of.again_as && (of.phase !== 'released' || Boolean(of.undone_by))
}

function approve(of: ReleaseView): Asked {
  const digest = of.gate?.digest ?? ''
  const stage = of.gate?.stage ?? ''
  const warnings = warningsOf(of)
  return {
    of: 'gate',
    name: 'Approve',
    look: 'main',
    question: {
      title: `Approve ${nameOf(of)} at the ${stage} gate?`,
      verb: 'Approve',
      reason: { label: warnings.length ? 'Reason, needed where a missing fact is accepted: name the fact' : 'Reason, if you want: it is kept in the history', needed: false },
      draft: `${of.release_id} approve`,
      send: (reason) => decide(of, 'approve', digest, reason),
      children: (
        <>
          <p>{effect(of)}</p>
          {warnings.length > 0 && (
            <ul class="ticks">
              {warnings.map((warning) => (
                <li key={warning.code + warning.text}>
                  <Sign is="warn" tone={warning.is_bad ? 'warn' : 'mute'} />
                  <span>{capital(warning.text)}</span>
                </li>
              ))}
            </ul>
          )}
          <Signed digest={digest} />
        </>
      ),
    },
  }
}

function reject(of: ReleaseView): Asked {
  const digest = of.gate?.digest ?? ''
  return {
    of: 'gate',
    name: 'Reject',
    look: 'no',
    question: {
      title: `Reject ${nameOf(of)}?`,
      verb: 'Reject',
      danger: true,
      reason: { label: 'Reason: whoever made it reads it, so say what must change', needed: true },
      draft: `${of.release_id} reject`,
      send: (reason) => decide(of, 'reject', digest, reason),
      children: (
        <>
          <p>The release ends as rejected. Production stays as it is. The version can be released again.</p>
          <Signed digest={digest} />
        </>
      ),
    },
  }
}

function abort(of: ReleaseView): Asked {
  return {
    of: 'release',
    name: 'Abort the release',
    look: 'quiet',
    question: {
      title: `Abort ${nameOf(of)}?`,
      verb: 'Abort',
      danger: true,
      reason: { label: 'Reason: it is kept in the history', needed: true },
      draft: `${of.release_id} abort`,
      send: (reason) => post(api.POST('/api/releases/{release_id}/abort', { params: path(of), body: { reason } })),
      children: <p>{of.production_touched ? 'Production was changed by it and is put back first; then it ends as aborted.' : 'It ends as aborted. Production was not changed by it.'}</p>,
    },
  }
}

function retry(of: ReleaseView): Asked {
  return {
    of: 'release',
    name: 'Try again',
    look: 'main',
    question: {
      title: 'Try the held step again?',
      verb: 'Try again',
      reason: { label: 'What you changed, if anything', needed: false },
      draft: `${of.release_id} retry`,
      send: (reason) => post(api.POST('/api/releases/{release_id}/retry', { params: path(of), body: { reason } })),
      children: <p>The step begins anew, with all its tries. What held it: {of.reason || 'see the history'}</p>,
    },
  }
}

function again(of: ReleaseView): Asked {
  return {
    of: 'release',
    name: 'Release again',
    look: 'plain',
    question: {
      title: `Release ${nameOf(of)} again?`,
      verb: 'Release again',
      reason: { label: 'Why', needed: true },
      draft: `${of.release_id} again`,
      send: (reason) => post(api.POST('/api/releases/{release_id}/again', { params: path(of), body: { reason } })),
      children: <p>A new attempt begins with its first step. Every approval is given anew, and not by you: whoever asked may not decide.</p>,
    },
  }
}

function rollBack(of: ReleaseView): Asked {
  const isFleet = of.kind === 'environment'
  return {
    of: 'release',
    name: 'Roll back',
    look: 'danger',
    question: {
      title: `Roll back ${nameOf(of)}?`,
      verb: isFleet ? `Roll back ${of.progress?.targets ?? 'the fleet'}` : 'Roll back',
      danger: true,
      reason: { label: 'Reason: it is written on every deployment', needed: true },
      draft: `${of.release_id} rollback`,
      choice: {
        label: 'How soon',
        options: [
          { value: 'asked', text: 'After one approval, asked for within the hour' },
          { value: 'critical', text: 'At once: it is critical' },
        ],
      },
      send: (reason, chosen) =>
        post(api.POST('/api/releases/{release_id}/rollback', { params: path(of), body: { reason, critical: chosen === 'critical', to: '', models: [] } })),
      children: (
        <ol class="then">
          <li>
            <span>
              <b>{isFleet ? `Every deployment that it changed (${of.progress?.targets ?? 'all'})` : of.circuit}</b> goes back to{' '}
              {of.previous_model ? <span class="mono">{of.previous_model}</span> : 'what ran before'}. What a later release changed stays.
            </span>
          </li>
          <li>
            <span>Releases that bring something new there lose their lock and wait. Freezes do not stop it.</span>
          </li>
          <li>
            <span>Each is read back and tried with a sample inference.</span>
          </li>
        </ol>
      ),
    },
  }
}

function effect(of: ReleaseView): ComponentChildren {
  const until = of.waiting?.until ? ` The gate is open until ${when(of.waiting.until)}.` : ''
  if (of.gate?.stage === 'registry') return `It goes on to the registry and to test. Production is not changed by this.${until}`
  if (of.gate?.stage === 'rollback') return `${of.circuit} goes back to what ran before.`
  return (
    <>
      <b>{of.circuit}</b> gets <span class="mono">{of.model}</span> in production. What runs now is recorded first.{until}
    </>
  )
}

function Signed({ digest }: { digest: string }) {
  return (
    <p class="small dim">
      You sign <code>{digest}</code>
    </p>
  )
}

function path(of: ReleaseView): { path: { release_id: string } } {
  return { path: { release_id: of.release_id } }
}

function decide(of: ReleaseView, decision: 'approve' | 'reject', digest: string, reason: string): Promise<string> {
  const stage = of.gate?.stage as 'registry'
  return post(
    api.POST('/api/releases/{release_id}/gates/{stage}/decisions', {
      params: { path: { release_id: of.release_id, stage } },
      body: { decision, digest, reason },
    }),
  )
}

/** A rollback and another attempt are releases of their own: the answer names them. */
async function post(call: Promise<{ data?: Schemas['Accepted']; error?: unknown; response: Response }>): Promise<string> {
  const accepted = await data(call)
  return `/releases/${accepted.release_id}`
}
