// A partner's app, started with `node --env-file`: takes a JSON line of arguments at a time, and answers with one.
import { createInterface } from "node:readline";
import { MinnaClient, optionsFromEnvironment } from "minna-baas";

const minna = new MinnaClient(optionsFromEnvironment());
const ACTIONS = {
  begin: () => minna.links.begin({ customerId: "u-1", scopes: ["balance", "debit"] }),
  complete: (url, transaction) => minna.links.complete(url, { transaction }),
  charge: (link, reference, amount) => minna.link(link).debits.create({ reference, amount, description: "ﾎﾝ" }),
  status: link => minna.link(link).grant.status(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [action, ...given] = JSON.parse(line);
  const answer = await ACTIONS[action](...given).catch(error => ({ failed: `${error.code}: ${error.message}` }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await minna.close();
