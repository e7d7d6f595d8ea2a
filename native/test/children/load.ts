/** Prints, as JSON, the error that loading the fixture throws; run without privileges. */
import { FIXTURE, binding, bpfErrorOf } from '../fixture.ts';

const { operation, code, message, log } = bpfErrorOf(() => binding.openObject(FIXTURE, 'fixture').load());
process.stdout.write(`${JSON.stringify({ operation, code, message, log })}\n`);
