// Freezes: what may not change now, who said so, until when. Putting back is never frozen.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { api, data, type Schemas } from '../api/client'
import { connection, useLive } from '../api/live'
import { Dialog, type Question } from '../parts/dialog'
import { PageHead, Panel } from '../parts/list_page'
import { Empty, Loaded, Unreadable } from '../parts/note'
import { State } from '../parts/sign'
import type { Person } from '../session'
import { useStore } from '../store'
import { when } from '../times'
import { FreezeForm } from './freeze_form'

type Freeze = Schemas['FreezeView']

export function Freezes({ person }: { person: Person }): JSX.Element {
  const live = useLive('freezes', () => data(api.GET('/api/freezes')))
  const [question, setQuestion] = useState<Question | null>(null)
  const { isOffline } = useStore(connection)
  const active = live.data?.freezes.filter((freeze) => freeze.active).length ?? 0
  const says = live.data
    ? `${active || 'No'} ${active === 1 ? 'freeze is' : 'freezes are'} active. A freeze stops changes that bring something new; rolling back is never frozen.`
    : 'What may not change now.'
  return (
    <>
      <PageHead title="Freezes" says={says} />
      <div class="cols cols--side">
        <Panel title="Active and planned" end="the next end first">
          <Loaded of={live} what="the freezes">
            {(list) => (
              <>
                {list.freezes.length ? (
                  <ul class="rows">
                    {list.freezes.map((freeze) => (
                      <li key={freeze.freeze_id} data-line>
                        <One of={freeze} />
                        {person.isInAGroup && (
                          <div class="btns">
                            <button
                              class="btn"
                              type="button"
                              aria-disabled={isOffline}
                              onClick={() => {
                                if (!isOffline) setQuestion(lift(freeze))
                              }}
                            >
                              Lift it…
                            </button>
                          </div>
                        )}
                      </li>
                    ))}
                  </ul>
                ) : (
                  <Empty title="Nothing is frozen">
                    <p>Releases go on as soon as their gates are open. Members of {list.who_can_lift.join(' and ') || 'the freeze groups'} can freeze.</p>
                  </Empty>
                )}
                <Unreadable of={list.unreadable} />
              </>
            )}
          </Loaded>
        </Panel>
        {person.isInAGroup && <FreezeForm isOff={isOffline} onAsk={setQuestion} />}
      </div>
      {question && <Dialog of={question} onClose={() => setQuestion(null)} />}
    </>
  )
}

function One({ of }: { of: Freeze }): JSX.Element {
  return (
    <>
      <p>
        <State is="snow" tone={of.active ? 'run' : 'mute'}>
          {of.scope === 'fleet' ? 'The whole fleet' : of.scope.replace('-', '/')}
        </State>{' '}
        <span class="dim">
          {of.active ? `until ${when(of.ends_at)}` : `planned from ${when(of.starts_at)} until ${when(of.ends_at)}`}, by {of.who}
        </span>
      </p>
      <p>{of.reason}</p>
    </>
  )
}

function lift(freeze: Freeze): Question {
  return {
    title: `Lift the freeze of ${freeze.scope}?`,
    verb: 'Lift',
    reason: { label: 'Reason: it is kept with the freeze', needed: true },
    draft: `${freeze.freeze_id} lift`,
    send: async (reason) => {
      await data(api.POST('/api/freezes/{freeze_id}/lift', { params: { path: { freeze_id: freeze.freeze_id } }, body: { reason } }))
      return undefined
    },
    children: (
      <p>
        Releases that wait behind it look at once and go on. It would end by itself {when(freeze.ends_at)}. Set by {freeze.who}: “{freeze.reason}”.
      </p>
    ),
  }
}
