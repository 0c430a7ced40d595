import type { JSX } from 'preact'

import { Alerts } from './pages/alerts'
import { Audit } from './pages/audit'
import { Changes } from './pages/changes'
import { Circuit } from './pages/circuit'
import { Fleet } from './pages/fleet'
import { Freezes } from './pages/freezes'
import { Health } from './pages/health'
import { Release } from './pages/release'
import { Releases } from './pages/releases'
import { SignIn } from './pages/sign_in'
import { Trainings } from './pages/trainings'
import { Waiting } from './pages/waiting'
import { Title, useLinks, usePlace } from './router'
import { type Person, session } from './session'
import { Shell } from './shell'
import { useStore } from './store'

export function App(): JSX.Element | null {
  const now = useStore(session)
  useLinks()
  if (now.state === 'unknown') return null
  if (now.state !== 'signed-in') return <SignIn of={now} />
  return (
    <Shell person={now.person}>
      <Page person={now.person} />
    </Shell>
  )
}

function Page({ person }: { person: Person }): JSX.Element {
  const { path } = usePlace()
  const release = /^\/releases\/([^/]+)$/.exec(path)?.[1]
  if (release) return <Release id={decodeURIComponent(release)} key={release} />
  if (path === '/waiting') return <Waiting person={person} />
  if (path === '/alerts') return <Alerts />
  if (path === '/models') return <Health />
  if (path === '/trainings') return <Trainings />
  if (path === '/freezes') return <Freezes person={person} />
  const circuit = /^\/circuits\/(P\d+\/C\d+)$/.exec(path)?.[1]
  if (circuit) return <Circuit id={circuit} key={circuit} />
  if (path === '/') return <Fleet />
  if (path === '/releases') return <Releases />
  if (path === '/changes') return <Changes />
  if (path === '/audit') return <Audit />
  return (
    <>
      <div class="head">
        <Title>Not found</Title>
      </div>
      <section class="panel empty">
        <h2>There is no such page</h2>
        <p>The address may have been cut.</p>
        <a class="btn" href="/">
          To the fleet
        </a>
      </section>
    </>
  )
}
