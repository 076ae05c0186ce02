// A partner's module, which keeps its connections as one does.
import { MemoryStore } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import pg from "pg";

const { MINNA_TEST_OPTIONS: given, MINNA_TEST_DATABASE: connectionString } = process.env;

export const options = {
  ...JSON.parse(given),
  store: connectionString === undefined ? new MemoryStore() : postgresStore(new pg.Pool({ connectionString })),
};

setInterval(() => {}, 1000);
