import fc from "fast-check";
import { expect } from "vitest";
import { z } from "zod";
import { checkMetadata } from "../../src/authorization/metadata.js";
import { Accounts } from "../../src/bank/accounts.js";
import { Debits } from "../../src/bank/debits.js";
import { IdentityApi } from "../../src/bank/identity.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { refusalOf } from "../../src/links/refusal.js";
import { flag, list, nullish, number, object, optional, read, type Schema, text } from "../../src/transport/schema.js";
import { aCall } from "../support/calls.js";
import { configuration, ISSUER } from "../support/options.js";
import { answer, contextTo } from "../support/stub-rooms.js";
import { memberOf, parsed } from "./answers.js";
import { ACCOUNT, BALANCE, DEBIT, DEPOSITS, IDENTITY, TRANSACTIONS } from "./documents.js";
import { holds, outcomeOf, reportInputs, tallies } from "./fuzz.js";
import { body } from "./json.js";

reportInputs("test/fuzz/schemas.test.ts");

/** One schema twice: ours, and what zod says. */
interface Pair {
  readonly ours: Schema<unknown>;
  readonly zods: z.ZodType;
}

const { pair } = fc.letrec<{ pair: Pair; leaf: Pair }>(tie => ({
  leaf: fc.constantFrom<Pair>(
    { ours: text, zods: z.string() },
    { ours: flag, zods: z.boolean() },
    { ours: number, zods: z.number() },
  ),
  pair: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    tie("pair").map(({ ours, zods }) => ({ ours: optional(ours), zods: zods.optional() })),
    tie("pair").map(({ ours, zods }) => ({ ours: nullish(ours), zods: zods.nullish() })),
    tie("pair").map(({ ours, zods }) => ({ ours: list(ours), zods: z.array(zods) })),
    fc
      .dictionary(fc.constantFrom("a", "b", "c", "constructor", "toString", "length"), tie("pair"), { maxKeys: 4 })
      .map(shape => ({
        ours: object<Record<string, unknown>>(mapped(shape, ({ ours }) => ours)),
        zods: z.object(mapped(shape, ({ zods }) => zods)),
      })),
  ),
}));

function mapped<From, To>(shape: Record<string, From>, to: (from: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(shape).map(([name, from]) => [name, to(from)]));
}

const json = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>("", "a", 0, -0, 1.5, true, null),
    fc.array(tie("value"), { maxLength: 8 }),
    fc.dictionary(fc.constantFrom("a", "b", "c", "d", "__proto__", "constructor", "toString"), tie("value")),
  ),
})).value;

tallies(
  "any schema takes what zod takes, reads the same, and names the same",
  20,
  fc.tuple(pair, json),
  async given => {
    const [{ ours, zods }, value] = given;
    const copy = JSON.parse(JSON.stringify(value));
    const { value: found, wrong } = read(ours, copy);
    const expected = zods.safeParse(copy);
    expect(wrong?.slice(0, 5)).toEqual(namesOf(expected)?.slice(0, 5));
    if (expected.success) expect(found).toStrictEqual(expected.data);
    return expected.success;
  },
);

function namesOf({ error }: z.ZodSafeParseResult<unknown>): string[] | undefined {
  const names = error?.issues.map(({ path }) => path.join("."));
  // What is wrong in two ways is named once.
  return names && [...new Set(names)];
}

/** Amounts as they were read before there were schemas of our own. */
const yen = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?(0|[1-9]\d{0,15})$/)
      .transform(Number),
  ])
  .refine(Number.isSafeInteger);
const one = z.string();
const maybe = z.string().nullish();
const row = z.object({
  itemKey: maybe,
  transactionDate: one,
  valueDate: maybe,
  transactionType: one,
  amount: yen,
  remarks: maybe,
});
const envelope = z.object({
  dateFrom: one,
  dateTo: one,
  baseDate: one,
  baseTime: one,
  hasNext: z.boolean(),
  nextItemKey: maybe,
});
const transactions = envelope.extend({ transactions: z.array(row.extend({ balance: yen })) });
const deposits = envelope.extend({
  deposits: z.array(row.extend({ applicantName: maybe, payerBankName: maybe, payerBranchName: maybe, ediInfo: maybe })),
});
const account = z.object({
  accountId: one.min(1),
  branchCode: one,
  branchName: one,
  accountTypeCode: one,
  accountNumber: one,
  accountName: one,
  accountNameKana: one,
  currencyCode: one,
});
const balance = z.object({
  balance: yen,
  withdrawableAmount: yen.nullish(),
  previousDayBalance: yen.nullish(),
  currencyCode: one,
  baseDate: one,
  baseTime: one,
});
const identity = z.object({
  name: one,
  nameKana: one,
  birthDate: one,
  gender: maybe,
  address: z.object({ postalCode: one, prefecture: one, city: one, street: one, building: maybe, formatted: one }),
  phoneNumber: maybe,
  verification: z.object({ verified: z.boolean(), verifiedOn: maybe, method: maybe, documentType: maybe }),
});
const debit = z.object({
  debitId: one.min(1),
  acceptanceNo: maybe,
  partnerTransactionId: one,
  status: one,
  amount: yen,
  acceptedAt: one,
  completedAt: maybe,
  failure: z.object({ code: one, retryable: z.boolean(), bankCode: maybe }).nullish(),
});

