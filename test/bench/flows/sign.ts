/** Signing a request object: the price of a signature, and what is put around it. */
import { constants, createPrivateKey, type JsonWebKey, type KeyObject, randomUUID, sign } from "node:crypto";
import type { SandboxClients } from "minna-baas/sandbox";
import type { BenchCase, Contender, Runnable, Servers } from "../case.js";
import { roomOf } from "./rooms.js";

type SignedProfile = "fapi1-advanced" | "fapi2-message-signing";

const FLOOR = "node:crypto sign";
const SDK = "minna-baas";
const LIFETIME = 300;
/** As they are in an authorization request. */
const PARAMETERS = {
  response_type: "code",
  client_id: "partner-1",
  redirect_uri: "https://partner.example/bank/callback",
  scope: "openid offline_access grant_management_query grant_management_revoke balance",
  state: "2vCWLXe5aUmHJvnHGgVBYvS3xcUYJbXmPFW1LQyqWGc",
  nonce: "dR6zlrPjWnsYBzXf1RyU7mB0nA4b1nU8Z0yDqX7pDyE",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
  response_mode: "jwt",
  prompt: "consent",
  grant_management_action: "create",
};

function signing(profile: SignedProfile, alg: "PS256" | "ES256", calls: number): BenchCase {
  return {
    kind: "race",
    name: `sign-${alg}`,
    title: `Signing a request object, ${alg}`,
    needs: ["sandbox"],
    callers: 1,
    calls,
    floor: FLOOR,
    contenders: servers => [bare(servers, profile), jose(servers, profile), sdk(servers, profile)],
  };
}

export const signPs256: BenchCase = signing("fapi1-advanced", "PS256", 1_000);
export const signEs256: BenchCase = signing("fapi2-message-signing", "ES256", 5_000);

/** A signature over as many bytes, and nothing else. */
function bare(servers: Servers, profile: SignedProfile): Contender {
  return contender(FLOOR, async () => {
    const { key, alg, kid } = await keyOf(servers, profile);
    const input = Buffer.from(`${encoded({ alg, kid })}.${encoded({ ...PARAMETERS, jti: randomUUID() })}`);
    const how =
      alg === "PS256"
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        : ({ key, dsaEncoding: "ieee-p1363" } as const);
    return async () => sign("sha256", input, how);
  });
}

function jose(servers: Servers, profile: SignedProfile): Contender {
  return contender("jose SignJWT", async () => {
    const { SignJWT } = await import("jose");
    const { key, alg, kid } = await keyOf(servers, profile);
    return () =>
      new SignJWT(PARAMETERS)
        .setProtectedHeader({ alg, kid, typ: "oauth-authz-req+jwt" })
        .setIssuer(PARAMETERS.client_id)
        .setAudience("https://auth.bank.example")
        .setIssuedAt()
        .setNotBefore("0s")
        .setExpirationTime(`${LIFETIME}s`)
        .setJti(randomUUID())
        .sign(key);
  });
}

function sdk(servers: Servers, profile: SignedProfile): Contender {
  return contender(SDK, async () => {
    const { ClientKeys } = await import("../../../dist/authorization/client-keys.js");
    const { signRequestObject } = await import("../../../dist/authorization/request-object.js");
    const { configuration, call } = await roomOf(servers, profile);
    const { clientId, issuer } = configuration;
    const keys = new ClientKeys(configuration);
    return () =>
      call(async own => {
        const signer = await keys.signer(own);
        if (signer === undefined) throw new Error("This profile signs nothing.");
        return signRequestObject(PARAMETERS, { clientId, issuer, signer }, own);
      });
  });
}

function contender(name: string, ready: () => Promise<Runnable["run"]>): Contender {
  return { name, open: async () => ({ run: await ready(), close: async () => {} }) };
}

async function keyOf(
  { sandbox }: Servers,
  profile: SignedProfile,
): Promise<{ key: KeyObject; alg: "PS256" | "ES256"; kid: string }> {
  const { signing } = await sandbox.ask<SandboxClients[SignedProfile]>("client", profile);
  const { key, alg, kid } = signing;
  return { key: createPrivateKey({ key: key as JsonWebKey, format: "jwk" }), alg, kid };
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
