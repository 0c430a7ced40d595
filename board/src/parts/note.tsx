// What must be read first, and the states in which a part of a page has nothing to show.

import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import type { Problem } from '../api/client'
import type { Live } from '../api/live'
import { capital } from '../words'
import { Sign, type Shape, type Tone } from './sign'

interface NoteProps {
  is: Shape
  tone?: Tone | undefined
  title: ComponentChildren
  children?: ComponentChildren
}

export function Note({ is, tone, title, children }: NoteProps): JSX.Element {
  return (
    <div class={tone && tone !== 'mute' ? `note note--${tone}` : 'note'}>
      <Sign is={is} />
      <h3>{title}</h3>
      {children}
    </div>
  )
}

/** Nothing there: what that means, and what to do or when something is likely. */
export function Empty({ is = 'ok', title, children }: { is?: Shape; title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <h3>
        <Sign is={is} tone={is === 'ok' ? 'good' : 'mute'} /> {title}
      </h3>
      {children}
    </div>
  )
}

/** Shape of what comes, once it takes longer than a blink; after five seconds it says so. */
export function Loading({ what }: { what: string }): JSX.Element | null {
  const [waitedS, setWaitedS] = useState(0)
  useEffect(() => {
    const begun = Date.now()
    const timer = setInterval(() => setWaitedS((Date.now() - begun) / 1000), 300)
    return () => clearInterval(timer)
  }, [])
  if (waitedS < 0.3) return <div class="panel__body" aria-busy="true" />
  return (
    <div class="panel__body stack" role="status" aria-busy="true">
      <span class={waitedS > 5 ? 'st st--mute' : 'vh'}>
        {waitedS > 5 ? `Still reading ${what}: the app has not answered for ${Math.round(waitedS)} s.` : `Reading ${what}`}
      </span>
      <div class="skel" />
      <div class="skel" />
      <div class="skel" />
    </div>
  )
}

export function Failed({ what, problem, again }: { what: string; problem: Problem; again: () => void }): JSX.Element {
  return (
    <div class="panel__body">
      <Note is="fail" tone="bad" title={`${what} could not be read`}>
        <p>{problem.message} What is running goes on without this page.</p>
        <div class="btns">
          <button class="btn" type="button" onClick={again}>
            Try again
          </button>
          {problem.status > 0 && <span class="small dim">Status {problem.status}</span>}
        </div>
      </Note>
    </div>
  )
}

/** A part of a page: what it shows once it is read, and until then why it is not. Old data stays when a reading fails. */
export function Loaded<T>({ of, what, children }: { of: Live<T>; what: string; children: (data: T) => ComponentChildren }): JSX.Element {
  if (of.data !== undefined) return <>{children(of.data)}</>
  if (of.problem) return <Failed what={capital(what)} problem={of.problem} again={of.readAgain} />
  return <Loading what={what} />
}

/** Stored records that this version of the app cannot read: each a row, and none takes the list down. */
export function Unreadable({ of }: { of: { id: string; reason: string }[] | undefined }): JSX.Element | null {
  if (!of?.length) return null
  return (
    <ul class="rows">
      {of.map((each) => (
        <li key={each.id}>
          <span class="st st--warn">
            <Sign is="unknown" />1 record cannot be shown
          </span>{' '}
          <code>{each.id}</code>
          <br />
          <span class="small dim">{each.reason}</span>
        </li>
      ))}
    </ul>
  )
}
