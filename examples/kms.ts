// A process of its own that holds the signing key and never gives it away. It stands in for a KMS or an HSM.
import { generateKeyPairSync, sign } from "node:crypto";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

process.on("message", ({ id, bytes }: { id: number; bytes: Uint8Array }) => {
  // JWS wants r || s (RFC 7518 section 3.4). A KMS that answers in DER needs a conversion on the partner's side.
  process.send?.({ id, signature: sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" }) });
});
process.on("disconnect", () => process.exit());
process.send?.({ publicKey: publicKey.export({ format: "jwk" }) });
