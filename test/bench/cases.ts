/** Everything that is measured, in the order of the report. */
import { balanceOfMany, balanceOfOne } from "./api/balance.js";
import { channels } from "./api/channels.js";
import { cold } from "./api/cold.js";
import { debitInMemory, debitInPostgres } from "./api/debit.js";
import { page } from "./api/page.js";
import { rows } from "./api/rows.js";
import { tlsSessions } from "./api/tls.js";
import type { BenchCase, CountCase } from "./case.js";
import { FLOWS } from "./flows/flows.js";

export const CASES: readonly (BenchCase | CountCase)[] = [
  balanceOfOne,
  balanceOfMany,
  page,
  rows,
  debitInMemory,
  debitInPostgres,
  ...FLOWS,
  channels,
  cold,
  tlsSessions,
];
