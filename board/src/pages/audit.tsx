// Audit: who decided, when, on which release, and is the record whole? Histories are read when asked for, and not again.

import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { api, asProblem, data, type Problem, type Schemas } from '../api/client'
import { PageHead, Panel } from '../parts/list_page'
import { Empty, Failed, Loading } from '../parts/note'
import { Prose } from '../parts/prose'
import { Sign, State } from '../parts/sign'
import { ask, usePlace } from '../router'
import { exactly } from '../times'
import { nameOf, type Summary } from '../words'

const RELEASES_MAX = 40
const AT_ONCE = 4

interface Entry {
  release: Summary
  entry: Schemas['HistoryView']
}

interface Record {
  entries: Entry[]
  releases: number
  broken: Summary[]
  isMore: boolean
}

export function Audit(): JSX.Element {
  const { query } = usePlace()
  const circuit = query.get('circuit') ?? ''
  const person = query.get('person') ?? ''
  const isAll = query.get('what') === 'all'
  const [record, setRecord] = useState<Record | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [turn, setTurn] = useState(0)

  useEffect(() => {
    let isGone = false
    setRecord(null)
    setProblem(null)
    read(circuit)
      .then((found) => {
        if (!isGone) setRecord(found)
      })
      .catch((failed: unknown) => {
        if (!isGone) setProblem(asProblem(failed))
      })
    return () => {
      isGone = true
    }
  }, [circuit, turn])

  const people = [...new Set(record?.entries.filter(({ entry }) => entry.actor_id).map(({ entry }) => entry.actor))].sort()
  const shown = record?.entries.filter(({ entry }) => (isAll || entry.actor_id) && (!person || entry.actor === person)) ?? []
  return (
    <>
      <PageHead title="Audit" says={<>Who did what, when. {record && <Whole of={record} />}</>} />
      <Filter circuit={circuit} person={person} isAll={isAll} people={people} />
      <Panel title={record ? `${shown.length} entries of ${record.releases} releases` : 'Entries'} end="the latest first">
        {problem && <Failed what="The record" problem={problem} again={() => setTurn(turn + 1)} />}
        {!record && !problem && <Loading what="the histories" />}
        {record && !shown.length && (
          <Empty is="none" title="No entry is like that">
            <p>Filter by another circuit or person, or show what machines did as well.</p>
          </Empty>
        )}
        {shown.length > 0 && <Entries of={shown} />}
        {record?.isMore && (
          <p class="panel__body dim">
            Of the latest {RELEASES_MAX} releases. For older ones filter by circuit; <code>python -m cli history</code> has every one.
          </p>
        )}
      </Panel>
    </>
  )
}

async function read(circuit: string): Promise<Record> {
  const key = circuit.trim().toUpperCase().replace('/', '-')
  const query = { limit: RELEASES_MAX, ...(key ? { circuit: key } : {}) }
  const list = await data(api.GET('/api/releases', { params: { query } }))
  const left = [...list.releases]
  const entries: Entry[] = []
  const broken: Summary[] = []
  const worker = async () => {
    for (let release = left.shift(); release; release = left.shift()) {
      const of = release
      const history = await data(api.GET('/api/releases/{release_id}/history', { params: { path: { release_id: of.release_id } } }))
      if (!history.verified) broken.push(of)
      entries.push(...history.entries.map((entry) => ({ release: of, entry })))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  entries.sort((a, b) => b.entry.at.localeCompare(a.entry.at) || b.entry.number - a.entry.number)
  return { entries, broken, releases: list.releases.length, isMore: Boolean(list.next) }
}

function Whole({ of }: { of: Record }): JSX.Element {
  if (!of.broken.length) {
    return (
      <State is="ok" tone="good">
        {`Complete and unchanged: ${of.entries.length} entries checked.`}
      </State>
    )
  }
  return (
    <State is="fail" tone="bad">
      {`The record of ${of.broken.map((release) => release.release_id).join(', ')} was changed.`}
    </State>
  )
}

interface FilterProps {
  circuit: string
  person: string
  isAll: boolean
  people: string[]
}

function Filter({ circuit, person, isAll, people }: FilterProps): JSX.Element {
  const [typed, setTyped] = useState(circuit)
  return (
    <form
      class="panel filter"
      onSubmit={(event) => {
        event.preventDefault()
        ask({ circuit: typed.trim() })
      }}
    >
      <label class="field">
        <span class="label">Circuit</span>
        <input class="input" data-search value={typed} placeholder="P001/C003" onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <label class="field">
        <span class="label">Person</span>
        <select class="input" value={person} onChange={(event) => ask({ person: event.currentTarget.value })}>
          <option value="">Anybody</option>
          {people.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label class="field">
        <span class="label">What</span>
        <select class="input" value={isAll ? 'all' : ''} onChange={(event) => ask({ what: event.currentTarget.value })}>
          <option value="">What people did</option>
          <option value="all">Everything, with machinery</option>
        </select>
      </label>
      <button class="btn" type="submit">
        Filter
      </button>
    </form>
  )
}

function Entries({ of }: { of: Entry[] }): JSX.Element {
  return (
    <div class="tblwrap">
      <table class="tbl tbl--cards">
        <thead>
          <tr>
            <th scope="col">When (UTC)</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Release</th>
            <th scope="col">Entry</th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ release, entry }) => (
            <tr key={`${release.release_id} ${entry.number}`} data-line>
              <td class="nowrap">{exactly(entry.at)}</td>
              <td class="nowrap">
                {entry.actor_id ? <Sign is="person" tone="wait" /> : <Sign is="queued" tone="mute" />} {entry.actor}
              </td>
              <th scope="row">
                <Prose of={entry.note || entry.event} />
              </th>
              <td class="nowrap">
                <a href={`/releases/${release.release_id}`}>
                  <span class="mono">{nameOf(release)}</span>
                </a>
              </td>
              <td class="nowrap dim3">
                {entry.number} <code title={entry.digest}>{entry.digest.slice(0, 8)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
