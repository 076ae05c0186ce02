/**
 * The authorization response: what the customer's browser brings back.
 *
 * @module
 */
import type { Configuration } from "../config/configuration.js";
import { AuthorizationError, type ValidationCheck, ValidationError } from "../errors.js";
import { verifyJwt } from "./jwt.js";
import type { AuthorizationContext } from "./server.js";

/** The callback as the framework has it: URL, path with query, `Request`, or the parameters alone. */
export type Callback = string | URL | URLSearchParams | { readonly url: string };

/** An authentic answer of the bank: a code, or an error to throw once the transaction is spent. */
export type AuthorizationResponse = { readonly code: string } | { readonly error: AuthorizationError };

const LARGEST_CALLBACK = 16 * 1024;

/** Reads the callback's parameters. Only the query counts: host and path are not believed. */
export function readCallback(callback: Callback): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of queryOf(callback)) {
    // RFC 6749 section 3.1: no parameter more than once.
    if (parameters.has(name)) throw refuse("parameter", "has a parameter more than once");
    parameters.set(name, value);
  }
  return parameters;
}

/**
 * Verifies the response, and only then reads what it says.
 *
 * @throws {@link ValidationError} that names the failed check.
 */
export async function verifyResponse(
  callback: ReadonlyMap<string, string>,
  state: string,
  context: AuthorizationContext,
): Promise<AuthorizationResponse> {
  const { configuration } = context;
  const parameters =
    configuration.rules.response === "jwt" ? await openJarm(callback, context) : checkPlain(callback, configuration);
  const given = parameters.get("state");
  // RFC 6749 section 10.12: an answer to another browser's request.
  if (given !== state) throw refuse("state", given === undefined ? "has no state" : "belongs to another request");
  const error = parameters.get("error");
  // RFC 6749 appendix A.7: the form of an error code; the description is the bank's prose and goes nowhere.
  if (error !== undefined)
    return { error: new AuthorizationError(/^[\w.:-]{1,64}$/.test(error) ? error : "server_error") };
  const code = parameters.get("code");
  // RFC 6749 appendix A.11: code is 1*VSCHAR.
  if (code === undefined || !/^[\x20-\x7e]+$/.test(code)) throw refuse("code", "has neither a code nor an error");
  return { code };
}

/** JARM section 2.4 (P2 5.2.3, MS 5.4): only what is inside a valid JWT is read. */
async function openJarm(
  callback: ReadonlyMap<string, string>,
  context: AuthorizationContext,
): Promise<ReadonlyMap<string, string>> {
  const response = callback.get("response");
  // Also an error outside the JWT: anybody can write one.
  if (response === undefined) throw refuse("response_mode", "is not a signed response (JARM)");
  const { issuer, clientId, authorizationResponseAlgorithms: algorithms } = context.configuration;
  const expected = {
    name: "authorization response",
    response: "authorizationResponse",
    issuer,
    audience: clientId,
    algorithms,
    claims: ["exp"],
  } as const;
  const { claims } = await verifyJwt(response, expected, context);
  return new Map(Object.entries(claims).filter((claim): claim is [string, string] => typeof claim[1] === "string"));
}

/** RFC 9207 section 2.4, SP 5.3.3.2: `iss` is required whatever the metadata says, and compared exactly. */
function checkPlain(callback: ReadonlyMap<string, string>, configuration: Configuration): ReadonlyMap<string, string> {
  if (callback.has("response"))
    throw refuse("response_mode", "is a signed response (JARM), which this profile does not ask for");
  const iss = callback.get("iss");
  if (iss === undefined) throw refuse("iss", callback.size === 0 ? "has no query: pass the whole URL" : "has no iss");
  if (iss !== configuration.issuer) throw refuse("iss", "is not from the configured issuer");
  return callback;
}

function queryOf(callback: Callback): URLSearchParams {
  if (callback instanceof URLSearchParams) {
    if (callback.toString().length > LARGEST_CALLBACK) throw tooLarge();
    return callback;
  }
  const text = typeof callback === "string" ? callback : callback instanceof URL ? callback.href : callback?.url;
  if (typeof text !== "string") throw refuse("parameter", "is neither a URL, a Request nor URLSearchParams");
  if (text.length > LARGEST_CALLBACK) throw tooLarge();
  return new URLSearchParams(/^[^?#]*\?([^#]*)/.exec(text)?.[1]);
}

function tooLarge(): ValidationError {
  return refuse("size", `is longer than ${LARGEST_CALLBACK} characters`);
}

function refuse(check: ValidationCheck, why: string): ValidationError {
  return new ValidationError(check, `The callback ${why}. No token was asked for.`);
}
