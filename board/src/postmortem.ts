// The post-mortem of a rollback as Markdown: what is known is filled in, what people have to write is left open. Pure.

import type { Schemas } from './api/client'
import { lasting } from './times'

type Report = Schemas['RollbackReport']
type Meter = NonNullable<Report['meter']>

/** The moments of a rollback in order, with the seconds since its alert, or since it was asked for. */
export function moments(meter: Meter): { what: string; at: string; afterS: number }[] {
  const begin = meter.alert_fired_at ?? meter.requested_at
  const all: [string, string | null][] = [
    ['alert fired', meter.alert_fired_at],
    ['alert taken', meter.alert_accepted_at],
    ['asked for', meter.requested_at],
    ['decided', meter.decided_at],
    ['first write', meter.first_write_at],
    ['first circuit back', meter.first_restored_at],
    ['last circuit back', meter.last_restored_at],
    ['verified', meter.verified_at],
  ]
  return all.flatMap(([what, at]) => (at ? [{ what, at, afterS: (Date.parse(at) - Date.parse(begin)) / 1000 }] : []))
}

export function postmortem(report: Report): string {
  const { counts, meter } = report
  const lines = [
    `# Rollback ${report.release_id}`,
    '',
    `- What: ${report.undoes} was undone, ${report.critical ? 'at once (critical)' : 'after an approval'}`,
    `- Why: ${report.reason}`,
    `- Result: ${Object.entries(counts).map(([result, count]) => `${count} ${result}`).join(', ')}`,
    '',
  ]
  if (meter) {
    lines.push('| when (UTC) | since the beginning | what |', '|---|---|---|')
    for (const { what, at, afterS } of moments(meter)) lines.push(`| ${at.slice(11, 19)} | ${lasting(afterS)} | ${what} |`)
    lines.push('')
  }
  const notBack = report.targets.filter((target) => target.result !== 'restored')
  if (notBack.length) {
    lines.push('## Not put back', '')
    for (const target of notBack) lines.push(`- ${target.key}: ${target.result}${target.detail ? `, ${target.detail}` : ''}`)
    lines.push('')
  }
  lines.push('## Left to look at', '')
  for (const check of report.checklist) {
    lines.push(`- [${check.done ? 'x' : ' '}] ${check.what}${check.detail ? `: ${check.detail}` : ''}`)
  }
  lines.push('', '## Cause', '', '(to be written)', '', '## What is done so that it does not happen again', '', '(what, who, until when)', '')
  return lines.join('\n')
}
