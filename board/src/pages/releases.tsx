// Releases: open ones with what they wait for, what needs people first; then ended ones, the latest end first.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { api, data } from '../api/client'
import { useLive } from '../api/live'
import { Search } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { Sign, State } from '../parts/sign'
import { ask, Title, usePlace } from '../router'
import { when } from '../times'
import { nameOf, needsPeople, phaseOf, type Summary } from '../words'

const KINDS = [
  ['model', 'Models'],
  ['environment', 'Environments'],
  ['rollback', 'Rollbacks'],
  ['online', 'Online'],
] as const

export function Releases(): JSX.Element {
  const { query } = usePlace()
  const kind = query.get('kind') ?? ''
  const show = query.get('show') ?? ''
  const text = query.get('find') ?? ''
  const [more, setMore] = useState(50)
  const live = useLive(`releases ${kind} ${more}`, () =>
    data(api.GET('/api/releases', { params: { query: { limit: Math.min(more, 200), ...(kind ? { kind: kind as 'model' } : {}) } } })),
  )
  const all = live.data?.releases ?? []
  const open = all.filter((each) => !each.ended)
  const counts = { people: open.filter(needsPeople).length, held: open.filter((each) => each.phase === 'held').length }
  return (
    <>
      <div class="head">
        <div class="head__text">
          <Title>Releases</Title>
          <p class="dim">
            {live.data ? `${open.length} ${open.length === 1 ? 'is' : 'are'} open. Each says what it waits for, since when, and until when at the latest.` : 'What is on its way to production, and what was.'}
          </p>
        </div>
        <div class="head__end">
          <Search label="Find a circuit, version or id" placeholder="Circuit, version, id" text={text} />
        </div>
      </div>
      <div class="chips chips--scroll" role="group" aria-label="Show only">
        <Chip name="show" value="" now={show}>
          All
        </Chip>
        <Chip name="show" value="people" now={show}>
          <Sign is="person" />
          Wait for people <b>{counts.people}</b>
        </Chip>
        <Chip name="show" value="held" now={show}>
          <Sign is="held" />
          Held <b>{counts.held}</b>
        </Chip>
        <span class="chips__gap" />
        {KINDS.map(([value, name]) => (
          <Chip key={value} name="kind" value={kind === value ? '' : value} now={kind === value ? '' : `not ${value}`}>
            {name}
          </Chip>
        ))}
      </div>
      <Loaded of={live} what="the releases">
        {(list) => {
          const found = list.releases.filter((each) => matches(each, text) && isShown(each, show))
          const ended = found.filter((each) => each.ended)
          return (
            <>
              <Open releases={sorted(found.filter((each) => !each.ended))} isFiltered={Boolean(text || show || kind)} />
              {ended.length > 0 && <Ended releases={ended} />}
              <Unreadable of={list.unreadable} />
              {list.next && more < 200 && (
                <div class="btns">
                  <button class="btn" type="button" onClick={() => setMore(more + 50)}>
                    Show older ones
                  </button>
                </div>
              )}
            </>
          )
        }}
      </Loaded>
    </>
  )
}

interface ChipProps {
  name: string
  value: string
  now: string
  children: (JSX.Element | string)[] | JSX.Element | string
}

function Chip({ name, value, now, children }: ChipProps): JSX.Element {
  return (
    <button class="chip" type="button" aria-pressed={now === value} onClick={() => ask({ [name]: value })}>
      {children}
    </button>
  )
}

function matches(release: Summary, text: string): boolean {
  const words = `${release.circuit} ${release.model} ${release.release_id} ${release.kind}`.toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word))
}

function isShown(release: Summary, show: string): boolean {
  if (show === 'people') return !release.ended && needsPeople(release)
  return show !== 'held' || release.phase === 'held'
}

/** What needs people first: held, then gates by their end, then what machines do. */
function sorted(releases: Summary[]): Summary[] {
  const rank = (each: Summary) => (each.phase === 'held' ? 0 : needsPeople(each) ? 1 : 2)
  return [...releases].sort(
    (a, b) => rank(a) - rank(b) || (a.waiting?.until ?? '9').localeCompare(b.waiting?.until ?? '9') || a.release_id.localeCompare(b.release_id),
  )
}

function Open({ releases, isFiltered }: { releases: Summary[]; isFiltered: boolean }): JSX.Element {
  return (
    <section class="panel" aria-labelledby="open">
      <div class="panel__head">
        <h2 id="open">Open</h2>
        <span class="end">what needs people first</span>
      </div>
      {releases.length === 0 ? (
        <Empty title={isFiltered ? 'No open release is like that' : 'No release is open'}>
          <p>A release opens by itself when a model is registered in dev with the tags of its circuit.</p>
        </Empty>
      ) : (
        <div class="tblwrap">
          <table class="tbl tbl--cards">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">State</th>
                <th scope="col">Waits for</th>
                <th scope="col">Since</th>
                <th scope="col">At the latest</th>
              </tr>
            </thead>
            <tbody>
              {releases.map((each) => (
                <tr key={each.release_id} data-line>
                  <What of={each} />
                  <td>
                    <Phase of={each} />
                  </td>
                  <td>{each.waiting?.waits_for ?? ''}</td>
                  <td class="nowrap" data-label="since">
                    {each.waiting ? when(each.waiting.since) : ''}
                  </td>
                  <td class="nowrap" data-label="until">
                    {each.waiting?.until ? when(each.waiting.until) : ''}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function Ended({ releases }: { releases: Summary[] }): JSX.Element {
  return (
    <section class="panel" aria-labelledby="ended">
      <div class="panel__head">
        <h2 id="ended">Ended</h2>
        <span class="end">the latest first</span>
      </div>
      <div class="tblwrap">
        <table class="tbl tbl--cards">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">End</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {releases.map((each) => (
              <tr key={each.release_id} data-line>
                <What of={each} />
                <td>
                  <Phase of={each} />
                </td>
                <td>{each.undone_by ? <UndoneBy id={each.undone_by} /> : each.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function UndoneBy({ id }: { id: string }): JSX.Element {
  return (
    <>
      undone by <a href={`/releases/${id}`}>{id}</a>
    </>
  )
}

function What({ of }: { of: Summary }): JSX.Element {
  const attempt = of.version_attempt > 1 ? `, attempt ${of.version_attempt}` : ''
  return (
    <th scope="row">
      <a href={`/releases/${of.release_id}`}>
        <span class="mono">{nameOf(of)}</span>
      </a>
      <br />
      <span class="small dim">
        {of.kind}
        {of.kind === 'model' ? '' : `, ${of.circuit}`}
        {attempt}
      </span>
    </th>
  )
}

export function Phase({ of }: { of: { phase: string; undone_by?: string | null } }): JSX.Element {
  const told = phaseOf(of)
  return (
    <State is={told.is} tone={told.tone}>
      {told.text}
    </State>
  )
}
