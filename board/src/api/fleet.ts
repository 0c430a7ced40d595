// The fleet: what runs as the app read it last, with the last day's predictions, performance and drift.

import { type Checks, type Fleet, fleetOf, type Now } from '../fleet'
import { api, data } from './client'
import { type Live, useLive } from './live'

const DAY_MS = 86_400_000
const NOW_EVERY_S = 2
const HEALTH_EVERY_S = 20

/** What changes by the second is read every two, what changes by the day three times a minute. */
export function useFleet(): Live<Fleet> {
  const now = useLive('fleet', readNow, NOW_EVERY_S)
  const checks = useLive('health of the fleet', readChecks, HEALTH_EVERY_S)
  const isReady = now.data && (checks.data ?? checks.problem)
  return {
    data: isReady && now.data ? fleetOf(now.data, checks.data) : undefined,
    problem: now.problem,
    asOf: now.asOf,
    readAgain: now.readAgain,
  }
}

async function readNow(): Promise<Now> {
  const since = new Date(Date.now() - DAY_MS).toISOString()
  const [fleet, releases, changed, freezes] = await Promise.all([
    data(api.GET('/api/fleet')),
    data(api.GET('/api/releases', { params: { query: { limit: 100 } } })),
    data(api.GET('/api/releases', { params: { query: { phase: 'released', since, limit: 50 } } })),
    data(api.GET('/api/freezes')),
  ])
  return { fleet, open: releases.releases.filter((each) => !each.ended), changed: changed.releases, freezes: freezes.freezes }
}

async function readChecks(): Promise<Checks> {
  const [day, checks] = await Promise.all([data(api.GET('/api/inference')), data(api.GET('/api/monitoring'))])
  return { day, checks }
}
