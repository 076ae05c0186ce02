/** A page of 500 transactions: what decoding costs. */
import type { BenchCase } from "../case.js";
import { bareRequest, FLOOR, openidClient, SDK, sdk } from "./getting.js";

const ACCOUNT = "rows-500";

export const page: BenchCase = {
  kind: "race",
  name: "page-500",
  title: "A page of 500 transactions, one caller",
  needs: ["bank"],
  callers: 1,
  calls: 300,
  floor: FLOOR,
  contenders: servers => [
    bareRequest(servers, `/accounts/${ACCOUNT}/transactions`),
    openidClient(servers, `/accounts/${ACCOUNT}/transactions`),
    sdk(servers, async link => {
      for await (const one of link.accounts.transactions(ACCOUNT).pages()) return one;
      throw new Error("there was no page");
    }),
  ],
  goals: [{ figure: "cpu", of: SDK, atMost: 1.5 }],
};
