/**
 * The names of all faults, to be read by people.
 *
 * @module
 */
import { FAULT_NAMES } from "../sandbox/index.js";

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

function paragraph(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const longer = `${lines.at(-1)}${INDENT}${name}`;
    if (lines.length > 0 && longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(`${INDENT}${name}`);
  }
  return lines.join("\n");
}
