/**
 * What runs: Node, OpenSSL, this package and what it depends on.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Check, check } from "./check.js";
import { type Finding, ok, problem, same, warning } from "./finding.js";

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

// The ends of Node's releases, as its own schedule has them. An odd one lives for about half a year and gets no long support.
const ENDS: Readonly<Record<number, string>> = {
  20: "2026-04-30",
  22: "2027-04-30",
  24: "2028-04-30",
  26: "2029-04-30",
};

export const runtime: Check = check({
  id: "runtime",
  title: { en: "Runtime", ja: "実行環境" },
  run: () => {
    const manifest = readManifest(ROOT);
    return {
      findings: [
        examineNode(process.versions.node, manifest.engines.node),
        ok("runtime.openssl", same(`OpenSSL ${process.versions.openssl}`)),
        ok("runtime.package", same(`minna-baas ${manifest.version}`)),
        ...Object.entries(manifest.dependencies).map(([name, range]) =>
          examineDependency(name, range, installed(name)),
        ),
        ...Object.entries(manifest.peerDependencies).map(([name, range]) => examinePeer(name, range, installed(name))),
      ],
    };
  },
});

/** The version of this package. */
export function ownVersion(): string {
  return readManifest(ROOT).version;
}

/** @param now - Milliseconds since the epoch. */
export function examineNode(version: string, range: string, now: number = Date.now()): Finding {
  const id = "runtime.node";
  const found = same(`Node.js ${version}`);
  if (!satisfies(version, range)) {
    return problem(id, found, {
      why: { en: `minna-baas needs Node.js ${range}.`, ja: `minna-baas には Node.js ${range} が必要です。` },
      fix: {
        en: "Install a current LTS release of Node.js.",
        ja: "現行の LTS 版の Node.js をインストールしてください。",
      },
    });
  }
  const major = Number.parseInt(version, 10);
  const end = ENDS[major];
  const over = end !== undefined && Date.parse(`${end}T23:59:59Z`) < now;
  if (major % 2 === 0 && !over) return ok(id, found);
  return warning(id, found, {
    why: over
      ? {
          en: `Node.js ${major} has had no security updates since ${end}.`,
          ja: `Node.js ${major} のセキュリティ更新は ${end} で終了しています。`,
        }
      : {
          en: `Node.js ${major} is not a long-term release, and not tested with minna-baas.`,
          ja: `Node.js ${major} は長期サポート版ではなく、minna-baas のテスト対象外です。`,
        },
    fix: { en: "Move to a current LTS release of Node.js.", ja: "現行の LTS 版の Node.js へ移行してください。" },
  });
}

export function examineDependency(name: string, range: string, version: string | undefined): Finding {
  const id = "runtime.dependency";
  if (version !== undefined && satisfies(version, range)) return ok(id, same(`${name} ${version} (${range})`), name);
  const found =
    version === undefined
      ? { en: `${name} is not in node_modules`, ja: `node_modules に ${name} が見つかりません` }
      : { en: `${name} ${version} is outside of ${range}`, ja: `${name} ${version} は ${range} の範囲外です` };
  const advice = {
    why: {
      en: "minna-baas is tested with versions within this range only.",
      ja: "minna-baas はこの範囲のバージョンでのみテストされています。",
    },
    fix: {
      en: "Install again; remove overrides or resolutions that force another version.",
      ja: "再インストールし、別のバージョンを強制する overrides や resolutions があれば外してください。",
    },
    command: `npm ls ${name}`,
  };
  // A package manager may keep packages elsewhere: that it can't be read says nothing of whether it is there.
  return version === undefined ? warning(id, found, advice, name) : problem(id, found, advice, name);
}

/** The sandbox's server: nobody needs it in production. */
export function examinePeer(name: string, range: string, version: string | undefined): Finding {
  const id = "runtime.sandbox";
  if (version === undefined) {
    return ok(
      id,
      {
        en: `${name} is not installed: only the sandbox needs it`,
        ja: `${name} は未インストール(サンドボックスでのみ使用)`,
      },
      name,
    );
  }
  if (satisfies(version, range)) return ok(id, same(`${name} ${version} (${range})`), name);
  return warning(
    id,
    { en: `${name} ${version} is outside of ${range}`, ja: `${name} ${version} は ${range} の範囲外です` },
    {
      why: { en: "The sandbox can't start with it.", ja: "このバージョンではサンドボックスを起動できません。" },
      fix: { en: `Install ${name} ${range}.`, ja: `${name} ${range} をインストールしてください。` },
      command: `npm install --save-dev ${name}@${range.replace(/^\^/, "")}`,
    },
    name,
  );
}

/** Whether a version is in a range: `^1.2.3` or `>=1.2`, which are all that the manifest has. */
export function satisfies(version: string, range: string): boolean {
  const given = parts(version);
  const least = parts(range.replace(/^\D+/, ""));
  const different = [0, 1, 2].find(index => given[index] !== least[index]);
  const enough = different === undefined || (given[different] ?? 0) > (least[different] ?? 0);
  return enough && (!range.startsWith("^") || given[0] === least[0]);
}

function parts(version: string): readonly number[] {
  return [0, 1, 2].map(index => Number.parseInt(version.split(".")[index] ?? "0", 10) || 0);
}

/** Looks where Node would: in each node_modules from here to the root. */
function installed(name: string): string | undefined {
  for (let folder = ROOT, above = ""; folder !== above; above = folder, folder = dirname(folder)) {
    try {
      return readManifest(join(folder, "node_modules", name)).version;
    } catch {
      // Further up.
    }
  }
  return undefined;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
