// A partner's module for `minna-baas reseal`: a client over what the environment says is in its store.
import { MemoryStore, MinnaClient } from "minna-baas";

const { MINNA_TEST_ENTRIES, MINNA_TEST_OPTIONS, MINNA_TEST_SEALING } = process.env;
const store = new MemoryStore();
for (const [key, value, labels] of JSON.parse(MINNA_TEST_ENTRIES)) await store.put(key, value, { version: 0, labels });
const seals = {};
const { put } = store;
store.put = (key, value, options) => {
  seals[key] = options.labels.seal;
  return put.call(store, key, value, options);
};
process.on("exit", () => process.stderr.write(`written: ${JSON.stringify(seals)}`));
export const minna = new MinnaClient({
  ...JSON.parse(MINNA_TEST_OPTIONS),
  store,
  sealing: JSON.parse(MINNA_TEST_SEALING),
});
// As a pool would keep a process.
setInterval(() => {}, 1000);
