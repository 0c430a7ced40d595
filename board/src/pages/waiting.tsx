// Waiting on me: what I may decide, what is urgent, what I can decide together.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { decideMany, type Gate, type Told, useAllGates, useGates } from '../api/gates'
import { connection } from '../api/live'
import { useMine } from '../api/mine'
import { grouped, keyOf, warned } from '../inbox'
import { Dialog, type Question } from '../parts/dialog'
import { Chips, PageHead, Panel, Search } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { Sign } from '../parts/sign'
import { usePlace } from '../router'
import type { Person } from '../session'
import { useNow } from '../shell'
import { useStore } from '../store'
import { lasting, secondsBetween, when } from '../times'
import { nameOf } from '../words'
import { GroupOfGates } from './waiting_group'
import { many } from './waiting_question'

const SOON_S = 6 * 3600

type Answered = ReadonlyMap<string, Told & { gate: Gate }>

export function Waiting({ person }: { person: Person }): JSX.Element {
  const { query } = usePlace()
  const live = useGates()
  const now = useNow(10)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [answers, setAnswers] = useState<Answered>(new Map())
  const [question, setQuestion] = useState<Question | null>(null)
  const { isOffline } = useStore(connection)
  const show = query.get('show') ?? ''
  const text = (query.get('find') ?? '').toLowerCase()

  const gates = live.data?.gates ?? []
  const isSoon = (gate: Gate) => Boolean(gate.until && secondsBetween(now, gate.until) < SOON_S)
  const filters: Record<string, (gate: Gate) => boolean> = { soon: isSoon, warn: warned, high: (gate) => gate.criticality === 'high' }
  const shown = gates.filter((gate) => named(gate).includes(text) && (filters[show]?.(gate) ?? true))
  const decided = [...answers.values()].filter((answer) => !gates.some((gate) => gate.release_id === answer.gate.release_id))
  const groups = grouped([...shown, ...decided.map((answer) => answer.gate)])
  const chosen = gates.filter((gate) => selected.has(gate.release_id))
  const count = (of: string) => gates.filter(filters[of] ?? (() => false)).length

  const select = (ids: string[], isOn: boolean) => {
    const next = new Set(selected)
    for (const id of ids) {
      if (isOn) next.add(id)
      else next.delete(id)
    }
    setSelected(next)
  }
  const askAbout = (decision: 'approve' | 'reject') => {
    if (isOffline) return
    const asked = chosen
    const send = async (reason: string) => {
      const told = await decideMany(asked, decision, reason)
      const found = asked.flatMap((gate) => {
        const answer = told.get(gate.release_id)
        return answer ? [{ ...answer, gate }] : []
      })
      setAnswers((before) => new Map([...before, ...found.map((each) => [each.gate.release_id, each] as const)]))
      setSelected(new Set(found.filter((each) => each.isOpen).map((each) => each.gate.release_id)))
      return undefined
    }
    setQuestion(many(decision, asked, send))
  }
  return (
    <>
      <PageHead
        title="Waiting on me"
        tab={gates.length ? `Waiting on me (${gates.length})` : 'Waiting on me'}
        says={live.data ? sentence(gates, person, now) : 'Gates that you may decide.'}
      >
        <Search label="Find a circuit or release" placeholder="Circuit, release" text={text} />
      </PageHead>
      <Chips
        name="show"
        now={show}
        choices={[
          { value: '', name: 'All', count: gates.length },
          { value: 'soon', name: 'End within 6 h', is: 'late', count: count('soon') },
          { value: 'warn', name: 'With warnings', is: 'warn', count: count('warn') },
          { value: 'high', name: 'High plants', count: count('high') },
        ]}
      >
        <span class="dim3 small nowrap">Order: criticality of the plant, then the next end</span>
      </Chips>
      <div role="status" class={answers.size ? 'dim' : 'vh'}>
        {answers.size > 0 && summary([...answers.values()])}
      </div>
      <HeldOnes />
      <Loaded of={live} what="what waits for you">
        {(list) => (
          <>
            {groups.map((group) => (
              <GroupOfGates key={group.name} of={group} selected={selected} answers={answers} now={now} onSelect={select} />
            ))}
            {!groups.length && <Nothing isFiltered={gates.length > 0} person={person} />}
            <Unreadable of={list.unreadable} />
          </>
        )}
      </Loaded>
      <NotYours />
      {chosen.length > 0 && (
        <div class="selbar">
          <span>
            <b>{chosen.length} selected</b> <span class="dim">{plants(chosen)}</span>
          </span>
          <button class="btn btn--quiet" type="button" onClick={() => setSelected(new Set())}>
            Clear
          </button>
          <span class="btns">
            <button class="btn btn--no" type="button" aria-disabled={isOffline} onClick={() => askAbout('reject')}>
              Reject {chosen.length}…
            </button>
            <button class="btn btn--main" type="button" aria-disabled={isOffline} onClick={() => askAbout('approve')}>
              Approve {chosen.length}…
            </button>
          </span>
        </div>
      )}
      {question && <Dialog of={question} onClose={() => setQuestion(null)} />}
    </>
  )
}

