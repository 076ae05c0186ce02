/**
 * Turns the options into one frozen, checked configuration. The only place that knows a default.
 *
 * @module
 */
import type { CheckedCertificate } from "./certificate.js";
import { certificateSource } from "./certificate-source.js";
import { type Contract, checkContract } from "./contract.js";
import { type Decryptor, decryptionSource } from "./decryption.js";
import { type JstDate, lastDayOf } from "./jst.js";
import { isObject, kindOf, Problems } from "./problems.js";
import { PROFILES, type Profile, type ProfileRules, profileRules, type SigningAlgorithm } from "./profile.js";
import { checkKids, signingSource } from "./signers.js";
import type { Signer } from "./signing.js";
import type { Source } from "./source.js";
import { checkRedirectUri, checkUrl } from "./url.js";

/** What the rest of the house works with. Nothing behind it checks an option again. */
export interface Configuration {
  readonly profile: Profile;
  /** The profiles of the links that this configuration serves: its own, and those that no other one of this client serves. */
  readonly profiles: readonly Profile[];
  /** The last day, in Japan, of the version of FAPI that the profile is of, where the bank has announced one. */
  readonly endsOn: JstDate | undefined;
  readonly rules: ProfileRules;
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly requestDelivery: "par" | "by-value";
  readonly certificate: Source<CheckedCertificate>;
  /** The first one signs. None in a profile that signs nothing. */
  readonly signing: Source<readonly Signer[]>;
  readonly decryption: Source<Decryptor>;
  readonly apiBaseUrl: string;
  readonly contract: Contract;
  /** Milliseconds. */
  readonly timeout: number;
  readonly idTokenAlgorithms: readonly SigningAlgorithm[];
  readonly authorizationResponseAlgorithms: readonly SigningAlgorithm[];
  readonly userInfoAlgorithms: readonly SigningAlgorithm[];
  readonly introspectionAlgorithms: readonly SigningAlgorithm[];
  /** Whether a plain answer is refused. */
  readonly userInfoSigned: boolean;
  readonly introspectionSigned: boolean;
}

const KNOWN = [
  "profile",
  "issuer",
  "clientId",
  "redirectUri",
  "certificate",
  "signing",
  "decryption",
  "api",
  "contract",
  "timeout",
  "algorithms",
  "requestDelivery",
  "announcedIn",
];

const SIGNED = ["idToken", "authorizationResponse", "userInfo", "introspection"];
const DEFAULT_TIMEOUT = 15_000;
const LONGEST_TIMEOUT = 600_000;

/** A configuration that does not know yet which others there are. */
export type Draft = Omit<Configuration, "profiles">;

/**
 * Checks the options of one configuration; `undefined` where there are none to be checked.
 *
 * @param within - What stands before the name of each option.
 * @param shared - Options that belong to the client as a whole, and are checked elsewhere.
 */
export function draftConfiguration(
  options: unknown,
  within: string,
  shared: readonly string[],
  all: Problems,
): Draft | undefined {
  const problems = new Problems(within);
  if (!isObject(options)) {
    all.add(within === "" ? "options" : within.slice(0, -1), "an object", kindOf(options));
    return undefined;
  }
  const given = options as Record<string, unknown>;
  const rules = checkProfile(given["profile"], problems);
  checkNames(given, rules, [...KNOWN, ...shared], problems);
  const signing = signingSource(given["signing"], rules, problems);
  const decryption = decryptionSource(given["decryption"], problems);
  checkKids(signing.given ?? [], decryption.given?.keys.keys() ?? [], problems);
  const configuration: Draft = {
    profile: given["profile"] as Profile,
    endsOn: checkAnnouncement(given["announcedIn"], problems),
    rules,
    issuer: checkUrl(given["issuer"], "issuer", problems),
    clientId: checkClientId(given["clientId"], problems),
    redirectUri: checkRedirectUri(given["redirectUri"], "redirectUri", problems),
    requestDelivery: checkDelivery(given["requestDelivery"], rules, problems),
    apiBaseUrl: checkApi(given["api"], problems),
    contract: checkContract(given["contract"], problems),
    timeout: checkTimeout(given["timeout"], problems),
    ...checkAlgorithms(given["algorithms"], rules, problems),
    certificate: certificateSource(given["certificate"], problems),
    signing,
    decryption,
  };
  all.addAll(problems);
  return configuration;
}

