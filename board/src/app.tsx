import type { JSX } from 'preact'

import { Release } from './pages/release'
import { Releases } from './pages/releases'
import { SignIn } from './pages/sign_in'
import { Empty } from './parts/note'
import { Title, useLinks, usePlace } from './router'
import { session } from './session'
import { Shell } from './shell'
import { useStore } from './store'

export function App(): JSX.Element | null {
  const now = useStore(session)
  useLinks()
  if (now.state === 'unknown') return null
  if (now.state !== 'signed-in') return <SignIn of={now} />
  return (
    <Shell person={now.person}>
      <Page />
    </Shell>
  )
}

function Page(): JSX.Element {
  const { path } = usePlace()
  const release = /^\/releases\/([^/]+)$/.exec(path)?.[1]
  if (release) return <Release id={decodeURIComponent(release)} key={release} />
  if (path === '/releases' || path === '/') return <Releases />
  return (
    <>
      <div class="head">
        <Title>Not found</Title>
      </div>
      <div class="panel">
        <Empty is="unknown" title="There is no such page">
          <p>The address may have been cut.</p>
          <a class="btn" href="/">
            To the fleet
          </a>
        </Empty>
      </div>
    </>
  )
}
