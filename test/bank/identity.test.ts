import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type Identity, IdentityApi } from "../../src/bank/identity.js";
import { toVerifiedClaims } from "../../src/bank/verified-claims.js";
import { ValidationError } from "../../src/errors.js";
import { INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { answer, contextTo } from "../support/stub-rooms.js";

const HANAKO: Identity = {
  name: "髙橋 花子",
  nameKana: "ﾀｶﾊｼ ﾊﾅｺ",
  birthDate: "1990-04-01",
  gender: "2",
  address: {
    postalCode: "0100001",
    prefecture: "秋田県",
    city: "秋田市",
    street: "中通1-1-1",
    building: "本間ビル 2F",
    formatted: "秋田県秋田市中通1-1-1 本間ビル 2F",
  },
  phoneNumber: "09012345678",
  verification: { verified: true, verifiedOn: "2026-04-01", method: "ホ", documentType: "driving_licence" },
};

async function read(wire: unknown): Promise<Identity> {
  return new IdentityApi(contextTo(() => answer(200, wire))).get({ interactionId: INTERACTION_ID });
}

describe("an identity", () => {
  test("is the bank's record as it came, frozen in every part", async () => {
    const person = await read({ ...HANAKO, unheardOf: 1 });
    expect(person).toEqual({ ...HANAKO, interactionId: INTERACTION_ID });
    expect(JSON.parse(JSON.stringify(person))).toEqual({ ...HANAKO, interactionId: INTERACTION_ID });
    for (const part of [person, person.address, person.verification]) expect(Object.isFrozen(part)).toBe(true);
  });

  test("keeps absent and null apart", async () => {
    const { gender: _, ...rest } = HANAKO;
    const person = await read({ ...rest, phoneNumber: null });
    expect(person).not.toHaveProperty("gender");
    expect(person.phoneNumber).toBeNull();
  });

  test("shows nothing of itself where it is printed, unless it is asked for", async () => {
    const person = await read(HANAKO);
    for (const printed of [inspect(person), inspect({ person }, { depth: 9 }), inspect(person.address), `${person}`]) {
      for (const word of ["花子", "ﾊﾅｺ", "1990", "中通", "0901"]) expect(printed).not.toContain(word);
    }
    expect(inspect(person)).toContain("{ ...value }");
    expect(inspect({ ...person })).toContain("花子");
    expect(inspect({ ...person.address })).toContain("中通");
  });

  test("of another form is refused, without a word of it", async () => {
    const error = await rejection(read({ ...HANAKO, birthDate: 19900401 }), ValidationError);
    expect(error).toMatchObject({ check: "body" });
    expect(error.message).toContain("birthDate");
    expect(everythingShown(error)).not.toContain("花子");
  });
});

describe("verified claims", () => {
  test("say who it is and how that was verified", () => {
    expect(toVerifiedClaims(HANAKO)).toEqual({
      verified_claims: {
        verification: {
          trust_framework: "jp_aml",
          time: "2026-04-01T00:00:00+09:00",
          assurance_process: { procedure: "ホ" },
          evidence: [{ type: "document", document_details: { type: "driving_licence" } }],
        },
        claims: {
          name: "髙橋 花子",
          "name#ja-Kana-JP": "ﾀｶﾊｼ ﾊﾅｺ",
          birthdate: "1990-04-01",
          gender: "2",
          address: {
            formatted: "秋田県秋田市中通1-1-1 本間ビル 2F",
            street_address: "中通1-1-1\n本間ビル 2F",
            locality: "秋田市",
            region: "秋田県",
            postal_code: "0100001",
            country: "JP",
          },
          phone_number: "09012345678",
        },
      },
    });
  });

  test("leave out what the bank did not tell", () => {
    const { building: _, ...address } = HANAKO.address;
    const bare = {
      ...HANAKO,
      gender: null,
      phoneNumber: undefined,
      address,
      verification: { verified: true, verifiedOn: null },
    };
    const { verification, claims } = toVerifiedClaims(bare, { trustFramework: "another" })!.verified_claims;
    expect(verification).toEqual({ trust_framework: "another" });
    expect(Object.keys(claims)).toEqual(["name", "name#ja-Kana-JP", "birthdate", "address"]);
    expect(claims["address"]).toMatchObject({ street_address: "中通1-1-1" });
  });

  test("are none of a customer whom the bank did not verify", () => {
    expect(toVerifiedClaims({ ...HANAKO, verification: { verified: false } })).toBeUndefined();
  });
});
