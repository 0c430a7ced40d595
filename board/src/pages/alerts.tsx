// Alerts: what fired, what was decided, why, and what came of it.

import type { JSX } from 'preact'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Chips, PageHead, Search } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { Sign, State } from '../parts/sign'
import { ask, usePlace } from '../router'
import { exactly, when } from '../times'
import { capital } from '../words'

type Alert = Schemas['AlertView']

const ACTED = (alert: Alert) => alert.decision?.action === 'act'
const ASKED = (alert: Alert) => alert.decision?.action === 'ask'
const RECORDED = (alert: Alert) => alert.decision?.action === 'nothing'

export function Alerts(): JSX.Element {
  const { query } = usePlace()
  const live = useLive('alerts', () => data(api.GET('/api/alerts', { params: { query: { limit: 100 } } })))
  const text = query.get('find') ?? ''
  const show = query.get('show') ?? ''
  const alerts = live.data?.alerts ?? []
  const count = (is: (alert: Alert) => boolean) => alerts.filter(is).length
  const says = `${count(ACTED)} acted on, ${count(ASKED)} asked people, ${count(RECORDED)} recorded only.`
  return (
    <>
      <PageHead title="Alerts" says={live.data ? says : 'What fired, and what was decided.'}>
        <Search label="Find a circuit or rule" placeholder="Circuit, rule" text={text} />
      </PageHead>
      <Chips
        name="show"
        now={show}
        choices={[
          { value: '', name: 'All', count: alerts.length },
          { value: 'fires', name: 'Fire now', is: 'bell', count: count((alert) => alert.fired) },
          { value: 'acted', name: 'Acted', is: 'back', count: count(ACTED) },
          { value: 'asked', name: 'Asked people', is: 'person', count: count(ASKED) },
          { value: 'recorded', name: 'Recorded only', count: count(RECORDED) },
        ]}
      />
      <div class="panel">
        <Loaded of={live} what="the alerts">
          {(list) => {
            const shown = list.alerts.filter((alert) => isShown(alert, show) && matches(alert, text))
            if (!shown.length && !list.unreadable?.length) {
              return (
                <Empty title={text || show ? 'No alert is like that' : 'No alert has fired'}>
                  <p>Rules of Azure Monitor, and what the app finds itself, are listed here with the decision and its reasons.</p>
                </Empty>
              )
            }
            return (
              <>
                {shown.map((alert) => (
                  <One key={alert.key} of={alert} isOpen={query.get('open') === alert.key} />
                ))}
                <Unreadable of={list.unreadable} />
              </>
            )
          }}
        </Loaded>
      </div>
    </>
  )
}

function isShown(alert: Alert, show: string): boolean {
  const shows: Record<string, (alert: Alert) => boolean> = { fires: (each) => each.fired, acted: ACTED, asked: ASKED, recorded: RECORDED }
  return shows[show]?.(alert) ?? true
}

function matches(alert: Alert, text: string): boolean {
  return `${alert.rule} ${alert.circuits.join(' ')} ${alert.note}`.toLowerCase().includes(text.toLowerCase())
}

const HAPPENED: Record<string, string> = {
  'batch-job-failure': 'Batch jobs failed',
  'scoring-errors': 'Scoring errors',
  'model-performance-degradation': 'Predictions are worse',
  'data-drift': 'Input drifted',
}

function happened(alert: Alert): string {
  const rule = alert.rule.split('/').at(-1) ?? alert.rule
  const where = alert.circuits.length === 1 ? ` in ${alert.circuits[0] ?? ''}` : alert.circuits.length ? ` in ${alert.circuits.length} circuits` : ''
  return (HAPPENED[rule] ?? capital(rule.replaceAll('-', ' '))) + where
}

