// Fleet: is everything well, what runs where, what holds a circuit, what changed since yesterday?

import type { JSX } from 'preact'

import { useFleet } from '../api/fleet'
import type { CircuitState, Fleet as FleetState, Health } from '../fleet'
import { Chips, PageHead, Panel, Search } from '../parts/list_page'
import { FleetMap } from '../parts/map'
import { Empty, Loaded } from '../parts/note'
import { Sign, State, type Shape, type Tone } from '../parts/sign'
import { ask, usePlace } from '../router'
import { when } from '../times'
import { capital, nameOf } from '../words'
import { CircuitFacts } from './circuit'
import { Phase } from './releases'

export const HEALTH: Record<Health, { is: Shape; tone: Tone; text: string }> = {
  well: { is: 'check', tone: 'mute', text: 'Well' },
  missing: { is: 'fail', tone: 'bad', text: 'No predictions' },
  worse: { is: 'down', tone: 'bad', text: 'Worse' },
  drift: { is: 'drift', tone: 'warn', text: 'Drift' },
  late: { is: 'late', tone: 'warn', text: 'Late' },
  wrong: { is: 'warn', tone: 'bad', text: 'Deployment not well' },
  nothing: { is: 'none', tone: 'mute', text: 'Nothing runs' },
  unknown: { is: 'unknown', tone: 'mute', text: 'Not read yet' },
}

/** What needs nobody's look. */
const QUIET: Health[] = ['well', 'nothing', 'unknown']

const FILTERS: Record<string, (circuit: CircuitState) => boolean> = {
  look: (circuit) => !QUIET.includes(circuit.health),
  wrong: (circuit) => circuit.health === 'wrong',
  nothing: (circuit) => circuit.health === 'nothing',
  high: (circuit) => circuit.isHigh,
  missing: (circuit) => circuit.health === 'missing',
  worse: (circuit) => circuit.health === 'worse',
  drift: (circuit) => circuit.health === 'drift',
  late: (circuit) => circuit.health === 'late',
  unknown: (circuit) => circuit.health === 'unknown',
  busy: (circuit) => Boolean(circuit.open),
  frozen: (circuit) => Boolean(circuit.freeze),
  changed: (circuit) => circuit.isChanged,
}

const CHIPS: [string, string, Shape][] = [
  ['look', 'Need a look', 'warn'],
  ['missing', 'No predictions', 'fail'],
  ['worse', 'Worse', 'down'],
  ['drift', 'Drift', 'drift'],
  ['late', 'Late', 'late'],
  ['wrong', 'Not well', 'warn'],
  ['nothing', 'Nothing runs', 'none'],
  ['unknown', 'Not read yet', 'unknown'],
  ['busy', 'On their way', 'lock'],
  ['frozen', 'Frozen', 'snow'],
  ['changed', 'Changed in 24 h', 'plus'],
  ['high', 'High plants', 'up'],
]

export function Fleet(): JSX.Element {
  const { query } = usePlace()
  const live = useFleet()
  const show = query.get('show') ?? ''
  const text = (query.get('find') ?? '').toLowerCase()
  const open = query.get('open') ?? ''
  const circuits = live.data?.circuits ?? []
  const isShown = (circuit: CircuitState) =>
    (FILTERS[show]?.(circuit) ?? true) && `${circuit.key} ${circuit.name} ${circuit.plantName}`.toLowerCase().includes(text)
  const mode = query.get('mode') === 'environment' ? 'environment' : 'health'
  const opened = circuits.find((circuit) => circuit.key === open)
  const chips = CHIPS.map(([value, name, is]) => ({ value, name, is, count: circuits.filter(FILTERS[value] ?? (() => false)).length }))
  return (
    <>
      <PageHead title="Fleet" says={live.data ? sentence(live.data) : 'What runs where, and whether it is well.'}>
        <span class="seg" role="group" aria-label="Show in the map">
          {(['health', 'environment'] as const).map((each) => (
            <button key={each} type="button" aria-pressed={mode === each} onClick={() => ask({ mode: each === 'health' ? '' : each })}>
              {capital(each)}
            </button>
          ))}
        </span>
        <Search label="Find a circuit" placeholder="Circuit, plant" text={text} />
      </PageHead>
      <Loaded of={live} what="the fleet">
        {(fleet) =>
          circuits.length ? (
            <>
              <Chips
                name="show"
                now={show}
                choices={[{ value: '', name: 'All', count: circuits.length }, ...chips.filter((chip) => chip.count || chip.value === show)]}
              />
              <div class="cols cols--fleet">
                <div class="stack fleet__side">{opened ? <CircuitFacts of={opened} onClose={() => closed(opened.key)} /> : <Beside of={fleet} />}</div>
                <div class="panel fleet__map">
                  <FleetMap of={circuits} isShown={isShown} open={open} mode={mode} onOpen={(key) => ask({ open: key })} />
                  {mode === 'environment' && <Environments of={circuits} />}
                </div>
              </div>
            </>
          ) : (
            <div class="panel">
              <Empty is="none" title="No circuit is configured">
                <p>
                  Register a model in dev with the tags <code>plant_id</code> and <code>circuit_id</code>: a release opens by itself. Locally:
                </p>
                <p>
                  <code>.venv/bin/python -m local.seed P001/C001</code>
                </p>
              </Empty>
            </div>
          )
        }
      </Loaded>
    </>
  )
}

