// What waits for the person who is signed in. The shell counts it, the inbox lists it, a release asks whether it is in it.

import { api, data } from './client'
import { type Live, useLive } from './live'
import type { Summary } from '../words'

export function useMine(): Live<Summary[]> {
  return useLive('waits for me', async () => {
    const list = await data(api.GET('/api/releases', { params: { query: { waiting_for: 'me', limit: 200 } } }))
    return list.releases
  })
}
