// The API, by the types of its own description. Every call carries the person's token; a 401 renews it once.

import createClient from 'openapi-fetch'

import { accessToken, renew } from '../session'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

/** What the API says instead of an answer; `detail` says what to do. Status 0: there was no answer. */
export class Problem extends Error {
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }

  get isOffline(): boolean {
    return this.status === 0
  }
}

async function authorized(request: Request): Promise<Response> {
  const again = request.clone()
  const answer = await sent(request)
  if (answer.status !== 401 || !(await renew())) return answer
  return sent(again)
}

async function sent(request: Request): Promise<Response> {
  const token = await accessToken()
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  try {
    return await fetch(request)
  } catch {
    throw new Problem(0, 'The app does not answer.')
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorized })

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer. Throws a Problem for everything else. */
export async function data<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call
  if (response.ok && data !== undefined) return data
  throw new Problem(response.status, detail(error, response))
}

function detail(error: unknown, response: Response): string {
  if (typeof error === 'object' && error !== null && 'detail' in error) return String(error.detail)
  return `The app answers ${response.status} ${response.statusText}.`.replace(' .', '.')
}

export function asProblem(problem: unknown): Problem {
  if (problem instanceof Problem) return problem
  return new Problem(0, problem instanceof Error ? problem.message : String(problem))
}
