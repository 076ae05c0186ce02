/** The published contract, `etc/openapi.json`, to check things against. */
import { readFileSync } from "node:fs";
import { Ajv2020, addFormats, type ValidateFunction } from "./ajv.js";

export interface Ref {
  readonly $ref: string;
}
export interface Media {
  readonly schema: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: unknown;
  readonly example?: unknown;
}
export type Header = Omit<Parameter, "name" | "in">;
export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header | Ref>>;
  readonly content?: Readonly<Record<string, Media>>;
}
export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly (Parameter | Ref)[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response | Ref>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}
export type PathItem = Readonly<Partial<Record<"get" | "post" | "delete", Operation>>> &
  Pick<Operation, "parameters"> & { readonly servers?: unknown };
export interface Document {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export const DOCUMENT: Document = JSON.parse(
  readFileSync(new URL("../../etc/openapi.json", import.meta.url), "utf8"),
) as Document;

/** An operation with its place. */
export interface Placed {
  readonly method: string;
  readonly template: string;
  readonly operation: Operation;
  readonly parameters: readonly Parameter[];
}

export const OPERATIONS: readonly Placed[] = Object.entries(DOCUMENT.paths).flatMap(([template, item]) =>
  (["get", "post", "delete"] as const).flatMap(method => {
    const operation = item[method];
    if (operation === undefined) return [];
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
    return [{ method: method.toUpperCase(), template, operation, parameters: parameters.map(resolved) }];
  }),
);

/** What a pointer like `#/components/schemas/Debit` leads to; `undefined` where it leads nowhere. */
export function at(pointer: string): unknown {
  const steps = pointer.replace(/^#\//, "").split("/");
  return steps.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | undefined)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")],
    DOCUMENT,
  );
}

export function resolved<T>(value: T | Ref): T {
  if (typeof value === "object" && value !== null && "$ref" in value) return at(value.$ref) as T;
  return value as T;
}

export function operation(operationId: string): Operation {
  const found = OPERATIONS.find(placed => placed.operation.operationId === operationId);
  if (found === undefined) throw new RangeError(`no operation is called ${operationId}`);
  return found.operation;
}

/** The operation that a request is for, and what stands in its path. */
export function operationFor(
  method: string,
  pathname: string,
): (Placed & { readonly parts: Record<string, string> }) | undefined {
  for (const placed of OPERATIONS) {
    const pattern = placed.template.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const found = new RegExp(`^${pattern}$`).exec(pathname);
    if (found !== null && placed.method === method) return { ...placed, parts: { ...found.groups } };
  }
  return undefined;
}

/** The examples of an answer, by name. */
export function examplesOf(operationId: string, status: string): Record<string, unknown> {
  const { content = {} } = resolved(operation(operationId).responses[status] as Response | Ref);
  const examples = Object.values(content).flatMap(media => Object.entries(media.examples ?? {}));
  return Object.fromEntries(examples.map(([name, { value }]) => [name, value]));
}

/** Everything in a value, with the pointer that leads to it. */
export function* everything(value: unknown, pointer = "#"): Generator<[string, unknown]> {
  yield [pointer, value];
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    yield* everything(member, `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  }
}

/** Says what is wrong with a value, by the schema at a pointer. */
export type Check = (pointer: string, value: unknown) => string[];

/**
 * A check by the document's schemas.
 *
 * @param closed - Whether a member that no schema knows is wrong: the document lets the bank have more of them, the
 * sandbox has none.
 */
export function checkBy({ closed }: { readonly closed: boolean }): Check {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema({ $id: "openapi", $defs: asSchema(DOCUMENT.components["schemas"], closed) });
  const compiled = new Map<string, ValidateFunction>();
  return (pointer, value) => {
    const validate = compiled.get(pointer) ?? ajv.compile(asSchema(at(pointer), closed) as object);
    compiled.set(pointer, validate);
    return validate(value) ? [] : (validate.errors ?? []).map(error => `${error.instancePath} ${error.message}`);
  };
}

/** Schemas that refer to one another where ajv keeps them. */
function asSchema(value: unknown, closed: boolean): unknown {
  if (Array.isArray(value)) return value.map(item => asSchema(item, closed));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]): [string, unknown] => {
    if (name === "$ref") return [name, String(member).replace("#/components/schemas", "openapi#/$defs")];
    return [name, asSchema(member, closed)];
  });
  const object = Object.fromEntries(members);
  const isClosed = closed && object["type"] === "object" && "properties" in object;
  return isClosed ? { ...object, additionalProperties: false } : object;
}
