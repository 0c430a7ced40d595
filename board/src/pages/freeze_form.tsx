// Asking for a freeze: scope and length here, the reason in the question.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { api, data } from '../api/client'
import type { Question } from '../parts/dialog'
import { when } from '../times'

const HOURS_MAX = 720

export function FreezeForm({ isOff, onAsk }: { isOff: boolean; onAsk: (question: Question) => void }): JSX.Element {
  const [scope, setScope] = useState('')
  const [hours, setHours] = useState('8')
  const [problem, setProblem] = useState('')
  const submit = (event: Event) => {
    event.preventDefault()
    if (isOff) return
    const asked = scope.trim() || 'fleet'
    const length = Number(hours)
    if (!/^(fleet|P\d{3,6}(-C\d{3,6})?)$/.test(asked)) {
      setProblem('Scope is fleet, a plant such as P001, or a circuit such as P001-C001.')
    } else if (!(length > 0 && length <= HOURS_MAX)) {
      setProblem(`It lasts 1 to ${HOURS_MAX} hours.`)
    } else {
      setProblem('')
      onAsk(freeze(asked, length))
    }
  }
  return (
    <aside class="panel" aria-labelledby="new">
      <div class="panel__head">
        <h2 id="new">Freeze production</h2>
      </div>
      <form class="panel__body stack" onSubmit={submit} noValidate>
        <label class="field">
          <span class="label">What</span>
          <input class="input" value={scope} placeholder="fleet, P001 or P001-C001" onInput={(event) => setScope(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span class="label">For how many hours</span>
          <input class="input" inputMode="decimal" value={hours} onInput={(event) => setHours(event.currentTarget.value)} />
        </label>
        <div role="alert">{problem && <p class="st st--bad">{problem}</p>}</div>
        <div class="btns">
          <button class="btn btn--main" type="submit" aria-disabled={isOff}>
            Freeze…
          </button>
        </div>
      </form>
    </aside>
  )
}

function freeze(scope: string, hours: number): Question {
  const until = new Date(Date.now() + hours * 3_600_000)
  return {
    title: scope === 'fleet' ? 'Freeze the whole fleet?' : `Freeze ${scope.replace('-', '/')}?`,
    verb: 'Freeze',
    reason: { label: 'Reason: releases that wait show it', needed: true },
    draft: `freeze ${scope}`,
    send: async (reason) => {
      await data(api.POST('/api/freezes', { body: { scope, reason, hours, until: null, starts_at: null } }))
      return undefined
    },
    children: (
      <p>
        No release brings anything new there until {when(until)}; those that are on their way wait, and their time behind it counts against no
        deadline. Rolling back, aborting and restoring are never frozen. Any member of the freeze groups can lift it.
      </p>
    ),
  }
}
