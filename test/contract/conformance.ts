/** Holds an answer against the document. */
import { checkBy, OPERATIONS, operationFor, type Response, resolved } from "./document.js";

/** An answer as it came. */
export interface Answered {
  readonly method: string;
  /** Below the API's base URL. */
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const check = checkBy({ closed: true });

/** What the document has for it: the operation, and the answer by its status or the class of it. */
export function placeOf({ method, path, status }: Pick<Answered, "method" | "path" | "status">): string | undefined {
  const operation = operationFor(method, path)?.operation;
  const code = [String(status), `${String(status)[0]}XX`].find(one => operation?.responses[one] !== undefined);
  return operation === undefined || code === undefined ? undefined : `${operation.operationId} ${code}`;
}

/** Every place that the document has. */
export const PLACES: readonly string[] = OPERATIONS.flatMap(({ operation }) =>
  Object.keys(operation.responses).map(status => `${operation.operationId} ${status}`),
);

/** What is not as the document has it; empty for an answer that is right. */
export function deviations(answered: Answered): string[] {
  const place = placeOf(answered);
  if (place === undefined) return [`${answered.method} ${answered.path} has no answer ${answered.status}`];
  const [, status = ""] = place.split(" ");
  const found = operationFor(answered.method, answered.path);
  const given = found?.operation.responses[status] as Response | { readonly $ref: string };
  const pointer =
    "$ref" in given
      ? given.$ref
      : `#/paths/${found?.template.replaceAll("/", "~1")}/${answered.method.toLowerCase()}/responses/${status}`;
  const { headers = {}, content } = resolved<Response>(given);
  return [...wrongHeaders(Object.keys(headers), headers, answered), ...wrongBody(content, pointer, answered)];
}

function wrongHeaders(names: string[], headers: NonNullable<Response["headers"]>, answered: Answered): string[] {
  return names.flatMap(name => {
    const header = headers[name] ?? {};
    const value = answered.headers[name.toLowerCase()];
    if (value === undefined) return [];
    const pointer = "$ref" in header ? `${header.$ref}/schema` : "";
    return check(pointer, value).map(problem => `${name}: ${problem}`);
  });
}

function wrongBody(content: Response["content"], pointer: string, { headers, text, status }: Answered): string[] {
  if (content === undefined) return text === "" ? [] : ["a body where there should be none"];
  const [type = ""] = String(headers["content-type"]).split(";");
  if (!(type in content)) return [`the body is ${type}`];
  const place = `${pointer}/content/${type.replaceAll("/", "~1")}/schema`;
  if (!type.endsWith("json")) return check(place, text);
  const body: unknown = JSON.parse(text);
  const told = type.startsWith("application/problem") ? (body as { status?: unknown }).status : status;
  return [...check(place, body), ...(told === status ? [] : ["the problem tells another status"])];
}
