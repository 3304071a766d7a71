/**
 * The three functions of the Reflect metadata API that @peculiar/x509 asks for (through tsyringe) when it is loaded.
 * To be imported before it; does nothing where a full implementation is there already.
 */
type Metadata = Map<unknown, unknown>

interface MetadataReflect {
  getMetadata?(key: unknown, target: object): unknown
  getOwnMetadata?(key: unknown, target: object): unknown
  defineMetadata?(key: unknown, value: unknown, target: object): void
}

const store = new WeakMap<object, Metadata>()
const reflect = Reflect as MetadataReflect

const getOwn = (key: unknown, target: object): unknown => store.get(target)?.get(key)

function getInherited(key: unknown, target: object): unknown {
  for (let owner: object | null = target; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    const value = getOwn(key, owner)
    if (value !== undefined) return value
  }
  return undefined
}

reflect.getMetadata ??= getInherited
reflect.getOwnMetadata ??= getOwn
reflect.defineMetadata ??= (key, value, target) => {
  const known = store.get(target)
  if (known) known.set(key, value)
  else store.set(target, new Map([[key, value]]))
}
