/** A sandbox in this process, for a partner in another one. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";

export interface BankForOthers {
  /** What `project/partner.mjs` is to be told, in the variable BANK. */
  readonly told: string;
  readonly sandbox: Sandbox;
  close(): Promise<void>;
}

/** Starts a sandbox, and a door where the customer approves what is posted to it. */
export async function bankForOthers(): Promise<BankForOthers> {
  const sandbox = await startSandbox();
  const door = createServer(async (request, response) => {
    let url = "";
    for await (const chunk of request) url += String(chunk);
    response.end(await sandbox.approve(url));
  });
  await new Promise<void>(resolve => door.listen(0, "127.0.0.1", resolve));
  const { port } = door.address() as AddressInfo;
  const profiles = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const;
  return {
    told: JSON.stringify({
      clients: profiles.map(profile => sandbox.client(profile)),
      approve: `http://127.0.0.1:${port}`,
    }),
    sandbox,
    close: async () => {
      door.closeAllConnections();
      await new Promise(resolve => door.close(resolve));
      await sandbox.close();
    },
  };
}
