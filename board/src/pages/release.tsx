// One release: what it waits for, its stages, what can be decided, and on which facts.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { History } from '../parts/history'
import { Loaded, Loading, Note } from '../parts/note'
import { Prose } from '../parts/prose'
import { Steps } from '../parts/steps'
import { Title } from '../router'
import { stagesOf } from '../stages'
import { useNow } from '../shell'
import { lasting, secondsBetween, when } from '../times'
import { capital, shortId, versionOf } from '../words'
import { questions } from './release_questions'
import { Decide } from './release_decide'
import { Checks, Earlier, Facts, Progress, warningsOf } from './release_facts'
import { Phase } from './releases'
import { goesBack, Rollback } from './rollback'
import { Targets } from './targets'

/** A release that was just asked for is there once the queue has brought it. */
const OPENING_MS = 20_000

export type ReleaseView = Schemas['ReleaseView']

export function Release({ id }: { id: string }): JSX.Element {
  const release = useLive(`release ${id}`, () =>
    data(api.GET('/api/releases/{release_id}', { params: { path: { release_id: id } } })),
  )
  const history = useLive(`history ${id}`, () =>
    data(api.GET('/api/releases/{release_id}/history', { params: { path: { release_id: id } } })),
  )
  const now = useNow(1)
  const [begun] = useState(() => Date.now())
  if (!release.data) {
    const isOpening = release.problem?.status === 404 && now.getTime() - begun < OPENING_MS
    return (
      <>
        <div class="head">
          <Title>Release</Title>
        </div>
        <div class="panel">
          {isOpening ? (
            <Loading what="the release" />
          ) : (
            <Loaded of={release} what="the release">
              {() => null}
            </Loaded>
          )}
        </div>
      </>
    )
  }
  const view = release.data
  const warnings = warningsOf(view)
  return (
    <>
      <Head of={view} now={now} />
      <section class="panel" aria-labelledby="stages">
        <h2 class="vh" id="stages">
          Stages
        </h2>
        {history.data ? <Steps of={stagesOf(view, history.data.entries, now)} /> : <div class="panel__body" />}
      </section>
      <div class={questions(view).length ? 'cols cols--side' : 'cols'}>
        <div class="stack">
          <Warnings of={view} warnings={warnings} />
          {goesBack(view) ? <Rollback of={view} /> : <Progress of={view} />}
          {view.kind === 'environment' && <Targets of={view} />}
          <Facts of={view} />
          <Checks of={view} />
          <Earlier of={view} />
          <section class="panel" aria-labelledby="history">
            <Loaded of={history} what="the history">
              {(list) => <History of={list} />}
            </Loaded>
          </section>
        </div>
        <Decide of={view} asOf={release.asOf} />
      </div>
    </>
  )
}

function Head({ of, now }: { of: ReleaseView; now: Date }): JSX.Element {
  const facts = of.gate?.facts ?? {}
  const known = facts['known as']
  const [plant, circuit] = of.circuit.split('/')
  const isModel = of.kind === 'model'
  return (
    <div class="head">
      <div class="head__text">
        <p class="crumb">
          {isModel && circuit ? <a href={`/circuits/${of.circuit}`}>{`${plant ?? ''} / ${circuit}`}</a> : of.circuit} · {of.kind} release{' '}
          <code title={of.release_id}>{shortId(of.release_id)}</code>
          {of.version_attempt > 1 && ` · attempt ${of.version_attempt}`}
        </p>
        <Title tab={`${isModel ? of.circuit : of.model} ${isModel ? versionOf(of.model) : ''}`}>
          {isModel ? `${known ?? of.circuit}: model ${versionOf(of.model)}` : of.kind === 'rollback' ? `${of.model}: back to what ran before` : of.kind === 'online' ? `${of.model} to its online endpoints` : `Environment ${of.model}`}
        </Title>
        <p class="now">
          <Phase of={of} /> <Wait of={of} now={now} />
        </p>
      </div>
    </div>
  )
}

/** For what, since when, until when: no silent wait. */
function Wait({ of, now }: { of: ReleaseView; now: Date }): JSX.Element {
  const { waiting } = of
  if (of.undone_by) {
    return (
      <span class="dim">
        by <a href={`/releases/${of.undone_by}`}>{of.undone_by}</a>; released {when(of.phase_since, now)}.
      </span>
    )
  }
  if (!waiting) {
    return (
      <span class="dim">
        {when(of.phase_since, now)}
        {of.reason && ': '}
        <Prose of={of.reason} />
      </span>
    )
  }
  return (
    <span class="dim">
      waits for {waiting.waits_for}, since {when(waiting.since, now)}
      {waiting.until && `, at the latest until ${when(waiting.until, now)}, in ${lasting(secondsBetween(now, waiting.until))}`}.
    </span>
  )
}

function Warnings({ of, warnings }: { of: ReleaseView; warnings: Schemas['WarningView'][] }): JSX.Element | null {
  const isHeld = of.phase === 'held'
  if (!isHeld && !warnings.length) return null
  return (
    <section class="warns" aria-label={`${warnings.length} warnings`}>
      {isHeld && (
        <Note is="held" tone="bad" title={`Held since ${when(of.phase_since)}: a person must try again or abort`}>
          <p>{of.reason || of.waiting?.waits_for}</p>
          {of.waiting?.until && <p>If nobody does anything, it expires {when(of.waiting.until)}.</p>}
        </Note>
      )}
      {warnings.map((warning) => (
        <Note key={warning.code + warning.text} is={warning.is_bad ? 'warn' : 'unknown'} tone={warning.is_bad ? 'warn' : undefined} title={capital(warning.text)} />
      ))}
    </section>
  )
}
