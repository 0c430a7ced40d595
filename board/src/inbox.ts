// What can be decided together, by a rule that is written down here. Pure.

import type { Gate } from './api/gates'

export interface Group {
  name: string
  why: string
  /** Whether all of it can be selected at once; false: none of it can be selected. */
  select: 'all' | 'each' | 'none'
  gates: Gate[]
}

interface Kind extends Omit<Group, 'gates'> {
  has: (gate: Gate) => boolean
}

const isModelAt = (gate: Gate, stage: string) => gate.kind === 'model' && gate.gate?.stage === stage

/** In the order of the page. A gate is in the first that has it. */
const KINDS: Kind[] = [
  { name: 'Held', why: 'A person must try again or abort. Decided on its own page.', select: 'none', has: (gate) => !gate.gate },
  {
    name: 'Rollback',
    why: 'Not critical, so it waits for a person. Decided on its own page.',
    select: 'none',
    has: (gate) => gate.gate?.stage === 'rollback' || gate.kind === 'rollback',
  },
  {
    name: 'Environment',
    why: 'It concerns the whole fleet. Decided on its own page.',
    select: 'none',
    has: (gate) => gate.kind === 'environment',
  },
  {
    name: 'Models to production, without warnings',
    why: 'Tested; each changes one deployment.',
    select: 'all',
    has: (gate) => isModelAt(gate, 'production') && !warnings(gate).length,
  },
  {
    name: 'Models to production: look closer',
    why: 'Each has a warning. They are selected one by one.',
    select: 'each',
    has: (gate) => isModelAt(gate, 'production'),
  },
  {
    name: 'Models to the registry, without warnings',
    why: 'Production is not changed by it.',
    select: 'all',
    has: (gate) => !warnings(gate).length,
  },
  { name: 'Models to the registry: look closer', why: 'Each has a warning. They are selected one by one.', select: 'each', has: () => true },
]

const WARNING = 'warning: '

export function warnings(gate: Gate): string[] {
  const named = Object.entries(gate.gate?.facts ?? {}).filter(([name]) => name.startsWith(WARNING))
  return named.map(([name, text]) => `${name.slice(WARNING.length)}: ${text}`)
}

/** Inside a group the next end first. */
export function grouped(gates: Gate[]): Group[] {
  const groups: Group[] = KINDS.map((kind) => ({ name: kind.name, why: kind.why, select: kind.select, gates: [] }))
  for (const gate of gates) groups[KINDS.findIndex((kind) => kind.has(gate))]?.gates.push(gate)
  for (const group of groups) group.gates.sort((a, b) => ending(a).localeCompare(ending(b)) || a.circuit.localeCompare(b.circuit))
  return groups.filter((group) => group.gates.length > 0)
}

function ending(gate: Gate): string {
  return gate.waiting?.until ?? '9'
}
