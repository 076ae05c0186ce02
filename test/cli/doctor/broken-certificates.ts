/** Client certificates that are wrong, and what is found. */
import { generateKeyPairSync } from "node:crypto";
import { type Made, make, SERVER_AUTH } from "./certificates.js";
import { NEW_PFX, OLD_PFX, PKCS7, REQUEST } from "./fixtures.js";
import type { Broken } from "./ward.js";

const root = make({ name: "root", ca: true });
const intermediate = make({ name: "intermediate", issuer: root, ca: true });
const leaf = make({ name: "leaf", issuer: intermediate });
const another = make({ name: "another" });
const expiredIntermediate = make({
  name: "intermediate",
  issuer: root,
  ca: true,
  days: [-10, -1],
  key: intermediate.privateKey,
});
const chained = (...certificates: readonly Made[]) => ({
  cert: certificates.map(({ cert }) => cert).join(""),
  key: leaf.key,
});
const encrypted = another.privateKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "opens-it" })
  .toString();
const rsa1024 = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;

export const CERTIFICATES: readonly Broken[] = [
  {
    how: "certificate file is missing",
    id: "certificate.file",
    patient: ward => ward.files(() => ({ MINNA_CERT_FILE: "/nowhere/cert.pem" })),
    says: /ENOENT/,
  },
  {
    how: "others may read the key file",
    id: "certificate.permissions",
    status: "warning",
    patient: ward =>
      ward.files(async () => ({
        MINNA_KEY_FILE: await ward.folder.write("open.pem", ward.bank.client("fapi2-security").certificate.key, 0o644),
      })),
    says: /0644/,
  },
  {
    how: "certificate in DER",
    id: "certificate.format",
    patient: ward =>
      ward.files(async () => ({ MINNA_CERT_FILE: await ward.folder.write("cert.cer", another.x509.raw) })),
    says: /openssl x509 -inform DER/,
  },
  {
    how: "key in DER",
    id: "certificate.key-format",
    patient: ward =>
      ward.files(async () => ({
        MINNA_KEY_FILE: await ward.folder.write("key.der", another.privateKey.export({ type: "pkcs8", format: "der" })),
      })),
    says: /openssl pkey -inform DER/,
  },
  {
    how: "a PKCS#12 file",
    id: "certificate.format",
    patient: ward => ward.files(async () => ({ MINNA_CERT_FILE: await ward.folder.write("new.pfx", NEW_PFX) })),
    says: /openssl pkcs12 -in/,
  },
  {
    how: "an old PKCS#12 file (RC2)",
    id: "certificate.format",
    patient: ward => ward.files(async () => ({ MINNA_CERT_FILE: await ward.folder.write("old.pfx", OLD_PFX) })),
    says: /openssl pkcs12 -legacy -in/,
  },
  {
    how: "a PKCS#7 bundle",
    id: "certificate.format",
    patient: ward => ward.files(async () => ({ MINNA_CERT_FILE: await ward.folder.write("c.p7b", PKCS7) })),
    says: /openssl pkcs7 -inform DER/,
  },
  {
    how: "the CSR for the certificate",
    id: "certificate.format",
    patient: ward => ward.withCertificate({ cert: REQUEST, key: another.key }),
    says: /CSR/,
  },
  {
    how: "certificate and key exchanged",
    id: "certificate.format",
    patient: ward => ward.withCertificate({ cert: another.key, key: another.cert }),
    says: /swap/,
  },
  {
    how: "an empty certificate file",
    id: "certificate.format",
    patient: ward => ward.files(async () => ({ MINNA_CERT_FILE: await ward.folder.write("empty.pem", "") })),
    says: /empty/,
  },
  {
    how: "UTF-16, as PowerShell writes",
    id: "certificate.format",
    patient: ward =>
      ward.files(async () => ({
        MINNA_CERT_FILE: await ward.folder.write("utf16.pem", Buffer.from(`\ufeff${another.cert}`, "utf16le")),
      })),
    says: /iconv/,
  },
  {
    how: "a damaged key",
    id: "certificate.key-format",
    patient: ward => ward.withCertificate({ cert: another.cert, key: another.key.replace(/\n[^\n]+\n/, "\n") }),
    says: /damaged/,
  },
  {
    how: "an encrypted key without passphrase",
    id: "certificate.passphrase",
    patient: ward => ward.withCertificate({ ...another, key: encrypted }),
    says: /no passphrase/,
  },
  {
    how: "an encrypted key with a wrong passphrase",
    id: "certificate.passphrase",
    patient: ward => ward.withCertificate({ ...another, key: encrypted }, "opens-nothing"),
    says: /does not open/,
  },
  {
    how: "another certificate's key",
    id: "certificate.key-match",
    patient: ward => ward.withCertificate({ cert: leaf.cert, key: another.key }),
  },
  {
    how: "the leaf is not first",
    id: "certificate.chain",
    patient: ward => ward.withCertificate(chained(intermediate, leaf)),
    says: /number 2/,
  },
  {
    how: "an intermediate is missing",
    id: "certificate.chain",
    status: "warning",
    patient: ward => ward.withCertificate(chained(leaf)),
    says: /comes alone/,
  },
  {
    how: "the chain is out of order",
    id: "certificate.chain",
    status: "warning",
    patient: ward => ward.withCertificate(chained(leaf, root, intermediate)),
    says: /out of order/,
  },
  {
    how: "a stranger in the chain",
    id: "certificate.chain",
    status: "warning",
    patient: ward => ward.withCertificate(chained(leaf, intermediate, another)),
    says: /CN=another/,
  },
  {
    how: "an intermediate has expired",
    id: "certificate.chain",
    patient: ward => ward.withCertificate(chained(leaf, expiredIntermediate)),
    says: /intermediate certificate has expired/,
  },
  {
    how: "expired",
    id: "certificate.validity",
    patient: ward => ward.withCertificate(make({ name: "old", days: [-10, -1] })),
    says: /Expired/,
  },
  {
    how: "not valid yet",
    id: "certificate.validity",
    patient: ward => ward.withCertificate(make({ name: "new", days: [1, 10] })),
    says: /Not valid before/,
  },
  {
    how: "20 days left",
    id: "certificate.validity",
    status: "warning",
    patient: ward => ward.withCertificate(make({ name: "late", days: [-1, 20] })),
    says: /20 days left/,
  },
  {
    how: "1 day left",
    id: "certificate.validity",
    status: "warning",
    patient: ward => ward.withCertificate(make({ name: "late", days: [-1, 1] })),
    says: /1 day left/,
  },
  {
    how: "for servers only",
    id: "certificate.usage",
    patient: ward => ward.withCertificate(make({ name: "server", purposes: [SERVER_AUTH] })),
    says: /servers only/,
  },
  {
    how: "without clientAuth",
    id: "certificate.usage",
    patient: ward => ward.withCertificate(make({ name: "mail", purposes: ["1.3.6.1.5.5.7.3.4"] })),
    says: /lacks clientAuth/,
  },
  {
    how: "without digitalSignature",
    id: "certificate.usage",
    patient: ward => ward.withCertificate(make({ name: "seal", usage: 0x20 })),
    says: /digitalSignature/,
  },
  {
    how: "an authority's certificate",
    id: "certificate.usage",
    patient: ward => ward.withCertificate(root),
    says: /authority/,
  },
  {
    how: "an RSA key of 1024 bits",
    id: "certificate.key-strength",
    patient: ward => ward.withCertificate(make({ name: "weak", key: rsa1024 })),
    says: /1024/,
  },
  {
    how: "signed with SHA-1",
    id: "certificate.signature",
    patient: ward => ward.withCertificate(make({ name: "sha1", hash: "sha1" })),
    says: /SHA-1/,
  },
  {
    how: "certificate.ca is no authority's",
    id: "certificate.ca",
    status: "warning",
    patient: ward =>
      ward.options({ certificate: { ...ward.bank.client("fapi2-security").certificate, ca: another.cert } }),
  },
  {
    how: "the loader fails",
    id: "certificate.file",
    patient: ward => ward.options({ certificate: () => Promise.reject(new Error("CANARY")) }),
    says: /function/,
  },
];
