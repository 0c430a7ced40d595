// One circuit: what runs, whether it is well, what is on its way, and what was.

import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

import { api, data, type Schemas } from '../api/client'
import { useFleet } from '../api/fleet'
import { useLive } from '../api/live'
import { type CircuitState, levelOf } from '../fleet'
import { PageHead, Panel } from '../parts/list_page'
import { Empty, Loaded, Note } from '../parts/note'
import { Prose } from '../parts/prose'
import { Sign, State } from '../parts/sign'
import { exactly, when } from '../times'
import { capital, nameOf, phaseOf, shortId } from '../words'
import { HEALTH } from './fleet'
import { Phase } from './releases'

/** Beside the map. The heading has the focus when it opens; Esc closes it. */
export function CircuitFacts({ of, onClose }: { of: CircuitState; onClose: () => void }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null)
  const hadFocus = useRef(document.activeElement?.hasAttribute('data-circuit'))
  useEffect(() => {
    if (!hadFocus.current) heading.current?.focus()
  }, [])
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) onClose()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [onClose])
  return (
    <section class="panel" aria-labelledby="circuit">
      <div class="panel__head">
        <h2 id="circuit" tabIndex={-1} ref={heading}>
          <span class="mono">{of.key}</span> {of.name}
        </h2>
        <span class="end">
          <button class="iconbtn" type="button" aria-label="Close" onClick={onClose}>
            <Sign is="close" />
          </button>
        </span>
      </div>
      <Facts of={of} />
      <div class="panel__body">
        <a href={`/circuits/${of.key}`}>Its page, with its history</a>
      </div>
    </section>
  )
}

function Facts({ of }: { of: CircuitState }): JSX.Element {
  const health = HEALTH[of.health]
  return (
    <div class="panel__body stack">
      {of.health === 'well' || of.health === 'unknown' || of.health === 'nothing' ? (
        <State is={health.is} tone={health.tone}>
          {health.text}
        </State>
      ) : (
        <Note is={health.is} tone={health.tone} title={health.text}>
          <p>
            <Prose of={of.says} />
          </p>
        </Note>
      )}
      {of.open && (
        <Note is={phaseOf(of.open).is} tone={phaseOf(of.open).tone} title={`${nameOf(of.open)} is on its way: ${phaseOf(of.open).text}`}>
          <p>
            {of.open.waiting && `It waits for ${of.open.waiting.waits_for}. `}
            <a href={`/releases/${of.open.release_id}`}>Open the release</a>
          </p>
        </Note>
      )}
      {of.freeze && (
        <Note is="snow" tone="run" title={`Frozen until ${when(of.freeze.ends_at)}`}>
          <p>
            {of.freeze.reason}, {of.freeze.who}
          </p>
        </Note>
      )}
      <dl class="kv">
        <dt>Model</dt>
        <dd>{of.runs ? <Runs what={of.runs.model} by={of.runs.model_by} /> : <span class="dim">{HEALTH[of.health].text}</span>}</dd>
        {of.runs && (
          <>
            <dt>Environment</dt>
            <dd>
              <Runs what={of.runs.environment} by={of.runs.environment_by} />
            </dd>
          </>
        )}
        {of.readAt && (
          <>
            <dt>Read back</dt>
            <dd>
              {exactly(of.readAt)} from Azure ML{of.runs && `: ${of.runs.provisioning}`}
            </dd>
          </>
        )}
        {of.heldBy && (
          <>
            <dt>Held by</dt>
            <dd>
              <a href={`/releases/${of.heldBy}`}>{of.heldBy}</a>
            </dd>
          </>
        )}
        <dt>Predictions</dt>
        <dd>{of.day ? <Prose of={of.day.detail || of.day.state} /> : <span class="dim">nothing ran on the last day</span>}</dd>
        <dt>Error</dt>
        <dd>{of.performance ? measured(of.performance) : <span class="dim">not checked</span>}</dd>
        <dt>Drift</dt>
        <dd>{of.drift ? measured(of.drift) : <span class="dim">not checked</span>}</dd>
      </dl>
    </div>
  )
}

/** What runs, and the release that brought it. */
function Runs({ what, by }: { what: string; by: string }): JSX.Element {
  return (
    <>
      <code>{what}</code>{' '}
      {by ? (
        <>
          by <a href={`/releases/${by}`}>{shortId(by)}</a>
        </>
      ) : (
        <span class="dim">brought by no release</span>
      )}
    </>
  )
}

function measured(task: Schemas['TaskView']): string {
  const numbers = Object.entries(task.result).filter(([, value]) => typeof value === 'number')
  return [levelOf(task) || task.state, ...numbers.map(([name, value]) => `${name.replaceAll('_', ' ')} ${String(value)}`)].join(', ')
}

export function Circuit({ id }: { id: string }): JSX.Element {
  const fleet = useFleet()
  const key = id.replace('/', '-')
  const releases = useLive(`releases of ${id}`, () => data(api.GET('/api/releases', { params: { query: { circuit: key, limit: 50 } } })))
  const of = fleet.data?.circuits.find((circuit) => circuit.key === id)
  return (
    <>
      <PageHead title={of?.name ? `${id} ${of.name}` : id} says={of ? `${of.plantName ? `${of.plantName}. ` : ''}${HEALTH[of.health].text}.` : 'One circuit, and everything that was released for it.'} />
      <div class="cols cols--side">
        <Panel title="Releases" end="open ones first, then the latest end">
          <Loaded of={releases} what="its releases">
            {(list) =>
              list.releases.length ? (
                <ul class="rows">
                  {list.releases.map((release) => (
                    <li key={release.release_id} data-line>
                      <a href={`/releases/${release.release_id}`}>
                        <span class="mono">{nameOf(release)}</span>
                      </a>{' '}
                      <Phase of={release} /> <span class="small dim">{release.kind}</span>
                      {release.reason && (
                        <p class="small dim">
                          <Prose of={release.reason} />
                        </p>
                      )}
                    </li>
                  ))}
                </ul>
              ) : (
                <Empty is="none" title="Nothing was released for it">
                  <p>A release opens by itself when a model of it is registered in dev.</p>
                </Empty>
              )
            }
          </Loaded>
        </Panel>
        <Panel title="What runs, and how well">
          <Loaded of={fleet} what="the circuit">
            {() => (of ? <Facts of={of} /> : <Empty is="unknown" title={`${capital('nothing is known of')} ${id}`} />)}
          </Loaded>
        </Panel>
      </div>
    </>
  )
}
