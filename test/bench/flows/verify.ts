/** Verifying an authorization response that is a JWT (JARM): the price of a signature, and of the checks around it. */
import { randomUUID } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import type { AuthorizationContext } from "../../../dist/authorization/server.js";
import type { BenchCase, Contender, Servers } from "../case.js";
import { type Room, roomOf } from "./rooms.js";

const FLOOR = "jose jwtVerify";
const SDK = "minna-baas";
const PROFILE = "fapi1-advanced";
const ALG = "PS256";
const STATE = "2vCWLXe5aUmHJvnHGgVBYvS3xcUYJbXmPFW1LQyqWGc";
const REDIRECT_URI = "https://partner.example/bank/callback";

export const verifyJarm: BenchCase = {
  kind: "race",
  name: "verify-jarm",
  title: "Verifying a signed authorization response, PS256",
  needs: ["sandbox"],
  callers: 1,
  calls: 5_000,
  floor: FLOOR,
  contenders: servers => [bare(servers), sdk(servers)],
};

function bare(servers: Servers): Contender {
  return {
    name: FLOOR,
    open: async () => {
      const { jwtVerify } = await import("jose");
      const { configuration } = await roomOf(servers, PROFILE);
      const { issuer, clientId: audience } = configuration;
      const { response, keys } = await signedResponse(configuration);
      const options = { issuer, audience, algorithms: [ALG], requiredClaims: ["exp"], clockTolerance: 30 };
      return { run: () => jwtVerify(response, keys, options), close: async () => {} };
    },
  };
}

function sdk(servers: Servers): Contender {
  return {
    name: SDK,
    open: async () => {
      const { ClientKeys } = await import("../../../dist/authorization/client-keys.js");
      const { readCallback, verifyResponse } = await import("../../../dist/authorization/response.js");
      const { configuration, call } = await roomOf(servers, PROFILE);
      const { response, keys } = await signedResponse(configuration);
      const callback = `${REDIRECT_URI}?response=${response}`;
      // A server that has been discovered, with the keys at hand.
      const discovered = { discovered: async () => ({ keys }), clientKeys: new ClientKeys(configuration) };
      const server = discovered as unknown as AuthorizationContext["server"];
      return {
        run: () => call(own => verifyResponse(readCallback(callback), STATE, { configuration, server, call: own })),
        close: async () => {},
      };
    },
  };
}

/** A response of a bank, and the bank's keys, of which there are some. */
async function signedResponse({
  issuer,
  clientId,
}: Room["configuration"]): Promise<{ response: string; keys: JWTVerifyGetKey }> {
  const { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } = await import("jose");
  const pairs = await Promise.all(["bank-1", "bank-2"].map(async kid => ({ kid, ...(await generateKeyPair(ALG)) })));
  const published = await Promise.all(
    pairs.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg: ALG, use: "sig" })),
  );
  const [{ kid, privateKey }] = pairs as [(typeof pairs)[number]];
  const response = await new SignJWT({ code: randomUUID(), state: STATE })
    .setProtectedHeader({ alg: ALG, kid })
    .setIssuer(issuer)
    .setAudience(clientId)
    .setExpirationTime("1h")
    .sign(privateKey);
  return { response, keys: createLocalJWKSet({ keys: published }) };
}
