/**
 * A check: looks at one thing, given what the checks before it have learnt.
 *
 * @module
 */
import type { Metadata } from "../../authorization/metadata.js";
import type { CheckedCertificate } from "../../config/certificate.js";
import type { Configuration } from "../../config/configuration.js";
import type { Configurations } from "../../config/configurations.js";
import type { Environment } from "../../config/environment.js";
import type { Store } from "../../links/store.js";
import type { Bilingual } from "../language.js";
import { type Finding, skipped } from "./finding.js";

/** What is examined. */
export interface Patient {
  /** The file, as it was given. */
  readonly file: string;
  /** What an application started with it has in its environment: where both name a variable, the shell's. */
  readonly environment: Environment;
  readonly content:
    | { readonly kind: "environment"; readonly variables: Environment }
    | { readonly kind: "module"; readonly options: object };
}

/** How it is examined. */
export interface Settings {
  /** Milliseconds for each thing that is waited for. */
  readonly timeout: number;
  readonly offline: boolean;
  /** Whether a real authorization request is pushed. */
  readonly push: boolean;
}

/** What checks learn, for those after them. */
export interface Facts {
  /** The issuer identifier, where it is an https URL, whatever else is wrong. */
  readonly issuer: string;
  readonly apiBaseUrl: string;
  /** The option as it was given. */
  readonly certificateOption: unknown;
  readonly configurations: Configurations;
  readonly configuration: Configuration;
  /** Authorities of the bank's servers, beside the public ones, PEM. */
  readonly trusted: readonly string[];
  readonly certificate: CheckedCertificate;
  /** The issuer's host answers over TLS. */
  readonly issuerHost: true;
  /** What the bank announces, as it wrote it. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The same as the client reads it. */
  readonly metadata: Metadata;
  /** The mTLS hosts accept the client certificate. */
  readonly certificateAccepted: true;
  readonly store: Store;
}

/** What a check saw. */
export interface Examined {
  readonly findings: readonly Finding[];
  readonly facts?: Partial<Facts>;
}

export type Context = Patient & Settings & { readonly facts: Partial<Facts> };

/** A check of any needs, as the runner sees it. */
export interface Check {
  /** What its findings' ids begin with. */
  readonly id: string;
  readonly title: Bilingual;
  readonly needs: readonly (keyof Facts)[];
  readonly network: boolean;
  run(context: Context): Promise<Examined>;
}

/** A check that looks at what it needs, and is skipped where a check before it did not find that. */
export function check<Need extends keyof Facts = never>(definition: {
  readonly id: string;
  readonly title: Bilingual;
  readonly needs?: readonly Need[];
  readonly network?: boolean;
  run(facts: Pick<Facts, Need> & Partial<Facts>, context: Context): Promise<Examined> | Examined;
}): Check {
  const { id, title, needs = [], network = false, run } = definition;
  // The runner has looked whether they are there.
  return { id, title, needs, network, run: async context => run(context.facts as Pick<Facts, Need>, context) };
}

/** A group of findings, as they are shown together. */
export interface Group extends Pick<Check, "id" | "title"> {
  readonly findings: readonly Finding[];
}

/** Runs the checks in their order. Who needs what an earlier one did not find is skipped, and says so. */
export async function examine(
  checks: readonly Check[],
  patient: Patient,
  settings: Settings,
): Promise<readonly Group[]> {
  let facts: Partial<Facts> = {};
  const groups: Group[] = [];
  for (const { id, title, needs, network, run } of checks) {
    const missing = needs.find(need => facts[need] === undefined);
    if (network && settings.offline) {
      const found = { en: "Not looked at: --offline.", ja: "--offline のため確認していません。" };
      groups.push({ id, title, findings: [skipped(id, found)] });
    } else if (missing !== undefined) {
      groups.push({ id, title, findings: [skipped(id, lacking(missing))] });
    } else {
      const examined = await run({ ...patient, ...settings, facts });
      facts = { ...facts, ...examined.facts };
      groups.push({ id, title, findings: examined.findings });
    }
  }
  return groups;
}

function lacking(fact: keyof Facts): Bilingual {
  const { en, ja } = NAMES[fact];
  return { en: `Not looked at: first, ${en} must be in order.`, ja: `確認していません。先に${ja}を直してください。` };
}

const OPTIONS = { en: "the options", ja: "設定" };
const CERTIFICATE = { en: "the client certificate", ja: "クライアント証明書" };
const NAMES: Readonly<Record<keyof Facts, Bilingual>> = {
  issuer: { en: "the issuer", ja: "issuer" },
  apiBaseUrl: { en: "api.baseUrl", ja: "api.baseUrl" },
  certificateOption: { en: "the option certificate", ja: "certificate の設定" },
  configurations: OPTIONS,
  configuration: OPTIONS,
  trusted: CERTIFICATE,
  certificate: CERTIFICATE,
  issuerHost: { en: "the connection to the issuer", ja: "issuer への接続" },
  document: { en: "the discovery document", ja: "ディスカバリー文書の取得" },
  metadata: { en: "the discovery document", ja: "ディスカバリー文書" },
  certificateAccepted: { en: "mutual TLS", ja: "相互TLS" },
  store: { en: "the store", ja: "ストア" },
};