/** The bank's policy: an old version ends at the end of the same month, one year after the new one was announced. */
function checkAnnouncement(value: unknown, problems: Problems): JstDate | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && /^20\d{2}-(0[1-9]|1[0-2])$/.test(value)) return lastDayOf(value, 1);
  problems.add("announcedIn", "the month in which the bank announced the next version, YYYY-MM", kindOf(value));
  return undefined;
}

function checkProfile(value: unknown, problems: Problems): ProfileRules {
  const rules = profileRules(value);
  if (rules !== undefined) return rules;
  const found = typeof value === "string" && /^[\w.-]{1,40}$/.test(value) ? `"${value}"` : kindOf(value);
  problems.add("profile", `one of ${PROFILES.join(", ")}`, found);
  // Any profile's rules serve to find what else is wrong; this one asks for no key that may not be there.
  return profileRules("fapi2-security");
}

function checkNames(
  given: Record<string, unknown>,
  rules: ProfileRules,
  known: readonly string[],
  problems: Problems,
): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) problems.add(name.slice(0, 40), `one of ${known.join(", ")}`, "an unknown option");
  }
  // Beside a profile that is none, the delivery may well be right.
  if (given["requestDelivery"] !== undefined && !rules.byValue && profileRules(given["profile"]) !== undefined) {
    problems.add("requestDelivery", "no such option in this profile: its requests are always pushed", "one");
  }
}

function checkClientId(value: unknown, problems: Problems): string {
  // RFC 6749 appendix A.1: client-id is VSCHAR.
  if (typeof value === "string" && /^[\x20-\x7e]+$/.test(value)) return value;
  problems.add(
    "clientId",
    "the client id that the bank gave",
    typeof value === "string" && value !== "" ? "a string that can't be one" : kindOf(value),
  );
  return "";
}

function checkDelivery(value: unknown, rules: ProfileRules, problems: Problems): "par" | "by-value" {
  if (value === undefined || value === "par" || !rules.byValue) return "par";
  if (value !== "by-value") problems.add("requestDelivery", "par or by-value", kindOf(value));
  return "by-value";
}

function checkApi(value: unknown, problems: Problems): string {
  if (!isObject(value)) {
    problems.add("api", "{ baseUrl }", kindOf(value));
    return "";
  }
  for (const name of Object.keys(value)) {
    if (name !== "baseUrl") problems.add(`api.${name}`, "baseUrl", "an unknown option");
  }
  return checkUrl("baseUrl" in value ? value.baseUrl : undefined, "api.baseUrl", problems).replace(/\/+$/, "");
}

function checkTimeout(value: unknown, problems: Problems): number {
  if (value === undefined) return DEFAULT_TIMEOUT;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= LONGEST_TIMEOUT) return value;
  problems.add(
    "timeout",
    `milliseconds from 1 to ${LONGEST_TIMEOUT}`,
    typeof value === "number" ? String(value) : kindOf(value),
  );
  return DEFAULT_TIMEOUT;
}

function checkAlgorithms(
  value: unknown,
  rules: ProfileRules,
  problems: Problems,
): Pick<
  Configuration,
  | "idTokenAlgorithms"
  | "authorizationResponseAlgorithms"
  | "userInfoAlgorithms"
  | "introspectionAlgorithms"
  | "userInfoSigned"
  | "introspectionSigned"
> {
  if (value !== undefined && !isObject(value)) {
    problems.add("algorithms", "an object", kindOf(value));
  }
  const given = (isObject(value) ? value : {}) as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!SIGNED.includes(name)) problems.add(`algorithms.${name}`, `one of ${SIGNED.join(", ")}`, "an unknown option");
  }
  const pin = (name: string): readonly SigningAlgorithm[] => {
    const wanted = given[name];
    if (wanted === undefined) return rules.algorithms;
    const allowed = rules.algorithms.filter(alg => alg === wanted);
    if (allowed.length === 0) {
      const found = typeof wanted === "string" && /^[A-Za-z0-9-]{1,10}$/.test(wanted) ? `"${wanted}"` : kindOf(wanted);
      problems.add(`algorithms.${name}`, `one of ${rules.algorithms.join(", ")}`, found);
    }
    return Object.freeze(allowed);
  };
  return {
    idTokenAlgorithms: pin("idToken"),
    authorizationResponseAlgorithms: pin("authorizationResponse"),
    userInfoAlgorithms: pin("userInfo"),
    introspectionAlgorithms: pin("introspection"),
    userInfoSigned: given["userInfo"] !== undefined,
    introspectionSigned: given["introspection"] !== undefined,
  };
}
