import { beforeAll, describe, expect, test } from "vitest";
import { readCallback, verifyResponse } from "../../src/authorization/response.js";
import type { AuthorizationContext } from "../../src/authorization/server.js";
import type { Configuration } from "../../src/config/configuration.js";
import type { Profile } from "../../src/config/profile.js";
import { AuthorizationError, ValidationError } from "../../src/errors.js";
import { type BankKey, bankKey, jwksOf, seconds, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall } from "../support/calls.js";
import { everythingShown, rejection, thrown } from "../support/errors.js";
import { configuration, ISSUER } from "../support/options.js";
import { type StubBank, stubBank } from "../support/stub-bank.js";

const QUERY = "code=c-1&state=s-1&iss=https%3A%2F%2Fauth.bank.example";

function contextOf({ server }: StubBank, settings: Configuration): AuthorizationContext {
  return { configuration: settings, server, call: aCall() };
}

describe("a callback", () => {
  test.each<[string, () => Parameters<typeof readCallback>[0]]>([
    ["URL as text", () => `https://partner.example/bank/callback?${QUERY}`],
    ["URL", () => new URL(`https://partner.example/bank/callback?${QUERY}`)],
    ["path with a query", () => `/bank/callback?${QUERY}`],
    ["path with two slashes", () => `//bank/callback?${QUERY}`],
    ["Request", () => new Request(`https://partner.example/bank/callback?${QUERY}`)],
    ["request of node:http", () => ({ url: `/bank/callback?${QUERY}` })],
    ["URLSearchParams", () => new URLSearchParams(QUERY)],
    ["query with a question mark inside", () => `/cb?${QUERY}&x=a?b`],
    ["URL with a fragment", () => `https://partner.example/cb?${QUERY}#state=attack`],
  ])("may be a %s", (_, callback) => {
    expect(Object.fromEntries(readCallback(callback()))).toMatchObject({ code: "c-1", state: "s-1", iss: ISSUER });
  });

  test("is read from its query only: host, path and fragment say nothing", () => {
    expect([...readCallback("https://attacker.example/cb?code=c-1#state=s-1&iss=x").keys()]).toEqual(["code"]);
    expect([...readCallback("/cb#?code=c-1").keys()]).toEqual([]);
    expect([...readCallback("code=c-1&state=s-1").keys()]).toEqual([]);
  });

  test.each(["code", "state", "iss", "response", "unheard_of"])("with %s twice is refused", name => {
    expect(thrown(() => readCallback(`/cb?${name}=1&x=2&${name}=1`), ValidationError).check).toBe("parameter");
    const both = new URLSearchParams([
      [name, "1"],
      [name, "2"],
    ]);
    expect(thrown(() => readCallback(both), ValidationError).check).toBe("parameter");
  });

  test.each<[string, (query: string) => Parameters<typeof readCallback>[0]]>([
    ["text", query => `/cb?${query}`],
    ["a URL", query => new URL(`https://partner.example/cb?${query}`)],
    ["a Request", query => new Request(`https://partner.example/cb?${query}`)],
    ["URLSearchParams", query => new URLSearchParams(query)],
  ])("that is too large is refused, as %s", (_, form) => {
    const ofLength = (length: number) => {
      const empty = form("response=");
      const text = empty instanceof Request ? empty.url : String(empty);
      return form(`response=${"x".repeat(length - text.length)}`);
    };
    expect(readCallback(ofLength(16 * 1024)).size).toBe(1);
    const error = thrown(() => readCallback(ofLength(16 * 1024 + 1)), ValidationError);
    expect(error.check).toBe("size");
    expect(error.message).toContain("16384");
  });

  test.each([undefined, null, 7, {}, { url: 7 }])("is not %j", value => {
    expect(thrown(() => readCallback(value as never), ValidationError).check).toBe("parameter");
  });
});

