// The map: plants are rows, circuits cells. What is well is quiet. One tab stop; arrows, Home and End move in it.

import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'

import type { CircuitState } from '../api/fleet'
import { HEALTH } from '../pages/fleet'
import { Sign } from './sign'

const IN_A_ROW = 8

interface Props {
  of: CircuitState[]
  isShown: (circuit: CircuitState) => boolean
  open: string
  onOpen: (key: string) => void
}

export function FleetMap({ of, isShown, open, onOpen }: Props): JSX.Element {
  const [stop, setStop] = useState(open || (of[0]?.key ?? ''))
  const grid = useRef<HTMLDivElement>(null)
  const rows = rowsOf(of)
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
          <span class="map__plant mono" role="rowheader">
            {row[0] && (of.find((circuit) => circuit.plant === row[0]?.plant) === row[0] ? row[0].plant : <span class="vh">{row[0].plant}</span>)}
          </span>
          {row.map((circuit) => (
            <span role="gridcell" class="map__place" key={circuit.key}>
              <Cell of={circuit} isOff={!isShown(circuit)} isOpen={open === circuit.key} isStop={focused === circuit.key} onOpen={onOpen} onFocus={setStop} />
            </span>
          ))}
        </div>
      ))}
    </div>
  )
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
  isOff: boolean
  isOpen: boolean
  isStop: boolean
  onOpen: (key: string) => void
  onFocus: (key: string) => void
}

function Cell({ of, isOff, isOpen, isStop, onOpen, onFocus }: CellProps): JSX.Element {
  const health = HEALTH[of.health]
  const isQuiet = of.health === 'well'
  const classes = ['cell', `cell--${isQuiet ? 'well' : of.health === 'unknown' ? 'none' : health.tone}`, isOff ? 'cell--off' : '']
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
        of {of.plant}: {health.text}
        {of.open && ', a release is on its way'}
        {of.freeze && ', frozen'}
        {of.isChanged && ', changed'}
      </span>
      <span class="cell__end" aria-hidden="true">
        {of.version}
        {of.isChanged && <Sign is="plus" />}
        {of.open && <Sign is="lock" />}
        {of.freeze && <Sign is="snow" />}
      </span>
    </button>
  )
}
