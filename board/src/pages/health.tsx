// Health: which circuits have no predictions, which get worse, and what follows.

import type { JSX } from 'preact'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { levelOf, slashed } from '../fleet'
import { Chips, PageHead, Panel, Search } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { Prose } from '../parts/prose'
import { Sign, State, type Shape, type Tone } from '../parts/sign'
import { usePlace } from '../router'
import { when } from '../times'
import { capital } from '../words'

type Task = Schemas['TaskView']

interface Line {
  circuit: string
  day: Task | undefined
  isMissing: boolean
  isLate: boolean
  performance: Task | undefined
  drift: Task | undefined
}

export function Health(): JSX.Element {
  const { query } = usePlace()
  const text = (query.get('find') ?? '').toLowerCase()
  const show = query.get('show') ?? ''
  const inference = useLive('inference', () => data(api.GET('/api/inference')), 5)
  const monitoring = useLive('monitoring', () => data(api.GET('/api/monitoring')), 10)
  const lines = linesOf(inference.data, monitoring.data)
  const worrying = lines.filter(isWorrying)
  return (
    <>
      <PageHead title="Health" says={says(inference.data, monitoring.data)}>
        <Search label="Find a circuit" placeholder="Circuit" text={text} />
      </PageHead>
      <Chips
        name="show"
        now={show}
        choices={[
          { value: '', name: 'All', count: lines.length },
          { value: 'look', name: 'Need a look', is: 'warn', count: worrying.length },
          { value: 'missing', name: 'Missing', is: 'none', count: lines.filter((line) => line.isMissing).length },
          { value: 'late', name: 'Late', is: 'late', count: lines.filter((line) => line.isLate).length },
        ]}
      />
      <Loaded of={monitoring} what="performance and drift">
        {(view) => (
          <>
            <Proposals of={view.proposals} />
            <Unreadable of={[...(view.performance.unreadable ?? []), ...(view.drift.unreadable ?? []), ...(view.unreadable_proposals ?? [])]} />
          </>
        )}
      </Loaded>
      <Panel title="Each circuit" end="worst first">
        <Loaded of={inference} what="the last day's inference">
          {(day) => {
            const shown = lines.filter(
              (line) =>
                line.circuit.toLowerCase().includes(text) &&
                (show === 'look' ? isWorrying(line) : show === 'missing' ? line.isMissing : show !== 'late' || line.isLate),
            )
            return shown.length ? (
              <Heat lines={shown} day={day.date} month={monitoring.data?.performance.period ?? ''} quarter={monitoring.data?.drift.period ?? ''} />
            ) : (
              <Empty is={text || show ? 'ok' : 'none'} title={text || show ? 'No circuit is like that' : 'Nothing was predicted or checked yet'}>
                <p>Daily inference begins at 3:30, performance is checked on the 1st of a month, drift on the 1st of a quarter, all in UTC.</p>
              </Empty>
            )
          }}
        </Loaded>
        <Unreadable of={inference.data?.unreadable} />
      </Panel>
    </>
  )
}

function linesOf(day: Schemas['InferenceView'] | undefined, checks: Schemas['MonitoringView'] | undefined): Line[] {
  const circuits = new Set(
    [
      ...(day?.tasks.map((task) => task.circuit) ?? []),
      ...(day?.missing ?? []),
      ...(checks?.performance.circuits.map((task) => task.circuit) ?? []),
      ...(checks?.drift.circuits.map((task) => task.circuit) ?? []),
    ].map(slashed),
  )
  const find = (tasks: Task[] | undefined, circuit: string) => tasks?.find((task) => slashed(task.circuit) === circuit)
  const lines = [...circuits].map((circuit) => ({
    circuit,
    day: find(day?.tasks, circuit),
    isMissing: day?.missing.some((each) => slashed(each) === circuit) ?? false,
    isLate: day?.late.some((each) => slashed(each) === circuit) ?? false,
    performance: find(checks?.performance.circuits, circuit),
    drift: find(checks?.drift.circuits, circuit),
  }))
  return lines.sort((a, b) => rank(b) - rank(a) || a.circuit.localeCompare(b.circuit))
}

const LEVELS = ['ok', 'low', 'warning', 'critical']

function levelOrState(task: Task | undefined): string {
  return levelOf(task) || (task?.state ?? '')
}

