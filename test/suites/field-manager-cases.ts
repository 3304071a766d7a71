/**
 * Cases of ownership, merging and conflicts, taken as facts from the tests of structured-merge-diff v6 (the file and
 * test of each group are named) and put into a short form:
 *
 * - types: `string`, `number`, `bool`, `scalar`, `deduced`, `atomic` (anything, as a whole), a list, a map, a struct;
 *   `#name` is a type that contains itself
 * - steps: `apply`, `force` (an apply that takes), `extract` (a force of what the manager owns with more merged in),
 *   `update` as `verb manager version object`; `conflict manager path` is what the apply before it runs into; `schema`
 *   goes on with another type
 * - owners: `manager version paths`; filters: `version without paths` or `version only prefixes`
 */

export type CaseType =
  | string
  | { readonly list: CaseType; readonly by: 'atomic' | 'set' | readonly string[] }
  | { readonly map: CaseType; readonly atomic?: boolean }
  | {
      readonly fields: Readonly<Record<string, CaseType>>
      readonly defaults?: Readonly<Record<string, unknown>>
      readonly unknown?: boolean
      readonly atomic?: boolean
    }

export interface CaseSchema {
  readonly root: CaseType
  readonly types: Readonly<Record<string, CaseType>>
}

export interface OwnershipCase {
  readonly name: string
  readonly steps: readonly string[]
  readonly object?: string
  readonly owners?: readonly string[]
  readonly filters?: readonly string[]
  /** The steps are refused: items that cannot be told apart. */
  readonly fails?: boolean
}

interface OwnershipGroup {
  readonly source: string
  readonly schema: string
  readonly cases: readonly OwnershipCase[]
}

/**
 * Rows of values: `set` value, paths; `merge` live, applied, result; `compare` left, right, removed, modified, added;
 * `remove` value, paths, the rest, what the paths name. Null: nothing is left; `unparseable`: not looked at.
 */
interface ValueGroup {
  readonly source: string
  readonly kind: 'set' | 'merge' | 'compare' | 'remove'
  readonly schema: CaseSchema
  readonly rows: readonly (readonly (string | null)[])[]
}

export const caseSchemas: Readonly<Record<string, CaseSchema>> = {
  Deduced: { root: 'deduced', types: {} },
  associativeList: {
    root: { fields: { list: { list: { fields: { name: 'string', value: 'number' } }, by: ['name'] } } },
    types: {},
  },
  associativeListNewKeyWithDefault: {
    root: {
      fields: {
        list: {
          list: { fields: { name: 'string', id: 'number', value: 'number' }, defaults: { id: 1 } },
          by: ['name', 'id'],
        },
      },
    },
    types: {},
  },
  associativeListNewOptionalKey: {
    root: {
      fields: { list: { list: { fields: { name: 'string', id: 'number', value: 'number' } }, by: ['name', 'id'] } },
    },
    types: {},
  },
  associativeListOld: {
    root: { fields: { list: { list: { fields: { name: 'string', value: 'number' } }, by: ['name'] } } },
    types: {},
  },
  associativeListPromoteKeyAfter: {
    root: {
      fields: { list: { list: { fields: { name: 'string', id: 'number', value: 'number' } }, by: ['name', 'id'] } },
    },
    types: {},
  },
  associativeListPromoteKeyBefore: {
    root: { fields: { list: { list: { fields: { name: 'string', id: 'number', value: 'number' } }, by: ['name'] } } },
    types: {},
  },
  atomicMap: {
    root: { fields: { atomicMap: { fields: { field1: 'string', field2: 'string' }, atomic: true } } },
    types: {},
  },
  book: {
    root: {
      fields: {
        book: {
          list: {
            fields: {
              chapter: 'number',
              section: 'string',
              sentences: {
                list: { fields: { page: 'number', line: 'number', text: 'string' }, defaults: { page: 2.0, line: 3 } },
                by: ['page', 'line'],
              },
            },
            defaults: { chapter: 1, section: 'A' },
          },
          by: ['chapter', 'section'],
        },
      },
    },
    types: {},
  },
  duplicates: {
    root: {
      fields: {
        list: { list: { fields: { name: 'string', value1: 'number', value2: 'number' } }, by: ['name'] },
        unrelated: 'number',
        set: { list: 'number', by: 'set' },
      },
    },
    types: {},
  },
  extract: {
    root: {
      fields: {
        list: { list: 'string', by: 'set' },
        atomicList: { list: 'string', by: 'atomic' },
        map: { map: 'string' },
        atomicMap: { map: 'string', atomic: true },
      },
    },
    types: {},
  },
  leafFields: { root: { fields: { numeric: 'number', string: 'string', bool: 'bool' } }, types: {} },
  nestedType: {
    root: {
      fields: {
        listOfLists: { list: { fields: { name: 'string', value: { list: 'string', by: 'set' } } }, by: ['name'] },
        listOfMaps: { list: { fields: { name: 'string', value: { map: 'string' } } }, by: ['name'] },
        mapOfLists: { map: { list: 'string', by: 'set' } },
        mapOfMaps: { map: { map: 'string' } },
        mapOfMapsRecursive: '#mapOfMapsRecursive',
        struct: { fields: { name: 'string', value: 'number' } },
      },
    },
    types: { mapOfMapsRecursive: { map: '#mapOfMapsRecursive' } },
  },
  portList: {
    root: {
      fields: {
        containerPorts: {
          list: { fields: { port: 'number', protocol: 'string', name: 'string' }, defaults: { protocol: 'TCP' } },
          by: ['port', 'protocol'],
        },
      },
    },
    types: {},
  },
  setFields: { root: { fields: { list: { list: 'string', by: 'set' } } }, types: {} },
  struct: { root: { fields: { struct: { fields: { numeric: 'number', string: 'string' } } } }, types: {} },
  structWithAtomic: {
    root: { fields: { struct: { fields: { numeric: 'number', string: 'string' }, atomic: true } } },
    types: {},
  },
}

