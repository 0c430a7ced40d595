// The groups of the inbox, in the order in which they should be looked at. Which gate is in which, the API says. Pure.

import type { Gate } from './api/gates'

export interface Group {
  name: string
  why: string
  /** Whether all of it can be selected at once, one by one, or not at all. */
  select: 'all' | 'each' | 'none'
  gates: Gate[]
}

const GROUPS: Record<string, Omit<Group, 'gates'>> = {
  rollback: { name: 'Rollbacks', why: 'Not critical, so each waits for a person. Decided on its own page.', select: 'none' },
  environment: { name: 'Environments and online endpoints', why: 'Each changes more than one deployment. Decided on its own page.', select: 'none' },
  model: { name: 'Models to production, without warnings', why: 'Tested; each changes one deployment.', select: 'all' },
  model_with_warnings: {
    name: 'Models to production: look closer',
    why: 'Each has a warning. They are selected one by one.',
    select: 'each',
  },
  first_gate: { name: 'Models to the registry', why: 'Production is not changed by it.', select: 'all' },
}

/** The order of the API stays inside a group: critical plants first, then the next end. */
export function grouped(gates: Gate[]): Group[] {
  return Object.entries(GROUPS).flatMap(([key, group]) => {
    const mine = gates.filter((gate) => groupOf(gate) === key)
    if (!mine.length) return []
    const isMixed = group.select === 'all' && mine.some((gate) => warned(gate))
    return [{ ...group, select: isMixed ? 'each' : group.select, gates: mine }]
  })
}

/** A group that this page does not know is decided on its own page, like one of the fleet. */
function groupOf(gate: Gate): string {
  if (gate.kind === 'online') return 'environment'
  return gate.group in GROUPS ? gate.group : 'environment'
}

/** Whether it has something that needs a close look, or the policy wants a reason for. */
export function warned(gate: Gate): boolean {
  return (gate.gate.warnings ?? []).some((warning) => warning.is_bad)
}

/** Whose it is: `P001/C001`, or the version for what concerns several circuits. */
export function keyOf(gate: Gate): string {
  return gate.circuit || gate.asset
}
