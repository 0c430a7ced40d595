// Waiting on me: what I may decide, what is urgent, what I can decide together.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { type Answer, decideMany, type Gate, useGates } from '../api/gates'
import { connection } from '../api/live'
import { grouped, warnings } from '../inbox'
import { Dialog, type Question } from '../parts/dialog'
import { Empty, Loaded } from '../parts/note'
import { Sign } from '../parts/sign'
import { ask, Title, usePlace } from '../router'
import { type Person } from '../session'
import { useNow } from '../shell'
import { useStore } from '../store'
import { lasting, secondsBetween } from '../times'
import { nameOf } from '../words'
import { GroupOfGates } from './waiting_group'

export function Waiting({ person }: { person: Person }): JSX.Element {
  const { query } = usePlace()
  const live = useGates()
  const now = useNow(10)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [answers, setAnswers] = useState<ReadonlyMap<string, Answer & { gate: Gate }>>(new Map())
  const [question, setQuestion] = useState<Question | null>(null)
  const { isOffline } = useStore(connection)
  const show = query.get('show') ?? ''
  const text = (query.get('find') ?? '').toLowerCase()

  const gates = live.data ?? []
  const endsToday = (gate: Gate) => Boolean(gate.waiting?.until && secondsBetween(now, gate.waiting.until) < 3600 * 6)
  const shown = gates.filter(
    (gate) =>
      `${gate.circuit} ${gate.model} ${gate.release_id} ${gate.gate?.facts['known as'] ?? ''}`.toLowerCase().includes(text) &&
      (show === 'soon' ? endsToday(gate) : show !== 'warn' || warnings(gate).length > 0),
  )
  const decided = [...answers.values()].filter((answer) => !gates.some((gate) => gate.release_id === answer.release_id))
  const groups = grouped([...shown, ...decided.map((answer) => answer.gate)])
  const chosen = gates.filter((gate) => selected.has(gate.release_id))

  const select = (ids: string[], isOn: boolean) => {
    const next = new Set(selected)
    for (const id of ids) if (isOn) next.add(id)
    else next.delete(id)
    setSelected(next)
  }
  const askAbout = (decision: 'approve' | 'reject') => {
    if (isOffline) return
    const asked = chosen
    setQuestion(
      many(decision, asked, async (reason) => {
        await decideMany(asked, decision, reason, (answer) => {
          const gate = asked.find((each) => each.release_id === answer.release_id)
          if (gate) setAnswers((before) => new Map(before).set(answer.release_id, { ...answer, gate }))
          if (!answer.isOpen) setSelected((before) => new Set([...before].filter((id) => id !== answer.release_id)))
        })
        return undefined
      }),
    )
  }
  return (
    <>
      <div class="head">
        <div class="head__text">
          <Title tab={gates.length ? `Waiting on me (${gates.length})` : 'Waiting on me'}>Waiting on me</Title>
          <p class="dim">{live.data ? sentence(gates, person, now) : 'Gates that you may decide.'}</p>
        </div>
        <div class="head__end">
          <label class="search">
            <span class="vh">Find a circuit or release</span>
            <Sign is="search" />
            <input class="input" type="search" data-search placeholder="Circuit, release" value={text} onInput={(event) => ask({ find: event.currentTarget.value })} />
            <kbd aria-hidden="true">/</kbd>
          </label>
        </div>
      </div>
      <div class="chips chips--scroll" role="group" aria-label="Show only">
        {(
          [
            ['', 'All', null, gates.length],
            ['soon', 'End within 6 h', 'late', gates.filter(endsToday).length],
            ['warn', 'With warnings', 'warn', gates.filter((gate) => warnings(gate).length).length],
          ] as const
        ).map(([value, name, is, count]) => (
          <button key={value} class="chip" type="button" aria-pressed={show === value} onClick={() => ask({ show: value })}>
            {is && <Sign is={is} />}
            {name} <b>{count}</b>
          </button>
        ))}
        <span class="dim3 small nowrap">The next end first</span>
      </div>
      <div role="status" class={answers.size ? 'dim' : 'vh'}>
        {answers.size > 0 && told([...answers.values()])}
      </div>
      <Loaded of={live} what="what waits for you">
        {() =>
          groups.length ? (
            groups.map((group) => <GroupOfGates key={group.name} of={group} selected={selected} answers={answers} now={now} onSelect={select} />)
          ) : (
            <div class="panel">
              <Empty title={gates.length ? 'No gate is like that' : 'Nothing waits for you'}>
                <p>{person.isInAGroup ? 'When a gate needs somebody of your groups, it is here.' : 'You are in no group that decides. Everything can be read.'}</p>
                <a class="btn" href="/releases">
                  Open releases
                </a>
              </Empty>
            </div>
          )
        }
      </Loaded>
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

function sentence(gates: Gate[], person: Person, now: Date): string {
  const next = gates.map((gate) => gate.waiting?.until ?? '').filter(Boolean).sort()[0]
  if (!gates.length) return `Nothing waits for ${person.name}.`
  const ends = next ? ` The next one ends in ${lasting(secondsBetween(now, next))}.` : ''
  return `${gates.length} ${gates.length === 1 ? 'gate waits' : 'gates wait'} for ${person.name}.${ends}`
}

function told(answers: Answer[]): string {
  const sent = answers.filter((answer) => answer.outcome === 'sent').length
  const not = answers.length - sent
  return `${sent} decided${not ? `, ${not} not sent: each says why` : ''}.`
}

function plants(gates: Gate[]): string {
  const count = new Set(gates.map((gate) => gate.circuit.split('/')[0])).size
  const warned = gates.filter((gate) => warnings(gate).length).length
  return `in ${count} ${count === 1 ? 'plant' : 'plants'}, ${warned ? `${warned} with warnings` : 'no warnings'}`
}

function many(decision: 'approve' | 'reject', gates: Gate[], send: Question['send']): Question {
  const verb = decision === 'approve' ? 'Approve' : 'Reject'
  const changes = gates.filter((gate) => gate.gate?.stage === 'production').length
  return {
    title: `${verb} ${gates.length} ${gates.length === 1 ? 'gate' : 'gates'}?`,
    verb: `${verb} ${gates.length}`,
    danger: decision === 'reject',
    reason:
      decision === 'approve'
        ? { label: 'Reason, if you want: it is kept in the history of each', needed: false }
        : { label: 'Reason: whoever made them reads it', needed: true },
    draft: `many ${decision}`,
    send,
    children: (
      <>
        {decision === 'approve' ? (
          <ol class="then">
            {changes > 0 && (
              <li>
                <span>
                  <b>
                    {changes} {changes === 1 ? 'deployment changes' : 'deployments change'}
                  </b>
                  , each to the version shown, and is read back. Nothing else of the fleet does.
                </span>
              </li>
            )}
            {changes < gates.length && (
              <li>
                <span>
                  <b>{gates.length - changes}</b> go on to the registry and to test. Production is not changed by these.
                </span>
              </li>
            )}
            <li>
              <span>Each is answered by itself: one that is refused stops no other.</span>
            </li>
          </ol>
        ) : (
          <p>Each release ends as rejected; production stays as it is. The versions can be released again.</p>
        )}
        <ul class="listed" tabIndex={0} aria-label="What is decided">
          {gates.map((gate) => (
            <li key={gate.release_id}>
              <b class="mono">{nameOf(gate)}</b>
              <span class="dim">{gate.gate?.stage}</span>
              {warnings(gate).length > 0 && (
                <span class="tag tag--warn">
                  <Sign is="warn" />
                  {warnings(gate).length}
                </span>
              )}
              <code class="end" title={gate.gate?.digest}>
                {gate.gate?.digest.slice(0, 8)}…
              </code>
            </li>
          ))}
        </ul>
        <p class="small dim">
          You sign {gates.length} digests of what you were shown. A gate whose facts changed since then, or that somebody else decided, is left out
          and says so.
        </p>
      </>
    ),
  }
}
