// Trainings: what trains, what waits for a slot, what came of the others.

import type { JSX } from 'preact'

import { api, data, type Schemas } from '../api/client'
import { useLive } from '../api/live'
import { PageHead, Panel, Search } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { Prose } from '../parts/prose'
import { State } from '../parts/sign'
import { usePlace } from '../router'
import { when } from '../times'
import { capital } from '../words'

type Training = Schemas['TrainingView']

export function Trainings(): JSX.Element {
  const { query } = usePlace()
  const text = (query.get('find') ?? '').toLowerCase()
  const live = useLive('trainings', () => data(api.GET('/api/trainings', { params: { query: { limit: 100 } } })))
  const open = live.data?.trainings.filter((each) => !each.ended_at) ?? []
  const says = live.data
    ? `${open.length} ${open.length === 1 ? 'is' : 'are'} open; ${live.data.slots.length} of ${live.data.parallel_max} train at once at most.`
    : 'From a circuit and a date to a registered model.'
  return (
    <>
      <PageHead title="Trainings" says={says}>
        <Search label="Find a circuit or pull request" placeholder="Circuit, pull request" text={text} />
      </PageHead>
      <div class="stack">
        <Loaded of={live} what="the trainings">
          {(list) => {
            const shown = list.trainings.filter((each) =>
              `${each.plant_id}/${each.circuit_id} ${each.pr_number} ${each.author} ${each.model_name}`.toLowerCase().includes(text),
            )
            return (
              <>
                <Panel title="Open" end="the oldest first">
                  <Runs of={shown.filter((each) => !each.ended_at)} empty="Nothing trains" />
                </Panel>
                <Panel title="Ended" end="the latest first">
                  <Runs of={shown.filter((each) => each.ended_at)} empty="No training has ended yet" />
                </Panel>
                <Unreadable of={list.unreadable} />
              </>
            )
          }}
        </Loaded>
      </div>
    </>
  )
}

function Runs({ of, empty }: { of: Training[]; empty: string }): JSX.Element {
  if (!of.length) {
    return (
      <Empty is="none" title={empty}>
        <p>A merge that changes a cutoff date or a setting of a circuit trains it, and so does a person with the command line.</p>
      </Empty>
    )
  }
  return (
    <div class="tblwrap">
      <table class="tbl tbl--cards">
        <thead>
          <tr>
            <th scope="col">Circuit</th>
            <th scope="col">State</th>
            <th scope="col">What it waits for, or what came of it</th>
            <th scope="col">Trained to</th>
            <th scope="col">Why</th>
            <th scope="col">Since</th>
            <th scope="col">At the latest</th>
          </tr>
        </thead>
        <tbody>
          {of.map((each) => (
            <tr key={each.run_id} data-line>
              <th scope="row">
                <a href={`/circuits/${each.plant_id}/${each.circuit_id}`}>
                  <span class="mono">
                    {each.plant_id}/{each.circuit_id}
                  </span>
                </a>
                <br />
                <span class="small dim">{each.model_version ? `${each.model_name}:${each.model_version}` : 'no model yet'}</span>
              </th>
              <td>
                <Phase of={each} />
              </td>
              <td>
                {each.failure || each.waits_for ? <Prose of={each.failure || each.waits_for} /> : (each.release_id ? <a href={`/releases/${each.release_id}`}>its release</a> : null)}
              </td>
              <td class="nowrap" data-label="trained to">
                {each.cutoff_date}
              </td>
              <td>{[each.pr_number, each.author].filter(Boolean).join(', ') || 'asked for by hand'}</td>
              <td class="nowrap" data-label="since">
                {when(each.ended_at ?? each.since)}
              </td>
              <td class="nowrap" data-label="until">
                {each.deadline_at && !each.ended_at ? when(each.deadline_at) : ''}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Phase({ of }: { of: Training }): JSX.Element {
  const text = capital(of.phase.replaceAll('_', ' '))
  if (of.failure || of.phase === 'failed') {
    return (
      <State is="fail" tone="bad">
        {text}
      </State>
    )
  }
  if (of.ended_at) {
    return (
      <State is="check" tone="mute">
        {text}
      </State>
    )
  }
  return (
    <State is={of.phase.includes('wait') || of.phase === 'requested' ? 'queued' : 'run'} tone="run">
      {text}
    </State>
  )
}