export const ownershipGroups: readonly OwnershipGroup[] = [
  {
    source: 'merge/deduced_test.go TestDeduced',
    schema: 'Deduced',
    cases: [
      {
        name: 'leaf_apply_twice',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'apply default v1 {"numeric":2,"string":"string","bool":false}',
        ],
        object: '{"numeric":2,"string":"string","bool":false}',
        owners: ['default v1 .bool .numeric .string'],
      },
      {
        name: 'leaf_apply_update_apply_no_conflict',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'update controller v1 {"numeric":1,"string":"string","bool":true}',
          'apply default v1 {"numeric":2,"string":"string"}',
        ],
        object: '{"numeric":2,"string":"string","bool":true}',
        owners: ['default v1 .numeric .string', 'controller v1 .bool'],
      },
      {
        name: 'leaf_apply_update_apply_with_conflict',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'update controller v1 {"numeric":1,"string":"controller string","bool":true}',
          'apply default v1 {"numeric":2,"string":"user string"}',
          'conflict controller .string',
          'force default v1 {"numeric":2,"string":"user string"}',
        ],
        object: '{"numeric":2,"string":"user string","bool":true}',
        owners: ['default v1 .numeric .string', 'controller v1 .bool'],
      },
      {
        name: 'leaf_apply_twice_remove',
        steps: [
          'apply default v1 {"numeric":1,"string":"string","bool":false}',
          'apply default v1 {"string":"new string"}',
        ],
        object: '{"string":"new string"}',
        owners: ['default v1 .string'],
      },
      {
        name: 'leaf_update_remove_empty_set',
        steps: ['apply default v1 {"string":"string"}', 'update controller v1 {"string":"new string"}'],
        object: '{"string":"new string"}',
        owners: ['controller v1 .string'],
      },
      {
        name: 'apply_twice_list_is_atomic',
        steps: ['apply default v1 {"list":["a","c"]}', 'apply default v1 {"list":["a","d","c","b"]}'],
        object: '{"list":["a","d","c","b"]}',
        owners: ['default v1 .list'],
      },
      {
        name: 'apply_update_apply_list',
        steps: [
          'apply default v1 {"list":["a","c"]}',
          'update controller v1 {"list":["a","b","c","d"]}',
          'force default v1 {"list":["a","b","c"]}',
        ],
        object: '{"list":["a","b","c"]}',
        owners: ['default v1 .list'],
      },
      {
        name: 'leaf_apply_remove_empty_set',
        steps: ['apply default v1 {"string":"string"}', 'apply default v1 null'],
        owners: [],
      },
      {
        name: 'apply_update_apply_nested',
        steps: [
          'apply default v1 {"a":1,"b":{"c":{"d":2,"e":[1,2,3],"f":[{"name":"n","value":1}]}}}',
          'update controller v1 {"a":1,"b":{"c":{"d":3,"e":[1,2,3,4],"f":[{"name":"n","value":2}]}},"g":5}',
          'apply default v1 {"a":2,"b":{"c":{"d":2,"e":[3,2,1],"f":[{"name":"n","value":1}]}}}',
          'conflict controller .b.c.d',
          'conflict controller .b.c.e',
          'conflict controller .b.c.f',
          'force default v1 {"a":2,"b":{"c":{"d":2,"e":[3,2,1],"f":[{"name":"n","value":1}]}}}',
        ],
        object: '{"a":2,"b":{"c":{"d":2,"e":[3,2,1],"f":[{"name":"n","value":1}]}},"g":5}',
      },
      {
        name: 'apply_update_apply_nested_different_version',
        steps: [
          'apply default v1 {"a":1,"b":{"c":{"d":2,"e":[1,2,3],"f":[{"name":"n","value":1}]}}}',
          'update controller v2 {"a":1,"b":{"c":{"d":3,"e":[1,2,3,4],"f":[{"name":"n","value":2}]}},"g":5}',
          'apply default v3 {"a":2,"b":{"c":{"d":2,"e":[3,2,1],"f":[{"name":"n","value":1}]}}}',
          'conflict controller .b.c.d',
          'conflict controller .b.c.e',
          'conflict controller .b.c.f',
          'force default v3 {"a":2,"b":{"c":{"d":2,"e":[3,2,1],"f":[{"name":"n","value":1}]}}}',
        ],
        object: '{"a":2,"b":{"c":{"d":2,"e":[3,2,1],"f":[{"name":"n","value":1}]}},"g":5}',
      },
    ],
  },
  {
    source: 'merge/default_keys_test.go TestDefaultKeysFlat',
    schema: 'portList',
    cases: [
      {
        name: 'apply_missing_defaulted_key_A',
        steps: ['apply default v1 {"containerPorts":[{"port":80}]}'],
        object: '{"containerPorts":[{"port":80}]}',
        owners: ['default v1 .containerPorts[port=80,protocol="TCP"] .containerPorts[port=80,protocol="TCP"].port'],
      },
      {
        name: 'apply_missing_defaulted_key_B',
        steps: ['apply default v1 {"containerPorts":[{"port":80},{"port":80,"protocol":"UDP"}]}'],
        object: '{"containerPorts":[{"port":80},{"port":80,"protocol":"UDP"}]}',
        owners: [
          'default v1 .containerPorts[port=80,protocol="TCP"] .containerPorts[port=80,protocol="TCP"].port .containerPorts[port=80,protocol="UDP"] .containerPorts[port=80,protocol="UDP"].port .containerPorts[port=80,protocol="UDP"].protocol',
        ],
      },
      {
        name: 'apply_missing_defaulted_key_with_conflict',
        steps: [
          'apply apply-one v1 {"containerPorts":[{"port":80,"protocol":"TCP","name":"foo"}]}',
          'apply apply-two v1 {"containerPorts":[{"port":80,"name":"bar"}]}',
          'conflict apply-one .containerPorts[port=80,protocol="TCP"].name',
        ],
        object: '{"containerPorts":[{"port":80,"protocol":"TCP","name":"foo"}]}',
        owners: [
          'apply-one v1 .containerPorts[port=80,protocol="TCP"] .containerPorts[port=80,protocol="TCP"].name .containerPorts[port=80,protocol="TCP"].port .containerPorts[port=80,protocol="TCP"].protocol',
        ],
      },
      {
        name: 'apply_missing_undefaulted_defaulted_key',
        steps: ['apply default v1 {"containerPorts":[{"protocol":"TCP","name":"A"}]}'],
        object: '{"containerPorts":[{"protocol":"TCP","name":"A"}]}',
        owners: [
          'default v1 .containerPorts[protocol="TCP"] .containerPorts[protocol="TCP"].name .containerPorts[protocol="TCP"].protocol',
        ],
      },
    ],
  },
  {
    source: 'merge/default_keys_test.go TestDefaultKeysFlatErrors',
    schema: 'portList',
    cases: [
      {
        name: 'apply_missing_defaulted_key_ambiguous_A',
        steps: ['apply default v1 {"containerPorts":[{"port":80},{"port":80}]}'],
        fails: true,
      },
      {
        name: 'apply_missing_defaulted_key_ambiguous_B',
        steps: ['apply default v1 {"containerPorts":[{"port":80},{"port":80,"protocol":"TCP"}]}'],
        fails: true,
      },
    ],
  },
  {
    source: 'merge/default_keys_test.go TestDefaultKeysNested',
    schema: 'book',
    cases: [
      {
        name: 'apply_missing_every_key_nested',
        steps: ['apply default v1 {"book":[{"sentences":[{"text":"blah"}]}]}'],
        object: '{"book":[{"sentences":[{"text":"blah"}]}]}',
        owners: [
          'default v1 .book[chapter=1,section="A"] .book[chapter=1,section="A"].sentences[line=3,page=2] .book[chapter=1,section="A"].sentences[line=3,page=2].text',
        ],
      },
      {
        name: 'apply_integer_key_with_float_default',
        steps: [
          'apply default v1 {"book":[{"sentences":[{"text":"blah"}]}]}',
          'apply default v1 {"book":[{"sentences":[{"text":"blah","page":2}]}]}',
        ],
        object: '{"book":[{"sentences":[{"text":"blah","page":2}]}]}',
        owners: [
          'default v1 .book[chapter=1,section="A"] .book[chapter=1,section="A"].sentences[line=3,page=2] .book[chapter=1,section="A"].sentences[line=3,page=2].page .book[chapter=1,section="A"].sentences[line=3,page=2].text',
        ],
      },
    ],
  },
  {
    source: 'merge/duplicates_test.go TestDuplicates',
    schema: 'duplicates',
    cases: [
      {
        name: 'sets/ownership/duplicates',
        steps: ['update updater-one v1 {"set":[1,1,3,4]}'],
        owners: ['updater-one v1 .set .set[=1] .set[=3] .set[=4]'],
      },
      {
        name: 'sets/ownership/add_duplicate',
        steps: ['update updater-one v1 {"set":[1,3,4]}', 'update updater-two v1 {"set":[1,1,3,4]}'],
        owners: ['updater-one v1 .set .set[=3] .set[=4]', 'updater-two v1 .set[=1]'],
      },
      {
        name: 'sets/ownership/remove_duplicate',
        steps: ['update updater-one v1 {"set":[1,1,3,4]}', 'update updater-two v1 {"set":[1,3,4]}'],
        owners: ['updater-one v1 .set .set[=3] .set[=4]', 'updater-two v1 .set[=1]'],
      },
      {
        name: 'sets/merging/remove_duplicate',
        steps: [
          'update updater v1 {"set":[1,1,3,4]}',
          'apply applier v1 {"set":[1]}',
          'conflict updater .set[=1]',
          'force applier v1 {"set":[1]}',
        ],
        object: '{"set":[1,3,4]}',
        owners: ['updater v1 .set .set[=3] .set[=4]', 'applier v1 .set[=1]'],
      },
      {
        name: 'sets/merging/ignore_duplicate',
        steps: ['update updater v1 {"set":[1,1,3,4]}', 'apply applier v1 {"set":[5]}'],
        object: '{"set":[1,1,3,4,5]}',
        owners: ['updater v1 .set .set[=1] .set[=3] .set[=4]', 'applier v1 .set[=5]'],
      },
      {
        name: 'list/ownership/duplicated_items',
        steps: ['update updater v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}'],
        owners: ['updater v1 .list .list[name="a"] .list[name="b"] .list[name="b"].name .list[name="b"].value1'],
      },
      {
        name: 'list/ownership/change_duplicated_items',
        steps: [
          'update updater-one v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'update updater-two v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":3},{"name":"b","value1":3}]}',
        ],
        owners: [
          'updater-one v1 .list .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'updater-two v1 .list[name="a"]',
        ],
      },
      {
        name: 'list/ownership/change_fields_duplicated_items',
        steps: [
          'update updater-one v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'update updater-two v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2,"value2":3},{"name":"b","value1":3}]}',
        ],
        owners: [
          'updater-one v1 .list .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'updater-two v1 .list[name="a"]',
        ],
      },
      {
        name: 'list/ownership/add_duplicated_items_different_field',
        steps: [
          'update updater-one v1 {"list":[{"name":"a","value1":1},{"name":"b","value1":3}]}',
          'update updater-two v1 {"list":[{"name":"a","value1":1},{"name":"a","value2":3},{"name":"b","value1":3}]}',
        ],
        owners: [
          'updater-one v1 .list .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'updater-two v1 .list[name="a"]',
        ],
      },
      {
        name: 'list/ownership/add_unrelated_to_list_with_duplicates',
        steps: [
          'update updater-one v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2}]}',
          'update updater-two v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
        ],
        owners: [
          'updater-one v1 .list .list[name="a"]',
          'updater-two v1 .list[name="b"] .list[name="b"].name .list[name="b"].value1',
        ],
      },
      {
        name: 'list/merge/unrelated_with_duplicated_items',
        steps: [
          'update updater v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'force applier v1 {"unrelated":5}',
        ],
        object: '{"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}],"unrelated":5}',
        owners: [
          'updater v1 .list .list[name="a"] .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'applier v1 .unrelated',
        ],
      },
      {
        name: 'list/merge/change_duplicated_item',
        steps: [
          'update updater v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'apply applier v1 {"list":[{"name":"a","value1":3}]}',
          'conflict updater .list[name="a"]',
          'force applier v1 {"list":[{"name":"a","value1":3}]}',
        ],
        object: '{"list":[{"name":"a","value1":3},{"name":"b","value1":3}]}',
        owners: [
          'updater v1 .list .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'applier v1 .list[name="a"] .list[name="a"].name .list[name="a"].value1',
        ],
      },
      {
        name: 'list/merge/unchanged_duplicated_item',
        steps: [
          'update updater v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'apply applier v1 {"list":[{"name":"a","value1":2}]}',
          'conflict updater .list[name="a"]',
          'force applier v1 {"list":[{"name":"a","value1":3}]}',
        ],
        object: '{"list":[{"name":"a","value1":3},{"name":"b","value1":3}]}',
        owners: [
          'updater v1 .list .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'applier v1 .list[name="a"] .list[name="a"].name .list[name="a"].value1',
        ],
      },
      {
        name: 'list/merge/change_non_duplicated_item',
        steps: [
          'update updater v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'force applier v1 {"list":[{"name":"b","value1":4}]}',
        ],
        object: '{"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":4}]}',
        owners: [
          'updater v1 .list .list[name="a"] .list[name="b"] .list[name="b"].name',
          'applier v1 .list[name="b"] .list[name="b"].name .list[name="b"].value1',
        ],
      },
      {
        name: 'list/merge/apply_update_duplicates_apply_without',
        steps: [
          'apply applier v1 {"list":[{"name":"a","value1":1},{"name":"b","value1":3}]}',
          'update updater v1 {"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
          'apply applier v1 {"list":[{"name":"b","value1":3}]}',
        ],
        object: '{"list":[{"name":"a","value1":1},{"name":"a","value1":2},{"name":"b","value1":3}]}',
        owners: [
          'applier v1 .list[name="b"] .list[name="b"].name .list[name="b"].value1',
          'updater v1 .list[name="a"]',
        ],
      },
    ],
  },
  {
    source: 'merge/extract_apply_test.go TestExtractApply',
    schema: 'extract',
    cases: [
      {
        name: 'apply_one_extract_apply_one_own_both',
        steps: ['apply default v1 {"list":["a"]}', 'extract default v1 {"list":["b"]}'],
        object: '{"list":["a","b"]}',
        owners: ['default v1 .list[="a"] .list[="b"]'],
      },
      {
        name: 'extract_apply_from_beginning',
        steps: ['extract default v1 {"list":["a"]}', 'extract default v1 {"list":["b"]}'],
        object: '{"list":["a","b"]}',
        owners: ['default v1 .list[="a"] .list[="b"]'],
      },
      {
        name: 'apply_after_extract_remove_fields',
        steps: ['extract default v1 {"list":["a"]}', 'apply default v1 {"list":["b"]}'],
        object: '{"list":["b"]}',
        owners: ['default v1 .list[="b"]'],
      },
      {
        name: 'apply_one_controller_remove_extract_apply_one',
        steps: [
          'apply default v1 {"list":["a"]}',
          'update controller v1 {"list":["b"]}',
          'extract default v1 {"list":["c"]}',
        ],
        object: '{"list":["b","c"]}',
        owners: ['default v1 .list[="c"]', 'controller v1 .list[="b"]'],
      },
      {
        name: 'extract_apply_retain_ownership_after_controller_update',
        steps: [
          'apply default v1 {"list":["a"]}',
          'update controller v1 {"list":["a","b"]}',
          'extract default v1 {"list":["c"]}',
        ],
        object: '{"list":["a","b","c"]}',
        owners: ['default v1 .list[="a"] .list[="c"]', 'controller v1 .list[="b"]'],
      },
      {
        name: 'extract_apply_share_ownership_after_another_apply',
        steps: [
          'apply apply-one v1 {"list":["a"]}',
          'apply apply-two v1 {"list":["a","b"]}',
          'extract apply-one v1 {"list":["c"]}',
        ],
        object: '{"list":["a","b","c"]}',
        owners: ['apply-one v1 .list[="a"] .list[="c"]', 'apply-two v1 .list[="a"] .list[="b"]'],
      },
      {
        name: 'apply_two_cant_delete_object_also_owned_by_extract_apply',
        steps: [
          'apply apply-one v1 {"list":["a"]}',
          'apply apply-two v1 {"list":["a","b"]}',
          'extract apply-one v1 {"list":["c"]}',
          'apply apply-two v1 {"list":["b"]}',
        ],
        object: '{"list":["a","b","c"]}',
        owners: ['apply-one v1 .list[="a"] .list[="c"]', 'apply-two v1 .list[="b"]'],
      },
      {
        name: 'extract_apply_empty_structure_list',
        steps: ['extract apply-one v1 {"list":null}', 'apply apply-two v1 {"list":["a","b"]}'],
        object: '{"list":["a","b"]}',
        owners: ['apply-one v1 .list', 'apply-two v1 .list[="a"] .list[="b"]'],
      },
      {
        name: 'extract_apply_empty_structure_remove_list',
        steps: [
          'extract apply-one v1 {"list":null}',
          'apply apply-two v1 {"list":["a","b"]}',
          'apply apply-two v1 {"list":["b"]}',
        ],
        object: '{"list":["b"]}',
        owners: ['apply-one v1 .list', 'apply-two v1 .list[="b"]'],
      },
      {
        name: 'extract_apply_empty_structure_add_later_list',
        steps: [
          'extract apply-one v1 {"list":null}',
          'apply apply-two v1 {"list":["a","b"]}',
          'extract apply-one v1 {"list":["c"]}',
          'apply apply-two v1 {"list":["b"]}',
        ],
        object: '{"list":["b","c"]}',
        owners: ['apply-one v1 .list[="c"]', 'apply-two v1 .list[="b"]'],
      },
      {
        name: 'extract_apply_empty_structure_map',
        steps: ['extract apply-one v1 {"map":null}', 'apply apply-two v1 {"map":{"a":"c","b":"d"}}'],
        object: '{"map":{"a":"c","b":"d"}}',
        owners: ['apply-one v1 .map', 'apply-two v1 .map.a .map.b'],
      },
      {
        name: 'extract_apply_empty_structure_remove_map',
        steps: [
          'extract apply-one v1 {"map":null}',
          'apply apply-two v1 {"map":{"a":"c","b":"d"}}',
          'apply apply-two v1 {"map":{"b":"d"}}',
        ],
        object: '{"map":{"b":"d"}}',
        owners: ['apply-one v1 .map', 'apply-two v1 .map.b'],
      },
      {
        name: 'extract_apply_empty_structure_add_later_map',
        steps: [
          'extract apply-one v1 {"map":null}',
          'apply apply-two v1 {"map":{"a":"c","b":"d"}}',
          'extract apply-one v1 {"map":{"e":"f"}}',
          'apply apply-two v1 {"map":{"b":"d"}}',
        ],
        object: '{"map":{"b":"d","e":"f"}}',
        owners: ['apply-one v1 .map.e', 'apply-two v1 .map.b'],
      },
      {
        name: 'extract_apply_atomic_list',
        steps: ['extract apply-one v1 {"atomicList":["a","b","c"]}'],
        object: '{"atomicList":["a","b","c"]}',
        owners: ['apply-one v1 .atomicList'],
      },
      {
        name: 'extract_apply_atomic_map',
        steps: ['extract apply-one v1 {"atomicMap":{"a":"c","b":"d"}}'],
        object: '{"atomicMap":{"a":"c","b":"d"}}',
        owners: ['apply-one v1 .atomicMap'],
      },
    ],
  },
  {
    source: 'merge/ignore_test.go TestIgnoreFilter',
    schema: 'Deduced',
    cases: [
      {
        name: 'update_does_not_own_ignored',
        steps: ['update default v1 {"numeric":1,"string":"some string"}'],
        object: '{"numeric":1,"string":"some string"}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .string'],
      },
      {
        name: 'update_does_not_own_deep_ignored',
        steps: ['update default v1 {"numeric":1,"obj":{"string":"foo","numeric":2}}'],
        object: '{"numeric":1,"obj":{"string":"foo","numeric":2}}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .obj'],
      },
      {
        name: 'apply_does_not_own_ignored',
        steps: ['apply default v1 {"numeric":1,"string":"some string"}'],
        object: '{"numeric":1,"string":"some string"}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .string'],
      },
      {
        name: 'apply_does_not_own_deep_ignored',
        steps: ['apply default v1 {"numeric":1,"obj":{"string":"foo","numeric":2}}'],
        object: '{"numeric":1,"obj":{"string":"foo","numeric":2}}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .obj'],
      },
    ],
  },
  {
    source: 'merge/ignore_test.go TestIgnoredFields',
    schema: 'Deduced',
    cases: [
      {
        name: 'update_does_not_own_ignored',
        steps: ['update default v1 {"numeric":1,"string":"some string"}'],
        object: '{"numeric":1,"string":"some string"}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .string'],
      },
      {
        name: 'update_does_not_own_deep_ignored',
        steps: ['update default v1 {"numeric":1,"obj":{"string":"foo","numeric":2}}'],
        object: '{"numeric":1,"obj":{"string":"foo","numeric":2}}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .obj'],
      },
      {
        name: 'apply_does_not_own_ignored',
        steps: ['apply default v1 {"numeric":1,"string":"some string"}'],
        object: '{"numeric":1,"string":"some string"}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .string'],
      },
      {
        name: 'apply_does_not_own_deep_ignored',
        steps: ['apply default v1 {"numeric":1,"obj":{"string":"foo","numeric":2}}'],
        object: '{"numeric":1,"obj":{"string":"foo","numeric":2}}',
        owners: ['default v1 .numeric'],
        filters: ['v1 without .obj'],
      },
    ],
  },
  {
    source: 'merge/key_test.go TestUpdateAssociativeLists',
    schema: 'associativeList',
    cases: [
      {
        name: 'removing_obsolete_applied_structs',
        steps: [
          'apply default v1 {"list":[{"name":"a","value":1}]}',
          'apply default v1 {"list":[{"name":"b","value":2}]}',
        ],
        object: '{"list":[{"name":"b","value":2}]}',
        owners: ['default v1 .list[name="b"] .list[name="b"].name .list[name="b"].value'],
      },
    ],
  },
  {
    source: 'merge/leaf_test.go TestUpdateLeaf',
    schema: 'leafFields',
    cases: [
      {
        name: 'apply_twice',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'apply default v1 {"numeric":2,"string":"string","bool":false}',
        ],
        object: '{"numeric":2,"string":"string","bool":false}',
        owners: ['default v1 .bool .numeric .string'],
      },
      {
        name: 'apply_twice_different_versions',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'apply default v2 {"numeric":2,"string":"string","bool":false}',
        ],
        object: '{"numeric":2,"string":"string","bool":false}',
        owners: ['default v2 .bool .numeric .string'],
      },
      {
        name: 'apply_update_apply_no_conflict',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'update controller v1 {"numeric":1,"string":"string","bool":true}',
          'apply default v1 {"numeric":2,"string":"string"}',
        ],
        object: '{"numeric":2,"string":"string","bool":true}',
        owners: ['default v1 .numeric .string', 'controller v1 .bool'],
      },
      {
        name: 'apply_update_apply_no_conflict_different_version',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'update controller v2 {"numeric":1,"string":"string","bool":true}',
          'apply default v1 {"numeric":2,"string":"string"}',
        ],
        object: '{"numeric":2,"string":"string","bool":true}',
        owners: ['default v1 .numeric .string', 'controller v2 .bool'],
      },
      {
        name: 'apply_update_apply_with_conflict',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'update controller v1 {"numeric":1,"string":"controller string","bool":true}',
          'apply default v1 {"numeric":2,"string":"user string"}',
          'conflict controller .string',
          'force default v1 {"numeric":2,"string":"user string"}',
        ],
        object: '{"numeric":2,"string":"user string","bool":true}',
        owners: ['default v1 .numeric .string', 'controller v1 .bool'],
      },
      {
        name: 'apply_update_apply_with_conflict_across_version',
        steps: [
          'apply default v1 {"numeric":1,"string":"string"}',
          'update controller v2 {"numeric":1,"string":"controller string","bool":true}',
          'apply default v1 {"numeric":2,"string":"user string"}',
          'conflict controller .string',
          'force default v1 {"numeric":2,"string":"user string"}',
        ],
        object: '{"numeric":2,"string":"user string","bool":true}',
        owners: ['default v1 .numeric .string', 'controller v2 .bool'],
      },
      {
        name: 'apply_twice_remove',
        steps: [
          'apply default v1 {"numeric":1,"string":"string","bool":false}',
          'apply default v1 {"string":"new string"}',
        ],
        object: '{"string":"new string"}',
        owners: ['default v1 .string'],
      },
      {
        name: 'update_apply_omits',
        steps: ['apply default v1 {"numeric":2}', 'update controller v1 {"numeric":1}', 'apply default v1 null'],
        object: '{"numeric":1}',
        owners: ['controller v1 .numeric'],
      },
      {
        name: 'apply_twice_remove_different_version',
        steps: [
          'apply default v1 {"numeric":1,"string":"string","bool":false}',
          'apply default v2 {"string":"new string"}',
        ],
        object: '{"string":"new string"}',
        owners: ['default v2 .string'],
      },
      {
        name: 'update_remove_empty_set',
        steps: ['apply default v1 {"string":"string"}', 'update controller v1 {"string":"new string"}'],
        object: '{"string":"new string"}',
        owners: ['controller v1 .string'],
      },
      {
        name: 'apply_remove_empty_set',
        steps: ['apply default v1 {"string":"string"}', 'apply default v1 null'],
        object: 'null',
        owners: [],
      },
    ],
  },
  {
    source: 'merge/multiple_appliers_test.go TestMultipleAppliersSet',
    schema: 'associativeList',
    cases: [
      {
        name: 'remove_one',
        steps: [
          'apply apply-one v1 {"list":[{"name":"a"},{"name":"b"}]}',
          'apply apply-two v2 {"list":[{"name":"c"}]}',
          'apply apply-one v3 {"list":[{"name":"a"}]}',
        ],
        object: '{"list":[{"name":"a"},{"name":"c"}]}',
        owners: [
          'apply-one v3 .list[name="a"] .list[name="a"].name',
          'apply-two v2 .list[name="c"] .list[name="c"].name',
        ],
      },
      {
        name: 'same_value_no_conflict',
        steps: [
          'apply apply-one v1 {"list":[{"name":"a","value":0}]}',
          'apply apply-two v2 {"list":[{"name":"a","value":0}]}',
        ],
        object: '{"list":[{"name":"a","value":0}]}',
        owners: [
          'apply-one v1 .list[name="a"] .list[name="a"].name .list[name="a"].value',
          'apply-two v2 .list[name="a"] .list[name="a"].name .list[name="a"].value',
        ],
      },
      {
        name: 'change_value_yes_conflict',
        steps: [
          'apply apply-one v1 {"list":[{"name":"a","value":0}]}',
          'apply apply-two v2 {"list":[{"name":"a","value":1}]}',
          'conflict apply-one .list[name="a"].value',
        ],
        object: '{"list":[{"name":"a","value":0}]}',
        owners: ['apply-one v1 .list[name="a"] .list[name="a"].name .list[name="a"].value'],
      },
      {
        name: 'remove_one_keep_one',
        steps: [
          'apply apply-one v1 {"list":[{"name":"a"},{"name":"b"},{"name":"c"}]}',
          'apply apply-two v2 {"list":[{"name":"c"},{"name":"d"}]}',
          'apply apply-one v3 {"list":[{"name":"a"}]}',
        ],
        object: '{"list":[{"name":"a"},{"name":"c"},{"name":"d"}]}',
        owners: [
          'apply-one v3 .list[name="a"] .list[name="a"].name',
          'apply-two v2 .list[name="c"] .list[name="c"].name .list[name="d"] .list[name="d"].name',
        ],
      },
    ],
  },
  {
    source: 'merge/multiple_appliers_test.go TestMultipleAppliersNestedType',
    schema: 'nestedType',
    cases: [
      {
        name: 'remove_one_keep_one_with_two_sub_items',
        steps: [
          'apply apply-one v1 {"listOfLists":[{"name":"a"},{"name":"b","value":["c"]}]}',
          'apply apply-two v2 {"listOfLists":[{"name":"b","value":["d"]}]}',
          'apply apply-one v3 {"listOfLists":[{"name":"a"}]}',
        ],
        object: '{"listOfLists":[{"name":"a"},{"name":"b","value":["d"]}]}',
        owners: [
          'apply-one v3 .listOfLists[name="a"] .listOfLists[name="a"].name',
          'apply-two v2 .listOfLists[name="b"] .listOfLists[name="b"].name .listOfLists[name="b"].value[="d"]',
        ],
      },
      {
        name: 'remove_one_keep_one_with_dangling_subitem',
        steps: [
          'apply apply-one v1 {"listOfLists":[{"name":"a"},{"name":"b","value":["c"]}]}',
          'apply apply-two v2 {"listOfLists":[{"name":"b","value":["d"]}]}',
          'update controller v2 {"listOfLists":[{"name":"a"},{"name":"b","value":["c","d","e"]}]}',
          'apply apply-one v3 {"listOfLists":[{"name":"a"}]}',
        ],
        object: '{"listOfLists":[{"name":"a"},{"name":"b","value":["d","e"]}]}',
        owners: [
          'apply-one v3 .listOfLists[name="a"] .listOfLists[name="a"].name',
          'apply-two v2 .listOfLists[name="b"] .listOfLists[name="b"].name .listOfLists[name="b"].value[="d"]',
          'controller v2 .listOfLists[name="b"].value[="e"]',
        ],
      },
      {
        name: 'remove_one_with_dangling_subitem_keep_one',
        steps: [
          'apply apply-one v1 {"listOfLists":[{"name":"a"},{"name":"b","value":["c"]}]}',
          'apply apply-two v2 {"listOfLists":[{"name":"a","value":["b"]}]}',
          'update controller v2 {"listOfLists":[{"name":"a","value":["b"]},{"name":"b","value":["c","d"]}]}',
          'apply apply-one v3 {"listOfLists":[{"name":"a"}]}',
        ],
        object: '{"listOfLists":[{"name":"a","value":["b"]}]}',
        owners: [
          'apply-one v3 .listOfLists[name="a"] .listOfLists[name="a"].name',
          'apply-two v2 .listOfLists[name="a"] .listOfLists[name="a"].name .listOfLists[name="a"].value[="b"]',
        ],
      },
      {
        name: 'remove_one_with_managed_subitem_keep_one',
        steps: [
          'apply apply-one v1 {"listOfLists":[{"name":"a"},{"name":"b","value":["c"]}]}',
          'apply apply-two v2 {"listOfLists":[{"name":"a","value":["b"]}]}',
          'update controller v2 {"listOfLists":[{"name":"a","value":["b"]},{"name":"b","value":["c","d"]}]}',
          'apply apply-one v3 {"listOfLists":[{"name":"a"}]}',
        ],
        object: '{"listOfLists":[{"name":"a","value":["b"]}]}',
        owners: [
          'apply-one v3 .listOfLists[name="a"] .listOfLists[name="a"].name',
          'apply-two v2 .listOfLists[name="a"] .listOfLists[name="a"].name .listOfLists[name="a"].value[="b"]',
        ],
      },
      {
        name: 'remove_one_keep_one_with_sub_item',
        steps: [
          'apply apply-one v1 {"listOfLists":[{"name":"a"},{"name":"b","value":["c"]}]}',
          'apply apply-two v2 {"listOfLists":[{"name":"b","value":["d"]}]}',
          'apply apply-one v3 {"listOfLists":[{"name":"a"}]}',
        ],
        object: '{"listOfLists":[{"name":"a"},{"name":"b","value":["d"]}]}',
        owners: [
          'apply-one v3 .listOfLists[name="a"] .listOfLists[name="a"].name',
          'apply-two v2 .listOfLists[name="b"] .listOfLists[name="b"].name .listOfLists[name="b"].value[="d"]',
        ],
      },
      {
        name: 'multiple_appliers_recursive_map',
        steps: [
          'apply apply-one v1 {"mapOfMapsRecursive":{"a":{"b":null},"c":{"d":null}}}',
          'apply apply-two v2 {"mapOfMapsRecursive":{"a":null,"c":{"d":null}}}',
          'update controller-one v3 {"mapOfMapsRecursive":{"a":{"b":{"c":null}},"c":{"d":{"e":null}}}}',
          'update controller-two v2 {"mapOfMapsRecursive":{"a":{"b":{"c":{"d":null}}},"c":{"d":{"e":{"f":null}}}}}',
          'update controller-one v3 {"mapOfMapsRecursive":{"a":{"b":{"c":{"d":{"e":null}}}},"c":{"d":{"e":{"f":{"g":null}}}}}}',
          'apply apply-one v4 {"mapOfMapsRecursive":null}',
        ],
        object: '{"mapOfMapsRecursive":{"a":null,"c":{"d":{"e":{"f":{"g":null}}}}}}',
        owners: [
          'apply-one v4 .mapOfMapsRecursive',
          'apply-two v2 .mapOfMapsRecursive.a .mapOfMapsRecursive.c .mapOfMapsRecursive.c.d',
          'controller-one v3 .mapOfMapsRecursive.c.d.e .mapOfMapsRecursive.c.d.e.f.g',
          'controller-two v2 .mapOfMapsRecursive.c.d.e.f',
        ],
      },
    ],
  },
  {
    source: 'merge/multiple_appliers_test.go TestMultipleAppliersDeducedType',
    schema: 'Deduced',
    cases: [
      {
        name: 'multiple_appliers_recursive_map_deduced',
        steps: [
          'apply apply-one v1 {"a":{"b":null},"c":{"d":null}}',
          'apply apply-two v2 {"a":null,"c":{"d":null}}',
          'update controller-one v3 {"a":{"b":{"c":null}},"c":{"d":{"e":null}}}',
          'update controller-two v2 {"a":{"b":{"c":{"d":null}}},"c":{"d":{"e":{"f":null}}}}',
          'update controller-one v3 {"a":{"b":{"c":{"d":{"e":null}}}},"c":{"d":{"e":{"f":{"g":null}}}}}',
          'apply apply-one v4 null',
        ],
        object: '{"a":null,"c":{"d":{"e":{"f":{"g":null}}}}}',
        owners: ['apply-two v2 .a .c .c.d', 'controller-one v3 .c.d.e .c.d.e.f.g', 'controller-two v2 .c.d.e.f'],
      },
    ],
  },
  {
    source: 'merge/multiple_appliers_test.go TestMultipleApplierAtomicMaps',
    schema: 'atomicMap',
    cases: [
      {
        name: 'force',
        steps: [
          'apply apply-one v1 {"atomicMap":{"field1":"a"}}',
          'apply apply-two v1 {"atomicMap":{"field2":"b"}}',
          'conflict apply-one .atomicMap',
          'force apply-two v1 {"atomicMap":{"field2":"b"}}',
        ],
        object: '{"atomicMap":{"field2":"b"}}',
        owners: ['apply-two v1 .atomicMap'],
      },
    ],
  },
  {
    source: 'merge/nested_test.go TestUpdateNestedType',
    schema: 'nestedType',
    cases: [
      {
        name: 'listOfLists_change_value',
        steps: [
          'apply default v1 {"listOfLists":[{"name":"a","value":["b","c"]}]}',
          'apply default v1 {"listOfLists":[{"name":"a","value":["a","c"]}]}',
        ],
        object: '{"listOfLists":[{"name":"a","value":["a","c"]}]}',
        owners: [
          'default v1 .listOfLists[name="a"] .listOfLists[name="a"].name .listOfLists[name="a"].value[="a"] .listOfLists[name="a"].value[="c"]',
        ],
      },
      {
        name: 'listOfLists_change_key_and_value',
        steps: [
          'apply default v1 {"listOfLists":[{"name":"a","value":["b","c"]}]}',
          'apply default v1 {"listOfLists":[{"name":"b","value":["a","c"]}]}',
        ],
        object: '{"listOfLists":[{"name":"b","value":["a","c"]}]}',
        owners: [
          'default v1 .listOfLists[name="b"] .listOfLists[name="b"].name .listOfLists[name="b"].value[="a"] .listOfLists[name="b"].value[="c"]',
        ],
      },
      {
        name: 'listOfMaps_change_value',
        steps: [
          'apply default v1 {"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}}]}',
          'apply default v1 {"listOfMaps":[{"name":"a","value":{"a":"x","c":"z"}}]}',
        ],
        object: '{"listOfMaps":[{"name":"a","value":{"a":"x","c":"z"}}]}',
        owners: [
          'default v1 .listOfMaps[name="a"] .listOfMaps[name="a"].name .listOfMaps[name="a"].value.a .listOfMaps[name="a"].value.c',
        ],
      },
      {
        name: 'listOfMaps_change_key_and_value',
        steps: [
          'apply default v1 {"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}}]}',
          'apply default v1 {"listOfMaps":[{"name":"b","value":{"a":"x","c":"z"}}]}',
        ],
        object: '{"listOfMaps":[{"name":"b","value":{"a":"x","c":"z"}}]}',
        owners: [
          'default v1 .listOfMaps[name="b"] .listOfMaps[name="b"].name .listOfMaps[name="b"].value.a .listOfMaps[name="b"].value.c',
        ],
      },
      {
        name: 'mapOfLists_change_value',
        steps: ['apply default v1 {"mapOfLists":{"a":["b","c"]}}', 'apply default v1 {"mapOfLists":{"a":["a","c"]}}'],
        object: '{"mapOfLists":{"a":["a","c"]}}',
        owners: ['default v1 .mapOfLists.a .mapOfLists.a[="a"] .mapOfLists.a[="c"]'],
      },
      {
        name: 'mapOfLists_change_key_and_value',
        steps: ['apply default v1 {"mapOfLists":{"a":["b","c"]}}', 'apply default v1 {"mapOfLists":{"b":["a","c"]}}'],
        object: '{"mapOfLists":{"b":["a","c"]}}',
        owners: ['default v1 .mapOfLists.b .mapOfLists.b[="a"] .mapOfLists.b[="c"]'],
      },
      {
        name: 'mapOfMaps_change_value',
        steps: [
          'apply default v1 {"mapOfMaps":{"a":{"b":"x","c":"y"}}}',
          'apply default v1 {"mapOfMaps":{"a":{"a":"x","c":"z"}}}',
        ],
        object: '{"mapOfMaps":{"a":{"a":"x","c":"z"}}}',
        owners: ['default v1 .mapOfMaps.a .mapOfMaps.a.a .mapOfMaps.a.c'],
      },
      {
        name: 'mapOfMaps_change_key_and_value',
        steps: [
          'apply default v1 {"mapOfMaps":{"a":{"b":"x","c":"y"}}}',
          'apply default v1 {"mapOfMaps":{"b":{"a":"x","c":"z"}}}',
        ],
        object: '{"mapOfMaps":{"b":{"a":"x","c":"z"}}}',
        owners: ['default v1 .mapOfMaps.b .mapOfMaps.b.a .mapOfMaps.b.c'],
      },
      {
        name: 'mapOfMapsRecursive_change_middle_key',
        steps: [
          'apply default v1 {"mapOfMapsRecursive":{"a":{"b":{"c":null}}}}',
          'apply default v1 {"mapOfMapsRecursive":{"a":{"d":{"c":null}}}}',
        ],
        object: '{"mapOfMapsRecursive":{"a":{"d":{"c":null}}}}',
        owners: ['default v1 .mapOfMapsRecursive.a .mapOfMapsRecursive.a.d .mapOfMapsRecursive.a.d.c'],
      },
      {
        name: 'struct_apply_remove_all',
        steps: ['apply default v1 {"struct":{"name":"a","value":1}}', 'apply default v1 null'],
        object: 'null',
        owners: [],
      },
      {
        name: 'struct_apply_remove_dangling',
        steps: ['apply default v1 {"struct":{"name":"a"}}', 'apply default v1 {"struct":null}'],
        object: '{"struct":null}',
        owners: ['default v1 .struct'],
      },
      {
        name: 'struct_apply_update_remove_all',
        steps: [
          'apply default v1 {"struct":{"name":"a"}}',
          'update controller v1 {"struct":{"name":"a","value":1}}',
          'apply default v1 null',
        ],
        object: '{"struct":{"value":1}}',
      },
      {
        name: 'struct_apply_update_dict_dangling',
        steps: [
          'apply default v1 {"struct":{"name":"a"}}',
          'update controller v1 {"struct":{"name":"a","value":1}}',
          'apply default v1 {"struct":{}}',
        ],
        object: '{"struct":{"value":1}}',
      },
      {
        name: 'struct_apply_update_dict_null',
        steps: [
          'apply default v1 {"struct":{"name":"a"}}',
          'update controller v1 {"struct":{"name":"a","value":1}}',
          'apply default v1 {"struct":null}',
        ],
        object: '{"struct":{"value":1}}',
      },
      {
        name: 'struct_apply_update_took_over',
        steps: [
          'apply default v1 {"struct":{"name":"a"}}',
          'update controller v1 {"struct":{"name":"b","value":1}}',
          'apply default v1 {"struct":null}',
        ],
        object: '{"struct":{"name":"b","value":1}}',
      },
    ],
  },
  {
    source: 'merge/schema_change_test.go TestGranularToAtomicSchemaChanges',
    schema: 'struct',
    cases: [
      {
        name: 'to-atomic',
        steps: [
          'apply one v1 {"struct":{"numeric":1}}',
          'schema structWithAtomic',
          'apply two v1 {"struct":{"string":"string"}}',
          'conflict one .struct',
          'force two v1 {"struct":{"string":"string"}}',
        ],
        object: '{"struct":{"string":"string"}}',
        owners: ['two v1 .struct'],
      },
      {
        name: 'to-atomic-owner-with-no-child-fields',
        steps: [
          'apply one v1 {"struct":{"numeric":1}}',
          'force two v1 {"struct":{"numeric":2}}',
          'schema structWithAtomic',
          'apply three v1 {"struct":{"string":"string"}}',
          'conflict two .struct',
          'force two v1 {"struct":{"string":"string"}}',
        ],
        object: '{"struct":{"string":"string"}}',
        owners: ['two v1 .struct'],
      },
    ],
  },
  {
    source: 'merge/schema_change_test.go TestAtomicToGranularSchemaChanges',
    schema: 'structWithAtomic',
    cases: [
      {
        name: 'to-granular',
        steps: [
          'apply one v1 {"struct":{"numeric":1,"string":"a"}}',
          'apply two v1 {"struct":{"string":"b"}}',
          'conflict one .struct',
          'schema struct',
          'apply two v1 {"struct":{"string":"b"}}',
        ],
        object: '{"struct":{"numeric":1,"string":"b"}}',
        owners: ['one v1 .struct', 'two v1 .struct.string'],
      },
    ],
  },
  {
    source: 'merge/schema_change_test.go TestAssociativeListSchemaChanges',
    schema: 'associativeListOld',
    cases: [
      {
        name: 'new required key with default',
        steps: [
          'apply one v1 {"list":[{"name":"a","value":1},{"name":"b","value":1},{"name":"c","value":1}]}',
          'schema associativeListNewKeyWithDefault',
          'apply one v1 {"list":[{"name":"a","value":2},{"name":"b","id":1,"value":2},{"name":"c","value":1},{"name":"c","id":2,"value":2},{"name":"c","id":3,"value":3}]}',
        ],
        object:
          '{"list":[{"name":"a","value":2},{"name":"b","id":1,"value":2},{"name":"c","value":1},{"name":"c","id":2,"value":2},{"name":"c","id":3,"value":3}]}',
        owners: [
          'one v1 .list[id=1,name="a"] .list[id=1,name="a"].name .list[id=1,name="a"].value .list[id=1,name="b"] .list[id=1,name="b"].id .list[id=1,name="b"].name .list[id=1,name="b"].value .list[id=1,name="c"] .list[id=1,name="c"].name .list[id=1,name="c"].value .list[id=2,name="c"] .list[id=2,name="c"].id .list[id=2,name="c"].name .list[id=2,name="c"].value .list[id=3,name="c"] .list[id=3,name="c"].id .list[id=3,name="c"].name .list[id=3,name="c"].value',
        ],
      },
      {
        name: 'new optional key',
        steps: [
          'apply one v1 {"list":[{"name":"a","value":1}]}',
          'schema associativeListNewOptionalKey',
          'apply one v1 {"list":[{"name":"a","value":2},{"name":"a","id":1,"value":1}]}',
        ],
        object: '{"list":[{"name":"a","value":2},{"name":"a","id":1,"value":1}]}',
        owners: [
          'one v1 .list[id=1,name="a"] .list[id=1,name="a"].id .list[id=1,name="a"].name .list[id=1,name="a"].value .list[name="a"] .list[name="a"].name .list[name="a"].value',
        ],
      },
    ],
  },
  {
    source: 'merge/schema_change_test.go TestPromoteFieldToAssociativeListKey',
    schema: 'associativeListPromoteKeyBefore',
    cases: [
      {
        name: 'identical item merges',
        steps: [
          'apply one v1 {"list":[{"name":"a","id":1,"value":1}]}',
          'schema associativeListPromoteKeyAfter',
          'apply one v1 {"list":[{"name":"a","id":1,"value":2}]}',
        ],
        object: '{"list":[{"name":"a","id":1,"value":2}]}',
        owners: [
          'one v1 .list[id=1,name="a"] .list[id=1,name="a"].id .list[id=1,name="a"].name .list[id=1,name="a"].value',
        ],
      },
      {
        name: 'distinct item added',
        steps: [
          'apply one v1 {"list":[{"name":"a","id":1,"value":1}]}',
          'schema associativeListPromoteKeyAfter',
          'apply one v1 {"list":[{"name":"a","id":1,"value":1},{"name":"a","id":2,"value":2}]}',
        ],
        object: '{"list":[{"name":"a","id":1,"value":1},{"name":"a","id":2,"value":2}]}',
        owners: [
          'one v1 .list[id=1,name="a"] .list[id=1,name="a"].id .list[id=1,name="a"].name .list[id=1,name="a"].value .list[id=2,name="a"] .list[id=2,name="a"].id .list[id=2,name="a"].name .list[id=2,name="a"].value',
        ],
      },
      {
        name: 'item missing new key field is distinct',
        steps: [
          'apply one v1 {"list":[{"name":"a","value":1}]}',
          'schema associativeListPromoteKeyAfter',
          'apply one v1 {"list":[{"name":"a","value":1},{"name":"a","id":2,"value":2}]}',
        ],
        object: '{"list":[{"name":"a","value":1},{"name":"a","id":2,"value":2}]}',
        owners: [
          'one v1 .list[id=2,name="a"] .list[id=2,name="a"].id .list[id=2,name="a"].name .list[id=2,name="a"].value .list[name="a"] .list[name="a"].name .list[name="a"].value',
        ],
      },
    ],
  },
  {
    source: 'merge/set_test.go TestUpdateSet',
    schema: 'setFields',
    cases: [
      {
        name: 'apply_twice',
        steps: ['apply default v1 {"list":["a","c"]}', 'apply default v1 {"list":["a","b","c","d"]}'],
        object: '{"list":["a","b","c","d"]}',
        owners: ['default v1 .list[="a"] .list[="b"] .list[="c"] .list[="d"]'],
      },
      {
        name: 'apply_update_apply_no_overlap',
        steps: [
          'apply default v1 {"list":["a","c"]}',
          'update controller v1 {"list":["a","b","c","d"]}',
          'apply default v1 {"list":["a","aprime","c","cprime"]}',
        ],
        object: '{"list":["a","b","aprime","c","d","cprime"]}',
        owners: [
          'default v1 .list[="a"] .list[="aprime"] .list[="c"] .list[="cprime"]',
          'controller v1 .list[="b"] .list[="d"]',
        ],
      },
      {
        name: 'apply_update_apply_no_overlap_and_different_version',
        steps: [
          'apply default v1 {"list":["a","c"]}',
          'update controller v2 {"list":["a","b","c","d"]}',
          'apply default v1 {"list":["a","aprime","c","cprime"]}',
        ],
        object: '{"list":["a","b","aprime","c","d","cprime"]}',
        owners: [
          'default v1 .list[="a"] .list[="aprime"] .list[="c"] .list[="cprime"]',
          'controller v2 .list[="b"] .list[="d"]',
        ],
      },
      {
        name: 'apply_update_apply_with_overlap',
        steps: [
          'apply default v1 {"list":["a","c"]}',
          'update controller v1 {"list":["a","b","c","d"]}',
          'apply default v1 {"list":["a","b","c"]}',
        ],
        object: '{"list":["a","b","c","d"]}',
        owners: ['default v1 .list[="a"] .list[="b"] .list[="c"]', 'controller v1 .list[="b"] .list[="d"]'],
      },
      {
        name: 'apply_update_apply_with_overlap_and_different_version',
        steps: [
          'apply default v1 {"list":["a","c"]}',
          'update controller v2 {"list":["a","b","c","d"]}',
          'apply default v1 {"list":["a","b","c"]}',
        ],
        object: '{"list":["a","b","c","d"]}',
        owners: ['default v1 .list[="a"] .list[="b"] .list[="c"]', 'controller v2 .list[="b"] .list[="d"]'],
      },
      {
        name: 'apply_twice_reorder',
        steps: ['apply default v1 {"list":["a","b","c","d"]}', 'apply default v1 {"list":["a","d","c","b"]}'],
        object: '{"list":["a","d","c","b"]}',
        owners: ['default v1 .list[="a"] .list[="b"] .list[="c"] .list[="d"]'],
      },
      {
        name: 'apply_update_apply_reorder',
        steps: [
          'apply default v1 {"list":["a","b","c","d"]}',
          'update controller v1 {"list":["a","d","c","b"]}',
          'apply default v1 {"list":["a","b","c","d"]}',
        ],
        object: '{"list":["a","b","c","d"]}',
        owners: ['default v1 .list[="a"] .list[="b"] .list[="c"] .list[="d"]'],
      },
      {
        name: 'apply_update_apply_reorder_across_versions',
        steps: [
          'apply default v1 {"list":["a","b","c","d"]}',
          'update controller v1 {"list":["a","d","c","b"]}',
          'apply default v2 {"list":["a","b","c","d"]}',
        ],
        object: '{"list":["a","b","c","d"]}',
        owners: ['default v2 .list[="a"] .list[="b"] .list[="c"] .list[="d"]'],
      },
      {
        name: 'apply_twice_remove',
        steps: ['apply default v1 {"list":["a","b","c","d"]}', 'apply default v1 {"list":["a","c"]}'],
        object: '{"list":["a","c"]}',
        owners: ['default v1 .list[="a"] .list[="c"]'],
      },
      {
        name: 'apply_twice_remove_across_versions',
        steps: ['apply default v1 {"list":["a","b","c","d"]}', 'apply default v2 {"list":["a","c","e"]}'],
        object: '{"list":["a","c","e"]}',
        owners: ['default v2 .list[="a"] .list[="c"] .list[="e"]'],
      },
    ],
  },
]

