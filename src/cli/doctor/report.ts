/**
 * What was found, for people and for programs.
 *
 * @module
 */
import type { Bilingual, Language } from "../language.js";
import { printable } from "../printable.js";
import type { Group } from "./check.js";
import type { Finding, Status, Wrong } from "./finding.js";

/** What a report is of. */
export interface Heading {
  readonly version: string;
  readonly file: string;
}

type Counts = Readonly<Record<Status, number>>;

const SYMBOLS: Readonly<Record<Status, string>> = { ok: "✔", warning: "!", problem: "✖", skipped: "–" };
const ASCII: Readonly<Record<Status, string>> = { ok: "+", warning: "!", problem: "x", skipped: "-" };

export function countsOf(groups: readonly Group[]): Counts {
  const counts: Record<Status, number> = { ok: 0, warning: 0, problem: 0, skipped: 0 };
  for (const { status } of groups.flatMap(({ findings }) => findings)) counts[status]++;
  return counts;
}

/** The list, with what to do first at its top. @param unicode - Whether the terminal shows more than ASCII. */
export function toText({ version, file }: Heading, groups: readonly Group[], lang: Language, unicode: boolean): string {
  const symbols = unicode ? SYMBOLS : ASCII;
  const findings = groups.flatMap(group => group.findings);
  const first = findings.find((finding): finding is Wrong => finding.status === "problem");
  const lines = [`minna-baas doctor ${version}: ${file}`, ""];
  if (first !== undefined) lines.push(WORDS.first[lang], ...linesOf(first, lang, symbols), "");
  for (const { title, findings } of groups) {
    lines.push(title[lang], ...findings.flatMap(finding => linesOf(finding, lang, symbols)), "");
  }
  const { ok, warning, problem, skipped } = countsOf(groups);
  lines.push(
    lang === "ja"
      ? `正常 ${ok}、警告 ${warning}、問題 ${problem}、未確認 ${skipped}`
      : `${ok} ok, ${counted(warning, "warning")}, ${counted(problem, "problem")}, ${skipped} skipped`,
    "",
  );
  return lines.join("\n");
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function linesOf(finding: Finding, lang: Language, symbols: Readonly<Record<Status, string>>): readonly string[] {
  const { id, status, subject, found } = finding;
  const of = subject === undefined || found[lang].includes(subject) ? "" : `${printable(subject)}: `;
  const [what = "", ...more] = found[lang].split("\n");
  const lines = [`  ${symbols[status]} ${of}${printable(what)}`, ...more.map(line => `      ${printable(line)}`)];
  if (finding.status === "ok" || finding.status === "skipped") return lines;
  const label = (name: Bilingual) => name[lang];
  return [
    `${lines[0]}  [${id}]`,
    ...lines.slice(1),
    `      ${label(WORDS.why)}: ${printable(finding.why[lang])}`,
    `      ${label(WORDS.fix)}: ${printable(finding.fix[lang])}`,
    ...(finding.command === undefined ? [] : [`      $ ${printable(finding.command)}`]),
  ];
}

const WORDS = {
  first: { en: "First:", ja: "最初に直すところ:" },
  why: { en: "Why", ja: "理由" },
  fix: { en: "Do", ja: "対応" },
} satisfies Record<string, Bilingual>;

/** The same as one JSON document, in the chosen language. Ids and names of members stay as they are between releases. */
export function toJson({ version, file }: Heading, groups: readonly Group[], lang: Language): string {
  const counts = countsOf(groups);
  const findings = groups.flatMap(group =>
    group.findings.map(finding => {
      const { id, status, subject, found } = finding;
      const advice =
        finding.status === "ok" || finding.status === "skipped"
          ? {}
          : { why: finding.why[lang], fix: finding.fix[lang], command: finding.command };
      return { group: group.id, id, status, subject, found: found[lang], ...advice };
    }),
  );
  return `${JSON.stringify({ version, file, healthy: counts.problem === 0, counts, findings }, null, 2)}\n`;
}
