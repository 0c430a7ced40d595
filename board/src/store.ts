// A value that components can watch.

import { useEffect, useState } from 'preact/hooks'

export interface Store<T> {
  get: () => T
  set: (value: T) => void
  watch: (listener: () => void) => () => void
}

export function store<T>(value: T): Store<T> {
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set: (next) => {
      value = next
      for (const listener of [...listeners]) listener()
    },
    watch: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The value of `watched`, and a new rendering whenever it changes. */
export function useStore<T>(watched: Store<T>): T {
  const [value, setValue] = useState(watched.get)
  useEffect(() => {
    const read = () => setValue(watched.get)
    read()
    return watched.watch(read)
  }, [watched])
  return value
}
