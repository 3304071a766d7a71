import sortedBTree from 'sorted-btree'

type Class = typeof sortedBTree.default

/** sorted-btree's class: the default export of a CommonJS module, which Node and test runners unwrap differently. */
export const BTree = 'default' in sortedBTree ? sortedBTree.default : (sortedBTree as Class)
