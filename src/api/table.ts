import { badRequest } from '../apimachinery/api-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { ResourceEntry, TableDefinition } from '../registry/resource.ts'
import { createdAt } from '../registry/table-cells.ts'
import type { QueryParameters } from './query-parameters.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** meta.k8s.io TableOptions of a query. Errors: 400. */
export function includeObjectOf(query: QueryParameters): IncludeObject {
  const value = query.get('includeObject') ?? ''
  switch (value) {
    case '':
      return 'Metadata'
    case 'None':
    case 'Metadata':
    case 'Object':
      return value
  }
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: "${value}": must be 'Metadata', 'Object', 'None', or empty`,
  )
}

/** Columns of kinds that have none of their own. */
const DEFAULT_TABLE: TableDefinition<KubeObject> = {
  columns: [
    { name: 'Name', type: 'string', format: 'name' },
    { name: 'Created At', type: 'date' },
  ],
  cells: (object) => [object.metadata.name ?? '', createdAt(object)],
}

export function tableOf(entry: ResourceEntry<KubeObject> | undefined): TableDefinition<KubeObject> {
  return entry?.table ?? DEFAULT_TABLE
}

/** Column definitions as they go over the wire. */
export function columnDefinitions(table: TableDefinition<KubeObject>): object[] {
  return table.columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }))
}

interface RowOptions {
  readonly version: string
  readonly includeObject: IncludeObject
  readonly now: number
}

/** One row of a Table. Cells are made of the hub object, `served` is what goes along. */
export function tableRow(
  table: TableDefinition<KubeObject>,
  hub: KubeObject,
  served: KubeObject,
  options: RowOptions,
): object {
  return { ...rowWithoutObject(table, hub, options.now), object: rowObject(served, options) ?? null }
}

/** The members of a row before its object. */
export function rowWithoutObject(table: TableDefinition<KubeObject>, hub: KubeObject, now: number): object {
  const cells = table.cells(hub, now)
  const conditions = table.rowConditions?.(hub) ?? []
  return conditions.length > 0 ? { cells, conditions } : { cells }
}

function rowObject(object: KubeObject, { includeObject, version }: RowOptions): object | undefined {
  if (includeObject === 'None') return undefined
  return includeObject === 'Object' ? object : partialObjectMetadata(object, version)
}

/** The object reduced to its metadata. */
export function partialObjectMetadata(object: KubeObject, version: string): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata }
}
