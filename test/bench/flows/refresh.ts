/** A call whose token is due: refresh it, then ask the bank. */
import type { MinnaClientOptions } from "minna-baas";
import type { SandboxClient } from "minna-baas/sandbox";
import type { BenchCase, Contender, Servers } from "../case.js";
import { dueLinks } from "./due-links.js";

const SDK = "minna-baas";
const HAND_WRITTEN = "openid-client, hand-written";
const PROFILE = "fapi2-security";

export const refreshing: BenchCase = {
  kind: "race",
  name: "refresh",
  title: "A balance with a token that is due: a refresh, and the call",
  needs: ["sandbox"],
  callers: 4,
  calls: 150,
  floor: HAND_WRITTEN,
  contenders: servers => [handWritten(servers), sdk(servers)],
  goals: [{ figure: "cpu", of: SDK, atMost: 1.1 }],
};

function sdk(servers: Servers): Contender {
  return {
    name: SDK,
    open: async () => {
      const { MemoryStore, MinnaClient } = await import("minna-baas");
      const options = await servers.sandbox.ask<MinnaClientOptions>("client", PROFILE);
      const store = new MemoryStore();
      const minna = new MinnaClient({ ...options, store });
      const { accountId, next } = await dueLinks(servers, minna, store);
      return {
        run: async () => minna.link(await next()).accounts.balance(accountId),
        close: () => minna.close(),
      };
    },
  };
}

function handWritten({ sandbox }: Servers): Contender {
  return {
    name: HAND_WRITTEN,
    open: async () => {
      const { HandWrittenPartner } = await import("./hand-written.js");
      const partner = new HandWrittenPartner(await sandbox.ask<SandboxClient>("client", PROFILE));
      const { authorizationUrl, transaction } = await partner.begin("u-42");
      const id = await partner.complete(await sandbox.ask<string>("approve", authorizationUrl), transaction);
      const { accounts } = (await partner.get("/accounts", await partner.refresh(id))) as Accounts;
      const path = `/accounts/${accounts[0]?.accountId}/balance`;
      return {
        run: async () => partner.get(path, await partner.refresh(id)),
        close: () => partner.close(),
      };
    },
  };
}

interface Accounts {
  readonly accounts: readonly { readonly accountId: string }[];
}
