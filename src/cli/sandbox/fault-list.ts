/**
 * The names of all faults, to be read by people.
 *
 * @module
 */
import { FAULT_NAMES, type FaultName } from "../../sandbox/index.js";
import { UsageError } from "../usage.js";

const INDENT = "  ";
const WIDTH = 100;

/** A paragraph for each place of the misbehaviour, which is what names begin with. */
export function faultList(): string {
  const places = new Map<string, string[]>();
  for (const name of FAULT_NAMES) {
    const [place = name] = name.split("-");
    places.set(place, [...(places.get(place) ?? []), name]);
  }
  return [...places.values()].map(paragraph).join("\n\n");
}

/** The fault of this name; who misspells it is shown them all. */
export function faultName(value: string): FaultName {
  const name = FAULT_NAMES.find(known => known === value);
  if (name !== undefined) return name;
  throw new UsageError({
    en: `no fault is called ${value}; there are:\n${faultList()}`,
    ja: `${value} という異常はありません。一覧:\n${faultList()}`,
  });
}

function paragraph(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const longer = `${lines.at(-1)}${INDENT}${name}`;
    if (lines.length > 0 && longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(`${INDENT}${name}`);
  }
  return lines.join("\n");
}
