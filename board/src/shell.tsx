// What is around every page: where one is, whether it is live, who one is.

import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { connection, readAllNow } from './api/live'
import { useMine } from './api/mine'
import { KeysHelp, useKeys } from './keys'
import { Sign, type Shape } from './parts/sign'
import { usePlace } from './router'
import { type Person, signOut } from './session'
import { useStore } from './store'
import { clock, exactly, lasting } from './times'

interface PageLink {
  path: string
  name: string
  is: Shape
}

export const PAGES: PageLink[] = [
  { path: '/', name: 'Fleet', is: 'grid' },
  { path: '/waiting', name: 'Waiting on me', is: 'person' },
  { path: '/releases', name: 'Releases', is: 'list' },
  { path: '/alerts', name: 'Alerts', is: 'bell' },
  { path: '/models', name: 'Health', is: 'pulse' },
  { path: '/trainings', name: 'Trainings', is: 'run' },
  { path: '/changes', name: 'Changes', is: 'data' },
  { path: '/freezes', name: 'Freezes', is: 'snow' },
  { path: '/audit', name: 'Audit', is: 'book' },
]

const ON_A_PHONE = ['/', '/waiting', '/releases', '/alerts', '/models']

export function Shell({ person, children }: { person: Person; children: ComponentChildren }): JSX.Element {
  const { path } = usePlace()
  const [isHelpOpen, setHelpOpen] = useState(false)
  useKeys(() => setHelpOpen(true))
  const counts = { '/waiting': useMine().data?.length ?? 0 }
  const current = (link: PageLink) => (link.path === '/' ? path === '/' : path.startsWith(link.path))
  const links = (shown: PageLink[], withSign: boolean) =>
    shown.map((link) => (
      <a key={link.path} href={link.path} class={ON_A_PHONE.includes(link.path) ? undefined : 'nav__more'} aria-current={current(link) ? 'page' : undefined}>
        {withSign && <Sign is={link.is} />}
        <span>{withSign && link.path === '/waiting' ? 'Waiting' : link.name}</span>
        <Count of={link.path} counts={counts} />
      </a>
    ))
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="/" aria-label="Switchyard, to the fleet">
          <Sign is="track" />
          <span>Switchyard</span>
        </a>
        <nav class="nav" aria-label="Pages">
          {links(PAGES, false)}
        </nav>
        <div class="top__end">
          <LiveSign />
          <Clock />
          <button class="iconbtn keysbtn" type="button" onClick={() => setHelpOpen(true)} aria-label="Keys">
            <Sign is="keys" />
          </button>
          <button class="iconbtn" type="button" onClick={changeTheme} aria-label="Light or dark">
            <Sign is="theme" />
          </button>
          <Me person={person} />
        </div>
      </header>
      <OfflineStrip />
      <main class="page" id="main" tabIndex={-1}>
        {children}
      </main>
      <nav class="bottom" aria-label="Pages, short">
        {links(
          PAGES.filter((link) => ON_A_PHONE.includes(link.path)),
          true,
        )}
      </nav>
      {isHelpOpen && <KeysHelp onClose={() => setHelpOpen(false)} />}
    </>
  )
}

function Count({ of, counts }: { of: string; counts: Record<string, number> }): JSX.Element | null {
  const count = counts[of] ?? 0
  if (!count) return null
  return <b class={`count ${of === '/waiting' ? 'count--wait' : 'count--bad'}`}>{count}</b>
}

function LiveSign(): JSX.Element {
  const { isOffline } = useStore(connection)
  return (
    <span class={isOffline ? 'live live--off' : 'live'} role="status">
      <Sign is={isOffline ? 'off' : 'live'} />
      {isOffline ? 'Offline' : 'Live'}
    </span>
  )
}

function OfflineStrip(): JSX.Element | null {
  const known = useStore(connection)
  const now = useNow(1)
  if (known.isOffline) {
    const inS = known.nextTry ? Math.max(0, Math.round((known.nextTry.getTime() - now.getTime()) / 1000)) : 0
    return (
      <aside class="strip strip--warn" aria-label="Connection">
        <Sign is="off" />
        <span>
          <b>Offline since {exactly(known.since)}.</b> You see what was known then. Deciding is off until the connection is back;{' '}
          {inS ? `it is tried again in ${inS} s.` : 'it is tried now.'}
        </span>
        <button class="btn" type="button" onClick={readAllNow}>
          Try now
        </button>
      </aside>
    )
  }
  if (!known.missedS || (now.getTime() - known.since.getTime()) / 1000 > 20) return null
  return (
    <aside class="strip" aria-label="Connection, back">
      <Sign is="live" tone="good" />
      <span>
        <b>Connected again at {exactly(known.since)}.</b> {lasting(known.missedS)} were missed; everything was read again.
      </span>
    </aside>
  )
}

/** A time that goes on, every `everyS` seconds. */
export function useNow(everyS: number): Date {
  const [now, setNow] = useState(() => new Date())
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), everyS * 1000)
    return () => clearInterval(timer)
  }, [everyS])
  return now
}

function Clock(): JSX.Element {
  return <span class="top__clock nowrap">{clock(useNow(10))}</span>
}

function Me({ person }: { person: Person }): JSX.Element {
  return (
    <details class="me">
      <summary aria-label={person.name}>
        <Sign is="person" />
        <span>{person.name}</span>
      </summary>
      <div class="me__menu">
        <b>{person.name}</b>
        <span class="small dim">{person.account}</span>
        <span class="chips">
          {PAGES.filter((link) => !ON_A_PHONE.includes(link.path)).map((link) => (
            <a key={link.path} href={link.path}>
              {link.name}
            </a>
          ))}
        </span>
        <button class="btn" type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </details>
  )
}

const THEME = 'theme'

/** The theme of this tab, where the person chose one. */
export function applyTheme(): void {
  const chosen = sessionStorage.getItem(THEME)
  if (chosen) document.documentElement.dataset.theme = chosen
}

function changeTheme(): void {
  const isDark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches
  sessionStorage.setItem(THEME, isDark ? 'light' : 'dark')
  applyTheme()
}
