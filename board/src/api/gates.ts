// The gates that wait for the person who is signed in, with the facts of each, and how many of them are decided at once.

import { api, asProblem, data, type Schemas } from './client'
import { type Live, useLive } from './live'

export type Gate = Schemas['ReleaseView']

/** What became of one decision of many: each is answered by itself. */
export interface Answer {
  release_id: string
  outcome: 'sent' | 'not sent'
  text: string
  /** Whether it can still be decided, once it was read again. */
  isOpen: boolean
}

const FRESH_S = 10
const AT_ONCE = 4

const known = new Map<string, { gate: Gate; at: number }>()

export function useGates(): Live<Gate[]> {
  return useLive('gates', async () => {
    const list = await data(api.GET('/api/releases', { params: { query: { waiting_for: 'me', limit: 200 } } }))
    const ids = list.releases.map((each) => each.release_id)
    for (const id of known.keys()) if (!ids.includes(id)) known.delete(id)
    const freshS = Math.max(FRESH_S, ids.length / 2)
    const stale = list.releases.filter(({ release_id, phase }) => {
      const mine = known.get(release_id)
      return mine?.gate.phase !== phase || Date.now() - mine.at > freshS * 1000
    })
    await inTurns(stale, async ({ release_id }) => {
      const gate = await data(api.GET('/api/releases/{release_id}', { params: { path: { release_id } } }))
      known.set(release_id, { gate, at: Date.now() })
    })
    return ids.flatMap((id) => known.get(id)?.gate ?? [])
  })
}

/** Decides on each by itself; one that is refused never stops the others. Each carries the digest that was shown. */
export async function decideMany(
  gates: Gate[],
  decision: 'approve' | 'reject',
  reason: string,
  told: (answer: Answer) => void,
): Promise<void> {
  await inTurns(gates, async (gate) => {
    told(await decided(gate, decision, reason))
    known.delete(gate.release_id)
  })
}

async function decided({ release_id, gate }: Gate, decision: 'approve' | 'reject', reason: string): Promise<Answer> {
  if (!gate) return { release_id, outcome: 'not sent', text: 'Its gate is not open any more.', isOpen: false }
  try {
    const answer = await data(
      api.POST('/api/releases/{release_id}/gates/{stage}/decisions', {
        params: { path: { release_id, stage: gate.stage as 'registry' } },
        body: { decision, digest: gate.digest, reason },
      }),
    )
    const verb = decision === 'approve' ? 'Approved' : 'Rejected'
    return { release_id, outcome: 'sent', text: answer.answer === 'accepted' ? verb : `${verb} before`, isOpen: false }
  } catch (failed) {
    const problem = asProblem(failed)
    return { release_id, outcome: 'not sent', text: problem.message, isOpen: problem.status !== 403 }
  }
}

/** A few at a time: the app answers others meanwhile. */
async function inTurns<T>(all: T[], work: (each: T) => Promise<void>): Promise<void> {
  const left = [...all]
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next)
  })
  await Promise.all(workers)
}
