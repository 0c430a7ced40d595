// What pages of lists share: title, one sentence, search, chips.

import type { ComponentChildren, JSX } from 'preact'

import { ask, Title } from '../router'
import { Sign, type Shape } from './sign'

export function PageHead({ title, tab, says, children }: { title: string; tab?: string; says: ComponentChildren; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="head">
      <div class="head__text">
        <Title {...(tab ? { tab } : {})}>{title}</Title>
        <p class="dim">{says}</p>
      </div>
      {children && <div class="head__end">{children}</div>}
    </div>
  )
}

/** A search of the page; what is typed is in the address, so that a link shows what the sender saw. */
export function Search({ label, placeholder, text }: { label: string; placeholder: string; text: string }): JSX.Element {
  return (
    <label class="search">
      <span class="vh">{label}</span>
      <Sign is="search" />
      <input class="input" type="search" data-search placeholder={placeholder} value={text} onInput={(event) => ask({ find: event.currentTarget.value })} />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}

export interface Choice {
  value: string
  name: string
  is?: Shape | undefined
  count?: number | undefined
}

/** Chips of which one is pressed; pressing it again goes back to the first. */
export function Chips({ name, now, choices, children }: { name: string; now: string; choices: Choice[]; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="chips chips--scroll" role="group" aria-label="Show only">
      {choices.map((choice) => (
        <button
          key={choice.value}
          class="chip"
          type="button"
          aria-pressed={now === choice.value}
          onClick={() => ask({ [name]: now === choice.value ? '' : choice.value })}
        >
          {choice.is && <Sign is={choice.is} />}
          {choice.name}
          {choice.count !== undefined && <b>{choice.count}</b>}
        </button>
      ))}
      {children}
    </div>
  )
}

export function Panel({ title, end, children }: { title: ComponentChildren; end?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  return (
    <section class="panel">
      <div class="panel__head">
        <h2>{title}</h2>
        {end && <span class="end">{end}</span>}
      </div>
      {children}
    </section>
  )
}
