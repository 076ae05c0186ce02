/**
 * Token introspection (RFC 7662), signed where the bank offers it (RFC 9701).
 *
 * @module
 */
import * as openid from "openid-client";
import { z } from "zod";
import { ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { verifyJwt } from "./jwt.js";
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
 * @throws {@link ValidationError} when the answer has no boolean `active`, or is not signed where signed answers are
 * offered (MS 5.5).
 */
export async function introspectToken(
  token: string,
  context: AuthorizationContext,
): Promise<Introspection | undefined> {
  const { server, call, configuration } = context;
  const { metadata } = await server.discovered(call);
  if (metadata.mtls.introspection_endpoint === undefined) return undefined;
  const accept = metadata.signedIntrospection ? SIGNED : "application/json";
  const asked = { endpoint: "introspection", repeatable: true, accept } as const;
  const { value, answer } = await server.ask(asked, call, client => openid.tokenIntrospection(client, token));
  if (!metadata.signedIntrospection) return read(value, call);
  if (!String(answer?.headers["content-type"]).startsWith(SIGNED)) {
    throw new ValidationError(
      "signature",
      "The bank's introspection response is not signed, though signed ones are offered.",
      {
        interactionId: call.interactionId,
      },
    );
  }
  const { claims } = await verifyJwt(
    answer?.body ?? "",
    {
      name: "introspection response",
      issuer: configuration.issuer,
      audience: configuration.clientId,
      algorithms: configuration.rules.algorithms,
      claims: ["iss", "aud", "iat", "token_introspection"],
      typ: "token-introspection+jwt",
    },
    context,
  );
  return read(claims["token_introspection"], call);
}

const response = z.object({ active: z.boolean(), scope: z.string().optional(), exp: z.number().optional() });

function read(answer: unknown, call: Call): Introspection {
  const parsed = response.safeParse(answer);
  if (!parsed.success) {
    throw new ValidationError("body", "The bank's introspection response is not of the form of RFC 7662.", {
      interactionId: call.interactionId,
    });
  }
  const { active, scope, exp } = parsed.data;
  const scopes = Object.freeze(scope?.split(" ").filter(name => name !== "") ?? []);
  return Object.freeze({ active, scopes, ...(exp === undefined ? {} : { exp }) });
}
