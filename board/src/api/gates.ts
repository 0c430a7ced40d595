// The gates that wait, with the facts of each, and how many of them are decided at once.

import { api, data, type Schemas } from './client'
import { type Live, useLive } from './live'

export type Gate = Schemas['OpenGateView']

/** What became of one decision of many: each is answered by itself. */
export interface Told {
  isSent: boolean
  text: string
  /** Whether it can still be decided, once it was read again. */
  isOpen: boolean
}

const DECISIONS_MAX = 100
const OTHERS_EVERY_S = 10

/** Those that the person may decide on: critical plants first, then what ends first. */
export function useGates(): Live<Schemas['GateList']> {
  return useLive('my gates', () => data(api.GET('/api/gates', { params: { query: { mine: 'true', limit: 200 } } })))
}

/** All that wait, with the reason why this person may not decide where that is so. */
export function useAllGates(): Live<Schemas['GateList']> {
  return useLive('all gates', () => data(api.GET('/api/gates', { params: { query: { limit: 200 } } })), OTHERS_EVERY_S)
}

/** Sends each decision with the digest that was shown, and one reason; returns what became of each, by release. */
export async function decideMany(gates: Gate[], decision: 'approve' | 'reject', reason: string): Promise<Map<string, Told>> {
  const answers = new Map<string, Told>()
  for (let from = 0; from < gates.length; from += DECISIONS_MAX) {
    const decisions = gates.slice(from, from + DECISIONS_MAX).map(({ release_id, gate }) => ({
      release_id,
      stage: gate.stage as 'registry',
      digest: gate.digest,
      decision,
    }))
    const told = await data(api.POST('/api/gates/decisions', { body: { decisions, reason } }))
    for (const answer of told.answers) answers.set(answer.release_id, inWords(answer, decision))
  }
  return answers
}

function inWords(answer: Schemas['DecisionAnswer'], decision: 'approve' | 'reject'): Told {
  const verb = decision === 'approve' ? 'Approved' : 'Rejected'
  const by = (answer.by ?? []).map((said) => `${said.name} ${said.decision === 'approve' ? 'approved' : 'rejected'}`).join(', ')
  const words: Record<typeof answer.answer, Told> = {
    accepted: { isSent: true, text: verb, isOpen: false },
    already_done: { isSent: true, text: `${verb} before`, isOpen: false },
    already_decided: { isSent: false, text: `${by || answer.detail}: nothing is left to decide`, isOpen: false },
    stale: { isSent: false, text: 'Not sent: its facts changed. Read it again', isOpen: true },
    not_allowed: { isSent: false, text: answer.detail, isOpen: false },
    needs_reason: { isSent: false, text: answer.detail, isOpen: true },
    not_found: { isSent: false, text: answer.detail, isOpen: false },
    no_answer: { isSent: false, text: `${answer.detail} Send it again: that does no harm`, isOpen: true },
  }
  return words[answer.answer]
}
