// Times as people read them: UTC, the day by name within a week, seconds only where order matters.

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY_S = 86_400

function two(number: number): string {
  return String(number).padStart(2, '0')
}

function dayNumber(at: Date): number {
  return Math.floor(at.getTime() / 1000 / DAY_S)
}

/** `15:35`, `Mon 15:35`, `12 Oct 15:35` or `12 Oct 2025`. */
export function when(time: string | Date, now = new Date()): string {
  const at = new Date(time)
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
  const days = dayNumber(at) - dayNumber(now)
  if (days === 0) return clock
  if (Math.abs(days) < 7) return `${DAYS[at.getUTCDay()] ?? ''} ${clock}`
  if (at.getUTCFullYear() === now.getUTCFullYear()) return `${day(at)} ${clock}`
  return `${day(at)} ${at.getUTCFullYear()}`
}

/** `12 Oct`. */
export function day(time: string | Date): string {
  const at = new Date(time)
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()] ?? ''}`
}

/** `15:35:07`, with the day before it when it is not today. */
export function exactly(time: string | Date, now = new Date()): string {
  const at = new Date(time)
  return `${when(at, now)}:${two(at.getUTCSeconds())}`
}

/** `Mon 30 Nov 17:05 UTC`. */
export function clock(at: Date): string {
  return `${DAYS[at.getUTCDay()] ?? ''} ${day(at)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`
}

/** `41 s`, `3 min 52 s`, `1 h 30 min`, `5 days`: two units at most, and none that says nothing. */
export function lasting(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return s % 60 && s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.round(s / 60)} min`
  if (s < 2 * DAY_S) {
    const minutes = Math.round(s / 60)
    return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`
  }
  return `${Math.round(s / DAY_S)} days`
}

export function secondsBetween(from: string | Date, to: string | Date): number {
  return (new Date(to).getTime() - new Date(from).getTime()) / 1000
}
