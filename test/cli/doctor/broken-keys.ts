/** Keys of the partner's own that are wrong, and versions that end. */
import { make } from "./certificates.js";
import type { Broken } from "./ward.js";

const another = make({ name: "another" });
export const KEYS: readonly Broken[] = [
  {
    how: "the signing file is missing",
    id: "keys.signing",
    patient: ward => ward.files(() => ({ MINNA_SIGNING_FILE: "/nowhere" }), "fapi1-advanced"),
    says: /ENOENT/,
  },
  {
    how: "others may read the signing file",
    id: "keys.permissions",
    status: "warning",
    patient: ward =>
      ward.files(
        async () => ({
          MINNA_SIGNING_FILE: await ward.folder.write(
            "open.json",
            JSON.stringify(ward.bank.client("fapi1-advanced").signing.key),
            0o640,
          ),
        }),
        "fapi1-advanced",
      ),
  },
  {
    how: "the KMS fails",
    id: "keys.signing",
    patient: ward =>
      ward.options(
        { signing: { alg: "ES256", kid: "k", sign: () => Promise.reject(new Error("CANARY")) } },
        "fapi2-message-signing",
      ),
    says: /signing\.sign failed/,
  },
  {
    how: "the KMS signs with another key",
    id: "keys.signing",
    patient: ward =>
      ward.options(
        {
          signing: {
            alg: "ES256",
            kid: "k",
            publicKey: another.x509.publicKey.export({ format: "jwk" }),
            sign: () => new Uint8Array(64),
          },
        },
        "fapi2-message-signing",
      ),
    says: /does not fit/,
  },
  {
    how: "a signer without its public key",
    id: "keys.signing",
    status: "warning",
    patient: ward =>
      ward.options({ signing: { alg: "ES256", kid: "k", sign: () => new Uint8Array(64) } }, "fapi2-message-signing"),
  },
  {
    how: "80 days to the end of the version",
    id: "version.end",
    status: "warning",
    patient: ward => ward.options({ announcedIn: monthsFrom(-10) }),
  },
  { how: "the version has ended", id: "version.end", patient: ward => ward.options({ announcedIn: "2020-01" }) },
];

function monthsFrom(months: number): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString().slice(0, 7);
}

export const PUSHED: readonly Broken[] = [
  {
    how: "another client's certificate",
    id: "push.refused",
    settings: { push: true },
    patient: ward => ward.options({ certificate: ward.bank.client("fapi1-advanced").certificate }),
    says: /invalid_client/,
  },
  {
    how: "redirectUri is not registered",
    id: "push.refused",
    settings: { push: true },
    patient: ward => ward.options({ redirectUri: "https://partner.example/other" }),
    says: /redirectUri/,
  },
  {
    how: "PAR refuses",
    id: "push.refused",
    settings: { push: true },
    patient: ward => ward.withFault("par-error"),
    says: /redirectUri/,
  },
  {
    how: "another signing key than the registered one",
    id: "push.refused",
    settings: { push: true },
    patient: ward =>
      ward.options({ signing: { key: another.key, alg: "ES256", kid: "other" } }, "fapi2-message-signing"),
    says: /invalid_request_object/,
  },
  { how: "with --no-push", id: "push", status: "skipped", patient: ward => ward.options() },
];
