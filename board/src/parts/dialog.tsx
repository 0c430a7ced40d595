// The only place where anything is decided: what will happen, the reason, what is signed, and two buttons.

import type { ComponentChildren, JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'

import { asProblem, type Problem } from '../api/client'
import { readAllNow } from '../api/live'
import { clearDraft, useDraft } from './draft'
import { useModal } from './modal'
import { Note } from './note'

export interface Question {
  /** With the verb and the number: "Approve 8 gates?" */
  title: string
  /** What the deciding button says: "Approve 8". */
  verb: string
  danger?: boolean | undefined
  /** What is asked to be typed; null where nothing is. */
  reason: { label: string; needed: boolean } | null
  /** What has to be chosen, with nothing chosen beforehand. */
  choice?: { label: string; options: { value: string; text: string }[] }
  /** Where what was typed is kept until it is sent. */
  draft: string
  /** Where to go on, if it is another page. */
  send: (reason: string, chosen: string) => Promise<string | undefined>
  children: ComponentChildren
}

/** Asks a question; `onClose` hears whether it was carried out, and where to go on. */
export function Dialog({ of, onClose }: { of: Question; onClose: (isDone: boolean, address?: string) => void }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null)
  const dialog = useModal(heading)
  const [reason, setReason] = useDraft(of.draft)
  const [isSending, setSending] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [chosen, setChosen] = useState('')
  const [missing, setMissing] = useState('')

  const send = async () => {
    if (isSending) return
    const lacks = of.choice && !chosen ? `Choose: ${of.choice.label.toLowerCase()}` : of.reason?.needed && !reason.trim() ? 'Say why: it is kept.' : ''
    setMissing(lacks)
    if (lacks) return
    setSending(true)
    setProblem(null)
    try {
      const address = await of.send(reason.trim(), chosen)
      clearDraft(of.draft)
      readAllNow()
      onClose(true, address)
    } catch (failed) {
      setProblem(asProblem(failed))
      setSending(false)
      readAllNow()
    }
  }

  return (
    <dialog
      class="dlg"
      ref={dialog}
      aria-labelledby="question"
      onCancel={(event) => {
        event.preventDefault()
        if (!isSending) onClose(false)
      }}
    >
      <div class="dlg__body">
        <h2 id="question" tabIndex={-1} ref={heading}>
          {of.title}
        </h2>
        {of.children}
        {of.choice && (
          <fieldset class="choice">
            <legend class="label">{of.choice.label}</legend>
            {of.choice.options.map((option) => (
              <label key={option.value}>
                <input type="radio" name="choice" value={option.value} checked={chosen === option.value} onChange={() => setChosen(option.value)} />
                {option.text}
              </label>
            ))}
          </fieldset>
        )}
        {of.reason && (
          <label class="field">
            <span class="label">{of.reason.label}</span>
            <textarea
              class="input"
              rows={3}
              maxLength={2000}
              value={reason}
              aria-invalid={Boolean(of.reason.needed && missing)}
              onInput={(event) => {
                setReason(event.currentTarget.value)
                setMissing('')
              }}
            />
          </label>
        )}
        <div role="alert">
          {missing && <p class="st st--bad">{missing}</p>}
          {problem && <Refusal problem={problem} />}
        </div>
      </div>
      <div class="dlg__foot">
        <button class="btn" type="button" onClick={() => onClose(false)} aria-disabled={isSending}>
          Back, decide nothing
        </button>
        <button class={`btn ${of.danger ? 'btn--danger' : 'btn--main'}`} type="button" onClick={() => void send()} aria-disabled={isSending}>
          {isSending ? 'Sending…' : of.verb}
        </button>
      </div>
    </dialog>
  )
}

/** Two people at once, changed facts, no right: the API says which, and what was typed is kept. */
function Refusal({ problem }: { problem: Problem }): JSX.Element {
  const kept = 'What you typed is kept.'
  if (problem.isOffline) {
    return (
      <Note is="off" tone="warn" title="Nothing was sent: there is no connection">
        <p>{kept} Try again when it is back.</p>
      </Note>
    )
  }
  return (
    <Note is={problem.status === 409 ? 'person' : 'fail'} tone={problem.status === 409 ? 'warn' : 'bad'} title="Nothing was changed by this">
      <p>
        {problem.message} {kept}
      </p>
    </Note>
  )
}
