/** A schema of a test's own in a real PostgreSQL, whose URL is in MINNA_TEST_POSTGRES. */
import { randomBytes } from "node:crypto";
import pg from "pg";

export const url: string | undefined = process.env["MINNA_TEST_POSTGRES"];

if (url === undefined) console.log("PostgreSQL: skipped, MINNA_TEST_POSTGRES is not set");

/** A name that nobody else has. */
export function freshName(): string {
  return `minna_test_${randomBytes(6).toString("hex")}`;
}

/** Pools on one schema that does not exist yet. */
export class Database {
  readonly schema: string = freshName();
  readonly url: string;
  readonly #pools: pg.Pool[] = [];

  constructor(address: string | undefined = url) {
    this.url = address ?? "";
  }

  pool(options: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.url, max: 4, ...options });
    pool.on("error", () => {});
    this.#pools.push(pool);
    return pool;
  }

  /** Runs anything, also several statements. */
  async say(text: string): Promise<pg.QueryResultRow[]> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  async drop(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map(pool => pool.end()));
    await this.say(`DROP SCHEMA IF EXISTS "${this.schema}" CASCADE`);
  }
}
