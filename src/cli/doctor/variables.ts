/**
 * The names of the variables: misspelt ones, and those that the shell has another value for.
 *
 * @module
 */
import { optionsFromEnvironment } from "../../config/environment.js";
import { distance } from "../distance.js";
import type { Patient } from "./check.js";
import { type Finding, ok, warning } from "./finding.js";

export function examineVariables({ content, environment }: Patient): readonly Finding[] {
  if (content.kind === "module") return [];
  const known = knownVariables();
  const { variables } = content;
  const names = Object.keys(variables);
  const findings = names.flatMap(name => {
    if (known.includes(name)) return environment[name] === variables[name] ? [] : [overridden(name)];
    const meant = known.find(one => distance(one, name.toUpperCase()) <= 2 && !names.includes(one));
    return meant !== undefined || name.startsWith("MINNA_") ? [unknown(name, meant)] : [];
  });
  const count = names.filter(name => known.includes(name)).length;
  const found = { en: `${count} variables of minna-baas`, ja: `minna-baas の変数 ${count} 個` };
  return findings.length === 0 ? [ok("options.variables", found)] : findings;
}

/** Those that are read, whatever they come to be. */
export function knownVariables(): readonly string[] {
  const read = new Set<string>();
  const spy = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => {
        read.add(String(name));
        return undefined;
      },
    },
  );
  try {
    optionsFromEnvironment(spy);
  } catch {
    // Nothing is set.
  }
  return [...read];
}

function unknown(name: string, meant: string | undefined): Finding {
  // Nobody sees a byte order mark.
  const shown = name.replace(/^\ufeff/, "BOM+");
  const suggestion = meant === undefined ? "" : ` Did you mean ${meant}?`;
  const suggestionJa = meant === undefined ? "" : ` ${meant} ではありませんか。`;
  return warning(
    "options.unknown-variable",
    {
      en: `${shown} is no variable of minna-baas.${suggestion}`,
      ja: `${shown} は minna-baas の変数ではありません。${suggestionJa}`,
    },
    {
      why: { en: "It is not read.", ja: "この変数は読まれません。" },
      fix:
        meant === undefined
          ? { en: `Remove ${shown}, or correct its name.`, ja: `${shown} を削除するか、名前を修正してください。` }
          : { en: `Rename ${shown} to ${meant}.`, ja: `${shown} を ${meant} に改名してください。` },
    },
    shown,
  );
}

function overridden(name: string): Finding {
  return warning(
    "options.overridden",
    {
      en: `${name} is set in the shell too, with another value`,
      ja: `${name} がシェルの環境変数にも、別の値で設定されています`,
    },
    {
      why: {
        en: "With node --env-file the shell's value goes first, here as well.",
        ja: "node --env-file ではシェル側の値が優先されます(この診断でも同じです)。",
      },
      fix: { en: `Remove ${name} from the shell.`, ja: `シェルから ${name} を削除してください。` },
      command: `unset ${name}`,
    },
    name,
  );
}
