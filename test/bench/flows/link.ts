/** From the customer's wish to a link that can be used: begin, the customer at the bank, complete. */
import type { MinnaClientOptions, Profile } from "minna-baas";
import type { SandboxClient } from "minna-baas/sandbox";
import type { BenchCase, Contender, Count, CountCase, Servers } from "../case.js";

const SDK = "minna-baas";
const HAND_WRITTEN = "openid-client, hand-written";
const CUSTOMER = "u-42";
const WARM_UP = 40;

/** Linking is many steps, and the bank's take most of the time: CPU time is what the partner's own cost. */
function linking(profile: Profile): BenchCase {
  return {
    kind: "race",
    name: `link-${profile}`,
    title: `Linking an account, ${profile}`,
    needs: ["sandbox"],
    callers: 4,
    calls: 120,
    floor: HAND_WRITTEN,
    contenders: servers => [handWritten(servers, profile), sdk(servers, profile)].map(warmed),
    goals: [{ figure: "cpu", of: SDK, atMost: 1.1 }],
  };
}

export const linkFapi1: BenchCase = linking("fapi1-advanced");
export const linkFapi2: BenchCase = linking("fapi2-security");
export const linkSigned: BenchCase = linking("fapi2-message-signing");

/** The same contender, who has linked some accounts before: in a short run the compiler would weigh more than the flow. */
function warmed({ name, open }: Contender): Contender {
  return {
    name,
    open: async () => {
      const runnable = await open();
      for (let link = 0; link < WARM_UP; link++) await runnable.run();
      return runnable;
    },
  };
}

/** What a flow asks of the bank: no request more than by hand. */
export const linkRequests: CountCase = {
  kind: "count",
  name: "link-requests",
  title: "Requests for a link",
  needs: ["sandbox"],
  async run(servers) {
    const counts: Count[] = [];
    for (const profile of ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const) {
      const byHand = await requestsOf(handWritten(servers, profile), servers);
      const byUs = await requestsOf(sdk(servers, profile), servers);
      for (const [index, which] of ["first", "second"].entries()) {
        const [ours = [], theirs = []] = [byUs[index], byHand[index]];
        const name = `${profile}, the ${which} link`;
        counts.push({ name, value: ours.length, unit: "", atMost: theirs.length, note: ours.join(", ") });
        counts.push({ name: `${name}, by hand`, value: theirs.length, unit: "", note: theirs.join(", ") });
      }
    }
    return counts;
  },
};

/** What the bank received of the partner for a first link, and for a second one. */
async function requestsOf(contender: Contender, { sandbox }: Servers): Promise<readonly (readonly string[])[]> {
  const received = async () => {
    const counts = await sandbox.ask<Record<string, number>>("received");
    const ours = Object.entries(counts).filter(([endpoint]) => !BROWSERS.includes(endpoint));
    return ours.flatMap(([endpoint, times]) => Array<string>(times).fill(endpoint));
  };
  await received();
  const runnable = await contender.open();
  const links: (readonly string[])[] = [];
  for (let link = 0; link < 2; link++) {
    await runnable.run();
    links.push(await received());
  }
  await runnable.close();
  return links;
}

/** Where the customer goes. */
const BROWSERS: readonly string[] = ["authorization", "interaction", "other"];

function sdk({ sandbox }: Servers, profile: Profile): Contender {
  return {
    name: SDK,
    open: async () => {
      const { MemoryStore, MinnaClient } = await import("minna-baas");
      const options = await sandbox.ask<MinnaClientOptions>("client", profile);
      const minna = new MinnaClient({ ...options, store: new MemoryStore() });
      return {
        run: async () => {
          const wish = { customerId: CUSTOMER, scopes: ["balance"] } as const;
          const { authorizationUrl, transaction } = await minna.links.begin(wish);
          return minna.links.complete(await sandbox.ask<string>("approve", authorizationUrl), { transaction });
        },
        close: () => minna.close(),
      };
    },
  };
}

function handWritten({ sandbox }: Servers, profile: Profile): Contender {
  return {
    name: HAND_WRITTEN,
    open: async () => {
      const { HandWrittenPartner } = await import("./hand-written.js");
      const partner = new HandWrittenPartner(await sandbox.ask<SandboxClient>("client", profile));
      return {
        run: async () => {
          const { authorizationUrl, transaction } = await partner.begin(CUSTOMER);
          return partner.complete(await sandbox.ask<string>("approve", authorizationUrl), transaction);
        },
        close: () => partner.close(),
      };
    },
  };
}
