// What a partner writes, as its compiler sees it.
import {
  ApiError,
  ConfigurationError,
  DebitOutcomeUnknownError,
  MinnaClient,
  type MinnaClientOptions,
  MinnaError,
  optionsFromEnvironment,
  type Store,
} from "minna-baas";
import { type PostgresStore, postgresStore } from "minna-baas/postgres";
import { redisStore } from "minna-baas/redis";
import { FAULT_NAMES, type Sandbox, startSandbox } from "minna-baas/sandbox";
import { signerContract, storeContract } from "minna-baas/testing";

const bank: Sandbox = await startSandbox();
const options: MinnaClientOptions = bank.client("fapi1-advanced");
const store: PostgresStore = postgresStore({ query: async () => ({ rows: [] }) });
export const minna: MinnaClient = new MinnaClient({ ...optionsFromEnvironment(), ...options, store });

const begun = await minna.links.begin({ customerId: "u-42", scopes: ["balance", "debit"] });
const { id, refusedScopes } = await minna.links.complete(await bank.approve(begun.authorizationUrl), begun);
const link = minna.link(id);
const amounts: number[] = [];
for await (const row of link.accounts.transactions("1", { from: "2026-04-01" })) amounts.push(row.amount);
const debit = await link.debits.create({ reference: "order-1001", amount: 1980, description: "ﾎﾝ" });

try {
  await minna.ready();
} catch (error) {
  if (error instanceof ApiError) use(error.status);
  if (error instanceof DebitOutcomeUnknownError) use(error.reference);
  if (error instanceof ConfigurationError) use(...error.problems.map(({ option }) => option));
  if (error instanceof MinnaError) use(error.code, error.retryable, error.sideEffect);
}

// @ts-expect-error the signed profiles ask for a signing key
const unsigned: MinnaClientOptions = { ...bank.client("fapi2-security"), profile: "fapi1-advanced" };
// @ts-expect-error amounts are integers, in yen
await link.debits.create({ reference: "order-1002", amount: "1980", description: "ﾎﾝ" });
// @ts-expect-error what the bank gave is not to be changed
debit.amount = 1;

export const memory: Pick<Store, "get"> = store;
use(refusedScopes, unsigned, FAULT_NAMES, signerContract, storeContract, redisStore, amounts, debit.status);

function use(..._values: unknown[]): void {}