function rank(line: Line): number {
  const level = Math.max(LEVELS.indexOf(levelOf(line.performance)), LEVELS.indexOf(levelOf(line.drift)))
  return (line.isMissing ? 10 : 0) + (line.isLate ? 5 : 0) + Math.max(level, 0)
}

function isWorrying(line: Line): boolean {
  return rank(line) >= 2
}

function says(day: Schemas['InferenceView'] | undefined, checks: Schemas['MonitoringView'] | undefined): string {
  if (!day) return 'Predictions, errors and drift of every circuit.'
  const total = day.succeeded + day.open + day.missing.length
  const first = `${day.date}: ${day.succeeded} of ${total} circuits have predictions${day.missing.length ? `, ${day.missing.length} have none` : ''}${day.open ? `, ${day.open} still run` : ''}.`
  const critical = (checks?.performance.levels.critical ?? 0) + (checks?.drift.levels.critical ?? 0)
  return critical ? `${first} ${critical} critical in performance or drift.` : first
}

function Proposals({ of }: { of: Schemas['ProposalView'][] }): JSX.Element | null {
  if (!of.length) return null
  return (
    <Panel title="What follows" end="critical drift proposes a new cutoff date">
      <ul class="rows">
        {of.map((proposal) => (
          <li key={proposal.circuit}>
            <State is="drift" tone="warn">
              {proposal.circuit}
            </State>{' '}
            {proposal.url ? <a href={proposal.url}>{proposal.title}</a> : proposal.title} <span class="dim">
              {proposal.state.replaceAll('_', ' ')}, {when(proposal.proposed_at)}, new cutoff {proposal.cutoff_date}
              {proposal.note && `: ${proposal.note}`}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

interface HeatProps {
  lines: Line[]
  day: string
  month: string
  quarter: string
}

function Heat({ lines, day, month, quarter }: HeatProps): JSX.Element {
  return (
    <div class="tblwrap">
      <table class="tbl tbl--cards heat">
        <thead>
          <tr>
            <th scope="col">Circuit</th>
            <th scope="col">Predictions of {day}</th>
            <th scope="col">Error, {month || 'no month yet'}</th>
            <th scope="col">Drift, {quarter || 'no quarter yet'}</th>
            <th scope="col">What is said about it</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.circuit} data-line>
              <th scope="row">
                <a href={`/circuits/${line.circuit}`} class="mono nowrap">
                  {line.circuit}
                </a>
              </th>
              <td data-label="predictions">
                <DayState of={line} />
              </td>
              <Cell of={line.performance} named={['mae', 'rmse']} label="error" />
              <Cell of={line.drift} named={['magnitude', 'drift']} label="drift" />
              <td class="dim small">
                <Prose of={line.day?.detail || line.performance?.detail || line.drift?.detail || ''} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const DAY: Record<string, [Shape, Tone, string]> = {
  succeeded: ['check', 'mute', 'there'],
  running: ['run', 'run', 'runs'],
  pending: ['queued', 'mute', 'waits'],
  failed: ['fail', 'bad', 'failed'],
  inconclusive: ['unknown', 'warn', 'cannot tell'],
}

function DayState({ of }: { of: Line }): JSX.Element {
  if (of.isMissing) {
    return (
      <State is="fail" tone="bad">
        missing
      </State>
    )
  }
  if (of.isLate) {
    return (
      <State is="late" tone="warn">
        late
      </State>
    )
  }
  const [is, tone, text] = DAY[of.day?.state ?? ''] ?? (['none', 'mute', 'nothing ran'] as const)
  return (
    <State is={is} tone={tone}>
      {text}
    </State>
  )
}

/** Number and shade, and a word for who cannot see the shade. */
function Cell({ of, named, label }: { of: Task | undefined; named: string[]; label: string }): JSX.Element {
  const level = levelOrState(of)
  const numbers = Object.entries(of?.result ?? {}).filter(([, value]) => typeof value === 'number')
  const shown = numbers.find(([name]) => named.some((each) => name.includes(each))) ?? numbers[0]
  if (!of) return <td class="heat__cell heat__cell--nothing dim3">–</td>
  if (!LEVELS.includes(level)) {
    return (
      <td class="heat__cell heat__cell--unknown" data-label={label}>
        <Sign is="unknown" /> {level.replaceAll('_', ' ')}
      </td>
    )
  }
  return (
    <td class={`heat__cell heat__cell--${level}`} data-label={label}>
      {shown ? `${shown[0]} ${String(shown[1])}` : ''} {level !== 'ok' && <b>{capital(level)}</b>}
    </td>
  )
}
