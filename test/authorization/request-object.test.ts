import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import { signRequestObject } from "../../src/authorization/request-object.js";
import { SigningError, TransportError } from "../../src/errors.js";
import type { Call } from "../../src/transport/call.js";
import { aCall, endedCall, INTERACTION_ID, shortCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";

const settings = configuration("fapi1-advanced");
const signer = settings.signing.given![0]!;
const context = { clientId: CLIENT_ID, issuer: ISSUER, signer };
const PARAMETERS = { response_type: "code", client_id: CLIENT_ID, state: "s-1", scope: "openid 口座" };

afterEach(() => {
  vi.useRealTimers();
});

test("a request object verifies with the published key, and says what kind of JWT it is", async () => {
  const request = await signRequestObject(PARAMETERS, context, aCall());
  const keys = createLocalJWKSet({ keys: [signer.publicJwk!] });
  const { protectedHeader, payload } = await jwtVerify(request, keys, { issuer: CLIENT_ID, audience: ISSUER });
  expect(protectedHeader).toEqual({ alg: "ES256", kid: "sig-1", typ: "oauth-authz-req+jwt" });
  expect(payload).toMatchObject(PARAMETERS);
});

test("it holds from now for five minutes", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_775_000_000_999 });
  const { iat, nbf, exp } = decodeJwt(await signRequestObject(PARAMETERS, context, aCall()));
  expect(iat).toBe(1_775_000_000);
  expect(nbf).toBe(1_775_000_000);
  expect(exp).toBe(1_775_000_300);
});

test("it is from the client and for the issuer, whatever the parameters say", async () => {
  const claims = decodeJwt(
    await signRequestObject({ ...PARAMETERS, iss: "x", aud: "x", exp: "x", jti: "x" }, context, aCall()),
  );
  expect(claims).toMatchObject({ iss: CLIENT_ID, aud: ISSUER });
  expect(claims.exp).toBeTypeOf("number");
  expect(claims.jti).not.toBe("x");
});

test("each one has an id of its own", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => signRequestObject(PARAMETERS, context, aCall())));
  expect(new Set(all.map(request => decodeJwt(request).jti)).size).toBe(20);
});

test("it holds neither a subject nor another request", async () => {
  const claims = decodeJwt(await signRequestObject(PARAMETERS, context, aCall()));
  for (const name of ["sub", "request", "request_uri"]) expect(claims).not.toHaveProperty(name);
  expect(decodeProtectedHeader(await signRequestObject(PARAMETERS, context, aCall()))).not.toHaveProperty("jku");
});

test("a signer that fails is a SigningError, and one that never answers ends with the call", async () => {
  const failing = { ...signer, sign: () => Promise.reject(new SigningError("The signer failed.")) };
  await rejection(signRequestObject(PARAMETERS, { ...context, signer: failing }, aCall()), SigningError);
  const silent = { ...signer, sign: () => new Promise<Uint8Array>(() => {}) };
  const waiting = (call: Call) => signRequestObject(PARAMETERS, { ...context, signer: silent }, call);
  expect(await rejection(waiting(shortCall(20)), SigningError)).toMatchObject({
    code: "signing_timeout",
    interactionId: INTERACTION_ID,
    sideEffect: "none",
    retryable: true,
  });
  expect(await rejection(waiting(endedCall()), TransportError)).toMatchObject({
    code: "aborted",
    reached: "no",
    endpoint: "signing.sign",
  });
});
