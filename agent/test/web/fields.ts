/** The fields of a document by TypeScript's own reading of its type: those too that no example has. */
import ts from 'typescript';
import { fileURLToPath } from 'node:url';
import { COPY_REASONS, MECHANISMS, OUTCOMES, REFUSAL_REASONS, RESOLUTIONS } from '../../src/abi/layout.ts';

/** Keys that are names of things, each of which may be there: one `*` stands for them. */
const NAMES = [
  [...MECHANISMS],
  [...OUTCOMES],
  [...RESOLUTIONS, 'pending'],
  [...COPY_REASONS],
  [...REFUSAL_REASONS],
  [...OUTCOMES, 'fallbacks', 'enter_eagain'],
];

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url));

export interface Field {
  readonly type: string;
  /** May be left out. */
  readonly optional: boolean;
  readonly nullable: boolean;
  /** `{ unavailable: why }` may stand in its place. */
  readonly unavailable: boolean;
}

/** By path: `processes[].outcomes.*`. @param file under agent/src */
export function fieldsOf(wanted: readonly { readonly file: string; readonly name: string }[]): Map<string, Field>[] {
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    types: [],
  };
  const program = ts.createProgram(
    wanted.map(({ file }) => `${SOURCE}${file}`),
    options,
  );
  const checker = program.getTypeChecker();
  return wanted.map(({ file, name }) => {
    const source = program.getSourceFile(`${SOURCE}${file}`);
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    const symbol =
      module === undefined ? undefined : checker.getExportsOfModule(module).find((one) => one.name === name);
    if (symbol === undefined) throw new Error(`no ${name} in ${file}`);
    const fields = new Map<string, Field>();
    collect(checker, checker.getDeclaredTypeOfSymbol(symbol), '', fields);
    return fields;
  });
}

function collect(checker: ts.TypeChecker, given: ts.Type, path: string, fields: Map<string, Field>): void {
  const type = checker.getNonNullableType(given);
  if (checker.isArrayType(type)) {
    const [item] = checker.getTypeArguments(type as ts.TypeReference);
    if (item !== undefined) collect(checker, item, `${path}[]`, fields);
    return;
  }
  if ((type.flags & ts.TypeFlags.Object) === 0) return;
  const add = (key: string, of: ts.Type, optional: boolean): void => {
    const own = path === '' ? key : `${path}.${key}`;
    // a field that may be left out has no undefined of its own
    const value = optional ? withoutUndefined(of) : of;
    const nullable = value.isUnion() && value.types.some(({ flags }) => (flags & ts.TypeFlags.Null) !== 0);
    const known = withoutUnavailable(checker, value);
    fields.set(own, { type: textOf(checker, known), optional, nullable, unavailable: known !== value });
    collect(checker, known, own, fields);
  };
  const index = checker.getIndexInfosOfType(type)[0];
  if (index !== undefined) add('*', index.type, false);
  const properties = checker.getPropertiesOfType(type);
  const keys = properties.map(({ name }) => name);
  const first = properties[0];
  const isOfNames = NAMES.some((names) => names.length === keys.length && keys.every((key) => names.includes(key)));
  for (const property of first !== undefined && isOfNames ? [first] : properties) {
    const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    add(isOfNames ? '*' : property.name, checker.getTypeOfSymbol(property), optional && !isOfNames);
  }
}

/** Names of texts are texts, however they are called in the source. */
function textOf(checker: ts.TypeChecker, type: ts.Type): string {
  const texts = type.isUnion() && type.types.every((one) => one.isStringLiteral());
  return checker.typeToString(type, undefined, texts ? ts.TypeFormatFlags.InTypeAlias : undefined);
}

/** Of `T | { unavailable: string }` the T. */
function withoutUnavailable(checker: ts.TypeChecker, type: ts.Type): ts.Type {
  const value = checker.getNonNullableType(type);
  if (!value.isUnion()) return type;
  const isUnavailable = (one: ts.Type) => {
    const names = checker.getPropertiesOfType(one).map(({ name }) => name);
    return names.length === 1 && names[0] === 'unavailable';
  };
  const [rest, ...others] = value.types.filter((one) => !isUnavailable(one));
  return rest === undefined || others.length > 0 || value.types.length === 1 ? type : rest;
}

function withoutUndefined(type: ts.Type): ts.Type {
  if (!type.isUnion()) return type;
  const rest = type.types.filter(({ flags }) => (flags & ts.TypeFlags.Undefined) === 0);
  return rest.length === 1 && rest[0] !== undefined ? rest[0] : type;
}
