import * as openid from "openid-client";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { verifyJwt } from "../../src/authorization/jwt.js";
import type { Asked } from "../../src/authorization/refusal.js";
import { AuthorizationServer } from "../../src/authorization/server.js";
import { MinnaError, OAuthError, TransportError, ValidationError } from "../../src/errors.js";
import type { Call } from "../../src/transport/call.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall, endedCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { METADATA, MTLS, metadataWith, stubBank } from "../support/stub-bank.js";
import { answer, doorTo } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const JSON_TYPE = { "content-type": "application/json" };
/** A bank of plain OAuth 2.0. */
const plain = configuration("fapi2-security", { contract: { scopes: { openid: null } } });
const HOUR = 3_600_000;

let key: BankKey;
beforeAll(async () => {
  key = await bankKey("ES256");
});
afterEach(() => {
  vi.useRealTimers();
});

/** A server whose answers come from a function that can be told to fail. */
function serverAnswering(
  reply: (outgoing: OutgoingRequest) => Answer | Promise<Answer>,
  configured = settings,
): {
  server: AuthorizationServer;
  asked: string[];
} {
  const asked: string[] = [];
  const door = doorTo(outgoing => {
    asked.push(outgoing.url.href);
    return reply(outgoing);
  });
  return { server: new AuthorizationServer(configured, door), asked };
}

function metadata(overrides: Readonly<Record<string, unknown>> = {}): Answer {
  return answer(200, { ...METADATA, ...overrides }, JSON_TYPE);
}

function lost(): never {
  throw new TransportError("connection_failed", "No connection.", { reached: "no", endpoint: ISSUER, retryable: true });
}

describe("discovery", () => {
  test("happens once for a hundred callers, where the issuer says, without the certificate", async () => {
    const bank = stubBank(settings, { keys: [] });
    await Promise.all(Array.from({ length: 100 }, () => bank.server.discovered(aCall())));
    expect(bank.asked.map(({ url, presents }) => [url.href, presents])).toEqual([
      [`${ISSUER}/.well-known/openid-configuration`, "nothing"],
    ]);
  });

  test("happens again as what is known ages", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { server, asked } = serverAnswering(() => metadata());
    await server.discovered(aCall());
    vi.setSystemTime(Date.now() + HOUR - 1);
    await server.discovered(aCall());
    expect(asked).toHaveLength(1);
    vi.setSystemTime(Date.now() + 1);
    await server.discovered(aCall());
    expect(asked).toHaveLength(2);
  });

  test("that fails is tried again by the next caller", async () => {
    let down = true;
    const { server } = serverAnswering(() => (down ? lost() : metadata()));
    await rejection(server.discovered(aCall()), TransportError);
    down = false;
    expect((await server.discovered(aCall())).metadata.issuer).toBe(ISSUER);
  });

  test.each<[string, () => Answer]>([
    ["fails", lost],
    ["the bank refuses, for maintenance,", () => answer(503, "<html>Maintenance</html>")],
  ])("that %s later leaves in use what is known", async (_, fail) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    let reply: () => Answer = metadata;
    const { server } = serverAnswering(() => reply());
    const first = await server.discovered(aCall());
    vi.setSystemTime(Date.now() + 2 * HOUR);
    reply = fail;
    expect((await server.discovered(aCall())).metadata).toEqual(first.metadata);
  });

  test("that finds another issuer later is an error, and what was known no excuse", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    let issuer = ISSUER;
    const { server } = serverAnswering(() => metadata({ issuer }));
    await server.discovered(aCall());
    vi.setSystemTime(Date.now() + 2 * HOUR);
    issuer = "https://attacker.example";
    expect((await rejection(server.discovered(aCall()), ValidationError)).check).toBe("issuer");
  });

  test.each<[string, Answer, string]>([
    ["another issuer", metadata({ issuer: "https://attacker.example" }), "issuer"],
    ["the issuer with a slash", metadata({ issuer: `${ISSUER}/` }), "issuer"],
    ["no issuer", metadata({ issuer: undefined }), "issuer"],
    ["a page", answer(200, "<html>CANARY</html>", { "content-type": "text/html" }), "body"],
    ["half of its JSON", answer(200, '{"issuer":"CANARY', JSON_TYPE), "body"],
    ["a plain JWKS URL", metadata({ jwks_uri: "http://auth.bank.example/jwks" }), "metadata"],
  ])("that finds %s asks for nothing more", async (_, given, check) => {
    const { server, asked } = serverAnswering(() => given);
    const error = await rejection(server.discovered(aCall()), ValidationError);
    expect([check, "body"]).toContain(error.check);
    expect(everythingShown(error)).not.toContain("CANARY");
    expect(asked).toHaveLength(1);
  });

  test("that is refused says so", async () => {
    const { server } = serverAnswering(() => answer(503, "", { "retry-after": "60" }));
    const error = await rejection(server.discovered(aCall()), OAuthError);
    expect(error).toMatchObject({ endpoint: "discovery", status: 503, retryAfter: 60, retryable: true });
  });
});

