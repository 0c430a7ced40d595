// Who did what, when. What only machines have to know is left out until it is asked for.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import type { Schemas } from '../api/client'
import { exactly } from '../times'
import { phaseOf } from '../words'
import { Prose } from './prose'
import { Sign } from './sign'

type Entry = Schemas['HistoryView']

export function History({ of }: { of: Schemas['HistoryList'] }): JSX.Element {
  const [isAll, setAll] = useState(false)
  const shown = of.entries.filter((entry) => isAll || !isMachinery(entry)).reverse()
  const left = of.entries.length - of.entries.filter((entry) => !isMachinery(entry)).length
  return (
    <>
      <div class="panel__head">
        <h2 id="history">History of this release</h2>
        <span class="end">
          {of.verified ? (
            <span class="st st--mute">
              <Sign is="check" />
              the record is whole
            </span>
          ) : (
            <span class="st st--bad">
              <Sign is="fail" />
              the record was changed
            </span>
          )}
        </span>
      </div>
      <div class="panel__body stack">
        <ol class="hist">
          {shown.map((entry) => (
            <li key={entry.number}>
              <time dateTime={entry.at}>{exactly(entry.at)}</time>
              <EntrySign of={entry} />
              <div>
                {isPerson(entry) ? <b>{entry.actor}</b> : null} {title(entry)}
                {entry.note && !(isPerson(entry) && saysWho(entry)) && (
                  <p>
                    <Prose of={entry.note} />
                  </p>
                )}
              </div>
            </li>
          ))}
        </ol>
        {left > 0 && (
          <div>
            <button class="btn btn--quiet" type="button" aria-pressed={isAll} onClick={() => setAll(!isAll)}>
              {isAll ? 'Without machinery' : `With everything, ${left} more`}
            </button>
          </div>
        )}
      </div>
    </>
  )
}

/** What changed nothing and was done by nobody. */
function isMachinery(entry: Entry): boolean {
  return entry.phase_before === entry.phase_after && !isPerson(entry) && entry.number !== 1
}

function isPerson(entry: Entry): boolean {
  return Boolean(entry.actor_id)
}

const EVENTS: Record<string, string> = {
  ApprovalSubmitted: 'decided',
  AbortRequested: 'asked to abort',
  RetryRequested: 'asked to try again',
  RollbackRequested: 'asked to roll back',
}

/** What is over when a phase is left. */
const LEFT: Record<string, string> = {
  verifying: 'Verified; the gate is open',
  promoting: 'Shared to the registry',
  waiting_for_circuit: 'Took the circuit',
  deploying_test: 'Deployed to test',
  testing: 'The test inference ended',
  recording_previous: 'What runs is recorded',
  deploying_production: 'Deployed to production',
  waiting_for_fleet: 'Took the circuits',
  freezing_targets: 'Targets are listed',
  checking: 'Models were checked',
  updating: 'The fleet was updated',
  rolling_back: 'Put back and read back',
}

const ENDS = ['held', 'released', 'rejected', 'expired', 'aborted', 'failed', 'rolled_back', 'superseded', 'settling', 'restoring']

function title(entry: Entry): string {
  if (isPerson(entry)) return saysWho(entry) ? entry.note.slice(entry.actor.length).trim() : (EVENTS[entry.event] ?? words(entry.event))
  if (entry.number === 1) return 'Opened'
  if (entry.phase_after === entry.phase_before) return words(entry.event)
  const left = ENDS.includes(entry.phase_after) ? undefined : LEFT[entry.phase_before]
  return left ?? phaseOf({ phase: entry.phase_after }).text
}

/** Whether the note is the sentence itself: "Engineer Two approved registry". */
function saysWho(entry: Entry): boolean {
  return entry.note.startsWith(`${entry.actor} `)
}

/** `CandidateVerified` is "candidate verified". */
function words(event: string): string {
  return event.replace(/(?!^)([A-Z])/g, ' $1').toLowerCase()
}

function EntrySign({ of }: { of: Entry }): JSX.Element {
  if (isPerson(of)) return <Sign is="person" tone="wait" />
  if (of.number === 1) return <Sign is="plus" />
  if (of.phase_after === of.phase_before) return <Sign is="queued" tone="mute" />
  const told = phaseOf({ phase: of.phase_after })
  return ENDS.includes(of.phase_after) ? <Sign is={told.is} tone={told.tone} /> : <Sign is="check" tone="mute" />
}
