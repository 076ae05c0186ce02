import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresMigrations, postgresStore } from "../../src/stores/postgres.js";
import { Database, url } from "../stores/postgres-database.js";

const COMMAND = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const PSQL = process.env["PSQL"] ?? "psql";
const MODULE = fileURLToPath(new URL("../stores/open-postgres.mjs", import.meta.url));

async function migrate(args: string[], env: NodeJS.ProcessEnv = {}, cwd?: string) {
  const options = {
    env: { ...process.env, LC_ALL: "en_US.UTF-8", ...env },
    timeout: 15_000,
    ...(cwd !== undefined && { cwd }),
  };
  const ran = promisify(execFile)(process.execPath, [COMMAND, "migrate", ...args], options);
  return await ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

describe("minna-baas migrate", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "minna-baas-"));
    await writeFile(join(folder, "empty.mjs"), "export const store = { get() {} }; setInterval(() => {}, 1000);");
    await writeFile(
      join(folder, "default.mjs"),
      "export const store = null; export default { migrate: async () => [] }; setInterval(() => {}, 1000);",
    );
    await writeFile(
      join(folder, "failing.mjs"),
      "export default { migrate: async () => { throw new Error('it failed') } }; setInterval(() => {}, 1000);",
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("prints what makes the tables", async () => {
    expect(await migrate(["--print"])).toEqual({ code: 0, stdout: postgresMigrations(), stderr: "" });
    const { stdout } = await migrate(["--print", "--schema", "bank"]);
    expect(stdout).toBe(postgresMigrations({ schema: "bank" }));
    expect(stdout).toContain('CREATE TABLE "bank".minna_baas_entries');
  });

  test.each<[string[], string]>([
    [[], "needs the module"],
    [["a.mjs", "b.mjs"], "takes one module"],
    [["--print", "a.mjs"], "--print takes no module"],
    [["--schema", "bank", "a.mjs"], "--schema goes with --print"],
    [["--print", "--schema", 'x"; DROP'], "--schema must be up to 63 small letters"],
    [["--nonsense"], "Unknown option '--nonsense'"],
    [["empty.mjs"], "does not export a store"],
  ])("ends with 2 for %o", async (args, reason) => {
    const { code, stderr } = await migrate(args, {}, folder);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
  });

  test("takes a module by its path from here, and ends though the module would not", async () => {
    expect(await migrate(["default.mjs"], {}, folder)).toEqual({
      code: 0,
      stdout: "The tables are up to date.\n",
      stderr: "",
    });
    expect(await migrate(["failing.mjs"], {}, folder)).toEqual({
      code: 1,
      stdout: "",
      stderr: "minna-baas: it failed\n",
    });
    expect((await migrate(["missing.mjs"], {}, folder)).code).toBe(1);
  });
});

describe.skipIf(url === undefined)("minna-baas migrate, with PostgreSQL", () => {
  const databases = [new Database(), new Database()] as const;
  afterAll(async () => {
    for (const database of databases) await database.drop();
  });

  test("makes the tables once", async () => {
    const [database] = databases;
    const env = { MINNA_TEST_SCHEMA: database.schema };
    expect(await migrate([MODULE], env)).toEqual({
      code: 0,
      stdout: "The tables are up to date now: version 1 was missing.\n",
      stderr: "",
    });
    expect((await migrate([MODULE], env)).stdout).toBe("The tables are up to date.\n");
    const store = postgresStore(database.pool(), { schema: database.schema, migrations: "manual" });
    expect(await store.put("a", "1", { version: 0 })).toBe(1);
  });

  test("prints what psql takes, any number of times", async ({ skip }) => {
    if (spawnSync(PSQL, ["--version"]).error !== undefined) return skip("psql is not installed");
    const [, database] = databases;
    const { stdout: input } = await migrate(["--print", "--schema", database.schema]);
    for (let time = 0; time < 2; time++) {
      const said = spawnSync(PSQL, ["-X", "-v", "ON_ERROR_STOP=1", database.url], { input, encoding: "utf8" });
      expect([said.status, said.stdout, said.stderr]).toEqual([0, "DO\n", ""]);
    }
    const store = postgresStore(database.pool(), { schema: database.schema, migrations: "manual" });
    expect(await store.migrate()).toEqual([]);
    expect(await store.put("a", "1", { version: 0 })).toBe(1);
  });

  test("ends with 1, and says why, where the database is away", async () => {
    const { code, stderr } = await migrate([MODULE], {
      MINNA_TEST_SCHEMA: "x",
      MINNA_TEST_POSTGRES: "postgres://u:CANARY@127.0.0.1:1/x",
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/The store failed at migrate \(PostgreSQL: ECONNREFUSED\)/);
    expect(stderr).not.toContain("CANARY");
  });
});
