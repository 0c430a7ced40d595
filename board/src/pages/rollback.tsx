// A rollback: how far, is it in time, did it work, what is left to people.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { slashed } from '../fleet'
import { Panel } from '../parts/list_page'
import { Loaded, Note } from '../parts/note'
import { Prose } from '../parts/prose'
import { Sign, State, type Shape, type Tone } from '../parts/sign'
import { moments, postmortem } from '../postmortem'
import { useNow } from '../shell'
import { exactly, lasting, secondsBetween } from '../times'
import { capital } from '../words'
import type { ReleaseView } from './release'

type Report = Schemas['RollbackReport']
type Meter = NonNullable<Report['meter']>

/** Seconds: what the team gave itself for each part, and from when on the whole is late and missed. */
const BUDGET = { identify: 600, execute: 600, verify: 300, late: 900, missed: 1200 }

const GOING_BACK = ['awaiting_rollback_approval', 'rolling_back', 'verifying_rollback', 'rolled_back']

export function goesBack(of: ReleaseView): boolean {
  return of.kind === 'rollback' || GOING_BACK.includes(of.phase)
}

export function Rollback({ of }: { of: ReleaseView }): JSX.Element {
  const live = useLive(`rollback ${of.release_id}`, () =>
    data(api.GET('/api/releases/{release_id}/rollback-report', { params: { path: { release_id: of.release_id } } })),
  )
  return (
    <Loaded of={live} what="the report">
      {(report) => (
        <>
          <FirstWord of={report} isOver={of.ended} />
          {report.meter && <MeterPanel of={report.meter} isOver={of.ended} />}
          <div class="cols cols--even">
            <Results of={report} />
            <Checklist of={report} />
          </div>
          {of.ended && <PostMortem of={report} />}
        </>
      )}
    </Loaded>
  )
}

/** Must I do anything? */
function FirstWord({ of, isOver }: { of: Report; isOver: boolean }): JSX.Element {
  const total = Object.values(of.counts).reduce((sum, count) => sum + count, 0)
  const left = of.checklist.filter((check) => !check.done).length
  const undoes = (
    <p>
      It undoes <a href={`/releases/${of.undoes}`}>{of.undoes}</a>: {of.reason}
    </p>
  )
  if (!isOver) {
    return (
      <Note is="back" tone="run" title={`${of.counts.restored ?? 0} of ${total} are back. ${of.phase === 'awaiting_rollback_approval' ? 'It waits for an approval.' : 'Nothing for you to do now.'}`}>
        {undoes}
      </Note>
    )
  }
  if (of.phase === 'rolled_back' && !left) {
    return (
      <Note is="ok" tone="good" title={`All ${total} run what ran before, read back and tried.`}>
        {undoes}
      </Note>
    )
  }
  return (
    <Note is="warn" tone="warn" title={`${of.counts.restored ?? 0} of ${total} are back. ${left} ${left === 1 ? 'thing is' : 'things are'} left to people.`}>
      {undoes}
    </Note>
  )
}

