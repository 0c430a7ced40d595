// Addresses hold the state of a page: its path and its query. A link is an <a>, whatever is done with it.

import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'

import { store, useStore } from './store'

export interface Place {
  path: string
  query: URLSearchParams
}

const place = store<Place>(here())

function here(): Place {
  return { path: location.pathname.replace(/\/+$/, '') || '/', query: new URLSearchParams(location.search) }
}

window.addEventListener('popstate', () => place.set(here()))

export function usePlace(): Place {
  return useStore(place)
}

/** Goes to an address of the board; the page begins at its top, with the focus on its title. */
export function go(address: string): void {
  history.pushState(null, '', address)
  place.set(here())
  scrollTo(0, 0)
}

/** Changes the query in place: filters and what is open. Empty text takes a name away. */
export function ask(changes: Record<string, string>): void {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value)
    else query.delete(name)
  }
  const text = query.toString()
  history.replaceState(null, '', location.pathname + (text ? `?${text}` : ''))
  place.set(here())
}

/** After signing in the address is another one. */
export function placeChanged(): void {
  place.set(here())
}

/** Takes clicks on links within the board, wherever they are, so that no page is loaded anew. */
export function useLinks(): void {
  useEffect(() => {
    const onClick = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null
      if (!link || event.defaultPrevented || event.button !== 0) return
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || link.download) return
      const url = new URL(link.href, location.href)
      if (url.origin !== location.origin || url.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return
      event.preventDefault()
      go(url.pathname + url.search)
    }
    document.addEventListener('click', onClick)
    return () => document.removeEventListener('click', onClick)
  }, [])
}

/** The title of the page, in the tab and as its heading; a new page gives it the focus, so that it is read first. */
export function Title({ children, tab }: { children: JSX.Element | string; tab?: string }): JSX.Element {
  const words = tab ?? (typeof children === 'string' ? children : 'Board')
  useEffect(() => {
    document.title = `${words} · Switchyard`
  }, [words])
  return (
    <h1 id="title" tabIndex={-1}>
      {children}
    </h1>
  )
}
