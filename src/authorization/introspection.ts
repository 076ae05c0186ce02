/**
 * Token introspection (RFC 7662), signed where the bank offers it (RFC 9701).
 *
 * @module
 */
import * as openid from "openid-client";
import { type ValidationCheck, ValidationError } from "../errors.js";
import { mediaType } from "../transport/door.js";
import { flag, number, object, optional, read, text } from "../transport/schema.js";
import { verifyJwt } from "./jwt.js";
import { mtlsEndpoint } from "./metadata.js";
import type { AuthorizationContext } from "./server.js";

const SIGNED = "application/token-introspection+jwt";

/** What the bank says of a token. */
export interface Introspection {
  /** Whether the token can be used. */
  readonly active: boolean;
  /** Scope strings, as on the wire. */
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly exp?: number;
}

/**
 * Asks the bank about a token; `undefined` where it does not offer to be asked.
 *
 * @param thumbprint - The certificate that the token must be bound to.
 * @throws {@link ValidationError} when the answer has no boolean `active`, is not signed where signed answers are offered
 * (MS 5.5.2), or tells of another certificate (RFC 8705 section 3.2).
 */
export async function introspectToken(
  token: string,
  thumbprint: string,
  context: AuthorizationContext,
): Promise<Introspection | undefined> {
  const { server, call, configuration } = context;
  const { metadata } = await server.discovered(call);
  if (mtlsEndpoint(metadata, "introspection_endpoint") === undefined) return undefined;
  const refuse = (check: ValidationCheck, why: string) =>
    new ValidationError(check, `The bank's introspection response ${why}.`, { interactionId: call.interactionId });
  const signedOnly = metadata.signedIntrospection || configuration.introspectionSigned;
  const asked = {
    endpoint: "introspection",
    repeatable: true,
    accept: signedOnly ? SIGNED : "application/json",
  } as const;
  const { value, answer } = await server.ask(asked, call, client => openid.tokenIntrospection(client, token));
  // Whatever was asked for: what comes signed counts only with a signature that holds.
  const signed = mediaType(answer) === SIGNED;
  if (!signed && signedOnly) throw refuse("signature", "is not signed, though signed ones are offered");
  const said = signed ? await verified(answer.body, context) : value;
  const { value: found } = read(response, said);
  if (found === undefined) throw refuse("body", "is not of the form of RFC 7662");
  const { active, scope, exp, cnf } = found;
  if (active && cnf?.["x5t#S256"] !== undefined && cnf["x5t#S256"] !== thumbprint) {
    throw refuse("cnf", "is about a token of another certificate");
  }
  const scopes = Object.freeze(scope?.split(" ").filter(name => name !== "") ?? []);
  return Object.freeze({ active, scopes, ...(exp === undefined ? {} : { exp }) });
}

/** RFC 8705 section 3.2. */
interface Confirmation {
  readonly "x5t#S256"?: string | undefined;
}

/** RFC 7662 section 2.2. */
interface Response {
  readonly active: boolean;
  readonly scope?: string | undefined;
  readonly exp?: number | undefined;
  readonly cnf?: Confirmation | undefined;
}

const response = object<Response>({
  active: flag,
  scope: optional(text),
  exp: optional(number),
  cnf: optional(object<Confirmation>({ "x5t#S256": optional(text) })),
});

/** RFC 9701 section 5: what the bank says is inside the JWT. */
async function verified(token: string, context: AuthorizationContext): Promise<unknown> {
  const { issuer, clientId, introspectionAlgorithms: algorithms } = context.configuration;
  const expected = {
    name: "introspection response",
    issuer,
    audience: clientId,
    algorithms,
    claims: ["iat", "token_introspection"],
    typ: "token-introspection+jwt",
  };
  return (await verifyJwt(token, expected, context)).claims["token_introspection"];
}
