import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { verifyJwt } from "../../src/authorization/jwt.js";
import { AuthorizationServer } from "../../src/authorization/server.js";
import { MinnaError, OAuthError, TransportError, ValidationError } from "../../src/errors.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt } from "../support/bank-keys.js";
import { aCall } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { METADATA, stubBank } from "../support/stub-bank.js";
import { answer, doorTo } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const JSON_TYPE = { "content-type": "application/json" };
const HOUR = 3_600_000;

let key: BankKey;
beforeAll(async () => {
  key = await bankKey("ES256");
});
afterEach(() => {
  vi.useRealTimers();
});

/** A server whose answers come from a function that can be told to fail. */
function serverAnswering(reply: (outgoing: OutgoingRequest) => Answer | Promise<Answer>): {
  server: AuthorizationServer;
  asked: string[];
} {
  const asked: string[] = [];
  const door = doorTo(outgoing => {
    asked.push(outgoing.url.href);
    return reply(outgoing);
  });
  return { server: new AuthorizationServer(settings, door), asked };
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

  test("that fails later leaves in use what is known", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    let reply: () => Answer = metadata;
    const { server } = serverAnswering(() => reply());
    const first = await server.discovered(aCall());
    vi.setSystemTime(Date.now() + 2 * HOUR);
    reply = lost;
    expect((await server.discovered(aCall())).metadata).toEqual(first.metadata);
  });

  test("that the bank refuses later, for maintenance, leaves in use what is known", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    let reply: () => Answer = metadata;
    const { server } = serverAnswering(() => reply());
    const first = await server.discovered(aCall());
    vi.setSystemTime(Date.now() + 2 * HOUR);
    reply = () => answer(503, "<html>Maintenance</html>");
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

describe("the bank's keys", () => {
  /** A server with keys, and the verification of a JWT with them. */
  function bankWith(jwks: () => Answer): { verify: (token: string) => Promise<unknown>; asked: string[] } {
    const { server, asked } = serverAnswering(({ url }) => (url.pathname === "/jwks" ? jwks() : metadata()));
    const expected = {
      name: "JWT",
      issuer: ISSUER,
      audience: CLIENT_ID,
      algorithms: ["ES256"],
      claims: ["exp"],
    } as const;
    const verify = async (token: string) =>
      verifyJwt(token, expected, { configuration: settings, server, call: aCall() });
    return { verify, asked };
  }

  test("are fetched once for all who need them", async () => {
    const { verify, asked } = bankWith(() => answer(200, jwksOf(key), JSON_TYPE));
    const token = await signJwt(key);
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    await verify(token);
    expect(asked.filter(url => url.endsWith("/jwks"))).toHaveLength(1);
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

  test("that can't be reached are an error of the transport", async () => {
    const { verify } = bankWith(lost);
    await rejection(verify(await signJwt(key)), TransportError);
  });

  test("that the bank refuses for now are not a JWT that can't be trusted", async () => {
    const { verify } = bankWith(() => answer(503, "<html>Maintenance</html>"));
    const error = await rejection(verify(await signJwt(key)), OAuthError);
    expect(error).toMatchObject({ endpoint: "jwks", status: 503, retryable: true });
  });

  test.each<[string, Answer]>([
    ["a page", answer(200, "<html>", { "content-type": "text/html" })],
    ["no list", answer(200, { keys: "all" }, JSON_TYPE)],
    ["none", answer(200, { keys: [] }, JSON_TYPE)],
    [
      "too many",
      answer(200, { keys: Array.from({ length: 5_000 }, (_, n) => ({ kty: "EC", kid: `padding-${n}` })) }, JSON_TYPE),
    ],
  ])("that are %s verify nothing", async (_, given) => {
    const { verify } = bankWith(() => given);
    await rejection(verify(await signJwt(key)), MinnaError);
  });
});
