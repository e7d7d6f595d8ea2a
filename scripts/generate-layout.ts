/** Usage: generate-layout.ts OBJECT FILE: writes the layout of OBJECT to FILE, if it differs from what is there. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { layoutOf, layoutSource } from '../agent/src/abi/generate.ts';

const [object, file] = process.argv.slice(2);
if (object === undefined || file === undefined) {
  process.stderr.write('usage: generate-layout.ts OBJECT FILE\n');
  process.exit(2);
}
const source = await format(layoutSource(layoutOf(readFileSync(object))), {
  ...(await resolveConfig(file)),
  parser: 'typescript',
});
if (!existsSync(file) || readFileSync(file, 'utf8') !== source) writeFileSync(file, source);
