import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type BankForOthers, bankForOthers } from "./bank-in-another-process.js";
import { NODES, partnerProject } from "./partner-project.js";

const LINKED =
  "fapi1-advanced: linked and charged once\nfapi2-security: linked and charged once\nfapi2-message-signing: linked and charged once\n";
/** The numbers of `nobody`. Who is not root can't become another; then the files alone are read-only. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

let project: string;
let bank: BankForOthers;

beforeAll(async () => {
  [project, bank] = await Promise.all([partnerProject(), bankForOthers()]);
  // To show that what forbids writing does.
  await writeFile(join(project, "writing.mjs"), 'import { writeFileSync } from "node:fs"; writeFileSync("x", "");');
}, 180_000);

afterAll(async () => {
  await bank.close();
  await chmod(project, 0o755);
  await rm(project, { recursive: true, force: true });
});

/** Runs a file of the project as the partner's server, with no variable but those that it is told. */
async function serve(
  file: string,
  { node = process.execPath, flags = [] as string[], cwd = project, env = {}, ...who } = {},
) {
  const options = { cwd, env: { BANK: bank.told, NODE_NO_WARNINGS: "1", ...env }, ...who };
  return promisify(execFile)(node, [...flags, file], options);
}

/** The flags of Node's permission model in this version: only the project may be read, nothing written or started. */
async function withoutPermissions(node: string): Promise<string[]> {
  const known = "process.stdout.write([...process.allowedNodeEnvironmentFlags].join())";
  const { stdout } = await promisify(execFile)(node, ["-e", known]);
  const has = (flag: string) => stdout.split(",").includes(flag);
  const model = has("--permission") ? "--permission" : "--experimental-permission";
  return [model, `--allow-fs-read=${project}/*`, ...(has("--allow-net") ? ["--allow-net"] : [])];
}

// On each version of Node, three times all of the journey.
vi.setConfig({ testTimeout: 60_000 });

describe("a server in production", () => {
  test("may be another user without a home, in folders that nobody can write to", async () => {
    const cwd = join(project, "empty");
    await mkdir(cwd);
    await chmod(cwd, 0o555);
    await chmod(project, 0o555);
    if ("uid" in nobody) {
      await expect(serve(join(project, "writing.mjs"), { cwd, ...nobody })).rejects.toThrow("EACCES");
    }
    const { stdout, stderr } = await serve(join(project, "partner.mjs"), { cwd, ...nobody });
    expect([stdout, stderr]).toEqual([LINKED, ""]);
    expect(await readdir(cwd)).toEqual([]);
    await chmod(project, 0o755);
  });

  test("leaves nothing behind where it could write", async () => {
    const cwd = join(project, "writable");
    await mkdir(cwd);
    const env = { HOME: cwd, TMPDIR: cwd, XDG_CACHE_HOME: cwd };
    expect((await serve(join(project, "partner.mjs"), { cwd, env })).stdout).toBe(LINKED);
    expect(await readdir(cwd)).toEqual([]);
  });

  test.each(NODES)("needs no leave to write files or to start processes or threads, on %s", async node => {
    const flags = await withoutPermissions(node);
    await expect(serve("writing.mjs", { node, flags })).rejects.toThrow("ERR_ACCESS_DENIED");
    expect((await serve("partner.mjs", { node, flags })).stdout).toBe(LINKED);
  });

  test.each(NODES)("may forbid what attacks need: eval, __proto__, changed intrinsics, on %s", async node => {
    for (const flag of ["--disallow-code-generation-from-strings", "--disable-proto=throw", "--frozen-intrinsics"]) {
      expect([flag, (await serve("partner.mjs", { node, flags: [flag] })).stdout]).toEqual([flag, LINKED]);
    }
  });
});

describe("a bundle", () => {
  // undici is CommonJS: in a module, what it requires has to be given to it.
  const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
  const forms: Record<string, BuildOptions> = {
    cjs: { format: "cjs", outExtension: { ".js": ".cjs" } },
    mjs: { format: "esm", outExtension: { ".js": ".mjs" }, banner },
  };

  test.each(["cjs", "mjs"])("links and charges alone, though it is minified: %s", async form => {
    const outdir = join(project, `bundle-${form}`);
    await bundle("partner.mjs", outdir, forms[form]!);
    // Nothing of the package is near.
    await chmod(outdir, 0o755);
    const alone = join(project, "..", `minna-alone-${process.pid}.${form}`);
    await writeFile(alone, await readFile(join(outdir, `partner.${form}`)));
    try {
      const { stdout, stderr } = await serve(alone, { cwd: "/" });
      expect([stdout, stderr]).toEqual([LINKED, ""]);
    } finally {
      await rm(alone);
    }
    const { size } = await stat(join(outdir, `partner.${form}`));
    expect(size).toBeLessThan(2_000_000);
  });

  test.each(["cjs", "mjs"])("takes every entry point, with the sandbox's peer left outside: %s", async form => {
    const outdir = join(project, `entries-${form}`);
    await bundle("entry-points.mjs", outdir, { ...forms[form], external: ["oidc-provider"] });
    const [bundled, plain] = [await serve(join(outdir, `entry-points.${form}`)), await serve("entry-points.mjs")];
    expect(bundled.stdout).toContain("startSandbox");
    for (const [entry, names] of Object.entries<string[]>(JSON.parse(plain.stdout))) {
      expect(JSON.parse(bundled.stdout)[entry].sort()).toEqual(names.sort());
    }
  });

  async function bundle(entry: string, outdir: string, options: BuildOptions): Promise<void> {
    await build({
      entryPoints: [join(project, entry)],
      bundle: true,
      platform: "node",
      target: "node20",
      minify: true,
      logLevel: "error",
      outdir,
      ...options,
    });
  }
});

test("the entry points export these names, and no others", async () => {
  expect(JSON.parse((await serve("entry-points.mjs")).stdout)).toMatchInlineSnapshot(`
    {
      "main": [
        "ApiError",
        "ArgumentError",
        "AuthorizationError",
        "CHANNELS",
        "ConfigurationError",
        "DebitOutcomeUnknownError",
        "LinkError",
        "MemoryStore",
        "MinnaClient",
        "MinnaError",
        "OAuthError",
        "SigningError",
        "StoreError",
        "TransportError",
        "ValidationError",
        "compareKana",
        "compareName",
        "optionsFromEnvironment",
        "toVerifiedClaims",
      ],
      "otel": [
        "instrumentMinna",
        "traceInteractionId",
      ],
      "postgres": [
        "postgresMigrations",
        "postgresStore",
      ],
      "redis": [
        "redisStore",
      ],
      "sandbox": [
        "FAULT_NAMES",
        "SandboxFolderError",
        "startSandbox",
      ],
      "testing": [
        "signerContract",
        "storeContract",
      ],
    }
  `);
});
