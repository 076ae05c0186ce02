// A partner's module for `minna-baas reseal`: a client over a PGlite in a folder, as the environment says.
import { PGlite } from "@electric-sql/pglite";
import { MinnaClient } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";

const { MINNA_TEST_FOLDER, MINNA_TEST_OPTIONS, MINNA_TEST_SEALING } = process.env;
export const minna = new MinnaClient({
  ...JSON.parse(MINNA_TEST_OPTIONS),
  store: postgresStore(new PGlite(MINNA_TEST_FOLDER)),
  sealing: JSON.parse(MINNA_TEST_SEALING),
});
// As a pool would keep a process.
setInterval(() => {}, 1000);
