// A sentence of the API: an address inside it becomes a link that says where it leads, instead of three lines of letters.

import type { JSX } from 'preact'

import { Sign } from './sign'

const ADDRESS = /(https?:\/\/[^\s;,)]+)/

export function Prose({ of }: { of: string }): JSX.Element {
  const parts = of.split(ADDRESS)
  return (
    <>
      {parts.map((part, index) =>
        index % 2 ? (
          <a key={index} href={part} target="_blank" rel="noreferrer">
            {hostOf(part)} <Sign is="link" />
          </a>
        ) : (
          part
        ),
      )}
    </>
  )
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : address
}
