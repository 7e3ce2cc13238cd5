// The real engine on virtual time keeps I1 to I8 and I10 in the second half of the seeds; a file of its own,
// so that it runs beside the first.
import { runSeeds } from './run-seeds.ts'

runSeeds(501, 450)
