// The targets of a release of the fleet: which differ, which work is at which, and what each ran before.

import type { JSX } from 'preact'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { Panel } from '../parts/list_page'
import { Loaded } from '../parts/note'
import { Prose } from '../parts/prose'
import { State, type Shape, type Tone } from '../parts/sign'
import { versionOf } from '../words'
import type { ReleaseView } from './release'

type Target = Schemas['TargetView']

const PROGRESS: Record<string, [Shape, Tone]> = {
  untouched: ['queued', 'mute'],
  waiting: ['queued', 'mute'],
  changing: ['run', 'run'],
  done: ['check', 'good'],
  failed: ['fail', 'bad'],
}

export function Targets({ of }: { of: ReleaseView }): JSX.Element | null {
  const live = useLive(`targets ${of.release_id}`, () =>
    data(api.GET('/api/releases/{release_id}/targets', { params: { path: { release_id: of.release_id } } })),
  )
  if (!of.progress?.targets) return null
  return (
    <Panel title={`${of.progress.targets} targets`} end="what does not go well first">
      <Loaded of={live} what="the targets">
        {(list) => (
          <div class="tblwrap listed--tall" tabIndex={0} role="region" aria-label="Targets">
            <table class="tbl tbl--cards">
              <thead>
                <tr>
                  <th scope="col">Circuit</th>
                  <th scope="col">Progress</th>
                  <th scope="col">Check in the new environment</th>
                  <th scope="col">Ran before</th>
                </tr>
              </thead>
              <tbody>
                {sorted(list.targets).map((target) => (
                  <One key={target.key} of={target} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}

function sorted(targets: Target[]): Target[] {
  const rank = (each: Target) => (each.progress === 'failed' ? 0 : each.check && each.check !== 'passed' ? 1 : each.progress === 'changing' ? 2 : 3)
  return [...targets].sort((a, b) => rank(a) - rank(b) || a.key.localeCompare(b.key))
}

function One({ of }: { of: Target }): JSX.Element {
  const [is, tone] = PROGRESS[of.progress] ?? (['unknown', 'mute'] as const)
  return (
    <tr>
      <th scope="row" class="mono nowrap">
        {of.plant_id}/{of.circuit_id}
      </th>
      <td>
        <State is={is} tone={tone}>
          {of.progress}
        </State>
        {of.attempt > 1 && <span class="small dim"> try {of.attempt}</span>}
        {of.detail && (
          <p class="small dim">
            <Prose of={of.detail} />
          </p>
        )}
      </td>
      <td>
        {of.check && (
          <State is={of.check === 'passed' ? 'check' : of.check === 'failed' ? 'fail' : 'unknown'} tone={of.check === 'passed' ? 'mute' : of.check === 'failed' ? 'bad' : 'warn'}>
            {of.check}
          </State>
        )}
        {of.check_detail && (
          <p class="small dim">
            <Prose of={of.check_detail} />
          </p>
        )}
      </td>
      <td class="small dim">
        {last(of.previous_model)} in {last(of.previous_environment)}
      </td>
    </tr>
  )
}

/** `azureml://registries/r/models/m/versions/3` is `m:3`. */
function last(reference: string): string {
  const found = /\/([^/]+)\/versions\/([^/]+)$/.exec(reference)
  return found ? `${found[1] ?? ''}:${found[2] ?? ''}` : reference.includes(':') ? reference : versionOf(reference)
}
