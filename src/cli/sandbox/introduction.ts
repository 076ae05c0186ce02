/**
 * What the sandbox says at its start: what to configure, who can log in, what a browser will say.
 *
 * @module
 */
import { relative, resolve } from "node:path";
import { variableLines } from "../environment-file.js";
import type { Language } from "../language.js";
import { type Connection, environmentFile, variablesOf } from "./connection-files.js";
import { customerLines } from "./customers.js";
import type { SandboxCommand } from "./options.js";

/** The misbehaviour that the bank was started with. */
export type Misbehaviour = Pick<SandboxCommand, "faults" | "chance">;

export function sandboxIntroduction(
  connection: Connection,
  folder: string | undefined,
  language: Language,
  misbehaviour: Misbehaviour,
): string {
  const { sandbox, profiles } = connection;
  const [profile = "fapi2-security"] = profiles;
  const variables = variableLines(variablesOf(connection, profile, folder)).map(line => `  ${line}`);
  const files = folder === undefined ? [] : profiles.map(name => `  ${name.padEnd(24)}${shown(folder, name)}`);
  const ca = folder === undefined ? "" : shorter(resolve(folder, "ca.pem"));
  const start = folder === undefined ? "" : `  node --env-file=${shown(folder, profile)} app.js`;
  const faults = faultWords(misbehaviour, language);
  const texts = {
    ja: [
      "みんなの銀行 サンドボックス(開発用。このマシンだけで動きます)",
      "",
      `  ブラウザ向け(issuer)   ${sandbox.issuer}`,
      `  API(mTLS)              ${sandbox.apiBaseUrl}`,
      "",
      ...(folder === undefined
        ? [
            `■ アプリの設定(プロファイル: ${profile})`,
            ...variables,
            "  鍵と証明書は、--write .minna-bank を付けて起動するとファイルになります。",
          ]
        : [`■ アプリの起動(プロファイル: ${profile})`, start, "", "  この .env の中身:", ...variables]),
      "",
      ...(folder === undefined
        ? [`  ほかのプロファイル: ${profiles.slice(1).join(", ")}(client id は partner-プロファイル名)`]
        : ["■ プロファイルの切り替え: --env-file を変えるだけです", ...files]),
      "",
      "■ お客さま(ID, パスワード, 普通預金の残高)",
      ...customerLines(sandbox, language),
      "",
      ...(faults === "" ? [] : [`■ 起こす異常: ${faults}`, ""]),
      "■ ブラウザの警告",
      "  サンドボックスの証明書は公的な認証局のものではないため、ブラウザが警告します。「詳細設定」から続行してください。",
      ...(folder === undefined
        ? []
        : [
            `  警告を消すには ${ca} をブラウザに登録します。この認証局が証明できるのは localhost(とその`,
            "  サブドメイン)、127.0.0.1、::1 だけです。",
          ]),
      "",
      "停止: Ctrl+C。ここから下は、銀行に届いたものの記録です(時刻は日本時間)。",
      "",
    ],
    en: [
      "Minna Bank sandbox (for development; on this machine only)",
      "",
      `  For browsers (issuer)   ${sandbox.issuer}`,
      `  API (mTLS)              ${sandbox.apiBaseUrl}`,
      "",
      ...(folder === undefined
        ? [
            `Configure your app (profile ${profile}):`,
            ...variables,
            "  Keys and certificates are written to files with --write .minna-bank.",
          ]
        : [`Start your app (profile ${profile}):`, start, "", "  That file says:", ...variables]),
      "",
      ...(folder === undefined
        ? [`  Other profiles: ${profiles.slice(1).join(", ")} (the client id is partner-PROFILE)`]
        : ["Switch the profile by naming another file:", ...files]),
      "",
      "Customers (id, password, on the ordinary account, what is special):",
      ...customerLines(sandbox, language),
      "",
      ...(faults === "" ? [] : [`Faults on: ${faults}`, ""]),
      "Your browser will warn: the sandbox's certificate is of no public authority. Go on by “Advanced”,",
      ...(folder === undefined
        ? ["and the pages open."]
        : [
            `or let the browser trust ${ca}: that authority is good for`,
            "localhost (and names below it), 127.0.0.1 and ::1 only.",
          ]),
      "",
      "Stop with Ctrl+C. From here on: what the bank receives, at times in Japan (JST).",
      "",
    ],
  };
  return texts[language].join("\n");
}

function faultWords({ faults, chance }: Misbehaviour, language: Language): string {
  const always = [...new Set(faults)];
  if (chance === undefined) return always.join(", ");
  const odds = Object.entries(chance.odds).map(([name, odd]) => `${name}=${odd}`);
  const seed = { ja: `確率、シード ${chance.seed}`, en: `by chance, seed ${chance.seed}` }[language];
  return [...always, `${odds.join(", ")} (${seed})`].join(", ");
}

function shown(folder: string, profile: Parameters<typeof environmentFile>[1]): string {
  return shellWord(shorter(resolve(environmentFile(folder, profile))));
}

function shorter(path: string): string {
  const near = relative("", path);
  return near !== "" && !near.startsWith("..") ? near : path;
}

function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