function MeterPanel({ of, isOver }: { of: Meter; isOver: boolean }): JSX.Element {
  const now = useNow(1)
  const begin = of.alert_fired_at ?? of.requested_at
  const until = (at: string | null, open: boolean) => (at ? secondsBetween(begin, at) : open ? secondsBetween(begin, now) : null)
  const decided = until(of.decided_at, !isOver)
  const back = of.decided_at ? until(of.last_restored_at, !isOver) : null
  const verified = of.last_restored_at ? until(of.verified_at, !isOver) : null
  const parts = [
    { name: 'Identify', lastedS: decided, budgetS: BUDGET.identify },
    { name: 'Execute', lastedS: back === null ? null : back - (decided ?? 0), budgetS: BUDGET.execute },
    { name: 'Verify', lastedS: verified === null ? null : verified - (back ?? 0), budgetS: BUDGET.verify },
  ]
  const totalS = verified ?? back ?? decided ?? 0
  const isMissed = totalS > BUDGET.missed
  return (
    <Panel
      title={of.alert_fired_at ? 'Time since the alert' : 'Time since it was asked for'}
      end={
        <State is={isMissed ? 'late' : 'check'} tone={isMissed ? 'bad' : totalS > BUDGET.late ? 'warn' : 'mute'}>
          {`${lasting(totalS)}${isOver ? '' : ' so far'}; ${isMissed ? 'the budget of 15 to 20 min was missed' : 'within the budget of 15 to 20 min'}`}
        </State>
      }
    >
      <div class="panel__body">
        <MeterBar parts={parts.map((part) => part.lastedS ?? 0)} />
        <dl class="figures figures--meter">
          {parts.map((part) => (
            <div key={part.name}>
              <dt>{part.name}</dt>
              <dd>{part.lastedS === null ? 'to come' : lasting(part.lastedS)}</dd>
              <dd class="small dim">of {lasting(part.budgetS)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <div class="panel__body">
        <ol class="hist">
          {moments(of).map(({ what, at, afterS }) => (
            <li key={what}>
              <time dateTime={at}>{exactly(at)}</time>
              <Sign is="check" tone="mute" />
              <div>
                {capital(what)} <span class="dim">after {lasting(afterS)}</span>
              </div>
            </li>
          ))}
        </ol>
      </div>
    </Panel>
  )
}

const BAR_S = 1260

/** Three parts on one line, with the marks of 15 and 20 minutes. Sizes come from data, hence attributes of SVG. */
function MeterBar({ parts }: { parts: number[] }): JSX.Element {
  const x = (seconds: number) => (Math.min(seconds, BAR_S) / BAR_S) * 1000
  let from = 0
  return (
    <svg class="meter" viewBox="0 0 1000 40" preserveAspectRatio="none" role="img" aria-label={`Identify, execute, verify: ${parts.map(lasting).join(', ')}`}>
      <rect class="meter__ground" x="0" y="8" width="1000" height="24" />
      {parts.map((seconds, index) => {
        const begin = from
        from += seconds
        return <rect key={index} class={`meter__part meter__part--${index}`} x={x(begin)} y="8" width={Math.max(x(from) - x(begin), seconds > 0 ? 2 : 0)} height="24" />
      })}
      <path class="meter__late" d={`M${x(BUDGET.late)} 2V38`} />
      <path class="meter__missed" d={`M${x(BUDGET.missed)} 2V38`} />
    </svg>
  )
}

const RESULT: Record<string, [Shape, Tone]> = {
  restored: ['check', 'good'],
  pending: ['run', 'run'],
  failed: ['fail', 'bad'],
  untouched: ['queued', 'mute'],
}

function Results({ of }: { of: Report }): JSX.Element {
  return (
    <Panel
      title="Each circuit"
      end={Object.entries(of.counts)
        .filter(([, count]) => count)
        .map(([result, count]) => `${count} ${result}`)
        .join(', ')}
    >
      <ul class="rows listed--tall" tabIndex={0} aria-label="Each circuit">
        {of.targets.map((target) => {
          const [is, tone] = RESULT[target.result] ?? (['unknown', 'mute'] as const)
          return (
            <li key={target.key}>
              <span class="mono">{slashed(target.key)}</span>{' '}
              <State is={is} tone={tone}>
                {target.result}
              </State>
              {target.detail && (
                <p class="small dim">
                  <Prose of={target.detail} />
                </p>
              )}
            </li>
          )
        })}
      </ul>
    </Panel>
  )
}

function Checklist({ of }: { of: Report }): JSX.Element {
  const done = of.checklist.filter((check) => check.done).length
  return (
    <Panel title="What has to be looked at" end={`${done} of ${of.checklist.length} done`}>
      <div class="panel__body">
        <ul class="ticks">
          {of.checklist.map((check) => (
            <li key={check.what}>
              <Sign is={check.done ? 'ok' : check.done === null ? 'person' : 'warn'} tone={check.done ? 'good' : check.done === null ? 'wait' : 'warn'} />
              <span>
                {capital(check.what)}
                <span class="vh">: {check.done ? 'done' : check.done === null ? 'a person must look' : 'not done'}</span>
                {check.detail && <span class="small dim"> {check.detail}</span>}
              </span>
            </li>
          ))}
        </ul>
      </div>
    </Panel>
  )
}

function PostMortem({ of }: { of: Report }): JSX.Element {
  const [told, setTold] = useState('')
  const text = postmortem(of)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setTold('Copied.')
    } catch {
      setTold('The browser did not let it be copied: download it.')
    }
  }
  return (
    <Panel
      title="Post-mortem"
      end={
        <span class="btns">
          <span role="status">{told}</span>
          <button class="btn" type="button" onClick={() => void copy()}>
            Copy
          </button>
          <a class="btn" href={`data:text/markdown;charset=utf-8,${encodeURIComponent(text)}`} download={`${of.release_id}.md`}>
            Markdown
          </a>
        </span>
      }
    >
      <pre class="md" tabIndex={0} aria-label="Post-mortem as Markdown">
        {text}
      </pre>
    </Panel>
  )
}
