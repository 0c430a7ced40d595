// What somebody has typed and not sent: kept in the tab, so that neither a lost connection nor an ended session loses it.

import { useState } from 'preact/hooks'

const PREFIX = 'draft:'

export function useDraft(key: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => sessionStorage.getItem(PREFIX + key) ?? '')
  const keep = (typed: string) => {
    setText(typed)
    if (typed) sessionStorage.setItem(PREFIX + key, typed)
    else sessionStorage.removeItem(PREFIX + key)
  }
  return [text, keep]
}

export function clearDraft(key: string): void {
  sessionStorage.removeItem(PREFIX + key)
}

export function hasDrafts(): boolean {
  return Object.keys(sessionStorage).some((key) => key.startsWith(PREFIX))
}