describe("discovery of plain OAuth 2.0", () => {
  const OIDC = `${ISSUER}/.well-known/openid-configuration`;
  const OAUTH2 = `${ISSUER}/.well-known/oauth-authorization-server`;
  const onlyAt = (place: string) => (outgoing: OutgoingRequest) =>
    outgoing.url.href === place ? metadata() : answer(404, "");

  test.each([
    [OIDC, [OIDC]],
    [OAUTH2, [OIDC, OAUTH2]],
  ])("finds the metadata at %s", async (place, places) => {
    const { server, asked } = serverAnswering(onlyAt(place), plain);
    expect((await server.discovered(aCall())).metadata.issuer).toBe(ISSUER);
    expect(asked).toEqual(places);
  });

  test("does not look there for a bank of OpenID Connect", async () => {
    const { server, asked } = serverAnswering(onlyAt(OAUTH2));
    expect(await rejection(server.discovered(aCall()), OAuthError)).toMatchObject({ status: 404 });
    expect(asked).toEqual([OIDC]);
  });

  test("does not look there for a bank that is out of order", async () => {
    const busy = serverAnswering(() => answer(503, ""), plain);
    expect(await rejection(busy.server.discovered(aCall()), OAuthError)).toMatchObject({ status: 503 });
    expect(busy.asked).toEqual([OIDC]);
    const gone = serverAnswering(lost, plain);
    await rejection(gone.server.discovered(aCall()), TransportError);
    expect(gone.asked).toEqual([OIDC]);
  });
});

describe("discovery again", () => {
  /** A server whose knowledge has aged by so much, and that can't be reached any more. */
  async function aged(milliseconds = HOUR): Promise<ReturnType<typeof serverAnswering>> {
    vi.useFakeTimers({ toFake: ["Date"] });
    let reply: () => Answer = metadata;
    const bank = serverAnswering(() => reply());
    await bank.server.discovered(aCall());
    vi.setSystemTime(Date.now() + milliseconds);
    reply = lost;
    return bank;
  }

  test("that failed is not tried for a minute", async () => {
    const { server, asked } = await aged(2 * HOUR);
    await server.discovered(aCall());
    vi.setSystemTime(Date.now() + 59_999);
    await server.discovered(aCall());
    expect(asked).toHaveLength(2);
    vi.setSystemTime(Date.now() + 1);
    await server.discovered(aCall());
    expect(asked).toHaveLength(3);
  });

  test("is not waited for by a call that has ended", async () => {
    const { server } = await aged();
    const error = await rejection(server.discovered(endedCall()), TransportError);
    expect(error).toMatchObject({ code: "aborted", endpoint: "discovery", reached: "no" });
  });
});

describe("a question", () => {
  const OFFERED = metadataWith({ introspection_endpoint: `${MTLS}/introspect`, revocation_endpoint: `${MTLS}/revoke` });
  const ASKED: Asked = { endpoint: "introspection", repeatable: true };
  const bankAnswering = (given: Answer) => stubBank(settings, { keys: [] }, () => given, OFFERED);

  test.each([
    [undefined, "application/json"],
    ["application/example", "application/example"],
  ])("that wants %s is sent with it and the call's interaction id", async (wanted, accept) => {
    const bank = bankAnswering(answer(200, { active: true }, JSON_TYPE));
    const asked = wanted === undefined ? ASKED : { ...ASKED, accept: wanted };
    await bank.server.ask(asked, aCall(), client => openid.tokenIntrospection(client, "t"));
    expect(bank.asked.at(-1)?.headers).toMatchObject({
      accept,
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
      "x-fapi-interaction-id": INTERACTION_ID,
    });
  });

  test("leaves the ID Token to those who verify it", async () => {
    const body = { access_token: "at", token_type: "Bearer", id_token: "e30.e30.e30" };
    const bank = bankAnswering(answer(200, body, JSON_TYPE));
    const asked: Asked = { endpoint: "token", repeatable: true };
    const answered = await bank.server.ask(asked, aCall(), client => openid.clientCredentialsGrant(client));
    expect(answered.value).not.toHaveProperty("id_token");
    expect(answered.value.access_token).toBe("at");
    expect(JSON.parse(answered.answer?.body ?? "")).toEqual(body);
  });

  test("leaves a signed introspection to those who verify it", async () => {
    const body = unsignedJwt({ token_introspection: { active: true } });
    const bank = bankAnswering(answer(200, body, { "content-type": "application/token-introspection+jwt" }));
    const answered = await bank.server.ask(ASKED, aCall(), client => openid.tokenIntrospection(client, "t"));
    expect(answered.value).toEqual({ active: false });
    expect(answered.answer?.body).toBe(body);
  });

  test("may be answered by a page, whatever is written there", async () => {
    const page = answer(200, "<p>id_token</p>", { "content-type": "text/html" });
    const asked: Asked = { endpoint: "revocation", repeatable: true };
    const ask = bankAnswering(page).server.ask(asked, aCall(), client => openid.tokenRevocation(client, "t"));
    expect((await ask).answer).toMatchObject({ body: page.body });
  });

  test("is over when it is answered: openid-client asks nothing after it", async () => {
    const bank = bankAnswering(answer(200, { active: true }, JSON_TYPE));
    const { value: client } = await bank.server.ask(ASKED, aCall(), async configuration => configuration);
    const error = await rejection(openid.tokenIntrospection(client, "t"), Error);
    expect((error.cause as Error).message).toBe("openid-client was used outside of ask()");
    expect(bank.paths()).toEqual([]);
  });
});