export const valueGroups: readonly ValueGroup[] = [
  {
    source: 'typed/toset_test.go: simple pair',
    kind: 'set',
    schema: { root: { fields: { key: 'string', value: 'atomic' } }, types: {} },
    rows: [
      ['{"key":"foo","value":1}', '.key .value'],
      ['{"key":"foo","value":{"a":"b"}}', '.key .value'],
      ['{"key":"foo","value":null}', '.key .value'],
      ['{"key":"foo"}', '.key'],
      ['{"key":"foo","value":true}', '.key .value'],
    ],
  },
  {
    source: 'typed/toset_test.go: struct grab bag',
    kind: 'set',
    schema: {
      root: {
        fields: {
          numeric: 'number',
          string: 'string',
          bool: 'bool',
          setStr: { list: 'string', by: 'set' },
          setBool: { list: 'bool', by: 'set' },
          setNumeric: { list: 'number', by: 'set' },
          color: { fields: { R: 'number', G: 'number', B: 'number' }, atomic: true },
          arbitraryWavelengthColor: { map: 'number', atomic: true },
          args: { list: { fields: { key: 'string', value: 'string' } }, by: 'atomic' },
        },
      },
      types: {},
    },
    rows: [
      ['{"numeric":1}', '.numeric'],
      ['{"numeric":3.14159}', '.numeric'],
      ['{"string":"aoeu"}', '.string'],
      ['{"bool":true}', '.bool'],
      ['{"bool":false}', '.bool'],
      ['{"setStr":["a","b","c"]}', '.setStr[="a"] .setStr[="b"] .setStr[="c"]'],
      ['{"setStr":["a","b","c","a","b","c","c"]}', '.setStr[="a"] .setStr[="b"] .setStr[="c"]'],
      ['{"setBool":[true,false,true]}', '.setBool[=false] .setBool[=true]'],
      ['{"setNumeric":[1,2,3,3.14159]}', '.setNumeric[=1] .setNumeric[=2] .setNumeric[=3.14159] .setNumeric[=3]'],
      ['{"color":{}}', '.color'],
      ['{"color":null}', '.color'],
      ['{"color":{"R":255,"G":0,"B":0}}', '.color'],
      ['{"arbitraryWavelengthColor":{}}', '.arbitraryWavelengthColor'],
      ['{"arbitraryWavelengthColor":null}', '.arbitraryWavelengthColor'],
      ['{"arbitraryWavelengthColor":{"IR":255}}', '.arbitraryWavelengthColor'],
      ['{"args":[]}', '.args'],
      ['{"args":null}', '.args'],
      ['{"args":[null]}', '.args'],
      ['{"args":[{"key":"a","value":"b"},{"key":"c","value":"d"}]}', '.args'],
    ],
  },
  {
    source: 'typed/toset_test.go: associative list',
    kind: 'set',
    schema: {
      root: {
        fields: {
          list: {
            list: { fields: { key: 'string', id: 'number', value: { map: 'string' }, bv: 'bool', nv: 'number' } },
            by: ['key', 'id'],
          },
          atomicList: { list: 'string', by: 'atomic' },
        },
      },
      types: {},
    },
    rows: [
      ['{"list":[]}', ''],
      [
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '.list[id=1,key="a"] .list[id=1,key="a"].id .list[id=1,key="a"].key .list[id=1,key="a"].value.a',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"a","id":2},{"key":"b","id":1}]}',
        '.list[id=1,key="a"] .list[id=1,key="a"].id .list[id=1,key="a"].key .list[id=1,key="b"] .list[id=1,key="b"].id .list[id=1,key="b"].key .list[id=2,key="a"] .list[id=2,key="a"].id .list[id=2,key="a"].key',
      ],
      [
        '{"list":[{"key":"a","id":1,"nv":2},{"key":"a","id":2,"nv":3},{"key":"b","id":1},{"key":"a","id":2,"bv":true}]}',
        '.list[id=1,key="a"] .list[id=1,key="a"].id .list[id=1,key="a"].key .list[id=1,key="a"].nv .list[id=1,key="b"] .list[id=1,key="b"].id .list[id=1,key="b"].key .list[id=2,key="a"]',
      ],
      ['{"atomicList":["a","a","a"]}', '.atomicList'],
    ],
  },
  {
    source: 'typed/merge_test.go: simple pair',
    kind: 'merge',
    schema: { root: { fields: { key: 'string', value: 'atomic' } }, types: {} },
    rows: [
      ['{"key":"foo","value":{}}', '{"key":"foo","value":1}', '{"key":"foo","value":1}'],
      ['{"key":"foo","value":{}}', '{"key":"foo","value":1}', '{"key":"foo","value":1}'],
      ['{"key":"foo","value":1}', '{"key":"foo","value":{}}', '{"key":"foo","value":{}}'],
      ['{"key":"foo","value":null}', '{"key":"foo","value":{}}', '{"key":"foo","value":{}}'],
      ['{"key":"foo"}', '{"value":true}', '{"key":"foo","value":true}'],
    ],
  },
  {
    source: 'typed/merge_test.go: null/empty map',
    kind: 'merge',
    schema: { root: { fields: { inner: { map: 'atomic' } } }, types: {} },
    rows: [
      ['{}', '{"inner":{}}', '{"inner":{}}'],
      ['{}', '{"inner":null}', '{"inner":null}'],
      ['{"inner":null}', '{"inner":{}}', '{"inner":{}}'],
      ['{"inner":{}}', '{"inner":null}', '{"inner":null}'],
      ['{"inner":{}}', '{"inner":{}}', '{"inner":{}}'],
    ],
  },
  {
    source: 'typed/merge_test.go: null/empty struct',
    kind: 'merge',
    schema: { root: { fields: { inner: { fields: { value: 'atomic' } } } }, types: {} },
    rows: [
      ['{}', '{"inner":{}}', '{"inner":{}}'],
      ['{}', '{"inner":null}', '{"inner":null}'],
      ['{"inner":null}', '{"inner":{}}', '{"inner":{}}'],
      ['{"inner":{}}', '{"inner":null}', '{"inner":null}'],
      ['{"inner":{}}', '{"inner":{}}', '{"inner":{}}'],
    ],
  },
  {
    source: 'typed/merge_test.go: null/empty list',
    kind: 'merge',
    schema: { root: { fields: { inner: { list: 'atomic', by: 'atomic' } } }, types: {} },
    rows: [
      ['{}', '{"inner":[]}', '{"inner":[]}'],
      ['{}', '{"inner":null}', '{"inner":null}'],
      ['{"inner":null}', '{"inner":[]}', '{"inner":[]}'],
      ['{"inner":[]}', '{"inner":null}', '{"inner":null}'],
      ['{"inner":[]}', '{"inner":[]}', '{"inner":[]}'],
    ],
  },
  {
    source: 'typed/merge_test.go: struct grab bag',
    kind: 'merge',
    schema: {
      root: {
        fields: {
          numeric: 'number',
          string: 'string',
          bool: 'bool',
          setStr: { list: 'string', by: 'set' },
          setBool: { list: 'bool', by: 'set' },
          setNumeric: { list: 'number', by: 'set' },
        },
      },
      types: {},
    },
    rows: [
      ['{"numeric":1}', '{"numeric":3.14159}', '{"numeric":3.14159}'],
      ['{"numeric":3.14159}', '{"numeric":1}', '{"numeric":1}'],
      ['{"string":"aoeu"}', '{"bool":true}', '{"string":"aoeu","bool":true}'],
      ['{"setStr":["a","b","c"]}', '{"setStr":["a","b"]}', '{"setStr":["a","b","c"]}'],
      ['{"setStr":["a","b"]}', '{"setStr":["a","b","c"]}', '{"setStr":["a","b","c"]}'],
      ['{"setStr":["a","b","c"]}', '{"setStr":[]}', '{"setStr":["a","b","c"]}'],
      ['{"setStr":[]}', '{"setStr":["a","b","c"]}', '{"setStr":["a","b","c"]}'],
      ['{"setStr":["a","b"]}', '{"setStr":["b","a"]}', '{"setStr":["b","a"]}'],
      ['{"setStr":["a","b","c"]}', '{"setStr":["d","e","f"]}', '{"setStr":["a","b","c","d","e","f"]}'],
      ['{"setStr":["a","b","c"]}', '{"setStr":["c","d","e","f"]}', '{"setStr":["a","b","c","d","e","f"]}'],
      ['{"setStr":["a","b","c","g","f"]}', '{"setStr":["c","d","e","f"]}', '{"setStr":["a","b","c","g","d","e","f"]}'],
      [
        '{"setStr":["a","b","c"]}',
        '{"setStr":["d","e","f","x","y","z"]}',
        '{"setStr":["a","b","c","d","e","f","x","y","z"]}',
      ],
      ['{"setStr":["c","d","e","f"]}', '{"setStr":["a","c","e"]}', '{"setStr":["a","c","d","e","f"]}'],
      [
        '{"setStr":["a","b","c","x","y","z"]}',
        '{"setStr":["d","e","f"]}',
        '{"setStr":["a","b","c","x","y","z","d","e","f"]}',
      ],
      [
        '{"setStr":["a","b","c","x","y","z"]}',
        '{"setStr":["d","e","f","x","y","z"]}',
        '{"setStr":["a","b","c","d","e","f","x","y","z"]}',
      ],
      ['{"setStr":["c","a","g","f"]}', '{"setStr":["c","f","a","g"]}', '{"setStr":["c","f","a","g"]}'],
      ['{"setStr":["a","b","c","d"]}', '{"setStr":["d","e","f","a"]}', '{"setStr":["b","c","d","e","f","a"]}'],
      [
        '{"setStr":["c","d","e","f","g","h","i","j"]}',
        '{"setStr":["2","h","3","e","4","k","l"]}',
        '{"setStr":["c","d","f","g","2","h","i","j","3","e","4","k","l"]}',
      ],
      [
        '{"setStr":["a","b","c","d","e","f","g","h","i","j"]}',
        '{"setStr":["1","b","2","h","3","e","4","k","l"]}',
        '{"setStr":["a","1","b","c","d","f","g","2","h","i","j","3","e","4","k","l"]}',
      ],
      ['{"setStr":["a","b","b"]}', '{"setStr":["c"]}', '{"setStr":["a","b","b","c"]}'],
      ['{"setStr":["a","b","b"]}', '{"setStr":["b"]}', '{"setStr":["a","b"]}'],
      ['{"setStr":["a","b","b"]}', '{"setStr":["a"]}', '{"setStr":["a","b","b"]}'],
      [
        '{"setStr":["a","b","c","d","e","c"]}',
        '{"setStr":["1","b","2","e","d"]}',
        '{"setStr":["a","1","b","c","2","e","c","d"]}',
      ],
      [
        '{"setStr":["a","b","c","d","e","c"]}',
        '{"setStr":["1","b","2","c","e","d"]}',
        '{"setStr":["a","1","b","2","c","e","d"]}',
      ],
      ['{"setStr":["a","a","b","b"]}', '{"setStr":["b","c","d"]}', '{"setStr":["a","a","b","c","d"]}'],
      ['{"setStr":["a","a","b","b"]}', '{"setStr":[]}', '{"setStr":["a","a","b","b"]}'],
      ['{"setBool":[true]}', '{"setBool":[false]}', '{"setBool":[true,false]}'],
      ['{"setNumeric":[1,2,3.14159]}', '{"setNumeric":[1,2,3]}', '{"setNumeric":[1,2,3.14159,3]}'],
      ['{"setStr":["c","a","g","f","c","a"]}', '{"setStr":["c","f","a","g"]}', '{"setStr":["c","f","a","g"]}'],
      ['{"setNumeric":[1,2,3.14159,1,2]}', '{"setNumeric":[1,2,3]}', '{"setNumeric":[1,2,3.14159,3]}'],
      ['{"setBool":[true,false,true]}', '{"setBool":[false]}', '{"setBool":[true,false,true]}'],
      ['{"setBool":[true,false,true]}', '{"setBool":[true]}', '{"setBool":[true,false]}'],
    ],
  },
  {
    source: 'typed/merge_test.go: associative list',
    kind: 'merge',
    schema: {
      root: {
        fields: {
          list: {
            list: { fields: { key: 'string', id: 'number', value: { map: 'string' }, bv: 'bool', nv: 'number' } },
            by: ['key', 'id'],
          },
          atomicList: { list: 'string', by: 'atomic' },
        },
      },
      types: {},
    },
    rows: [
      [
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
      ],
      [
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":2,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}},{"key":"a","id":2,"value":{"a":"a"}}]}',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":1}]}',
        '{"list":[{"key":"a","id":1},{"key":"a","id":2}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":2}]}',
      ],
      [
        '{"list":[{"key":"b","id":2}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":2},{"key":"c","id":3}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":2},{"key":"c","id":3}]}',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":2},{"key":"c","id":3}]}',
        '{"list":[{"key":"c","id":3},{"key":"b","id":2}]}',
        '{"list":[{"key":"a","id":1},{"key":"c","id":3},{"key":"b","id":2}]}',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":2},{"key":"c","id":3}]}',
        '{"list":[{"key":"c","id":3},{"key":"a","id":1}]}',
        '{"list":[{"key":"b","id":2},{"key":"c","id":3},{"key":"a","id":1}]}',
      ],
      ['{"atomicList":["a","a","a"]}', '{"atomicList":null}', '{"atomicList":null}'],
      ['{"atomicList":["a","b","c"]}', '{"atomicList":[]}', '{"atomicList":[]}'],
      ['{"atomicList":["a","a","a"]}', '{"atomicList":["a","a"]}', '{"atomicList":["a","a"]}'],
      [
        '{"list":[{"key":"a","id":1,"bv":true},{"key":"b","id":2},{"key":"a","id":1,"bv":false,"nv":2}]}',
        '{"list":[{"key":"a","id":1,"nv":3},{"key":"c","id":3},{"key":"b","id":2}]}',
        '{"list":[{"key":"a","id":1,"nv":3},{"key":"c","id":3},{"key":"b","id":2}]}',
      ],
      [
        '{"list":[{"key":"a","id":1,"nv":1},{"key":"a","id":1,"nv":2}]}',
        '{"list":[]}',
        '{"list":[{"key":"a","id":1,"nv":1},{"key":"a","id":1,"nv":2}]}',
      ],
      [
        '{"list":[{"key":"a","id":1,"nv":1},{"key":"a","id":1,"nv":2}]}',
        '{}',
        '{"list":[{"key":"a","id":1,"nv":1},{"key":"a","id":1,"nv":2}]}',
      ],
    ],
  },
  {
    source: 'typed/symdiff_test.go: simple pair',
    kind: 'compare',
    schema: { root: { fields: { key: 'string', value: 'atomic' } }, types: {} },
    rows: [
      ['{"key":"foo","value":1}', '{"key":"foo","value":1}', '', '', ''],
      ['{"key":"foo","value":{}}', '{"key":"foo","value":1}', '', '.value', ''],
      ['{"key":"foo","value":1}', '{"key":"foo","value":{}}', '', '.value', ''],
      [
        '{"key":"foo","value":1}',
        '{"key":"foo","value":{"doesn\'t matter":"what\'s here","or":{"how":"nested"}}}',
        '',
        '.value',
        '',
      ],
      ['{"key":"foo","value":null}', '{"key":"foo","value":{}}', '', '.value', ''],
      ['{"key":"foo"}', '{"value":true}', '.key', '', '.value'],
      ['{"key":"foot"}', '{"key":"foo","value":true}', '', '.key', '.value'],
    ],
  },
  {
    source: 'typed/symdiff_test.go: null/empty map',
    kind: 'compare',
    schema: { root: { fields: { inner: { map: 'atomic' } } }, types: {} },
    rows: [
      ['{}', '{"inner":{}}', '', '', '.inner'],
      ['{}', '{"inner":null}', '', '', '.inner'],
      ['{"inner":null}', '{"inner":{}}', '', '.inner', ''],
      ['{"inner":{}}', '{"inner":null}', '', '.inner', ''],
      ['{"inner":{}}', '{"inner":{}}', '', '', ''],
    ],
  },
  {
    source: 'typed/symdiff_test.go: null/empty struct',
    kind: 'compare',
    schema: { root: { fields: { inner: { fields: { value: 'atomic' } } } }, types: {} },
    rows: [
      ['{}', '{"inner":{}}', '', '', '.inner'],
      ['{}', '{"inner":null}', '', '', '.inner'],
      ['{"inner":null}', '{"inner":{}}', '', '.inner', ''],
      ['{"inner":{}}', '{"inner":null}', '', '.inner', ''],
      ['{"inner":{}}', '{"inner":{}}', '', '', ''],
    ],
  },
  {
    source: 'typed/symdiff_test.go: null/empty list',
    kind: 'compare',
    schema: { root: { fields: { inner: { list: 'atomic', by: 'atomic' } } }, types: {} },
    rows: [
      ['{}', '{"inner":[]}', '', '', '.inner'],
      ['{}', '{"inner":null}', '', '', '.inner'],
      ['{"inner":null}', '{"inner":[]}', '', '.inner', ''],
      ['{"inner":[]}', '{"inner":null}', '', '.inner', ''],
      ['{"inner":[]}', '{"inner":[]}', '', '', ''],
    ],
  },
  {
    source: 'typed/symdiff_test.go: map merge',
    kind: 'compare',
    schema: { root: '#nestedMap', types: { nestedMap: { map: '#nestedMap' } } },
    rows: [
      ['{"a":{},"b":{}}', '{"a":{},"b":{}}', '', '', ''],
      ['{"a":{}}', '{"b":{}}', '.a', '', '.b'],
      ['{"a":{"b":{"c":{}}}}', '{"a":{"b":{}}}', '.a.b.c', '', ''],
      ['{"a":{}}', '{"a":{"b":{}}}', '', '', '.a.b'],
    ],
  },
  {
    source: 'typed/symdiff_test.go: untyped deduced',
    kind: 'compare',
    schema: { root: 'deduced', types: {} },
    rows: [
      ['{"a":{}}', '{"a":{"b":{}}}', '', '', '.a.b'],
      ['{"a":null}', '{"a":{"b":{}}}', '', '', '.a.b'],
      ['{"a":{"b":{}}}', '{"a":{}}', '.a.b', '', ''],
      ['{"a":{"b":{}}}', '{"a":null}', '.a.b', '', ''],
      ['{"a":[]}', '{"a":["b"]}', '', '.a', ''],
      ['{"a":null}', '{"a":["b"]}', '', '.a', ''],
      ['{"a":["b"]}', '{"a":[]}', '', '.a', ''],
      ['{"a":["b"]}', '{"a":null}', '', '.a', ''],
      ['{"a":null}', '{"a":"b"}', '', '.a', ''],
      ['{"a":"b"}', '{"a":null}', '', '.a', ''],
      ['{"a":{"b":{}}}', '{"a":["b"]}', '.a.b', '.a', ''],
      ['{"a":["b"]}', '{"a":{"b":{}}}', '', '.a', '.a.b'],
      ['{"a":{"b":{}}}', '{"a":"b"}', '.a.b', '.a', ''],
      ['{"a":"b"}', '{"a":{"b":{}}}', '', '.a', '.a.b'],
      ['{"a":["b"]}', '{"a":"b"}', '', '.a', ''],
      ['{"a":"b"}', '{"a":["b"]}', '', '.a', ''],
    ],
  },
  {
    source: 'typed/symdiff_test.go: struct grab bag',
    kind: 'compare',
    schema: {
      root: {
        fields: {
          numeric: 'number',
          string: 'string',
          bool: 'bool',
          setStr: { list: 'string', by: 'set' },
          setBool: { list: 'bool', by: 'set' },
          setNumeric: { list: 'number', by: 'set' },
        },
      },
      types: {},
    },
    rows: [
      ['{"numeric":1}', '{"numeric":3.14159}', '', '.numeric', ''],
      ['{"numeric":3.14159}', '{"numeric":1}', '', '.numeric', ''],
      ['{"string":"aoeu"}', '{"bool":true}', '.string', '', '.bool'],
      ['{"setStr":["a","b"]}', '{"setStr":["a","b","c"]}', '', '', '.setStr[="c"]'],
      ['{"setStr":["a"]}', '{"setStr":["a","b","b"]}', '', '', '.setStr[="b"]'],
      ['{"setStr":["a","b"]}', '{"setStr":["a","b","b"]}', '.setStr[="b"]', '', '.setStr[="b"]'],
      ['{"setStr":["b","b"]}', '{"setStr":["a","b","b"]}', '', '', '.setStr[="a"]'],
      ['{"setStr":["a","b","c"]}', '{"setStr":[]}', '.setStr[="a"] .setStr[="b"] .setStr[="c"]', '', ''],
      ['{"setBool":[true]}', '{"setBool":[false]}', '.setBool[=true]', '', '.setBool[=false]'],
      ['{"setNumeric":[1,2,3.14159]}', '{"setNumeric":[1,2,3]}', '.setNumeric[=3.14159]', '', '.setNumeric[=3]'],
      ['{"setStr":["a","b","b","c","a"]}', '{"setStr":[]}', '.setStr[="a"] .setStr[="b"] .setStr[="c"]', '', ''],
      ['{"setBool":[true,true]}', '{"setBool":[false]}', '.setBool[=true]', '', '.setBool[=false]'],
      [
        '{"setNumeric":[1,2,2,3.14159,1]}',
        '{"setNumeric":[1,2,3]}',
        '.setNumeric[=1] .setNumeric[=2] .setNumeric[=3.14159]',
        '',
        '.setNumeric[=1] .setNumeric[=2] .setNumeric[=3]',
      ],
    ],
  },
  {
    source: 'typed/symdiff_test.go: associative list',
    kind: 'compare',
    schema: {
      root: {
        fields: {
          list: {
            list: { fields: { key: 'string', id: 'number', value: { map: 'string' }, bv: 'bool', nv: 'number' } },
            by: ['key', 'id'],
          },
          atomicList: { list: 'string', by: 'atomic' },
        },
      },
      types: {},
    },
    rows: [
      [
        '{}',
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '',
        '',
        '.list .list[id=1,key="a"] .list[id=1,key="a"].id .list[id=1,key="a"].key .list[id=1,key="a"].value .list[id=1,key="a"].value.a',
      ],
      [
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '',
        '',
        '',
      ],
      [
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":1,"value":{"a":"b"}}]}',
        '',
        '.list[id=1,key="a"].value.a',
        '',
      ],
      [
        '{"list":[{"key":"a","id":1,"value":{"a":"a"}}]}',
        '{"list":[{"key":"a","id":2,"value":{"a":"a"}}]}',
        '.list[id=1,key="a"] .list[id=1,key="a"].id .list[id=1,key="a"].key .list[id=1,key="a"].value .list[id=1,key="a"].value.a',
        '',
        '.list[id=2,key="a"] .list[id=2,key="a"].id .list[id=2,key="a"].key .list[id=2,key="a"].value .list[id=2,key="a"].value.a',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":1}]}',
        '{"list":[{"key":"a","id":1},{"key":"a","id":2}]}',
        '.list[id=1,key="b"] .list[id=1,key="b"].id .list[id=1,key="b"].key',
        '',
        '.list[id=2,key="a"] .list[id=2,key="a"].id .list[id=2,key="a"].key',
      ],
      ['{"atomicList":["a","a","a"]}', '{"atomicList":null}', '', '.atomicList', ''],
      ['{"atomicList":["a","b","c"]}', '{"atomicList":[]}', '', '.atomicList', ''],
      ['{"atomicList":["a","a","a"]}', '{"atomicList":["a","a"]}', '', '.atomicList', ''],
      [
        '{"list":[{"key":"a","id":1,"nv":2},{"key":"b","id":1},{"key":"a","id":1,"bv":true}]}',
        '{"list":[{"key":"a","id":1},{"key":"a","id":2}]}',
        '.list[id=1,key="a"] .list[id=1,key="b"] .list[id=1,key="b"].id .list[id=1,key="b"].key',
        '',
        '.list[id=1,key="a"] .list[id=1,key="a"].id .list[id=1,key="a"].key .list[id=2,key="a"] .list[id=2,key="a"].id .list[id=2,key="a"].key',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true,"nv":1}]}',
        '',
        '.list[id=1,key="a"]',
        '',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true}]}',
        '',
        '',
        '',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":1,"bv":true},{"key":"a","id":1,"bv":true}]}',
        '',
        '',
        '.list[id=1,key="b"].bv',
      ],
      [
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true}]}',
        '{"list":[{"key":"a","id":1},{"key":"b","id":1},{"key":"a","id":1,"bv":true}],"atomicList":["unrelated"]}',
        '',
        '',
        '.atomicList',
      ],
    ],
  },
  {
    source: 'typed/remove_test.go: simple pair',
    kind: 'remove',
    schema: { root: { fields: { key: 'string', value: 'atomic' } }, types: {} },
    rows: [
      ['{"key":"foo"}', '.key', null, '{"key":"foo"}'],
      ['{"key":"foo"}', '', '{"key":"foo"}', null],
      ['{"key":"foo","value":true}', '.key', '{"value":true}', '{"key":"foo"}'],
      ['{"key":"foo","value":{"a":"b"}}', '.value', '{"key":"foo"}', '{"value":{"a":"b"}}'],
    ],
  },
  {
    source: 'typed/remove_test.go: struct grab bag',
    kind: 'remove',
    schema: {
      root: {
        fields: {
          numeric: 'number',
          string: 'string',
          bool: 'bool',
          setStr: { list: 'string', by: 'set' },
          setBool: { list: 'bool', by: 'set' },
          setNumeric: { list: 'number', by: 'set' },
        },
      },
      types: {},
    },
    rows: [
      ['{"setBool":[false]}', '.setBool[=false]', '{"setBool":null}', '{"setBool":[false]}'],
      ['{"setBool":[false]}', '.setBool[=true]', '{"setBool":[false]}', '{"setBool":null}'],
      ['{"setBool":[true,false]}', '.setBool[=true]', '{"setBool":[false]}', '{"setBool":[true]}'],
      ['{"setBool":[true,false]}', '.setBool', null, '{"setBool":null}'],
      [
        '{"setNumeric":[1,2,3,4.5]}',
        '.setNumeric[=1] .setNumeric[=4.5]',
        '{"setNumeric":[2,3]}',
        '{"setNumeric":[1,4.5]}',
      ],
      ['{"setStr":["a","b","c"]}', '.setStr[="a"]', '{"setStr":["b","c"]}', '{"setStr":["a"]}'],
    ],
  },
  {
    source: 'typed/remove_test.go: nested types',
    kind: 'remove',
    schema: {
      root: {
        fields: {
          listOfLists: { list: { fields: { name: 'string', value: { list: 'string', by: 'set' } } }, by: ['name'] },
          listOfMaps: { list: { fields: { name: 'string', value: { map: 'string' } } }, by: ['name'] },
          mapOfLists: { map: { list: 'string', by: 'set' } },
          mapOfMaps: { map: { map: 'string' } },
          mapOfMapsRecursive: '#mapOfMapsRecursive',
          struct: { fields: { name: 'string', value: 'number' } },
        },
      },
      types: { mapOfMapsRecursive: { map: '#mapOfMapsRecursive' } },
    },
    rows: [
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"].name .listOfLists[name="a"].value[="b"] .listOfLists[name="a"].value[="c"] .listOfLists[name="d"].name',
        'unparseable',
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
      ],
      ['{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}', '.listOfLists', null, '{"listOfLists":null}'],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="d"].name',
        'unparseable',
        '{"listOfLists":[{"name":"d"}]}',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="d"]',
        '{"listOfLists":[{"name":"a","value":["b","c"]}]}',
        'unparseable',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"].name',
        'unparseable',
        '{"listOfLists":[{"name":"a"}]}',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"]',
        '{"listOfLists":[{"name":"d"}]}',
        'unparseable',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"].value[="b"]',
        '{"listOfLists":[{"name":"a","value":["c"]},{"name":"d"}]}',
        'unparseable',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"].name .listOfLists[name="a"].value[="b"]',
        'unparseable',
        '{"listOfLists":[{"name":"a","value":["b"]}]}',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="x"]',
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '{"listOfLists":null}',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"].value[="x"]',
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        'unparseable',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '.listOfLists[name="a"].name .listOfLists[name="a"].value[="x"]',
        'unparseable',
        'unparseable',
      ],
      [
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        '[="b"]',
        '{"listOfLists":[{"name":"a","value":["b","c"]},{"name":"d"}]}',
        null,
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"].name .listOfMaps[name="a"].value.b .listOfMaps[name="a"].value.c .listOfMaps[name="d"].name .listOfMaps[name="d"].value.e',
        'unparseable',
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps',
        null,
        '{"listOfMaps":null}',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"].name',
        'unparseable',
        '{"listOfMaps":[{"name":"a"}]}',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"]',
        '{"listOfMaps":[{"name":"d","value":{"e":"z"}}]}',
        'unparseable',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"].value.b',
        '{"listOfMaps":[{"name":"a","value":{"c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        'unparseable',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"].name .listOfMaps[name="a"].value.b',
        'unparseable',
        '{"listOfMaps":[{"name":"a","value":{"b":"x"}}]}',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="q"].name',
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '{"listOfMaps":null}',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"].value.q',
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        'unparseable',
      ],
      [
        '{"listOfMaps":[{"name":"a","value":{"b":"x","c":"y"}},{"name":"d","value":{"e":"z"}}]}',
        '.listOfMaps[name="a"].name .listOfMaps[name="a"].value.q',
        'unparseable',
        '{"listOfMaps":[{"name":"a","value":null}]}',
      ],
      [
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '.mapOfLists.b[="a"] .mapOfLists.b[="c"] .mapOfLists.d[="e"] .mapOfLists.d[="f"]',
        'unparseable',
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
      ],
      ['{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}', '.mapOfLists', null, '{"mapOfLists":null}'],
      [
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '.mapOfLists.b',
        '{"mapOfLists":{"d":["e","f"]}}',
        '{"mapOfLists":{"b":null}}',
      ],
      [
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '.mapOfLists.b[="a"]',
        '{"mapOfLists":{"b":["c"],"d":["e","f"]}}',
        '{"mapOfLists":{"b":["a"]}}',
      ],
      [
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '.mapOfLists.q',
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '{"mapOfLists":null}',
      ],
      [
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '.mapOfLists.b[="q"]',
        '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}',
        '{"mapOfLists":{"b":null}}',
      ],
      [
        '{"mapOfLists":{"b":null,"d":["e","f"]}}',
        '.mapOfLists.b',
        '{"mapOfLists":{"d":["e","f"]}}',
        '{"mapOfLists":{"b":null}}',
      ],
      ['{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}', '[="a"]', '{"mapOfLists":{"b":["a","c"],"d":["e","f"]}}', null],
      [
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '.mapOfMaps.b.a .mapOfMaps.b.c .mapOfMaps.d.e .mapOfMaps.d.f',
        'unparseable',
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
      ],
      ['{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}', '.mapOfMaps', null, '{"mapOfMaps":null}'],
      [
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '.mapOfMaps.b',
        '{"mapOfMaps":{"d":{"e":"y","f":"w"}}}',
        '{"mapOfMaps":{"b":null}}',
      ],
      [
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '.mapOfMaps.b.a',
        '{"mapOfMaps":{"b":{"c":"z"},"d":{"e":"y","f":"w"}}}',
        '{"mapOfMaps":{"b":{"a":"x"}}}',
      ],
      [
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '.mapOfMaps.q',
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '{"mapOfMaps":null}',
      ],
      [
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '.mapOfMaps.b.q',
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '{"mapOfMaps":{"b":null}}',
      ],
      [
        '{"mapOfMaps":{"b":null,"d":{"e":"y","f":"w"}}}',
        '.mapOfMaps.b',
        '{"mapOfMaps":{"d":{"e":"y","f":"w"}}}',
        '{"mapOfMaps":{"b":null}}',
      ],
      [
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        '.a',
        '{"mapOfMaps":{"b":{"a":"x","c":"z"},"d":{"e":"y","f":"w"}}}',
        null,
      ],
      ['{"mapOfMapsRecursive":{"a":{"b":{"c":null}}}}', '.mapOfMapsRecursive', null, '{"mapOfMapsRecursive":null}'],
      [
        '{"mapOfMapsRecursive":{"a":{"b":{"c":null}}}}',
        '.mapOfMapsRecursive.a',
        '{"mapOfMapsRecursive":null}',
        '{"mapOfMapsRecursive":{"a":null}}',
      ],
      [
        '{"mapOfMapsRecursive":{"a":{"b":{"c":null}}}}',
        '.mapOfMapsRecursive.a.b',
        '{"mapOfMapsRecursive":{"a":null}}',
        '{"mapOfMapsRecursive":{"a":{"b":null}}}',
      ],
      [
        '{"mapOfMapsRecursive":{"a":{"b":{"c":null}}}}',
        '.mapOfMapsRecursive.a.b.c',
        '{"mapOfMapsRecursive":{"a":{"b":null}}}',
        '{"mapOfMapsRecursive":{"a":{"b":{"c":null}}}}',
      ],
      ['{"listOfLists":[]}', '.listOfLists', null, '{"listOfLists":[]}'],
      ['{"listOfLists":null}', '.listOfLists', null, '{"listOfLists":null}'],
      ['{"mapOfMaps":{}}', '.mapOfMaps', null, '{"mapOfMaps":{}}'],
      ['{"mapOfMaps":null}', '.mapOfMaps', null, '{"mapOfMaps":null}'],
    ],
  },
]
