import { createRequire } from 'node:module'

type SortedBTree = typeof import('sorted-btree', { with: { 'resolution-mode': 'require' }})

const required: SortedBTree = createRequire(import.meta.url)('sorted-btree')

/**
 * sorted-btree's class. It is a CommonJS module whose default export Node and bundlers unwrap differently;
 * `require` means the same everywhere.
 */
export const BTree = required.default
