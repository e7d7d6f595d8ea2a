// Starts the bundle beside it, compiled already as far as scripts/generate-code-cache.ts did that. V8 refuses what another
// version of it has compiled, and compiles anew: that takes longer, and is all.
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'agent.cjs');
// plain ASCII, and in memory half the size if V8 knows it
const source = readFileSync(filename, 'latin1');
let cachedData;
try {
  cachedData = readFileSync(join(__dirname, 'agent.cache'));
} catch {
  // nothing is compiled yet
}
new Script(source, { filename, cachedData }).runInThisContext()(exports, require, module, filename, __dirname);
