// The map: plants are rows, circuits cells. What is well is quiet. One tab stop; arrows, Home and End move in it.

import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'

import type { CircuitState } from '../fleet'
import { HEALTH } from '../pages/fleet'
import { versionOf } from '../words'
import { Sign } from './sign'

const IN_A_ROW = 8

interface Props {
  of: CircuitState[]
  isShown: (circuit: CircuitState) => boolean
  open: string
  /** What the cells show beside their name: the version of the model, or of the environment. */
  mode: 'health' | 'environment'
  onOpen: (key: string) => void
}

export function FleetMap({ of, isShown, open, mode, onOpen }: Props): JSX.Element {
  const [stop, setStop] = useState(open || (of[0]?.key ?? ''))
  const grid = useRef<HTMLDivElement>(null)
  const rows = rowsOf(of)
  const most = mostCommon(of.flatMap((circuit) => circuit.runs?.environment ?? []))
  const focused = of.some((circuit) => circuit.key === stop) ? stop : (of[0]?.key ?? '')

  const move = (event: KeyboardEvent) => {
    const row = rows.findIndex((each) => each.some((circuit) => circuit.key === focused))
    const column = rows[row]?.findIndex((circuit) => circuit.key === focused) ?? 0
    const to = target(rows, row, column, event.key)
    if (!to) return
    event.preventDefault()
    setStop(to.key)
    grid.current?.querySelector<HTMLElement>(`[data-circuit="${to.key}"]`)?.focus()
    if (open) onOpen(to.key)
  }
  return (
    <div class="map" role="grid" aria-label="Circuits by plant" ref={grid} onKeyDown={move}>
      {rows.map((row) => (
        <div class="map__row" role="row" key={row[0]?.key}>
          <PlantName of={row[0]} isFirst={of.find((circuit) => circuit.plant === row[0]?.plant) === row[0]} />
          {row.map((circuit) => (
            <span role="gridcell" class="map__place" key={circuit.key}>
              <Cell of={circuit} shown={mode === 'health' ? versionOf(circuit.runs?.model ?? '') : versionOf(circuit.runs?.environment ?? '')} isOther={mode === 'environment' && Boolean(circuit.runs) && circuit.runs?.environment !== most} isOff={!isShown(circuit)} isOpen={open === circuit.key} isStop={focused === circuit.key} onOpen={onOpen} onFocus={setStop} />
            </span>
          ))}
        </div>
      ))}
    </div>
  )
}

function PlantName({ of, isFirst }: { of: CircuitState | undefined; isFirst: boolean }): JSX.Element {
  return (
    <span class="map__plant" role="rowheader">
      <span class={isFirst ? 'mono' : 'vh'}>{of?.plant}</span>
      {isFirst && <span class="map__name small dim">{of?.plantName}</span>}
    </span>
  )
}

function mostCommon(values: string[]): string {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ''
}

function rowsOf(circuits: CircuitState[]): CircuitState[][] {
  const rows: CircuitState[][] = []
  for (const circuit of circuits) {
    const last = rows.at(-1)
    if (last?.[0]?.plant === circuit.plant && last.length < IN_A_ROW) last.push(circuit)
    else rows.push([circuit])
  }
  return rows
}

function target(rows: CircuitState[][], row: number, column: number, key: string): CircuitState | undefined {
  const flat = rows.flat()
  const current = rows[row]?.[column]
  const index = current ? flat.indexOf(current) : 0
  const inRow = (at: number) => rows[at]?.[Math.min(column, rows[at].length - 1)]
  const moves: Record<string, CircuitState | undefined> = {
    ArrowRight: flat[index + 1],
    ArrowLeft: flat[index - 1],
    ArrowDown: inRow(row + 1),
    ArrowUp: inRow(row - 1),
    Home: rows[row]?.[0],
    End: rows[row]?.at(-1),
  }
  return moves[key]
}

interface CellProps {
  of: CircuitState
  shown: string
  isOther: boolean
  isOff: boolean
  isOpen: boolean
  isStop: boolean
  onOpen: (key: string) => void
  onFocus: (key: string) => void
}

function Cell({ of, shown, isOther, isOff, isOpen, isStop, onOpen, onFocus }: CellProps): JSX.Element {
  const health = HEALTH[of.health]
  const isQuiet = of.health === 'well'
  const look = isQuiet ? 'well' : of.health === 'unknown' || of.health === 'nothing' ? 'none' : health.tone
  const classes = ['cell', `cell--${look}`, isOther ? 'cell--other' : '', isOff ? 'cell--off' : '']
  return (
    <button
      class={classes.filter(Boolean).join(' ')}
      type="button"
      data-circuit={of.key}
      tabIndex={isStop ? 0 : -1}
      aria-pressed={isOpen}
      onClick={() => onOpen(isOpen ? '' : of.key)}
      onFocus={() => onFocus(of.key)}
    >
      {!isQuiet && <Sign is={health.is} />}
      <span class="cell__id">{of.circuit}</span>
      {isQuiet && (
        <span class="cell__short" aria-hidden="true">
          {of.circuit.replace(/^C0*/, '')}
        </span>
      )}
      <span class="vh">
        {' '}
        of {of.plant}, {of.name}: {health.text}
        {shown && `, runs ${shown}`}
        {of.open && ', a release is on its way'}
        {of.freeze && ', frozen'}
        {of.isChanged && ', changed'}
      </span>
      <span class="cell__end" aria-hidden="true">
        {shown}
        {of.isChanged && <Sign is="plus" />}
        {(of.open ?? of.heldBy) && <Sign is="lock" />}
        {of.freeze && <Sign is="snow" />}
      </span>
    </button>
  )
}
