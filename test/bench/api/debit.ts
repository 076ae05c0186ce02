/** A debit: what it costs to know afterwards that it was made once. */
import { randomBytes, randomUUID } from "node:crypto";
import type { BenchCase, Contender, Runnable, Servers } from "../case.js";
import { FLOOR, SDK } from "./getting.js";
import { agentFor, bankOf, headersOf } from "./partner.js";

const POSTGRES = process.env["MINNA_TEST_POSTGRES"];

/** The POST alone, with an idempotency key that nobody writes down. */
function barePost(servers: Servers): Contender {
  return {
    name: FLOOR,
    open: async () => {
      const post = await poster(servers);
      return { run: () => post.send(randomUUID(), randomUUID()), close: post.close };
    },
  };
}

/** What a careful partner writes: a row before the request leaves, and the bank's answer in it afterwards. */
function carefulPost(servers: Servers): Contender {
  return {
    name: "request, INSERT and UPDATE",
    open: async () => {
      const post = await poster(servers);
      const { pool, schema, drop } = await openDatabase();
      await pool.query(
        `CREATE TABLE ${schema}.debits (reference text PRIMARY KEY, key text, state text, answer jsonb)`,
      );
      return {
        run: async () => {
          const reference = randomUUID();
          const key = randomUUID();
          await pool.query(`INSERT INTO ${schema}.debits VALUES ($1, $2, 'sent')`, [reference, key]);
          const answer = await post.send(reference, key);
          const known = `UPDATE ${schema}.debits SET state = 'known', answer = $2 WHERE reference = $1`;
          await pool.query(known, [reference, JSON.stringify(answer)]);
          return answer;
        },
        close: async () => {
          await post.close();
          await drop();
        },
      };
    },
  };
}

/** This package, with its journal in memory. */
function sdkInMemory(servers: Servers): Contender {
  return {
    name: SDK,
    open: async () => {
      const { linkedClient, LINK_ID } = await import("./linked-client.js");
      const minna = await linkedClient(await bankOf(servers));
      return { run: () => minna.link(LINK_ID).debits.create(order(randomUUID())), close: () => minna.close() };
    },
  };
}

/** This package, with its journal in PostgreSQL. */
function sdkInPostgres(servers: Servers): Contender {
  return {
    name: SDK,
    open: async () => {
      const { linkedClient, LINK_ID } = await import("./linked-client.js");
      const { postgresStore } = await import("minna-baas/postgres");
      const { pool, schema, drop } = await openDatabase();
      const minna = await linkedClient(await bankOf(servers), postgresStore(pool, { schema }));
      return {
        run: () => minna.link(LINK_ID).debits.create(order(randomUUID())),
        close: async () => {
          await minna.close();
          await drop();
        },
      };
    },
  };
}

function order(reference: string) {
  return { reference, amount: 1980, description: "ﾎﾝ" } as const;
}

async function poster(
  servers: Servers,
): Promise<{ send(reference: string, key: string): Promise<unknown> } & Pick<Runnable, "close">> {
  const { request } = await import("undici");
  const bank = await bankOf(servers);
  const dispatcher = await agentFor(bank);
  const url = new URL(`${bank.baseUrl}/direct-debits`);
  return {
    send: async (reference, key) => {
      const { amount, description } = order(reference);
      const { statusCode, body } = await request(url, {
        dispatcher,
        method: "POST",
        headers: headersOf({ "content-type": "application/json", "x-idempotency-key": key }),
        body: JSON.stringify({
          partnerTransactionId: reference,
          amount,
          currencyCode: "JPY",
          description,
          kind: "per_purchase",
        }),
      });
      const answer = await body.text();
      if (statusCode !== 201) throw new Error(`The bank answered ${statusCode}.`);
      return JSON.parse(answer);
    },
    close: () => dispatcher.close(),
  };
}

/** A schema of one's own, which goes when it is dropped. */
async function openDatabase() {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: POSTGRES, max: 8 });
  const schema = `bench_${randomBytes(6).toString("hex")}`;
  await pool.query(`CREATE SCHEMA ${schema}`);
  const drop = async () => {
    await pool.query(`DROP SCHEMA ${schema} CASCADE`);
    await pool.end();
  };
  return { pool, schema, drop };
}

export const debitInMemory: BenchCase = {
  kind: "race",
  name: "debit-memory",
  title: "A debit, its journal in memory, 8 callers at a time",
  needs: ["bank"],
  callers: 8,
  calls: 1_500,
  floor: FLOOR,
  contenders: servers => [barePost(servers), sdkInMemory(servers)],
};

export const debitInPostgres: BenchCase = {
  kind: "race",
  name: "debit-postgres",
  title: "A debit, its journal in PostgreSQL, 8 callers at a time",
  needs: ["bank"],
  unavailable: () => (POSTGRES ? undefined : "there is no PostgreSQL. Set MINNA_TEST_POSTGRES to the URL of one."),
  callers: 8,
  calls: 500,
  floor: FLOOR,
  contenders: servers => [barePost(servers), carefulPost(servers), sdkInPostgres(servers)],
};