describe("a plain response", () => {
  const settings = configuration("fapi2-security");

  async function verify(query: string): Promise<unknown> {
    return verifyResponse(readCallback(`/cb?${query}`), "s-1", contextOf(stubBank(settings, { keys: [] }), settings));
  }

  async function refused(query: string): Promise<string> {
    return (await rejection(verify(query), ValidationError)).check;
  }

  test("with code, state and iss has a code", async () => {
    expect(await verify(QUERY)).toEqual({ code: "c-1" });
  });

  test.each<[string, string, string]>([
    ["iss", "without iss", "code=c-1&state=s-1"],
    ["iss", "of another issuer", "code=c-1&state=s-1&iss=https://attacker.example"],
    ["iss", "of the issuer with a slash", `code=c-1&state=s-1&iss=${ISSUER}/`],
    ["iss", "of another issuer, with an error", "error=access_denied&state=s-1&iss=https://attacker.example"],
    ["state", "without state", `code=c-1&iss=${ISSUER}`],
    ["state", "with the state of another request", `code=c-1&state=s-2&iss=${ISSUER}`],
    ["state", "with an empty state", `code=c-1&state=&iss=${ISSUER}`],
    ["state", "with an error and another state", `error=access_denied&state=s-2&iss=${ISSUER}`],
    ["code", "with neither code nor error", `state=s-1&iss=${ISSUER}`],
    ["code", "with an empty code", `code=&state=s-1&iss=${ISSUER}`],
    ["code", "with a code that is none", `code=%0d%0a&state=s-1&iss=${ISSUER}`],
    ["code", "with a code that begins as none", `code=%0d%0ac-1&state=s-1&iss=${ISSUER}`],
    ["code", "with a code that ends as none", `code=c-1%0d%0a&state=s-1&iss=${ISSUER}`],
    ["response_mode", "that is signed", "response=a.b.c"],
    ["response_mode", "that is both", `${QUERY}&response=a.b.c`],
  ])("is refused for its %s: %s", async (check, _, query) => {
    expect(await refused(query)).toBe(check);
  });

  test("with an error says which, and not what the bank wrote about it", async () => {
    const response = await verify(`error=access_denied&error_description=CANARY&state=s-1&iss=${ISSUER}`);
    const { error } = response as { error: AuthorizationError };
    expect(error).toBeInstanceOf(AuthorizationError);
    expect(error.code).toBe("access_denied");
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("with an error and a code has no code", async () => {
    expect(await verify(`${QUERY}&error=server_error`)).toHaveProperty("error");
  });

  test.each([
    ["without a query", "", "pass the whole URL"],
    ["without iss", "code=c-1&state=s-1", "no iss"],
    ["without state", `code=c-1&iss=${ISSUER}`, "no state"],
    ["with another state", `code=c-1&state=s-2&iss=${ISSUER}`, "another request"],
  ])("%s is refused with the reason", async (_, query, why) => {
    expect((await rejection(verify(query), ValidationError)).message).toContain(why);
  });

  test.each([
    ["access_denied", "access_denied"],
    ["x".repeat(64), "x".repeat(64)],
    ["CANARY <script>", "server_error"],
    ["<script>CANARY", "server_error"],
    ["CANARY".padEnd(65, "x"), "server_error"],
  ])("with the error %j has the code %j: what is none is not repeated", async (given, code) => {
    const query = new URLSearchParams({ error: given, state: "s-1", iss: ISSUER });
    const { error } = (await verify(query.toString())) as { error: AuthorizationError };
    expect(error.code).toBe(code);
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

describe.each<Profile>(["fapi1-advanced", "fapi2-message-signing"])("a signed response (JARM), in %s", profile => {
  const settings = configuration(profile);
  let key: BankKey;
  beforeAll(async () => {
    key = await bankKey("ES256");
  });

  async function verify(response: string | undefined, more = ""): Promise<unknown> {
    const bank = stubBank(settings, jwksOf(key));
    const query = `${response === undefined ? "" : `response=${response}`}${more}`;
    return verifyResponse(readCallback(`/cb?${query}`), "s-1", contextOf(bank, settings));
  }

  async function refused(claims: Readonly<Record<string, unknown>>): Promise<string> {
    return (await rejection(verify(await signJwt(key, { code: "c-1", state: "s-1", ...claims })), ValidationError))
      .check;
  }

  test("has the code that is inside", async () => {
    expect(await verify(await signJwt(key, { code: "c-1", state: "s-1" }))).toEqual({ code: "c-1" });
  });

  test("is believed inside only: what stands beside it counts for nothing", async () => {
    const response = await signJwt(key, { code: "c-1", state: "s-1" });
    expect(await verify(response, "&code=attack&state=attack&error=access_denied&iss=attack")).toEqual({ code: "c-1" });
    const without = await signJwt(key, { state: "s-1" });
    expect((await rejection(verify(without, "&code=attack"), ValidationError)).check).toBe("code");
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["iss", { iss: undefined }],
    ["iss", { iss: "https://attacker.example" }],
    ["aud", { aud: undefined }],
    ["aud", { aud: "partner-2" }],
    ["exp", { exp: undefined }],
    ["exp", { exp: 1 }],
    ["state", { state: undefined }],
    ["state", { state: "s-2" }],
    ["state", { state: ["s-1"] }],
    ["code", { code: undefined }],
    ["code", { code: 7 }],
  ])("is refused for its %s: %j", async (check, claims) => {
    expect(await refused(claims)).toBe(check);
  });

  test("is refused for its issuer before any key is fetched", async () => {
    const bank = stubBank(settings, jwksOf(key));
    const response = await signJwt(key, { iss: "https://attacker.example", code: "c-1", state: "s-1" });
    const parameters = readCallback(`/cb?response=${response}`);
    await rejection(verifyResponse(parameters, "s-1", contextOf(bank, settings)), ValidationError);
    expect(bank.paths()).toEqual([]);
  });

  test("that expired is refused before its error is believed", async () => {
    expect(await refused({ code: undefined, error: "access_denied", exp: seconds() - 3600 })).toBe("exp");
  });

  test("with an error inside is the bank's error", async () => {
    const response = (await verify(await signJwt(key, { error: "access_denied", state: "s-1" }))) as { error: Error };
    expect(response.error).toMatchObject({ code: "access_denied" });
  });

  test("that nobody signed, or the wrong one, or RS256, is refused", async () => {
    const claims = { code: "c-1", state: "s-1" };
    expect((await rejection(verify(unsignedJwt(claims)), ValidationError)).check).toBe("alg");
    const stranger = { ...(await bankKey("ES256")), kid: key.kid };
    expect((await rejection(verify(await signJwt(stranger, claims)), ValidationError)).check).toBe("signature");
    const rs256 = await bankKey("RS256");
    const bank = stubBank(settings, jwksOf(key, rs256));
    const parameters = readCallback(`/cb?response=${await signJwt(rs256, claims)}`);
    const refusal = verifyResponse(parameters, "s-1", contextOf(bank, settings));
    expect((await rejection(refusal, ValidationError)).check).toBe("alg");
  });

  test.each([QUERY, "error=access_denied&state=s-1", ""])("is required: %j is refused", async query => {
    expect((await rejection(verify(undefined, query), ValidationError)).check).toBe("response_mode");
  });
});

test("an algorithm other than the registered one is refused for responses", async () => {
  const settings = configuration("fapi1-advanced", { algorithms: { authorizationResponse: "PS256" } });
  const key = await bankKey("ES256");
  const response = await signJwt(key, { code: "c-1", state: "s-1" });
  const parameters = readCallback(`/cb?response=${response}`);
  const bank = stubBank(settings, jwksOf(key));
  const error = await rejection(verifyResponse(parameters, "s-1", contextOf(bank, settings)), ValidationError);
  expect(error.check).toBe("alg");
});
