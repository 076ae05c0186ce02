// A store in a process of its own, as the contract opens it: what a partner's module looks like.
import { postgresStore } from "minna-baas/postgres";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.MINNA_TEST_POSTGRES, max: 4 });

export const store = postgresStore(pool, { schema: process.env.MINNA_TEST_SCHEMA });

export default () => store;
