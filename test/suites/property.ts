import fc from 'fast-check'
import { seedOfRun } from './seeded-random.ts'

/** fast-check, drawing the cases that the run's seed gives. */
fc.configureGlobal({ seed: seedOfRun() })

export { fc }
