// Reads queries as JSON from standard input, `[{"query": ..., "columns": [...]}]`, and writes what is wrong with each: Microsoft's own
// analysis of the language, with the columns of AppMetrics as Azure Monitor documents them.
const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')

const SCHEMA = '(TimeGenerated: datetime, Name: string, Sum: real, Min: real, Max: real, ItemCount: int, Properties: dynamic)'

const folder = path.dirname(require.resolve('@kusto/language-service-next/package.json'))
for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
  vm.runInThisContext(fs.readFileSync(path.join(folder, file), 'utf8'), { filename: file })
}
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language
const table = new Symbols.TableSymbol.$ctor7('AppMetrics', SCHEMA)
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('logs', [table]))

function each(list) {
  return Array.from({ length: list.Count }, (_, number) => list.getItem(number))
}

function problems({ query, columns }) {
  const code = KustoCode.ParseAndAnalyze(query, globals)
  const found = each(code.GetDiagnostics()).map((one) => one.Message)
  if (found.length > 0 || !code.ResultType) return found
  const names = each(code.ResultType.Columns).map((one) => one.Name)
  return columns.filter((name) => !names.includes(name)).map((name) => `the result has no column ${name}`)
}

process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(problems)))
