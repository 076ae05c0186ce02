/** Servers in processes of their own, and the handles that ask them things. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Addresses, Server, ServerName, Servers } from "./case.js";

export interface RunningServers extends AsyncDisposable {
  readonly addresses: Addresses;
}

/** Starts these servers. They end with the handle, and with this process. */
export async function startServers(names: Iterable<ServerName>): Promise<RunningServers> {
  const started = await Promise.all([...new Set(names)].map(start));
  return {
    addresses: Object.fromEntries(started.map(({ name, address }) => [name, address])),
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map(one => one.stop()));
    },
  };
}

/** The servers at these addresses. */
export function serversAt(addresses: Addresses): Servers {
  return { addresses, bank: serverAt("bank", addresses), sandbox: serverAt("sandbox", addresses) };
}

async function start(name: ServerName): Promise<{ name: ServerName; address: string; stop(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL(`${name}-server.js`, import.meta.url)));
  const gone = once(child, "exit");
  const early = gone.then(([code]) => {
    throw new Error(`The ${name} server ended with ${code} before it listened.`);
  });
  const [address] = (await Promise.race([once(child, "message"), early])) as [string];
  return {
    name,
    address,
    stop: async () => {
      // It ends as soon as nobody is there who could ask it anything.
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}

function serverAt(name: ServerName, addresses: Addresses): Server {
  return {
    async ask<T>(question: string, detail?: unknown): Promise<T> {
      const address = addresses[name];
      if (address === undefined) throw new Error(`The case does not say that it needs ${JSON.stringify(name)}.`);
      const asking = request(address, { method: "POST", path: `/${question}`, agent: false });
      asking.end(JSON.stringify(detail ?? null));
      const [answer] = await once(asking, "response");
      const body = await text(answer);
      if (answer.statusCode !== 200)
        throw new Error(`The ${name} server can't answer ${JSON.stringify(question)}: ${body}`);
      return JSON.parse(body) as T;
    },
  };
}
