// Merged changes of the configuration: what each led to, and which one is in force.

import type { JSX } from 'preact'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { PageHead, Panel } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { State, type Shape, type Tone } from '../parts/sign'
import { when } from '../times'
import { capital } from '../words'

type Change = Schemas['ChangeSummary']

const STATE: Record<Change['state'], [Shape, Tone]> = {
  accepted: ['run', 'run'],
  taken: ['check', 'mute'],
  unrelated: ['queued', 'mute'],
  covered: ['check', 'mute'],
  refused: ['fail', 'bad'],
  failed: ['fail', 'bad'],
  ignored: ['queued', 'mute'],
}

export function Changes(): JSX.Element {
  const live = useLive('changes', () => data(api.GET('/api/changes', { params: { query: { limit: 50 } } })), 5)
  const force = live.data?.in_force
  const says = live.data ? `In force: ${force ? `the configuration of commit ${force.slice(0, 10)}` : 'the files that the app was published with'}.` : 'From a merge to training and environments.'
  return (
    <>
      <PageHead title="Changes" says={says} />
      <Panel title="Merged changes" end="the latest first">
        <Loaded of={live} what="the changes">
          {(list) =>
            list.changes.length ? (
              <div class="tblwrap">
                <table class="tbl tbl--cards">
                  <thead>
                    <tr>
                      <th scope="col">What</th>
                      <th scope="col">State</th>
                      <th scope="col">What it led to</th>
                      <th scope="col">When</th>
                    </tr>
                  </thead>
                  <tbody>
                    {list.changes.map((change) => (
                      <tr key={change.change_id} data-line>
                        <th scope="row">
                          {change.title || change.change_id}
                          <br />
                          <span class="small dim">
                            <code>{change.change_id.slice(0, 10)}</code> {[change.pr_number, change.author].filter(Boolean).join(', ')}
                          </span>
                        </th>
                        <td>
                          <State is={STATE[change.state][0]} tone={STATE[change.state][1]}>
                            {capital(change.state)}
                          </State>
                        </td>
                        <td>{led(change)}</td>
                        <td class="nowrap">{when(change.accepted_at)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ) : (
              <Empty is="none" title="No merge was taken yet">
                <p>The app takes merges of its repository once the webhooks are set up.</p>
              </Empty>
            )
          }
        </Loaded>
        <Unreadable of={live.data?.unreadable} />
      </Panel>
    </>
  )
}

function led(change: Change): string {
  const parts = [
    change.trainings_total ? `${change.trainings_total} ${change.trainings_total === 1 ? 'training' : 'trainings'}` : '',
    change.environment ? `environment ${change.environment}` : '',
    change.problems_total ? `${change.problems_total} mistakes` : '',
    change.note,
  ].filter(Boolean)
  return parts.join('; ') || (change.circuits_total ? `${change.circuits_total} circuits, nothing to train` : 'nothing')
}
