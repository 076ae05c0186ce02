/**
 * Whether the terminal is this process's to read from: who reads in the background is stopped by the system (SIGTTIN).
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Where the system does not say, it is taken for the usual: the foreground. */
export function isInForeground(): boolean {
  try {
    const [group, foreground] = process.platform === "linux" ? groupsInProc() : groupsByPs();
    return group === foreground;
  } catch {
    return true;
  }
}

/** The process's group, and that of the terminal's foreground: fields 5 and 8 of proc(5), after the name in brackets. */
function groupsInProc(): readonly [string | undefined, string | undefined] {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [group, foreground];
}

function groupsByPs(): readonly [string | undefined, string | undefined] {
  const said = execFileSync("ps", ["-o", "pgid=,tpgid=", "-p", String(process.pid)], {
    encoding: "utf8",
    stdio: "pipe",
  });
  const [group, foreground] = said.trim().split(/\s+/);
  return [group, foreground];
}
