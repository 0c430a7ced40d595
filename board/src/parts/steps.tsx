// The stages of a release: circles are machines, diamonds are people.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import type { Stage } from '../stages'
import { lasting } from '../times'
import { Sign, type Shape } from './sign'

const SIGN: Record<Stage['state'], Shape | null> = { done: 'check', now: 'run', failed: 'close', next: null }

export function Steps({ of }: { of: Stage[] }): JSX.Element {
  const [isAll, setAll] = useState(false)
  const index = of.findIndex((stage) => stage.state === 'now' || stage.state === 'failed')
  const current = of[index]
  return (
    <>
      <ol class={isAll ? 'steps steps--all' : 'steps'}>
        {of.map((stage) => {
          const sign = stage.state === 'now' && stage.isHuman ? 'person' : SIGN[stage.state]
          return (
            <li key={stage.name} class={stage.isHuman ? `${stage.state} human` : stage.state} aria-current={stage.state === 'now' ? 'step' : undefined}>
              <span class="dot">{sign && <Sign is={sign} />}</span>
              <b>{stage.name}</b>
              <span class="t">{told(stage)}</span>
            </li>
          )
        })}
      </ol>
      <p class="steps__now">
        <span>
          {current ? (
            <>
              Step {index + 1} of {of.length}: <b>{current.name}</b>
              <br />
              <span class="dim small">{told(current)}</span>
            </>
          ) : (
            <span class="dim">{of.length} steps</span>
          )}
        </span>
        <button class="btn btn--quiet" type="button" aria-expanded={isAll} onClick={() => setAll(!isAll)}>
          {isAll ? 'Fewer' : 'All steps'}
        </button>
      </p>
    </>
  )
}

function told(stage: Stage): string {
  if (stage.state === 'next') return 'to come'
  if (stage.lastedS === null) return stage.state === 'failed' ? 'ended here' : 'no wait'
  const time = lasting(stage.lastedS)
  if (stage.state === 'now') return `${time} so far`
  return stage.who.length ? `${time}, ${stage.who.join(', ')}` : time
}
