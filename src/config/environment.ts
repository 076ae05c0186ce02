/**
 * The options as variables of the environment, for who keeps configuration there.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { ConfigurationError } from "../errors.js";
import type { Decryption, DecryptionKey } from "./decryption.js";
import type { ProfileOptions } from "./options.js";
import { isObject, Problems } from "./problems.js";
import { profileRules } from "./profile.js";
import type { SigningKey } from "./signing.js";

/** What each variable holds. */
const VARIABLES = {
  MINNA_PROFILE: "fapi1-advanced, fapi2-security or fapi2-message-signing",
  MINNA_ISSUER: "the bank's issuer identifier",
  MINNA_CLIENT_ID: "the client id that the bank gave",
  MINNA_REDIRECT_URI: "the registered redirect URI",
  MINNA_CERT_FILE: "the file of the client certificate, PEM",
  MINNA_KEY_FILE: "the file of its private key, PEM",
  MINNA_API_BASE_URL: "the base of the bank's API",
} as const;

/** Variables by their names: `process.env`, or what was read from a file. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The options that the environment holds: `new MinnaClient({ ...optionsFromEnvironment(), store })`. No file is read before
 * it is needed, and all are read again while the process runs.
 *
 * | Variable | Option |
 * |---|---|
 * | `MINNA_PROFILE`, `MINNA_ISSUER`, `MINNA_CLIENT_ID`, `MINNA_REDIRECT_URI`, `MINNA_API_BASE_URL` | `profile`, `issuer`, `clientId`, `redirectUri`, `api.baseUrl` |
 * | `MINNA_CERT_FILE`, `MINNA_KEY_FILE`, `MINNA_KEY_PASSPHRASE`, `MINNA_CA_FILE` | `certificate.certFile`, `.keyFile`, `.passphrase`, `.caFile`; the last two may be missing |
 * | `MINNA_SIGNING_FILE` | `signing`: the file of a private JWK with `alg` and `kid`, or of a JWK Set, whose first key signs |
 * | `MINNA_DECRYPTION_FILE` | `decryption.keys`, in such a file; where the bank encrypts |
 * | `MINNA_REQUEST_DELIVERY`, `MINNA_ANNOUNCED_IN` | `requestDelivery`, `announcedIn`; where given |
 *
 * What the variables hold is checked by the client that is made from the options.
 *
 * @param environment - Default: `process.env`.
 * @throws {@link ConfigurationError} that names every variable that is missing.
 */
export function optionsFromEnvironment(environment: Environment = process.env): ProfileOptions {
  const problems = new Problems();
  const given = (name: string) => environment[name] || undefined;
  const required = (name: keyof typeof VARIABLES): string => {
    const value = given(name);
    if (value === undefined) problems.add(name, VARIABLES[name], "nothing: the variable is not set");
    return value ?? "";
  };
  const optional = (option: string, name: string) => (given(name) === undefined ? {} : { [option]: given(name) });

  const profile = required("MINNA_PROFILE");
  const options = {
    profile,
    issuer: required("MINNA_ISSUER"),
    clientId: required("MINNA_CLIENT_ID"),
    redirectUri: required("MINNA_REDIRECT_URI"),
    certificate: {
      certFile: required("MINNA_CERT_FILE"),
      keyFile: required("MINNA_KEY_FILE"),
      ...optional("passphrase", "MINNA_KEY_PASSPHRASE"),
      ...optional("caFile", "MINNA_CA_FILE"),
    },
    api: { baseUrl: required("MINNA_API_BASE_URL") },
    ...optional("requestDelivery", "MINNA_REQUEST_DELIVERY"),
    ...optional("announcedIn", "MINNA_ANNOUNCED_IN"),
  };
  const signing = given("MINNA_SIGNING_FILE");
  const decryption = given("MINNA_DECRYPTION_FILE");
  if (signing === undefined && profileRules(profile)?.signedRequest) {
    problems.add(
      "MINNA_SIGNING_FILE",
      "the file of the private signing key, a JWK",
      "nothing: the variable is not set",
    );
  }
  problems.throwIfAny();
  // The client checks what the variables hold: that the profile is one, for example.
  return {
    ...options,
    ...(signing === undefined ? {} : { signing: () => readKeys<SigningKey>("MINNA_SIGNING_FILE", signing) }),
    ...(decryption === undefined
      ? {}
      : {
          decryption: async (): Promise<Decryption> => ({
            keys: await readKeys<DecryptionKey>("MINNA_DECRYPTION_FILE", decryption),
          }),
        }),
  } as ProfileOptions;
}

/** The keys of a file. That they are keys is checked where they go. */
async function readKeys<Key extends SigningKey | DecryptionKey>(variable: string, file: string): Promise<Key[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw unreadable(variable, `one that can't be (${error.code ?? error.name})`);
  });
  const json = parsed(text);
  if (!isObject(json)) throw unreadable(variable, "one that is no JSON object");
  const keys: unknown = "keys" in json ? json.keys : [json];
  if (!Array.isArray(keys)) throw unreadable(variable, "a JWK Set without a list of keys");
  return keys.map(key => ({ key, alg: key?.alg, kid: key?.kid }) as Key);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(variable: string, found: string): ConfigurationError {
  return new ConfigurationError([{ option: variable, expected: "a file with a private JWK, or a JWK Set", found }]);
}
