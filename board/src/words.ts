// How a release is told: its phase as a sign and words, its stages in order. The words are those of docs/glossary.md.

import type { Schemas } from './api/client'
import type { Shape, Tone } from './parts/sign'

export type Summary = Schemas['ReleaseSummary']

interface Told {
  is: Shape
  tone: Tone
  text: string
}

const PHASES: Record<string, Told> = {
  verifying: { is: 'run', tone: 'run', text: 'Being verified' },
  awaiting_registry_approval: { is: 'person', tone: 'wait', text: 'Registry gate' },
  promoting: { is: 'run', tone: 'run', text: 'Shared to the registry' },
  waiting_for_circuit: { is: 'late', tone: 'mute', text: 'Waits for its circuit' },
  deploying_test: { is: 'run', tone: 'run', text: 'Deployed to test' },
  testing: { is: 'run', tone: 'run', text: 'Test inference' },
  awaiting_production_approval: { is: 'person', tone: 'wait', text: 'Production gate' },
  recording_previous: { is: 'run', tone: 'run', text: 'Recording what runs' },
  deploying_production: { is: 'run', tone: 'run', text: 'Deployed to production' },
  waiting_for_fleet: { is: 'late', tone: 'mute', text: 'Waits for the fleet' },
  freezing_targets: { is: 'run', tone: 'run', text: 'Listing its targets' },
  checking: { is: 'run', tone: 'run', text: 'Models are checked' },
  updating: { is: 'run', tone: 'run', text: 'Updating the fleet' },
  watching: { is: 'eye', tone: 'run', text: 'Being watched' },
  awaiting_rollback_approval: { is: 'person', tone: 'wait', text: 'Rollback gate' },
  rolling_back: { is: 'back', tone: 'run', text: 'Rolls back' },
  verifying_rollback: { is: 'run', tone: 'run', text: 'Verifying the rollback' },
  comparing: { is: 'run', tone: 'run', text: 'Being compared' },
  waiting_for_endpoint: { is: 'late', tone: 'mute', text: 'Waits for its endpoint' },
  recording_dev: { is: 'run', tone: 'run', text: 'Recording what dev serves' },
  deploying_dev: { is: 'run', tone: 'run', text: 'Deployed to dev' },
  testing_dev: { is: 'run', tone: 'run', text: 'Tested in dev' },
  moving_dev_traffic: { is: 'run', tone: 'run', text: 'Moving traffic of dev' },
  testing_production: { is: 'run', tone: 'run', text: 'Tested in production' },
  moving_traffic: { is: 'run', tone: 'run', text: 'Moving traffic' },
  removing_slots: { is: 'run', tone: 'run', text: 'Removing what served before' },
  settling: { is: 'late', tone: 'warn', text: 'Outcome unknown, waiting' },
  restoring: { is: 'back', tone: 'run', text: 'Putting back' },
  held: { is: 'held', tone: 'bad', text: 'Held' },
  released: { is: 'ok', tone: 'good', text: 'Released' },
  rejected: { is: 'close', tone: 'mute', text: 'Rejected' },
  expired: { is: 'late', tone: 'warn', text: 'Expired' },
  aborted: { is: 'close', tone: 'mute', text: 'Aborted' },
  failed: { is: 'fail', tone: 'bad', text: 'Failed' },
  rolled_back: { is: 'back', tone: 'good', text: 'Rolled back' },
  compared: { is: 'check', tone: 'good', text: 'Compared' },
  superseded: { is: 'close', tone: 'mute', text: 'Superseded' },
}

export function phaseOf(release: { phase: string; undone_by?: string | null }): Told {
  if (release.undone_by && release.phase === 'released') return { is: 'back', tone: 'mute', text: 'Undone' }
  return PHASES[release.phase] ?? { is: 'unknown', tone: 'mute', text: release.phase }
}

export function needsPeople(release: Summary): boolean {
  return release.phase.startsWith('awaiting_') || release.phase === 'held'
}

/** `sensor_model_P001_C003:8` is `:8` of `sensor_model_P001_C003`. */
export function versionOf(asset: string): string {
  return asset.slice(asset.lastIndexOf(':'))
}

/** The whole name for a title: whose it is, and which version. */
export function nameOf(release: { kind: string; circuit: string; model: string }): string {
  if (release.kind === 'model') return `${release.circuit} ${versionOf(release.model)}`
  return release.kind === 'rollback' ? `${release.model}, back` : release.model
}

/** Enough of an id to know it again; the address has all of it. */
export function shortId(id: string): string {
  const parts = id.split('-')
  return parts.length > 3 ? `…-${parts.slice(-2).join('-')}` : id
}

export const STAGES: Record<string, { phases: string[]; name: string; isHuman?: boolean }[]> = {
  model: [
    { phases: ['verifying'], name: 'Verified' },
    { phases: ['awaiting_registry_approval'], name: 'Registry gate', isHuman: true },
    { phases: ['promoting'], name: 'Share to registry' },
    { phases: ['waiting_for_circuit'], name: 'Take the circuit' },
    { phases: ['deploying_test'], name: 'Deploy to test' },
    { phases: ['testing'], name: 'Test inference' },
    { phases: ['awaiting_production_approval'], name: 'Production gate', isHuman: true },
    { phases: ['recording_previous'], name: 'Record what runs' },
    { phases: ['deploying_production', 'settling'], name: 'Deploy, read back' },
  ],
  environment: [
    { phases: ['verifying'], name: 'Verified' },
    { phases: ['awaiting_registry_approval'], name: 'Registry gate', isHuman: true },
    { phases: ['promoting'], name: 'Share to registry' },
    { phases: ['waiting_for_fleet'], name: 'Take the fleet' },
    { phases: ['freezing_targets'], name: 'List targets' },
    { phases: ['checking'], name: 'Check models' },
    { phases: ['awaiting_production_approval'], name: 'Production gate', isHuman: true },
    { phases: ['updating'], name: 'Update' },
    { phases: ['watching'], name: 'Watch' },
  ],
  online: [
    { phases: ['verifying'], name: 'Verified' },
    { phases: ['comparing'], name: 'Compare' },
    { phases: ['awaiting_registry_approval'], name: 'Registry gate', isHuman: true },
    { phases: ['promoting'], name: 'Share to registry' },
    { phases: ['waiting_for_endpoint'], name: 'Take the endpoint' },
    { phases: ['recording_dev', 'deploying_dev', 'testing_dev', 'moving_dev_traffic'], name: 'Serve in dev' },
    { phases: ['awaiting_production_approval'], name: 'Production gate', isHuman: true },
    { phases: ['recording_previous', 'deploying_production', 'testing_production'], name: 'Deploy, test' },
    { phases: ['moving_traffic'], name: 'Move traffic' },
    { phases: ['watching', 'removing_slots'], name: 'Watch' },
  ],
  rollback: [
    { phases: ['verifying', 'freezing_targets'], name: 'List targets' },
    { phases: ['awaiting_rollback_approval'], name: 'Rollback gate', isHuman: true },
    { phases: ['waiting_for_fleet', 'waiting_for_circuit'], name: 'Take circuits' },
    { phases: ['rolling_back'], name: 'Put back' },
    { phases: ['verifying_rollback'], name: 'Verify' },
  ],
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
