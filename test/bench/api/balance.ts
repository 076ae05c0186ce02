/** A balance with a token that is at hand: what every other call is built of. */
import type { BenchCase, Servers } from "../case.js";
import {
  bareRequest,
  FLOOR,
  nodeFetch,
  OPENID_CLIENT,
  OPENID_CLIENT_OVER_NODE,
  openidClient,
  openidClientOverNodeFetch,
  SDK,
  sdk,
  undiciFetch,
} from "./getting.js";
import { ACCOUNT_ID } from "./partner.js";

const PATH = `/accounts/${ACCOUNT_ID}/balance`;

function contenders(servers: Servers) {
  return [
    bareRequest(servers, PATH),
    undiciFetch(servers, PATH),
    nodeFetch(servers, PATH),
    openidClient(servers, PATH),
    openidClientOverNodeFetch(servers, PATH),
    sdk(servers, link => link.accounts.balance(ACCOUNT_ID)),
  ];
}

export const balanceOfOne: BenchCase = {
  kind: "race",
  name: "balance-1",
  title: "A balance with a cached token, one caller",
  needs: ["bank"],
  callers: 1,
  calls: 1_000,
  floor: FLOOR,
  contenders,
  goals: [
    { figure: "p50", of: SDK, atMost: 1.15 },
    { figure: "p99", of: SDK, atMost: 1.3 },
  ],
};

export const balanceOfMany: BenchCase = {
  kind: "race",
  name: "balance-32",
  title: "A balance with a cached token, 32 callers at a time",
  needs: ["bank"],
  callers: 32,
  calls: 5_000,
  floor: FLOOR,
  contenders,
  goals: [
    { figure: "callsPerSecond", of: SDK, atLeast: 0.85 },
    // Over either fetch, whichever of them is faster.
    ...[OPENID_CLIENT, OPENID_CLIENT_OVER_NODE].flatMap(against => [
      { figure: "callsPerSecond" as const, of: SDK, against, atLeast: 3, beforeNode: 22 },
      { figure: "callsPerSecond" as const, of: SDK, against, atLeast: 1.6, sinceNode: 22 },
    ]),
    { figure: "p99", of: SDK, atMost: 1.3 },
  ],
};