function One({ of, isOpen }: { of: Alert; isOpen: boolean }): JSX.Element {
  return (
    <details class="alert" open={isOpen}>
      <summary
        data-line
        onClick={(event) => {
          event.preventDefault()
          ask({ open: isOpen ? '' : of.key })
        }}
      >
        <Sign is={of.fired ? 'bell' : 'check'} tone={of.fired ? (of.severity <= 'Sev1' ? 'bad' : 'warn') : 'mute'} />
        <span class="alert__when">
          <b>{exactly(of.fired_at)}</b>
          <span class="small dim">
            {of.severity}, {of.fired ? 'fires' : 'ended'}
          </span>
        </span>
        <span class="alert__what">
          <b>{happened(of)}</b>
          <span class="small dim">{of.circuits.length > 1 ? of.circuits.join(', ') : of.rule}</span>
        </span>
        <span class="alert__decision">
          <Decision of={of} />
        </span>
        <Sign is="chev" />
      </summary>
      <div class="alert__body">
        <Why of={of} />
        <div class="stack">
          <Measured of={of} />
          <Asked of={of} />
          <p class="small dim">
            Rule <code>{of.rule_id || of.rule}</code>, taken {exactly(of.accepted_at)} from {of.sender || of.source}.
            {of.note && ` ${of.note}`}
          </p>
        </div>
      </div>
    </details>
  )
}

function Decision({ of }: { of: Alert }): JSX.Element {
  const { decision } = of
  if (!decision) {
    return (
      <State is="run" tone="run">
        {of.confirmed ? 'Being decided' : 'Azure Monitor is asked'}
      </State>
    )
  }
  const what = decision.verdict === 'both' ? 'model and environment' : decision.verdict === 'none' ? 'nothing' : `the ${decision.verdict}`
  const told = of.decided_at ? `decided ${when(of.decided_at)}` : ''
  const severity = decision.severity === 'none' ? told : `${decision.severity}, ${told}`
  const small = <span class="small dim">{severity}</span>
  if (decision.action === 'act') {
    return (
      <>
        <State is="back" tone="run">
          Rolls {what} back
        </State>
        {small}
      </>
    )
  }
  if (decision.action === 'ask') {
    return (
      <>
        <State is="person" tone="wait">
          Asked people to roll back {what}
        </State>
        {small}
      </>
    )
  }
  return (
    <>
      <State is={of.confirmed ? 'check' : 'warn'} tone={of.confirmed ? 'mute' : 'warn'}>
        {of.confirmed ? 'Recorded only' : 'Not believed, nothing done'}
      </State>
      {small}
    </>
  )
}

/** Each rule with what was seen; what held is bold. A green tick would say the opposite of "jobs failed". */
function Why({ of }: { of: Alert }): JSX.Element {
  return (
    <div class="stack stack--tight">
      <h3>Why</h3>
      {of.decision ? (
        <table class="tbl tbl--plain">
          <thead>
            <tr>
              <th scope="col">
                <span class="vh">Held</span>
              </th>
              <th scope="col">Rule</th>
              <th scope="col">What was seen</th>
            </tr>
          </thead>
          <tbody>
            {of.decision.reasons.map((reason) => (
              <tr key={reason.rule} class={reason.held ? undefined : 'dim'}>
                <td>
                  {reason.held ? <Sign is="check" /> : '–'}
                  <span class="vh">{reason.held ? 'held' : 'did not hold'}</span>
                </td>
                <th scope="row">{reason.held ? <b>{capital(reason.rule)}</b> : capital(reason.rule)}</th>
                <td>{reason.text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="dim">It is not decided yet.</p>
      )}
    </div>
  )
}

function Measured({ of }: { of: Alert }): JSX.Element | null {
  if (!of.readings.length) return null
  return (
    <div class="stack stack--tight">
      <h3>What was measured</h3>
      <table class="tbl tbl--plain">
        <thead>
          <tr>
            <th scope="col">Circuit</th>
            <th scope="col">What</th>
            <th scope="col" class="num">
              Value
            </th>
            <th scope="col" class="num">
              Limit
            </th>
          </tr>
        </thead>
        <tbody>
          {of.readings.map((reading) => (
            <tr key={reading.circuit + reading.metric}>
              <th scope="row" class="mono">
                {reading.circuit}
              </th>
              <td>{reading.metric}</td>
              <td class="num">{reading.value ?? '–'}</td>
              <td class="num">{reading.threshold ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Asked({ of }: { of: Alert }): JSX.Element | null {
  if (!of.asked.length) return null
  return (
    <div class="stack stack--tight">
      <h3>What was asked for</h3>
      <ul class="stack stack--tight">
        {of.asked.map((asked) => (
          <li key={asked.release_id}>
            <a href={`/releases/${asked.release_id}`}>{asked.release_id}</a>{' '}
            <span class="dim">
              {asked.answer.replaceAll('_', ' ')}
              {asked.critical && ', critical'}
              {asked.note && `: ${asked.note}`}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}