/** Esc and the cross close it; the circuit in the map has the focus again. */
function closed(key: string): void {
  ask({ open: '' })
  document.querySelector<HTMLElement>(`[data-circuit="${key}"]`)?.focus()
}

function sentence(fleet: FleetState): string {
  const { circuits } = fleet
  const plants = new Set(circuits.map((circuit) => circuit.plant)).size
  const look = circuits.filter(FILTERS.look ?? (() => false)).length
  const well = circuits.filter((circuit) => circuit.health === 'well').length
  const rest = circuits.length - look - well
  const nothing = circuits.filter((circuit) => circuit.health === 'nothing').length
  const counted = `${circuits.length} circuits in ${plants} ${plants === 1 ? 'plant' : 'plants'}.`
  return `${counted} ${well} are well, ${look} need a look${nothing ? `, in ${nothing} nothing runs` : ''}${rest > nothing ? `, ${rest - nothing} were not read yet` : ''}.`
}

/** How many run which version; what is not the most common one is outlined in the map. */
function Environments({ of }: { of: CircuitState[] }): JSX.Element {
  const counts = new Map<string, number>()
  for (const { runs } of of) if (runs) counts.set(runs.environment, (counts.get(runs.environment) ?? 0) + 1)
  const told = [...counts].sort((a, b) => b[1] - a[1]).map(([version, count]) => `${version} on ${count}`)
  return <p class="panel__body dim">{told.join(', ') || 'No deployment was read yet'}. Outlined: another version than most.</p>
}

function Beside({ of }: { of: FleetState }): JSX.Element {
  const look = causes(of.circuits.filter(FILTERS.look ?? (() => false)))
  return (
    <>
      <Panel title="Needs a look">
        {look.length ? (
          <ul class="rows">
            {look.map((cause) => (
              <li key={cause.circuits[0]?.key}>
                <State is={HEALTH[cause.health].is} tone={HEALTH[cause.health].tone}>
                  {HEALTH[cause.health].text}
                </State>{' '}
                {cause.circuits.map((circuit) => (
                  <>
                    <a href={`/circuits/${circuit.key}`} class="mono">
                      {circuit.key}
                    </a>{' '}
                  </>
                ))}
                {cause.says && <p class="small dim">{cause.says}</p>}
              </li>
            ))}
          </ul>
        ) : (
          <Empty title="Nothing">
            <p>Every circuit that ran is well.</p>
          </Empty>
        )}
      </Panel>
      {of.ofAll.length > 0 && (
        <Panel title="For the whole fleet">
          <ul class="rows">
            {of.ofAll.map((release) => (
              <li key={release.release_id}>
                <a href={`/releases/${release.release_id}`}>{nameOf(release)}</a> <Phase of={release} />
                {release.waiting && <p class="small dim">waits for {release.waiting.waits_for}</p>}
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {of.strangers.length > 0 && (
        <Panel title="Belongs to no circuit">
          <ul class="rows">
            {of.strangers.map((stranger) => (
              <li key={stranger.name}>
                <Sign is="unknown" tone="warn" /> <code>{stranger.name}</code> <span class="dim">runs {stranger.runs.model}</span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <Panel title="Changed in 24 h">
        {of.changed.length ? (
          <ul class="rows">
            {of.changed.map((release) => (
              <li key={release.release_id}>
                <a href={`/releases/${release.release_id}`}>
                  <span class="mono">{nameOf(release)}</span>
                </a>{' '}
                <span class="small dim">{release.kind}</span>
              </li>
            ))}
          </ul>
        ) : (
          <p class="panel__body dim">Nothing was released.</p>
        )}
      </Panel>
      {of.freezes.length > 0 && (
        <Panel title="Freezes">
          <ul class="rows">
            {of.freezes.map((freeze) => (
              <li key={freeze.freeze_id}>
                <Sign is="snow" tone="run" /> <b>{freeze.scope}</b>{' '}
                <span class="dim">
                  until {when(freeze.ends_at)}: {freeze.reason}
                </span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  )
}

interface Cause {
  health: Health
  says: string
  circuits: CircuitState[]
}

/** Circuits of which the same is said are one entry: one cause, and not four lines. */
function causes(circuits: CircuitState[]): Cause[] {
  const found = new Map<string, Cause>()
  for (const circuit of circuits) {
    const cause = `${circuit.health} ${circuit.says.replaceAll(/[PC]\d{3,6}/g, '')}`
    const known = found.get(cause)
    if (known) known.circuits.push(circuit)
    else found.set(cause, { health: circuit.health, says: circuit.says, circuits: [circuit] })
  }
  const order = Object.keys(HEALTH)
  return [...found.values()].sort((a, b) => order.indexOf(a.health) - order.indexOf(b.health))
}
