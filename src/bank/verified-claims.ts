/**
 * 本人確認済情報 in the form of OpenID Connect for Identity Assurance 1.0.
 *
 * @module
 */
import type { Identity } from "./identity.js";

/** Claims with how they were verified (OpenID Connect for Identity Assurance 1.0; its schema of `verified_claims`). */
export interface VerifiedClaims {
  /** What was verified, and how. */
  readonly verified_claims: {
    /** The check. */
    readonly verification: {
      /** `jp_aml`: 犯罪による収益の移転防止に関する法律. */
      readonly trust_framework: string;
      /** When it was made. The bank tells the day: it stands for its first second in Japan. */
      readonly time?: string;
      /** The kind of check, as the bank codes it: ホ, ヘ, カ and others. */
      readonly assurance_process?: { readonly procedure: string };
      /** What was looked at. */
      readonly evidence?: readonly [
        { readonly type: "document"; readonly document_details: { readonly type: string } },
      ];
    };
    /** The claims. Personal data. */
    readonly claims: Readonly<Record<string, unknown>>;
  };
}

/**
 * Puts a verified identity into the form of OpenID Connect for Identity Assurance. What the bank did not tell is left out.
 *
 * @returns `undefined` where the bank did not verify the customer: then there are no verified claims.
 */
export function toVerifiedClaims(
  identity: Identity,
  { trustFramework = "jp_aml" }: { readonly trustFramework?: string } = {},
): VerifiedClaims | undefined {
  const { verified, verifiedOn, method, documentType } = identity.verification;
  if (!verified) return undefined;
  const { name, nameKana, birthDate, gender, address, phoneNumber } = identity;
  const { postalCode, prefecture, city, street, building, formatted } = address;
  return {
    verified_claims: {
      verification: {
        trust_framework: trustFramework,
        ...(verifiedOn ? { time: `${verifiedOn}T00:00:00+09:00` } : {}),
        ...(method ? { assurance_process: { procedure: method } } : {}),
        ...(documentType ? { evidence: [{ type: "document", document_details: { type: documentType } }] } : {}),
      },
      claims: {
        name,
        // OIDC Core section 5.2: a claim in a script of its own.
        "name#ja-Kana-JP": nameKana,
        birthdate: birthDate,
        ...(gender ? { gender } : {}),
        address: {
          formatted,
          street_address: building ? `${street}\n${building}` : street,
          locality: city,
          region: prefecture,
          postal_code: postalCode,
          country: "JP",
        },
        ...(phoneNumber ? { phone_number: phoneNumber } : {}),
      },
    },
  };
}
