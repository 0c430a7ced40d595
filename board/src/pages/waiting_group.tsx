// One group of gates of the inbox: rows that open to their facts, each with its own answer.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import type { Answer, Gate } from '../api/gates'
import { type Group, warnings } from '../inbox'
import { Sign, State } from '../parts/sign'
import { lasting, secondsBetween, when } from '../times'
import { capital, nameOf, versionOf } from '../words'

interface Props {
  of: Group
  selected: ReadonlySet<string>
  answers: ReadonlyMap<string, Answer>
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
  answer: Answer | undefined
  now: Date
  onSelect: Props['onSelect']
}

function Row({ of, canSelect, isSelected, answer, now, onSelect }: RowProps): JSX.Element {
  const [isOpen, setOpen] = useState(false)
  const facts = of.gate?.facts ?? {}
  const known = facts['known as']
  return (
    <>
      <tr data-line class={isSelected ? 'selected' : undefined}>
        <td class="gates__check">
          {canSelect && (answer?.isOpen ?? true) ? (
            <label class="check">
              <input type="checkbox" checked={isSelected} onChange={(event) => onSelect([of.release_id], event.currentTarget.checked)} aria-label={`Select ${nameOf(of)}`} />
            </label>
          ) : (
            <Sign is={answer ? (answer.outcome === 'sent' ? 'check' : 'person') : of.kind === 'environment' ? 'grid' : of.gate ? 'back' : 'held'} tone={answer?.outcome === 'sent' ? 'good' : 'mute'} />
          )}
        </td>
        <th scope="row">
          <a href={`/releases/${of.release_id}`}>
            <span class="mono">{of.kind === 'model' ? of.circuit : of.model}</span>
          </a>
          <br />
          <span class="small dim">{known ?? (of.kind === 'model' ? of.model : of.circuit)}</span>
        </th>
        <td class="nowrap mono">{versionOf(of.model)}</td>
        <td>{metric(facts)}</td>
        <td>
          {answer ? (
            <State is={answer.outcome === 'sent' ? 'check' : 'warn'} tone={answer.outcome === 'sent' ? 'good' : 'warn'}>
              {answer.text}
            </State>
          ) : (
            <Warnings of={of} />
          )}
        </td>
        <td class="nowrap">{!answer && <Ends of={of} now={now} />}</td>
        <td class="gates__open">
          <button class="iconbtn" type="button" aria-expanded={isOpen} aria-label={`Facts of ${nameOf(of)}`} onClick={() => setOpen(!isOpen)}>
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
                <code>{of.gate?.digest}</code>
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
  const told = warnings(of)
  if (!told.length) return <span class="dim3 gates__none">none</span>
  return (
    <span class="chips">
      {told.map((text) => (
        <span class="tag tag--warn tag--wrap" key={text}>
          <Sign is="warn" />
          {text}
        </span>
      ))}
    </span>
  )
}

function Ends({ of, now }: { of: Gate; now: Date }): JSX.Element | null {
  const until = of.waiting?.until
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
