// Before anybody is signed in, after a session ended, and where nobody can sign in.

import type { JSX } from 'preact'

import { hasDrafts } from '../parts/draft'
import { Note } from '../parts/note'
import { Sign } from '../parts/sign'
import { Title } from '../router'
import { type Session, signIn } from '../session'
import { when } from '../times'

export function SignIn({ of }: { of: Session }): JSX.Element {
  const path = location.pathname + location.search
  const isDeep = path !== '/'
  return (
    <main class="page page--ended" id="main">
      <p class="brand">
        <Sign is="track" />
        <span>Switchyard</span>
      </p>
      {of.state === 'impossible' && (
        <>
          <Title>Sign in</Title>
          <Note is="fail" tone="bad" title="Sign-in does not work">
            <p>{of.why}</p>
            <div class="btns">
              <button class="btn" type="button" onClick={() => location.reload()}>
                Try again
              </button>
            </div>
          </Note>
        </>
      )}
      {of.state === 'signed-out' && (
        <>
          <Title>Sign in</Title>
          <p class="dim">With your work account.{isDeep && ' You come back to the page you opened.'}</p>
          <div class="btns">
            <button class="btn btn--main" type="button" onClick={() => void signIn(path)}>
              Sign in
            </button>
          </div>
          <p class="small dim">Reading: anybody who is let in. Deciding: members of the groups of a gate. A link in a mail opens a gate; it never decides.</p>
        </>
      )}
      {of.state === 'ended' && (
        <>
          <Title>Sign in again</Title>
          <Note is="late" tone="warn" title={`Your session ended at ${when(of.at)}`}>
            <p>{hasDrafts() ? 'What you had typed is kept in this tab. Nothing was sent.' : 'Nothing was sent.'}</p>
          </Note>
          <div class="btns">
            <button class="btn btn--main" type="button" onClick={() => void signIn(path, of.person.account)}>
              Sign in as {of.person.name}
            </button>
            <button class="btn btn--quiet" type="button" onClick={() => void signIn(path)}>
              Use another account
            </button>
          </div>
        </>
      )}
    </main>
  )
}
