// One group of gates of the inbox: rows that open to their facts, each with its own answer.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import type { Gate, Told } from '../api/gates'
import { type Group, keyOf } from '../inbox'
import { Sign, State } from '../parts/sign'
import { lasting, secondsBetween, when } from '../times'
import { capital, versionOf } from '../words'

interface Props {
  of: Group
  selected: ReadonlySet<string>
  answers: ReadonlyMap<string, Told>
  now: Date
  onSelect: (ids: string[], isOn: boolean) => void
}

export function GroupOfGates({ of, selected, answers, now, onSelect }: Props): JSX.Element {
  const open = of.gates.filter((gate) => answers.get(gate.release_id)?.isOpen ?? true).map((gate) => gate.release_id)
  const all = open.length > 0 && open.every((id) => selected.has(id))
  const id = of.name.toLowerCase().replaceAll(/\W+/g, '-')
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel__head panel__head--group">
        {of.select === 'all' && (
          <label class="check">
            <input type="checkbox" checked={all} onChange={(event) => onSelect(open, event.currentTarget.checked)} aria-label={`Select all of: ${of.name}`} />
          </label>
        )}
        <h2 id={id}>
          {of.name} <span class="dim3">{of.gates.length}</span>
        </h2>
        <span class="small dim">{of.why}</span>
      </div>
      <div class="tblwrap">
        <table class="tbl tbl--cards gates">
          <thead>
            <tr>
              <th scope="col">
                <span class="vh">Select</span>
              </th>
              <th scope="col">What</th>
              <th scope="col">Runs then</th>
              <th scope="col">Errors after training</th>
              <th scope="col">Warnings</th>
              <th scope="col">Ends in</th>
              <th scope="col">
                <span class="vh">Facts</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {of.gates.map((gate) => (
              <Row
                key={gate.release_id}
                of={gate}
                canSelect={of.select !== 'none'}
                isSelected={selected.has(gate.release_id)}
                answer={answers.get(gate.release_id)}
                now={now}
                onSelect={onSelect}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

interface RowProps {
  of: Gate
  canSelect: boolean
  isSelected: boolean
  answer: Told | undefined
  now: Date
  onSelect: Props['onSelect']
}

function Row({ of, canSelect, isSelected, answer, now, onSelect }: RowProps): JSX.Element {
  const [isOpen, setOpen] = useState(false)
  const { facts } = of.gate
  const name = `${keyOf(of)} ${versionOf(of.asset)}`
  return (
    <>
      <tr data-line class={isSelected ? 'selected' : undefined}>
        <td class="gates__check">
          {canSelect && (answer?.isOpen ?? true) ? (
            <label class="check">
              <input type="checkbox" checked={isSelected} onChange={(event) => onSelect([of.release_id], event.currentTarget.checked)} aria-label={`Select ${name}`} />
            </label>
          ) : (
            <Sign is={answer ? (answer.isSent ? 'check' : 'person') : of.kind === 'environment' ? 'grid' : 'back'} tone={answer?.isSent ? 'good' : 'mute'} />
          )}
        </td>
        <th scope="row">
          <a href={`/releases/${of.release_id}`}>
            <span class="mono">{keyOf(of)}</span>
          </a>{' '}
          {of.circuit_name}
          <br />
          <span class="small dim">{of.plant_name || of.kind}</span> {of.criticality === 'high' && <span class="tag">high</span>}
        </th>
        <td class="nowrap mono">{versionOf(of.asset)}</td>
        <td>{metric(facts)}</td>
        <td>
          {answer ? (
            <State is={answer.isSent ? 'check' : 'warn'} tone={answer.isSent ? 'good' : 'warn'}>
              {answer.text}
            </State>
          ) : (
            <Warnings of={of} />
          )}
        </td>
        <td class="nowrap">{!answer && <Ends of={of} now={now} />}</td>
        <td class="gates__open">
          <button class="iconbtn" type="button" aria-expanded={isOpen} aria-label={`Facts of ${name}`} onClick={() => setOpen(!isOpen)}>
            <Sign is="chev" />
          </button>
        </td>
      </tr>
      {isOpen && (
        <tr class="gates__facts">
          <td colSpan={7}>
            <dl class="kv small">
              {Object.entries(facts).map(([name, text]) => (
                <>
                  <dt>{capital(name)}</dt>
                  <dd>{text}</dd>
                </>
              ))}
              <dt>Digest</dt>
              <dd>
                <code>{of.gate.digest}</code>
              </dd>
            </dl>
            <p>
              <a href={`/releases/${of.release_id}`}>Open the release</a>
            </p>
          </td>
        </tr>
      )}
    </>
  )
}

/** The first of the errors: the others are in the facts. */
function metric(facts: Record<string, string>): JSX.Element | string {
  const [name, value] = (facts['training metrics'] ?? '').split(',')[0]?.trim().split(/\s+/) ?? []
  if (!name || !value) return facts['change'] ?? ''
  return (
    <>
      {name} <b>{value}</b>
    </>
  )
}

function Warnings({ of }: { of: Gate }): JSX.Element {
  const told = of.gate.warnings ?? []
  if (!told.length) return <span class="dim3 gates__none">none</span>
  return (
    <span class="chips">
      {told.map((warning) => (
        <span class={`tag tag--wrap ${warning.is_bad ? 'tag--warn' : ''}`} key={warning.code + warning.text}>
          {warning.is_bad && <Sign is="warn" />}
          {warning.text}
        </span>
      ))}
    </span>
  )
}

function Ends({ of, now }: { of: Gate; now: Date }): JSX.Element | null {
  const { until } = of
  if (!until) return null
  const leftS = secondsBetween(now, until)
  return (
    <>
      {leftS < 2 * 3600 ? (
        <State is="late" tone="warn">
          {lasting(leftS)}
        </State>
      ) : (
        <span class="dim">{lasting(leftS)}</span>
      )}
      <br /> <span class="small dim">{when(until, now)}</span>
    </>
  )
}