function named(gate: Gate): string {
  return `${gate.circuit} ${gate.asset} ${gate.release_id} ${gate.circuit_name} ${gate.plant_name}`.toLowerCase()
}

function sentence(gates: Gate[], person: Person, now: Date): string {
  const next = gates.flatMap((gate) => gate.until ?? []).sort()[0]
  if (!gates.length) return `No gate waits for ${person.name}.`
  const ends = next ? ` The next one ends in ${lasting(secondsBetween(now, next))}.` : ''
  return `${gates.length} ${gates.length === 1 ? 'gate waits' : 'gates wait'} for ${person.name}.${ends}`
}

function summary(answers: Told[]): string {
  const sent = answers.filter((answer) => answer.isSent).length
  const not = answers.length - sent
  return `${sent} decided${not ? `, ${not} not sent: each says why` : ''}.`
}

function plants(gates: Gate[]): string {
  const count = new Set(gates.map((gate) => gate.circuit.split('/')[0])).size
  const bad = gates.filter(warned).length
  return `in ${count} ${count === 1 ? 'plant' : 'plants'}, ${bad ? `${bad} with warnings` : 'no warnings'}`
}

function Nothing({ isFiltered, person }: { isFiltered: boolean; person: Person }): JSX.Element {
  return (
    <Panel title="Gates">
      <Empty title={isFiltered ? 'No gate is like that' : 'Nothing waits for you'}>
        <p>{person.isInAGroup ? 'When a gate needs somebody of your groups, it is here.' : 'You are in no group that decides. Everything can be read.'}</p>
        <a class="btn" href="/releases">
          Open releases
        </a>
      </Empty>
    </Panel>
  )
}

/** Held releases have no gate, and wait for a person all the same. */
function HeldOnes(): JSX.Element | null {
  const held = useMine().data?.filter((each) => each.phase === 'held') ?? []
  if (!held.length) return null
  return (
    <Panel title="Held" end="a person must try again or abort">
      <ul class="rows">
        {held.map((release) => (
          <li key={release.release_id} data-line>
            <Sign is="held" tone="bad" />{' '}
            <a href={`/releases/${release.release_id}`}>
              <span class="mono">{nameOf(release)}</span>
            </a>{' '}
            <span class="dim">{release.reason || release.waiting?.waits_for}</span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

/** What waits for others, and why not for me. It is read when somebody opens it. */
function NotYours(): JSX.Element {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="more" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Sign is="chev" />
        Not yours to decide
      </summary>
      {isOpen && <Others />}
    </details>
  )
}

function Others(): JSX.Element {
  const live = useAllGates()
  return (
    <div class="panel">
      <Loaded of={live} what="the other gates">
        {(list) => {
          const others = list.gates.filter((gate) => !gate.eligible)
          if (!others.length) return <p class="panel__body dim">Every gate that waits is yours to decide.</p>
          return (
            <ul class="rows">
              {others.map((gate) => (
                <li key={gate.release_id} data-line>
                  <a href={`/releases/${gate.release_id}`}>
                    <span class="mono">{keyOf(gate)}</span>
                  </a>{' '}
                  {gate.circuit_name} to {gate.gate.stage}.{' '}
                  <span class="dim">
                    {gate.because}
                    {gate.until && `; until ${when(gate.until)}`}
                  </span>
                </li>
              ))}
            </ul>
          )
        }}
      </Loaded>
    </div>
  )
}
