// Keys. None decides: approving, rejecting, aborting and rolling back each open a question first.

import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

import { useModal } from './parts/modal'
import { go } from './router'

const PAGE_OF: Record<string, string> = {
  f: '/',
  w: '/waiting',
  r: '/releases',
  a: '/alerts',
  h: '/models',
  u: '/audit',
}

/** `g` and a letter, `/`, `j` `k` `x`, `?`: nothing while somebody types or a question is open. */
export function useKeys(onHelp: () => void): void {
  const help = useRef(onHelp)
  help.current = onHelp
  useEffect(() => {
    let isGoing = false
    const onKey = (event: KeyboardEvent) => {
      const at = event.target
      const isTyping = at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement
      if (isTyping && !(at instanceof HTMLInputElement && at.type === 'checkbox')) return
      if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector('dialog[open]')) return
      const page = isGoing ? PAGE_OF[event.key] : undefined
      isGoing = event.key === 'g' && !isGoing
      if (page) go(page)
      else if (event.key === '?') help.current()
      else if (event.key === '/') document.querySelector<HTMLInputElement>('[data-search]')?.focus()
      else if (event.key === 'j' || event.key === 'k') moveLine(event.key === 'j' ? 1 : -1)
      else if (event.key === 'x') lineWithFocus()?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click()
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

function lineWithFocus(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-line]') ?? null
}

function moveLine(by: number): void {
  const lines = [...document.querySelectorAll<HTMLElement>('[data-line]')]
  const current = lineWithFocus()
  const next = lines[current ? Math.min(Math.max(lines.indexOf(current) + by, 0), lines.length - 1) : 0]
  next?.querySelector<HTMLElement>('input[type=checkbox], a, button')?.focus()
}

const HELP: [string[], string][] = [
  [['g', 'f'], 'fleet'],
  [['g', 'w'], 'waiting on me'],
  [['g', 'r'], 'releases'],
  [['g', 'a'], 'alerts'],
  [['g', 'h'], 'health'],
  [['g', 'u'], 'audit'],
  [['/'], 'search or filter of the page'],
  [['←', '→', '↑', '↓'], 'from circuit to circuit in the map'],
  [['Enter'], 'open'],
  [['Esc'], 'close; nothing is done'],
  [['j', 'k'], 'next and previous line'],
  [['x'], 'select the line'],
  [['?'], 'this list'],
]

export function KeysHelp({ onClose }: { onClose: () => void }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null)
  const dialog = useModal(heading)
  return (
    <dialog class="dlg" ref={dialog} onClose={onClose} aria-labelledby="keys">
      <div class="dlg__body">
        <h2 id="keys" tabIndex={-1} ref={heading}>
          Keys
        </h2>
        <dl class="keys">
          {HELP.map(([keys, does]) => (
            <>
              <dt>
                {keys.map((key) => (
                  <>
                    <kbd>{key}</kbd>{' '}
                  </>
                ))}
              </dt>
              <dd>{does}</dd>
            </>
          ))}
        </dl>
        <p class="small dim">No key decides. Whatever changes something opens a question first.</p>
      </div>
      <div class="dlg__foot">
        <button class="btn" type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  )
}
