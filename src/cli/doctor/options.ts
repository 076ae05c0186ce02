/**
 * The options, or the variables that hold them: everything that the client itself would complain of, and what it can't see.
 *
 * @module
 */
import { configure } from "../../config/configurations.js";
import { optionsFromEnvironment } from "../../config/environment.js";
import { isObject } from "../../config/problems.js";
import { ConfigurationError, type ConfigurationProblem } from "../../errors.js";
import type { Store } from "../../links/store.js";
import { type Check, check, type Facts, type Patient } from "./check.js";
import { type Finding, ok, problem } from "./finding.js";
import { foundInJapanese, OPTIONS_IN_JAPANESE } from "./option-words.js";
import { examinePlaceholders } from "./placeholders.js";
import { examineVariables } from "./variables.js";

export const options: Check = check({
  id: "options",
  title: { en: "Options", ja: "設定" },
  run: (_, patient) => {
    const raw = rawOptions(patient);
    const findings: Finding[] = [...examineVariables(patient), ...examinePlaceholders(raw)];
    const facts = { ...known(raw) };
    try {
      const given =
        patient.content.kind === "module" ? patient.content.options : optionsFromEnvironment(patient.environment);
      const configurations = configure(unread(given));
      const [configuration, ...previous] = configurations.all;
      const { profile, clientId } = configuration;
      findings.push(
        ok("options.valid", { en: `${profile}, client ${clientId}`, ja: `${profile}、クライアント ${clientId}` }),
      );
      if (previous.length > 0) findings.push(older(previous.map(one => one.profile)));
      const store = (given as { readonly store?: Store }).store;
      return {
        findings,
        facts: { ...facts, configurations, configuration, ...(store !== undefined && { store }) },
      };
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const named = error.problems.map(wrong => wrongOption(wrong, patient.content.kind === "environment"));
      return { findings: [...named, ...findings], facts };
    }
  },
});

/** The options as far as they are there, right or wrong. */
function rawOptions({ content, environment }: Patient): Readonly<Record<string, unknown>> {
  if (content.kind === "module") return content.options as Record<string, unknown>;
  const { MINNA_CERT_FILE: certFile, MINNA_KEY_FILE: keyFile, MINNA_CA_FILE: caFile } = environment;
  const passphrase = environment["MINNA_KEY_PASSPHRASE"];
  return {
    issuer: environment["MINNA_ISSUER"],
    clientId: environment["MINNA_CLIENT_ID"],
    redirectUri: environment["MINNA_REDIRECT_URI"],
    api: { baseUrl: environment["MINNA_API_BASE_URL"] },
    ...(certFile && keyFile
      ? { certificate: { certFile, keyFile, ...(caFile && { caFile }), ...(passphrase && { passphrase }) } }
      : {}),
  };
}

/** What is known though something else may be wrong. */
function known({ issuer, api, certificate }: Readonly<Record<string, unknown>>): Partial<Facts> {
  const baseUrl = isObject(api) && "baseUrl" in api ? api.baseUrl : undefined;
  return {
    ...(isHttps(issuer) && { issuer }),
    ...(isHttps(baseUrl) && { apiBaseUrl: baseUrl }),
    ...(certificate !== undefined && { certificateOption: certificate }),
  };
}

function isHttps(value: unknown): value is string {
  return typeof value === "string" && URL.canParse(value) && new URL(value).protocol === "https:";
}

/** The certificate itself has checks of its own: here it stands for one that has not been read yet. */
function unread(given: object): object {
  const certificate = "certificate" in given ? given.certificate : undefined;
  if (!isObject(certificate) || "certFile" in certificate || "keyFile" in certificate) return given;
  return { ...given, certificate: () => certificate };
}

/** The variables that hold these options, where they don't say so by themselves. */
const VARIABLES: Readonly<Record<string, string>> = {
  profile: "MINNA_PROFILE",
  issuer: "MINNA_ISSUER",
  clientId: "MINNA_CLIENT_ID",
  redirectUri: "MINNA_REDIRECT_URI",
  "api.baseUrl": "MINNA_API_BASE_URL",
  requestDelivery: "MINNA_REQUEST_DELIVERY",
  announcedIn: "MINNA_ANNOUNCED_IN",
};

function wrongOption({ option: path, expected, found }: ConfigurationProblem, ofVariables: boolean): Finding {
  const [name = path] = path.replace(/^previous(\[\d+\])?\./, "").split("[");
  const meant = OPTIONS_IN_JAPANESE[name] ?? expected;
  const variable = ofVariables ? VARIABLES[path] : undefined;
  const option = variable === undefined ? path : `${variable} (${path})`;
  return problem(
    "options.invalid",
    { en: `${option}: expected ${expected}; found ${found}`, ja: `${option}: ${foundInJapanese(found)}` },
    {
      why: {
        en: "The client can't be made with it: new MinnaClient() throws.",
        ja: "このままでは new MinnaClient() が例外を投げ、起動できません。",
      },
      fix: { en: `Set ${option} to ${expected}.`, ja: `${option} に正しい値を設定してください: ${meant}` },
    },
    path,
  );
}

function older(profiles: readonly string[]): Finding {
  const names = profiles.join(", ");
  return ok("options.previous", {
    en: `previous: ${names}. Only the current configuration is connected to; to examine an older one, export it as options`,
    ja: `previous: ${names}。接続を確認するのは現在の設定のみです。以前の設定は、options としてエクスポートすれば確認できます`,
  });
}
