// Who is signed in: authorization code with PKCE by oidc-client-ts. Tokens stay in this tab's sessionStorage.

import { type User, UserManager, WebStorageStateStore } from 'oidc-client-ts'

import { type Store, store } from './store'

const RETURN_PATH = '/signed-in'

export interface Person {
  name: string
  account: string
  /** Whether the token names any group or role. Who has none can decide nowhere; the API has the last word anyway. */
  isInAGroup: boolean
}

export type Session =
  | { state: 'unknown' }
  | { state: 'signed-out' }
  | { state: 'signed-in'; person: Person }
  /** Somebody was signed in and the authority gives no new token: what was typed is kept. */
  | { state: 'ended'; person: Person; at: Date }
  /** Nobody can sign in; `why` says what to do about it. */
  | { state: 'impossible'; why: string }

export const session: Store<Session> = store<Session>({ state: 'unknown' })

interface Settings {
  authority: string
  client_id: string | null
  scope: string
}

let manager: UserManager | undefined
let renewing: Promise<boolean> | undefined

/** Reads how to sign in, and takes up whoever is signed in in this tab or comes back from signing in. */
export async function openSession(): Promise<void> {
  try {
    const answer = await fetch('/api/board-settings')
    if (!answer.ok) throw new Error(`the app answers ${answer.status} for /api/board-settings`)
    const settings = (await answer.json()) as Settings
    if (!settings.client_id) {
      const why = 'Sign-in is not set up: give the app the setting BOARD_CLIENT_ID (docs/deploying.md).'
      session.set({ state: 'impossible', why })
      return
    }
    manager = made(settings, settings.client_id)
    const back = location.pathname === RETURN_PATH ? await returned(manager) : null
    const user = back ?? (await manager.getUser())
    session.set(user ? signedIn(user) : { state: 'signed-out' })
    if (user?.expired) await renew()
  } catch (problem) {
    session.set({ state: 'impossible', why: `Nobody can sign in now: ${text(problem)}` })
  }
}

/** Leaves for the authority's page; afterwards the person is at `path` again. */
export async function signIn(path: string, account?: string): Promise<void> {
  try {
    await manager?.signinRedirect({ state: path, ...(account ? { login_hint: account } : {}) })
  } catch (problem) {
    session.set({ state: 'impossible', why: `The sign-in page cannot be reached: ${text(problem)}` })
  }
}

/** Ends the session here and at the authority. */
export async function signOut(): Promise<void> {
  sessionStorage.clear()
  await manager?.signoutRedirect().catch(() => session.set({ state: 'signed-out' }))
}

export async function accessToken(): Promise<string> {
  const user = await manager?.getUser()
  return user?.access_token ?? ''
}

/** A new token without asking anybody. False: the session has ended, and the board says so. */
export function renew(): Promise<boolean> {
  renewing ??= renewed().finally(() => (renewing = undefined))
  return renewing
}

async function renewed(): Promise<boolean> {
  try {
    const user = await manager?.signinSilent()
    if (user) session.set(signedIn(user))
    return Boolean(user)
  } catch {
    const known = session.get()
    if (known.state === 'signed-in') session.set({ state: 'ended', person: known.person, at: new Date() })
    await manager?.removeUser()
    return false
  }
}

function made(settings: Settings, clientId: string): UserManager {
  const made = new UserManager({
    authority: settings.authority,
    client_id: clientId,
    scope: settings.scope,
    redirect_uri: `${location.origin}${RETURN_PATH}`,
    post_logout_redirect_uri: `${location.origin}/`,
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    automaticSilentRenew: false, // renew() does it, so that there is one way and one answer to a refusal
    monitorSession: false,
  })
  made.events.addAccessTokenExpiring(() => void renew())
  return made
}

/** The code in the address is used up and gone from the address before anything is shown. */
async function returned(manager: UserManager): Promise<User | null> {
  let path = '/'
  try {
    const user = await manager.signinCallback()
    if (typeof user?.state === 'string' && user.state.startsWith('/')) path = user.state
    return user ?? null
  } finally {
    history.replaceState(null, '', path)
  }
}

function signedIn(user: User): Session {
  const { name, preferred_username } = user.profile
  const claims = claimsOf(user.access_token)
  const isInAGroup = ['groups', 'roles', '_claim_names'].some((claim) => claim in claims)
  return { state: 'signed-in', person: { name: name ?? preferred_username ?? 'You', account: preferred_username ?? '', isInAGroup } }
}

/** What the token says, for showing only: nobody is let in by what a page believes. */
function claimsOf(token: string): object {
  const body = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
  try {
    return JSON.parse(atob(body)) as object
  } catch {
    return {}
  }
}

function text(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem)
}
