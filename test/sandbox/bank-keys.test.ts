import { createPublicKey } from "node:crypto";
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet } from "jose";
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, type SandboxProfile, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Reply, thumbprint } from "./partner.js";

describe("the keys of the bank", () => {
  let sandbox: Sandbox;
  let partners: Record<SandboxProfile, Partner>;
  let plain: Partner;
  beforeAll(async () => {
    sandbox = await startSandbox({ signedUserinfo: true });
    partners = {
      "fapi1-advanced": new Partner(sandbox, "fapi1-advanced"),
      "fapi2-security": new Partner(sandbox, "fapi2-security"),
      "fapi2-message-signing": new Partner(sandbox, "fapi2-message-signing"),
    };
    plain = partners["fapi2-security"];
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    for (const partner of Object.values(partners)) await partner.close();
    await sandbox.close();
  });

  const fetchKeys = (): Promise<Reply> => plain.call(`${sandbox.issuer}/jwks`);
  const jwks = async (): Promise<JSONWebKeySet> => (await fetchKeys()).json;
  const kids = async () => (await jwks()).keys.map(({ kid }) => kid);

  /** Everything that the bank signs for a client in a journey. */
  const signedFor = async (partner: Partner): Promise<string[]> => {
    const { mtls_endpoint_aliases: at = {} } = (await partner.configuration()).serverMetadata();
    const { access_token: token, id_token: idToken = "", refresh_token: refreshToken = "" } = await partner.link();
    const callback = await sandbox.approve((await partner.begin()).url);
    const introspection = await partner.call(at.introspection_endpoint ?? "", {
      form: { client_id: partner.client.clientId, token },
      headers: { accept: "application/token-introspection+jwt" },
    });
    const userinfo = await partner.call(at.userinfo_endpoint ?? "", { token });
    const response = new URL(callback).searchParams.get("response");
    const refreshed = (await partner.refresh(refreshToken)).id_token ?? "";
    return [idToken, refreshed, introspection.text, userinfo.text, ...(response === null ? [] : [response])];
  };

  it("are public, and say what they are for", async () => {
    const { headers, json } = await fetchKeys();
    expect(headers["content-type"]).toMatch(/^application\/(jwk-set\+)?json/);
    expect(json.keys.map(({ alg, use }: { alg: string; use: string }) => [alg, use])).toEqual([
      ["PS256", "sig"],
      ["ES256", "sig"],
      ["RS256", "sig"],
    ]);
    for (const key of json.keys) expect(key).not.toHaveProperty("d");
  });

  it("change at once and altogether", async () => {
    const before = await jwks();
    await sandbox.rotateKeys();
    const after = await jwks();
    expect(after.keys.map(({ alg }) => alg)).toEqual(before.keys.map(({ alg }) => alg));
    expect(after.keys.filter(({ kid }) => before.keys.some(key => key.kid === kid))).toEqual([]);

    for (const profile of ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const) {
      // Without the keys of before: a partner who keeps them may ask only once a minute.
      const partner = new Partner(sandbox, profile);
      const tokens = await signedFor(partner);
      expect(tokens).toHaveLength(profile === "fapi2-security" ? 4 : 5);
      for (const token of tokens) {
        const { protectedHeader } = await compactVerify(token, createLocalJWKSet(after));
        expect(protectedHeader.alg).toBe(profile === "fapi1-advanced" ? "PS256" : "ES256");
        await expect(compactVerify(token, createLocalJWKSet(before))).rejects.toThrow(/no applicable key/);
      }
      await partner.close();
    }
  });

  it("jwks-foreign-host-gets-no-client-certificate: the address is another host's, which would take one", async () => {
    sandbox.faults.on("jwks-foreign-host-gets-no-client-certificate", { times: 1 });
    const { jwks_uri: uri } = (await plain.call(`${sandbox.issuer}/.well-known/openid-configuration`)).json;
    expect(new URL(uri).hostname).not.toBe(new URL(sandbox.issuer).hostname);
    expect((await plain.call(uri)).json).toEqual(await jwks());
    const foreign = () => sandbox.events.filter(({ channel }) => channel === "foreign");
    expect(foreign().at(-1)).toMatchObject({ endpoint: "jwks", status: 200 });
    expect(foreign().at(-1)?.certificate).toBe(thumbprint(plain.client.certificate.cert));

    const dispatcher = new Agent({ connect: { ca: sandbox.ca } });
    const reply = await request(uri, { dispatcher });
    expect(await reply.body.json()).toEqual(await jwks());
    expect(foreign().at(-1)).not.toHaveProperty("certificate");
    for (const path of ["/token", "/v1/accounts", "/.well-known/openid-configuration"]) {
      const elsewhere = await request(new URL(path, uri), { dispatcher });
      await elsewhere.body.dump();
      expect(elsewhere.statusCode).toBe(404);
    }
    await dispatcher.close();
  });

  it.each(["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const)(
    "jwks-rotated: the next token for %s has a new key, which is published, and stays",
    async profile => {
      const [before, struck] = [await jwks(), sandbox.faults.struck("jwks-rotated")];
      sandbox.faults.on("jwks-rotated");
      expect(await jwks()).toEqual(before);
      // Without the keys of before: a partner who keeps them may ask only once a minute.
      const partner = new Partner(sandbox, profile);
      const tokens = await signedFor(partner);
      const after = createLocalJWKSet(await jwks());
      for (const token of tokens) {
        await compactVerify(token, after);
        await expect(compactVerify(token, createLocalJWKSet(before))).rejects.toThrow(/no applicable key/);
      }
      expect(sandbox.faults.struck("jwks-rotated")).toBe(struck + 1);
      await partner.close();
    },
  );

  it("jwks-rotated, as often as told", async () => {
    sandbox.faults.on("jwks-rotated", { times: 2 });
    const partner = partners["fapi2-message-signing"];
    const kid = async () => {
      const callback = new URL(await sandbox.approve((await partner.begin()).url));
      return decodeProtectedHeader(callback.searchParams.get("response") ?? "").kid;
    };
    const seen = [await kid(), await kid(), await kid()];
    expect(new Set(seen).size).toBe(2);
    expect(seen[2]).toBe(seen[1]);
  });

  it("jwks-html", async () => {
    sandbox.faults.on("jwks-html");
    const reply = await fetchKeys();
    expect([reply.status, reply.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  });

  it("jwks-huge", async () => {
    sandbox.faults.on("jwks-huge");
    const reply = await fetchKeys();
    expect(reply.text.length).toBeGreaterThan(1024 * 1024);
    expect(reply.json.keys).toHaveLength(3);
  });

  it("jwks-empty", async () => {
    sandbox.faults.on("jwks-empty", { times: 1 });
    expect(await kids()).toEqual([]);
    expect(await kids()).toHaveLength(3);
  });

  it("jwks-weak-key: signs for clients of PS256, and is published", async () => {
    sandbox.faults.on("jwks-weak-key");
    const keys = await jwks();
    const callback = await sandbox.approve((await partners["fapi1-advanced"].begin()).url);
    const response = new URL(callback).searchParams.get("response") ?? "";
    const { alg, kid } = decodeProtectedHeader(response);
    const weak = keys.keys.find(key => key.kid === kid) ?? {};
    expect(alg).toBe("PS256");
    expect(createPublicKey({ key: { ...weak }, format: "jwk" }).asymmetricKeyDetails?.modulusLength).toBe(1024);
    // As it should: jose refuses such a key before it looks at the signature.
    await expect(compactVerify(response, createLocalJWKSet(keys))).rejects.toThrow(/2048/);
    const other = await sandbox.approve((await partners["fapi2-message-signing"].begin()).url);
    expect(decodeProtectedHeader(new URL(other).searchParams.get("response") ?? "").alg).toBe("ES256");
  });
});