describe("the bank's keys", () => {
  /** A server with keys, and what needs them. */
  function bankWith(jwks: () => Answer): {
    server: AuthorizationServer;
    verify: (token: string) => Promise<unknown>;
    warm: (call?: Call) => Promise<void>;
    fetched: () => number;
  } {
    const { server, asked } = serverAnswering(({ url }) => (url.pathname === "/jwks" ? jwks() : metadata()));
    const expected = {
      name: "JWT",
      issuer: ISSUER,
      audience: CLIENT_ID,
      algorithms: ["ES256"],
      claims: ["exp"],
    } as const;
    return {
      server,
      verify: async token => verifyJwt(token, expected, { configuration: settings, server, call: aCall() }),
      warm: async (call = aCall()) => server.warmKeys(call),
      fetched: () => asked.filter(url => url.endsWith("/jwks")).length,
    };
  }

  test("are fetched once for all who need them", async () => {
    const { verify, fetched } = bankWith(() => answer(200, jwksOf(key), JSON_TYPE));
    const token = await signJwt(key);
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    await verify(token);
    expect(fetched()).toBe(1);
  });

  test("are fetched again when a key is new", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const rotated = await bankKey("ES256", "rotated");
    let jwks = jwksOf(key);
    const { verify } = bankWith(() => answer(200, jwks, JSON_TYPE));
    await verify(await signJwt(key));
    jwks = jwksOf(key, rotated);
    vi.setSystemTime(Date.now() + 60_000);
    await verify(await signJwt(rotated));
  });

  test("are at hand once they are warm, and for ten minutes", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { verify, warm, fetched } = bankWith(() => answer(200, jwksOf(key), JSON_TYPE));
    await warm();
    await warm();
    await verify(await signJwt(key));
    expect(fetched()).toBe(1);
    vi.setSystemTime(Date.now() + 600_000);
    await warm();
    expect(fetched()).toBe(2);
  });

  test("that can't be reached are an error of the transport", async () => {
    const { verify, warm } = bankWith(lost);
    await rejection(verify(await signJwt(key)), TransportError);
    await rejection(warm(), TransportError);
  });

  test.each([
    [400, false],
    [503, true],
  ])("that the bank refuses with %i are not a JWT that can't be trusted", async (status, retryable) => {
    const { verify, warm } = bankWith(() => answer(status, "<html>Maintenance</html>"));
    const refusal = { endpoint: "jwks", status, retryable };
    expect(await rejection(verify(await signJwt(key)), OAuthError)).toMatchObject(refusal);
    expect(await rejection(warm(), OAuthError)).toMatchObject(refusal);
  });

  test("are not fetched from a bank that has none, and need none", async () => {
    const { server, paths } = stubBank(plain, { keys: [] }, undefined, metadataWith({}, { jwks_uri: undefined }));
    await server.warmKeys(aCall());
    expect(await server.discovered(aCall())).toMatchObject({ keys: undefined });
    expect(paths()).toEqual([]);
  });

  test("that can't be used are found out before anything is spent", async () => {
    const { warm } = bankWith(() => answer(200, { keys: "CANARY" }, JSON_TYPE));
    const error = await rejection(warm(), ValidationError);
    expect(error).toMatchObject({ check: "key", interactionId: INTERACTION_ID, sideEffect: "none" });
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("are not waited for by a call that has ended", async () => {
    const { warm, server } = bankWith(() => answer(200, jwksOf(key), JSON_TYPE));
    await server.discovered(aCall());
    expect(await rejection(warm(endedCall()), TransportError)).toMatchObject({ code: "aborted", endpoint: "jwks" });
  });

  test("may be 256 KiB large, and no larger", async () => {
    const text = JSON.stringify(jwksOf(key));
    const { warm } = bankWith(() => answer(200, text.padEnd(256 * 1024), JSON_TYPE));
    await warm();
    const { warm: warmMore } = bankWith(() => answer(200, text.padEnd(256 * 1024 + 1), JSON_TYPE));
    expect((await rejection(warmMore(), ValidationError)).check).toBe("size");
  });

  test.each<[string, Answer]>([
    ["a page", answer(200, "<html>", { "content-type": "text/html" })],
    ["no list", answer(200, { keys: "all" }, JSON_TYPE)],
    ["none", answer(200, { keys: [] }, JSON_TYPE)],
  ])("that are %s verify nothing", async (_, given) => {
    const { verify } = bankWith(() => given);
    await rejection(verify(await signJwt(key)), MinnaError);
  });
});