/** That a call of the API makes of a body what zod made of it, down to the names in its error. */
function agrees(
  name: string,
  document: object,
  schema: z.ZodType,
  call: (context: ReturnType<typeof contextTo>) => Promise<unknown>,
  asCalled: (found: unknown) => unknown = found => found,
): void {
  tallies(name, 6, body(document), async given => {
    const outcome = await outcomeOf(() => call(contextTo(() => answer(200, given))));
    const expected = schema.safeParse(parsedExactly(given));
    const names = namesOf(expected)
      ?.slice(0, 5)
      .map(path => path || "the whole")
      .join(", ");
    if ("error" in outcome) {
      // A body of the right form may still lead nowhere, or be about something else.
      if (expected.success) expect(outcome.error.message).not.toMatch("agreed form");
      else expect(outcome.error.message).toMatch(parsable(given) ? `(${names})` : "is not JSON");
      return false;
    }
    expect(expected.error?.issues).toBeUndefined();
    expect(outcome.value).toEqual(asCalled(expected.data));
    return true;
  });
}

/** What JSON.parse makes of it; nothing at all where it is no JSON. */
function parsedExactly(given: string): unknown {
  return parsable(given) ? JSON.parse(given) : undefined;
}

function parsable(given: string): boolean {
  try {
    JSON.parse(given);
  } catch {
    return false;
  }
  return true;
}

/** A result without the interaction id of its call. */
function bare<T extends object>({ interactionId: _, ...rest }: T & { readonly interactionId: string }): object {
  return { ...rest };
}

async function firstRows<Row>(pages: AsyncIterable<{ readonly rows: readonly Row[] }>): Promise<readonly Row[]> {
  for await (const { rows } of pages) return rows;
  return [];
}

/** The rows of a page, each of them once. */
function rowsOf(found: unknown): unknown {
  const rows = Object.values(found as object).find(Array.isArray) as { readonly itemKey?: string | null }[];
  return rows.filter(
    ({ itemKey }, index) => !itemKey || rows.findIndex(earlier => earlier.itemKey === itemKey) === index,
  );
}

agrees(
  "transactions",
  TRANSACTIONS,
  transactions,
  context => firstRows(new Accounts(context).transactions("1").pages()),
  rowsOf,
);
agrees("deposits", DEPOSITS, deposits, context => firstRows(new Accounts(context).deposits("1").pages()), rowsOf);
agrees(
  "accounts",
  { accounts: [ACCOUNT] },
  z.object({ accounts: z.array(account) }).transform(found => found.accounts),
  async context => (await new Accounts(context).list()).map(bare),
);
agrees("a balance", BALANCE, balance, async context => bare(await new Accounts(context).balance("1")));
agrees("an identity", IDENTITY, identity, async context => bare(await new IdentityApi(context).get()));
agrees("a debit", DEBIT, debit, async context => bare(await new Debits(context, new MemoryStore()).get("dd-1")));

const code = z.string().regex(/^[\w.:-]{1,40}$/);
const codes = z.union([
  z.object({ code }).transform(found => found.code),
  z.object({ errorCode: z.union([code, z.number().int().transform(String)]) }).transform(found => found.errorCode),
  z
    .object({ Errors: z.tuple([z.object({ ErrorCode: code })], z.unknown()) })
    .transform(found => found.Errors[0].ErrorCode),
  z.object({ error: code }).transform(found => found.error),
]);
const refusals = fc.constantFrom(
  { code: "a", errorCode: "b", Errors: [{ ErrorCode: "c" }], error: "d" },
  { errorCode: 17, Errors: [{ ErrorCode: "c" }, "more"] },
  { Errors: [{ ErrorCode: "c" }], error: "d" },
  { error: "d" },
);

holds("the code of a refusal is where zod found it", 10, refusals.chain(body), async given => {
  const { bankCode } = refusalOf(answer(400, given), "GET", aCall());
  expect(bankCode).toBe(codes.safeParse(parsedExactly(given)).data);
});

const METADATA = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  jwks_uri: `${ISSUER}/jwks`,
  token_endpoint: `${ISSUER}/token`,
  pushed_authorization_request_endpoint: `${ISSUER}/par`,
  mtls_endpoint_aliases: { token_endpoint: `${ISSUER}/token`, pushed_authorization_request_endpoint: `${ISSUER}/par` },
  introspection_signing_alg_values_supported: ["PS256"],
};
const httpsUrl = z.string().refine(value => URL.canParse(value) && new URL(value).protocol === "https:");
const endpoints = z.object({
  token_endpoint: httpsUrl.optional(),
  pushed_authorization_request_endpoint: httpsUrl.optional(),
  introspection_endpoint: httpsUrl.optional(),
  revocation_endpoint: httpsUrl.optional(),
  userinfo_endpoint: httpsUrl.optional(),
  grant_management_endpoint: httpsUrl.optional(),
});
const metadata = endpoints.extend({
  issuer: z.string(),
  authorization_endpoint: httpsUrl,
  jwks_uri: httpsUrl,
  mtls_endpoint_aliases: endpoints.optional(),
  introspection_signing_alg_values_supported: z.array(z.string()).optional(),
});
const settings = configuration("fapi2-security");

tallies("metadata", 6, body(METADATA), async given => {
  const document = parsed(given);
  if (memberOf(document, "issuer") !== ISSUER) return false;
  const outcome = await outcomeOf(() => checkMetadata(document, settings));
  const expected = metadata.safeParse(document);
  if ("error" in outcome) {
    const refused = memberOf(outcome.error, "check");
    if (expected.success) expect(refused).toBe("mtls_endpoint_aliases");
    else expect(outcome.error.message).toContain(`no valid https URL as ${namesOf(expected)?.join(", ")}.`);
    return false;
  }
  expect(expected.error?.issues).toBeUndefined();
  const { data } = expected;
  if (data?.mtls_endpoint_aliases !== undefined) expect(outcome.value.mtls).toEqual(data.mtls_endpoint_aliases);
  expect(outcome.value).toMatchObject({ authorizationEndpoint: data?.authorization_endpoint, jwksUri: data?.jwks_uri });
  return true;
});
