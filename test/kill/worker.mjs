// A process that makes one call, and dies at the step that it is told. Its store is the parent's, over their channel.
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { MinnaClient } from "minna-baas";

const [{ options, linkId, reference, death }] = await once(process, "message");

/** What was done, in order. */
const steps = [];

/** Begins a step: returns its number, by which {@link done} ends it. */
function begin(step) {
  const number = steps.push(step) - 1;
  dieIf(number, "before");
  return number;
}

function done(number) {
  dieIf(number, "after");
}

function dieIf(number, side) {
  if (number !== death?.step || side !== death.side) return;
  process.kill(process.pid, "SIGKILL");
  // Nothing more happens here, however late the signal is.
  for (;;);
}

const waiting = new Map();
process.on("message", ({ id, result }) => {
  const { number, resolve } = waiting.get(id);
  done(number);
  resolve(result);
});
let calls = 0;
const call =
  (method, name) =>
  (...args) =>
    new Promise(resolve => {
      const number = begin(`${method} ${name(...args)}`);
      const id = ++calls;
      waiting.set(id, { number, resolve });
      process.send({ id, method, args });
    });
/** `debit:order-1` is a debit, and so is its lock. */
const kind = key => key.replace(/^lock:/, "").split(":", 1)[0];
const store = {
  get: call("get", kind),
  put: call("put", (key, value) => {
    const { state, refreshSentAt } = JSON.parse(value);
    return [kind(key), state ?? (refreshSentAt === undefined ? "" : "noted")].join(" ").trim();
  }),
  take: call("take", kind),
  find: call("find", ({ label }) => label),
  lock: call("lock", kind),
  unlock: call("unlock", kind),
};

const sent = new WeakMap();
const answered = new WeakMap();
const nameOf = ({ method, path }) => `${method} ${path.split("?", 1)[0]}`;
subscribe("undici:request:create", ({ request }) => sent.set(request, begin(`${nameOf(request)} leaves`)));
subscribe("undici:request:bodySent", ({ request }) => done(sent.get(request)));
subscribe("undici:request:headers", ({ request }) => answered.set(request, begin(`${nameOf(request)} is answered`)));
subscribe("undici:request:trailers", ({ request }) => done(answered.get(request)));

const minna = new MinnaClient({ ...options, store });
const link = minna.link(linkId);
if (reference === undefined) await link.accounts.list();
else await link.debits.create({ reference, amount: 100, description: "ﾎﾝ" });
process.send({ steps });
await minna.close();
process.disconnect();
