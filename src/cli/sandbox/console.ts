/**
 * What a person can tell the sandbox while it runs.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { FAULT_NAMES, type Sandbox } from "../../sandbox/index.js";
import type { Bilingual, Language } from "../language.js";
import { UsageError } from "../usage.js";
import { customerLines } from "./customers.js";
import { faultList, faultName } from "./fault-list.js";
import { isInForeground } from "./foreground.js";

const HELP: Bilingual = {
  ja: "使えるもの: fault 名前(異常を起こす), off 名前(戻す), off(すべて戻す), faults(名前の一覧), customers(お客さま)",
  en: "There are: fault NAME (misbehave), off NAME (stop that), off (stop all), faults (their names), customers",
};

/** Takes lines from the terminal until it is closed, while this process is in its foreground. */
export function openConsole(sandbox: Sandbox, language: Language, say: (text: string) => void): () => void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", line => {
    const answer = obey(line, sandbox, language);
    if (answer !== "") say(answer);
  });
  const turn = () => void (isInForeground() ? lines.resume() : lines.pause());
  turn();
  // The shell's fg and bg.
  process.on("SIGCONT", turn);
  // Once the terminal has nothing more to say, there is nothing to resume.
  lines.once("close", () => process.off("SIGCONT", turn));
  return () => {
    lines.close();
    process.stdin.unref();
  };
}

/** Does what a line says; what there is to say about it. */
export function obey(line: string, sandbox: Sandbox, language: Language): string {
  const [word = "", name, ...more] = line.trim().split(/\s+/);
  if (word === "") return "";
  if (more.length > 0) return HELP[language];
  try {
    switch (word) {
      case "fault":
        if (name === undefined) return HELP[language];
        sandbox.faults.on(faultName(name));
        return { ja: `${name} を起こします。`, en: `${name} is on.` }[language];
      case "off":
        sandbox.faults.off(name === undefined ? undefined : faultName(name));
        if (name === undefined) return { ja: "すべて元に戻しました。", en: "All faults are off." }[language];
        return { ja: `${name} を元に戻しました。`, en: `${name} is off.` }[language];
      case "faults":
        return [faultList(), ...struck(sandbox, language)].join("\n");
      case "customers":
        return customerLines(sandbox, language).join("\n");
      default:
        return HELP[language];
    }
  } catch (error) {
    if (error instanceof UsageError) return error.words[language];
    throw error;
  }
}

function struck({ faults }: Sandbox, language: Language): string[] {
  const names = FAULT_NAMES.filter(name => faults.struck(name) > 0);
  if (names.length === 0) return [];
  const title = { ja: "これまでに起きたもの:", en: "So far:" }[language];
  return ["", title, ...names.map(name => `  ${name} (${faults.struck(name)})`)];
}
