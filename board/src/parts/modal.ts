// How a dialog opens and ends: where the focus goes, and where it goes back to.

import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** Opens the dialog that is given the result, with the focus on its heading. At its end the focus goes back to what opened
 * it, unless somebody has moved it on: a browser tells of a closed dialog later than it closes it. */
export function useModal(heading: RefObject<HTMLElement | null>): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null)
  const before = useRef<Element | null>(document.activeElement)
  useEffect(() => {
    const shown = dialog.current
    const opener = before.current
    shown?.showModal()
    heading.current?.focus()
    return () => {
      const at = document.activeElement
      const isLeft = !at || at === document.body || shown?.contains(at)
      if (isLeft && opener instanceof HTMLElement) opener.focus()
    }
  }, [heading])
  return dialog
}
