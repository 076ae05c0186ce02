/**
 * The options of `minna-baas sandbox`, read and checked.
 *
 * @module
 */
import { resolve } from "node:path";
import type { FaultName, SandboxOptions } from "../../sandbox/index.js";
import { readArguments } from "../arguments.js";
import { variableLines } from "../environment-file.js";
import { type Language, languageOf } from "../language.js";
import { UsageError } from "../usage.js";
import { type FaultChance, faultChance } from "./chance.js";
import { faultName } from "./fault-list.js";

export interface SandboxCommand {
  readonly bank: SandboxOptions & { readonly port: number; readonly mtlsPort: number };
  readonly language: Language;
  /** What the partner's configuration is to have. */
  readonly redirectUri: string;
  readonly folder: string | undefined;
  readonly encrypted: boolean;
  readonly json: boolean;
  readonly faults: readonly FaultName[];
  readonly chance: FaultChance | undefined;
}

/** What the examples of the documentation have. */
const REDIRECT_URI = "http://localhost:3000/bank/callback";

/** @throws UsageError that names the option. */
export function readSandboxOptions(args: string[]): SandboxCommand {
  const { values } = parse(args);
  if (values.encrypt && values.write === undefined)
    throw new UsageError({
      en: "--encrypt needs --write, for the keys",
      ja: "--encrypt には、鍵を書き出すための --write も必要です",
    });
  const ports = { port: port("--port", values.port), mtlsPort: port("--mtls-port", values["mtls-port"]) };
  if (ports.port === ports.mtlsPort && ports.port !== 0) {
    throw new UsageError({
      en: `--port and --mtls-port must differ, and both are ${ports.port}`,
      ja: `--port と --mtls-port には別のポートを指定してください(どちらも ${ports.port} です)`,
    });
  }
  const redirectUris = [...(values["redirect-uri"] ?? []).map(redirectUri), REDIRECT_URI];
  return {
    bank: {
      ...ports,
      redirectUris,
      signedUserinfo: values["signed-userinfo"],
      rotateRefreshTokens: values["rotate-refresh-tokens"],
      refreshTokenRetrySeconds: seconds("--refresh-token-retry-seconds", values["refresh-token-retry-seconds"], 0),
      accessTokenSeconds: seconds("--access-token-seconds", values["access-token-seconds"], 1),
      ...folder("keys", "--write", values.write),
      ...folder("state", "--state", values.state),
      // What is shown needs no memory of it.
      keepEvents: 0,
    },
    language: languageOf(values.lang),
    redirectUri: redirectUris[0] ?? REDIRECT_URI,
    folder: values.write,
    encrypted: values.encrypt,
    json: values.json,
    faults: (values.fault ?? []).map(faultName),
    chance: values.chance === undefined ? undefined : faultChance(values.chance),
  };
}

function parse(args: string[]) {
  return readArguments({
    args,
    options: {
      port: { type: "string", default: "9443" },
      "mtls-port": { type: "string", default: "9444" },
      "redirect-uri": { type: "string", multiple: true },
      write: { type: "string" },
      state: { type: "string" },
      encrypt: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      lang: { type: "string" },
      "signed-userinfo": { type: "boolean", default: false },
      "rotate-refresh-tokens": { type: "boolean", default: false },
      "refresh-token-retry-seconds": { type: "string", default: "0" },
      "access-token-seconds": { type: "string", default: "300" },
      fault: { type: "string", multiple: true },
      chance: { type: "string" },
    },
  });
}

function port(option: string, value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new UsageError({ en: `${option} must be a port number`, ja: `${option} にはポート番号を指定してください` });
}

function seconds(option: string, value: string, least: number): number {
  if (/^\d{1,5}$/.test(value) && Number(value) >= least && Number(value) <= 86_400) return Number(value);
  throw new UsageError({
    en: `${option} must be a number of seconds, at most a day`,
    ja: `${option} には秒数を指定してください(最大 1 日)`,
  });
}

function redirectUri(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value) && !value.includes("#")) return value;
  throw new UsageError({
    en: "--redirect-uri must be an http or https URL without a fragment",
    ja: "--redirect-uri には、フラグメントのない http または https の URL を指定してください",
  });
}

function folder(name: "keys" | "state", option: string, path: string | undefined): Pick<SandboxOptions, typeof name> {
  // Before anything is made that could not be told of.
  if (name === "keys" && path !== undefined) variableLines([[option, resolve(path)]]);
  if (path === "")
    throw new UsageError({
      en: `${option} must be the path of a folder`,
      ja: `${option} にはフォルダーのパスを指定してください`,
    });
  return path === undefined ? {} : { [name]: path };
}
