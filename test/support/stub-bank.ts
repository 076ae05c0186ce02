/** An authorization server whose answers are written by hand, behind the real client of it. */
import type { JSONWebKeySet, JWTVerifyGetKey } from "jose";
import { ClientKeys } from "../../src/authorization/client-keys.js";
import { type AuthorizationContext, AuthorizationServer } from "../../src/authorization/server.js";
import type { Configuration } from "../../src/config/configuration.js";
import type { Call } from "../../src/transport/call.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { ISSUER } from "./options.js";
import { answer, doorTo } from "./stub-rooms.js";

export const MTLS = "https://mtls.bank.example";
export const METADATA: Readonly<Record<string, unknown>> = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  jwks_uri: `${ISSUER}/jwks`,
  token_endpoint: `${ISSUER}/token`,
  mtls_endpoint_aliases: {
    token_endpoint: `${MTLS}/token`,
    pushed_authorization_request_endpoint: `${MTLS}/par`,
    grant_management_endpoint: `${MTLS}/grants`,
  },
};

/** A context whose bank has these keys, and is not asked for anything else. */
export function contextWithKeys(
  keys: JWTVerifyGetKey | undefined,
  configuration: Configuration,
  call: Call,
): AuthorizationContext {
  const server = { discovered: async () => ({ keys }), clientKeys: new ClientKeys(configuration) };
  return { configuration, call, server: server as unknown as AuthorizationServer };
}

/** Metadata with these mTLS endpoints too, and more members. */
export function metadataWith(
  aliases: Readonly<Record<string, string>>,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    ...METADATA,
    mtls_endpoint_aliases: { ...(METADATA["mtls_endpoint_aliases"] as object), ...aliases },
    ...more,
  };
}

export interface StubBank {
  readonly server: AuthorizationServer;
  /** What was asked for, in order. */
  readonly asked: readonly OutgoingRequest[];
  /** The paths that were asked for besides the metadata, in order. */
  paths(): readonly string[];
}

/** Serves metadata and keys; everything else is answered by `reply`. */
export function stubBank(
  settings: Configuration,
  jwks: JSONWebKeySet,
  reply: (outgoing: OutgoingRequest) => Answer | Promise<Answer> = () => answer(404, ""),
  metadata: Readonly<Record<string, unknown>> = METADATA,
  thumbprint: () => string = () => "thumbprint-1",
): StubBank {
  const asked: OutgoingRequest[] = [];
  const json = { "content-type": "application/json" };
  const door = doorTo(outgoing => {
    asked.push(outgoing);
    if (outgoing.url.pathname.startsWith("/.well-known/")) return answer(200, metadata, json);
    if (outgoing.url.pathname === "/jwks") return answer(200, jwks, json);
    return reply(outgoing);
  }, thumbprint);
  return {
    server: new AuthorizationServer(settings, door),
    asked,
    paths: () => asked.map(({ url }) => url.pathname).filter(path => !path.startsWith("/.well-known/")),
  };
}
