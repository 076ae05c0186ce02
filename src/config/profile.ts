/**
 * The three security profiles and what each one fixes.
 *
 * @module
 */

/** One line of configuration: which security profile the bank registered the client for. */
export type Profile = "fapi1-advanced" | "fapi2-security" | "fapi2-message-signing";

/** Signature algorithms a profile allows (FAPI 1.0 Part 2 section 8.6; FAPI 2.0 Security Profile section 5.4.1). */
export type SigningAlgorithm = "PS256" | "ES256" | "EdDSA";

/** What a profile fixes for every authorization. */
export interface ProfileRules {
  /** Whether the authorization request is a signed request object (RFC 9101). */
  readonly signedRequest: boolean;
  /** `jwt`: the response is a signed JWT (JARM). `iss`: plain parameters with `iss` (RFC 9207). */
  readonly response: "jwt" | "iss";
  /** Whether the request object may travel by value instead of by PAR. */
  readonly byValue: boolean;
  /** The algorithms of everything that is signed, by either side. */
  readonly algorithms: readonly SigningAlgorithm[];
}

const RULES: Readonly<Record<Profile, ProfileRules>> = Object.freeze({
  // FAPI 1.0 Part 2 5.2.2 (JARM with response_type=code), 5.2.3 (signed request object), 8.6 (algorithms).
  "fapi1-advanced": Object.freeze({
    signedRequest: true,
    response: "jwt",
    byValue: true,
    algorithms: Object.freeze(["PS256", "ES256"] as const),
  }),
  // FAPI 2.0 Security Profile 5.3.3.2 (PAR, iss), 5.4.1 (algorithms).
  "fapi2-security": Object.freeze({
    signedRequest: false,
    response: "iss",
    byValue: false,
    algorithms: Object.freeze(["PS256", "ES256", "EdDSA"] as const),
  }),
  // FAPI 2.0 Message Signing 5.3 (signed requests), 5.4 (JARM).
  "fapi2-message-signing": Object.freeze({
    signedRequest: true,
    response: "jwt",
    byValue: false,
    algorithms: Object.freeze(["PS256", "ES256", "EdDSA"] as const),
  }),
});

/** Returns the rules of a profile, or `undefined` for a name that is no profile. */
export function profileRules(name: Profile): ProfileRules;
export function profileRules(name: unknown): ProfileRules | undefined;
export function profileRules(name: unknown): ProfileRules | undefined {
  return typeof name === "string" && Object.hasOwn(RULES, name) ? RULES[name as Profile] : undefined;
}

/** Every profile's name. */
export const PROFILES: readonly Profile[] = Object.freeze(Object.keys(RULES) as Profile[]);
