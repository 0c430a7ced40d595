// On what a gate is decided: facts, test inferences, the fleet's progress, earlier attempts.

import type { JSX } from 'preact'

import type { Schemas } from '../api/client'
import { Prose } from '../parts/prose'
import { State } from '../parts/sign'
import { exactly } from '../times'
import { capital } from '../words'
import { Phase } from './releases'
import type { ReleaseView } from './release'

const WARNING = 'warning: '
const METRICS = 'training metrics'

/** What speaks against a yes, the worst first. */
export function warningsOf(release: ReleaseView): Schemas['WarningView'][] {
  return release.gate?.warnings ?? []
}

export function Facts({ of }: { of: ReleaseView }): JSX.Element | null {
  if (!of.gate) return <Outcome of={of} />
  const facts = Object.entries(of.gate.facts).filter(([name]) => !name.startsWith(WARNING) && name !== METRICS)
  const metrics = of.gate.facts[METRICS]
  return (
    <>
      {metrics && <Metrics of={metrics} />}
      <section class="panel" aria-labelledby="facts">
        <div class="panel__head">
          <h2 id="facts">What you decide on</h2>
          <span class="end">read {exactly(of.phase_since)}</span>
        </div>
        <div class="panel__body stack">
          {of.gate.instructions && <p class="dim">{of.gate.instructions}</p>}
          <dl class="kv">
            {facts.map(([name, text]) => (
              <>
                <dt>{capital(name)}</dt>
                <dd>
                  <Text of={text} />
                </dd>
              </>
            ))}
          </dl>
        </div>
      </section>
    </>
  )
}

function Outcome({ of }: { of: ReleaseView }): JSX.Element {
  const facts: [string, string | null | undefined][] = [
    ['Released', of.model],
    ['For', of.circuit],
    ['In the registry', of.registry_model_id],
    ['Ran before', of.previous_model],
    ['Production', of.production_touched ? 'was changed by this release' : 'was not changed by this release'],
    ['Pull request', of.pull_request],
    ['Why', of.reason],
  ]
  return (
    <section class="panel" aria-labelledby="facts">
      <div class="panel__head">
        <h2 id="facts">What it is about</h2>
      </div>
      <div class="panel__body">
        <dl class="kv">
          {facts
            .filter(([, text]) => text)
            .map(([name, text]) => (
              <>
                <dt>{name}</dt>
                <dd>
                  <Text of={text ?? ''} />
                </dd>
              </>
            ))}
          {of.undone_by && (
            <>
              <dt>Undone by</dt>
              <dd>
                <a href={`/releases/${of.undone_by}`}>{of.undone_by}</a>
              </dd>
            </>
          )}
          {of.again_as && (
            <>
              <dt>Again as</dt>
              <dd>
                <a href={`/releases/${of.again_as}`}>{of.again_as}</a>
              </dd>
            </>
          )}
        </dl>
      </div>
    </section>
  )
}

/** `mae 0.132561, rmse 0.166401`, each with its name. */
function Metrics({ of }: { of: string }): JSX.Element {
  const rows = of.split(',').map((each) => each.trim().split(/\s+/))
  return (
    <section class="panel" aria-labelledby="metrics">
      <div class="panel__head">
        <h2 id="metrics">Errors after training</h2>
        <span class="end">on the rows that were held back</span>
      </div>
      <dl class="figures">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** A text of a fact: an address in it is a link, an id of a thing is set as one. */
function Text({ of }: { of: string }): JSX.Element {
  return /^[\w.-]+[:@/][\w.:@/-]+$/.test(of) ? <code>{of}</code> : <Prose of={of} />
}

export function Checks({ of }: { of: ReleaseView }): JSX.Element | null {
  if (!of.check_runs.length) return null
  return (
    <section class="panel" aria-labelledby="checks">
      <div class="panel__head">
        <h2 id="checks">What the test produced</h2>
      </div>
      <ul class="rows">
        {of.check_runs.map((run) => (
          <li key={run.job_name + String(run.attempt)}>
            <Verdict of={run.verdict} /> <code>{run.job_name}</code>
            {of.check_runs.length > 1 && <span class="dim"> try {run.attempt}</span>}
            {run.detail && (
              <p class="dim">
                <Prose of={run.detail} />
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Verdict({ of }: { of: string | null }): JSX.Element {
  if (of === 'passed') {
    return (
      <State is="ok" tone="good">
        passed
      </State>
    )
  }
  if (of === null) {
    return (
      <State is="run" tone="run">
        running
      </State>
    )
  }
  return (
    <State is={of === 'failed' ? 'fail' : 'unknown'} tone={of === 'failed' ? 'bad' : 'warn'}>
      {of}
    </State>
  )
}

export function Earlier({ of }: { of: ReleaseView }): JSX.Element | null {
  if (!of.earlier?.length) return null
  return (
    <section class="panel" aria-labelledby="earlier">
      <div class="panel__head">
        <h2 id="earlier">Earlier attempts of this version</h2>
        <span class="end">none of it counts</span>
      </div>
      <ul class="rows">
        {of.earlier.map((each) => (
          <li key={each.release_id}>
            <Phase of={each} /> <a href={`/releases/${each.release_id}`}>{each.release_id}</a>{' '}
            <span class="dim">{exactly(each.ended_at)}</span>
            <p class="dim">{[each.reason, ...each.decisions, each.rolled_back].filter(Boolean).join('; ')}</p>
          </li>
        ))}
      </ul>
    </section>
  )
}

const WORK: Record<string, string> = {
  checking: 'are checked in the new environment',
  updating: 'are updated',
  rolling_back: 'are put back',
  verifying_rollback: 'are tried after going back',
}

/** How far the work on all targets is: one sentence, one bar. */
export function Progress({ of }: { of: ReleaseView }): JSX.Element | null {
  const { progress } = of
  if (!progress || !progress.targets) return null
  const done = progress.counts.done ?? 0
  const failed = progress.counts.failed ?? 0
  const changing = progress.counts.changing ?? 0
  return (
    <section class="panel" aria-labelledby="progress">
      <div class="panel__head">
        <h2 id="progress">
          {progress.work ? `${done} of ${progress.targets} deployments ${WORK[progress.work] ?? progress.work}` : `${progress.targets} deployments`}
        </h2>
        <span class="end">
          {changing > 0 && `${changing} at work`}
          {failed > 0 && `, ${failed} failed`}
        </span>
      </div>
      <div class="panel__body stack">
        <progress class="bar" max={progress.targets} value={done} aria-labelledby="progress" />
        <ul class="chips">
          {Object.entries(progress.checks)
            .filter(([, count]) => count > 0)
            .map(([verdict, count]) => (
              <li key={verdict}>
                <Verdict of={verdict} /> <b>{count}</b>
              </li>
            ))}
        </ul>
      </div>
    </section>
  )
}
