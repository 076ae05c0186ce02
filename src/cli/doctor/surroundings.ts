/**
 * Variables and switches that change how Node connects: proxies, roots, TLS versions.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { Environment } from "../../config/environment.js";
import { type Check, check } from "./check.js";
import { type Finding, ok, warning } from "./finding.js";

const PROXIES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

export const surroundings: Check = check({
  id: "environment",
  title: { en: "Environment", ja: "環境変数" },
  run: (_, { environment }) => ({
    findings: [
      examineProxy(environment),
      examineVerification(environment),
      ...examineAuthorities(environment),
      ...examineSwitches(environment),
    ],
  }),
});

/** What a proxy variable holds may be a password: only its name is shown. */
export function examineProxy(environment: Environment): Finding {
  const id = "environment.proxy";
  const set = PROXIES.flatMap(name => [name, name.toLowerCase()]).filter(name => environment[name]);
  if (set.length === 0) return ok(id, { en: "No proxy is set", ja: "プロキシの設定なし" });
  const names = set.join(", ");
  const exceptions = environment["NO_PROXY"] || environment["no_proxy"];
  const found = {
    en: `${names} set${exceptions ? " (with NO_PROXY)" : ""}`,
    ja: `${names} が設定されています${exceptions ? "(NO_PROXY あり)" : ""}`,
  };
  return warning(id, found, {
    why: {
      en: "minna-baas does not use proxies: it connects to the bank directly. A proxy that opens TLS would take the client certificate's place.",
      ja: "minna-baas はプロキシを使わず、銀行へ直接接続します。TLS を終端するプロキシを挟むと、クライアント証明書が銀行に届きません。",
    },
    fix: {
      en: "If only the proxy may go out, let the firewall open the bank's hosts and ports to this machine. Otherwise nothing is to be done.",
      ja: "外部への通信がプロキシ経由に限られている場合は、銀行のホストとポートへの直接接続をファイアウォールで許可してください。それ以外の場合、対応は不要です。",
    },
  });
}

export function examineVerification(environment: Environment): Finding {
  const id = "environment.tls-verification";
  if (environment["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0") {
    return ok(id, { en: "TLS verification is on", ja: "TLS 検証は有効" });
  }
  const found = { en: "NODE_TLS_REJECT_UNAUTHORIZED=0", ja: "NODE_TLS_REJECT_UNAUTHORIZED=0 が設定されています" };
  return warning(id, found, {
    why: {
      en: "minna-baas verifies the bank all the same; every other connection of the process trusts anybody.",
      ja: "minna-baas の接続には影響しませんが、プロセス内の他の通信では相手の検証が無効になります。",
    },
    fix: {
      en: "Remove the variable; for a private CA of the bank use certificate.ca (MINNA_CA_FILE).",
      ja: "この変数を削除し、銀行のプライベート CA には certificate.ca(MINNA_CA_FILE)を使ってください。",
    },
    command: "unset NODE_TLS_REJECT_UNAUTHORIZED",
  });
}

export function examineAuthorities(environment: Environment): readonly Finding[] {
  const findings: Finding[] = [];
  const extra = environment["NODE_EXTRA_CA_CERTS"];
  if (extra) findings.push(examineFile("environment.extra-ca", "NODE_EXTRA_CA_CERTS", extra));
  const openssl = switchesOf(environment).includes("--use-openssl-ca");
  const file = environment["SSL_CERT_FILE"];
  if (openssl && file) findings.push(examineFile("environment.openssl-ca", "SSL_CERT_FILE", file));
  if (!openssl && (file || environment["SSL_CERT_DIR"])) {
    const found = {
      en: "SSL_CERT_FILE or SSL_CERT_DIR is set, without --use-openssl-ca",
      ja: "SSL_CERT_FILE または SSL_CERT_DIR がありますが、--use-openssl-ca がありません",
    };
    findings.push(
      ok("environment.openssl-ca", { en: `${found.en}: Node ignores it`, ja: `${found.ja}(Node は無視します)` }),
    );
  }
  return findings;
}

function examineFile(id: string, name: string, file: string): Finding {
  const why = {
    en: "Node starts without these authorities, and says so only once: connections that need them fail as untrusted.",
    ja: "Node はこれらの認証局なしで起動します。必要とする接続は「信頼できない」として失敗します。",
  };
  const fix = { en: `Correct ${name}, or remove it.`, ja: `${name} を修正するか、削除してください。` };
  try {
    if (readFileSync(file, "utf8").includes("-----BEGIN CERTIFICATE-----")) {
      return ok(id, { en: `${name}: ${file}`, ja: `${name}: ${file}` }, name);
    }
  } catch {
    return warning(id, { en: `${name} can't be read`, ja: `${name} のファイルを読めません` }, { why, fix }, name);
  }
  const found = { en: `${name} holds no certificate in PEM`, ja: `${name} に PEM の証明書がありません` };
  return warning(id, found, { why, fix }, name);
}

const SWITCHES: readonly { readonly pattern: RegExp; readonly en: string; readonly ja: string }[] = [
  {
    pattern: /^--use-openssl-ca$/,
    en: "Node trusts the system's OpenSSL store instead of its own roots; where certificate.ca is given, Node 20 uses its own all the same.",
    ja: "Node 同梱のルート証明書の代わりに OpenSSL のストアを使います。certificate.ca を指定した場合、Node 20 では同梱のルート証明書が使われます。",
  },
  {
    pattern: /^--tls-(min-v1\.[01]|cipher-list.*)$/,
    en: "minna-baas does not follow it: TLS 1.2 at least, and the ciphers of FAPI only.",
    ja: "minna-baas には効きません(TLS 1.2 以上と、FAPI の暗号スイートに固定です)。",
  },
  {
    pattern: /^--tls-max-v1\.2$/,
    en: "TLS 1.3 is off: the bank must take TLS 1.2.",
    ja: "TLS 1.3 が無効です。銀行側が TLS 1.2 を受け付ける必要があります。",
  },
  {
    pattern: /^--openssl-legacy-provider$/,
    en: "Old algorithms are on for the whole process. Convert the old key or PKCS#12 file instead.",
    ja: "プロセス全体で古い暗号方式が有効になります。代わりに、古い鍵や PKCS#12 ファイルを変換してください。",
  },
  {
    pattern: /^--insecure-http-parser$/,
    en: "HTTP is parsed laxly in the whole process.",
    ja: "プロセス全体で HTTP の解析が緩くなります。",
  },
];

export function examineSwitches(environment: Environment): readonly Finding[] {
  return switchesOf(environment).flatMap(given => {
    const known = SWITCHES.find(({ pattern }) => pattern.test(given));
    if (known === undefined) return [];
    const [name = given] = given.split("=");
    const found = { en: `NODE_OPTIONS has ${name}`, ja: `NODE_OPTIONS に ${name} があります` };
    const fix = {
      en: "Remove it from NODE_OPTIONS unless something else needs it.",
      ja: "他に必要がなければ NODE_OPTIONS から外してください。",
    };
    return [warning("environment.node-options", found, { why: { en: known.en, ja: known.ja }, fix }, name)];
  });
}

function switchesOf(environment: Environment): readonly string[] {
  return [...(environment["NODE_OPTIONS"] ?? "").split(/\s+/), ...process.execArgv].filter(given => given !== "");
}
