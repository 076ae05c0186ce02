import { expect, it } from "vitest";
import { readPages } from "./markdown.js";

/** The part of Mermaid's sequence diagrams that the pages keep to; it is drawn by whoever shows them. */
const LINES = [
  /^sequenceDiagram$/,
  /^autonumber$/,
  /^(participant|actor) (?<declared>\w+) as [^:;]+$/,
  /^(?<from>\w+)(->>|-->>)(?<to>\w+): [^:;]+$/,
  /^Note (over|left of|right of) (?<from>\w+)(,(?<to>\w+))?: [^:;]+$/,
  /^(alt|else|opt|loop) [^:;]+$/,
  /^end$/,
];

function complaints(code: string): string[] {
  const known = new Set<string>();
  let depth = 0;
  const wrong = code
    .trimEnd()
    .split("\n")
    .map(line => line.trim())
    .filter((line, at) => {
      const found = LINES.map(form => form.exec(line)).find(match => match !== null);
      if (found === undefined || (at === 0) !== (line === "sequenceDiagram")) return true;
      const { declared, from, to } = found.groups ?? {};
      if (declared !== undefined) known.add(declared);
      if (/^(alt|opt|loop) /.test(line)) depth += 1;
      if (line === "end") depth -= 1;
      // "end" within a text ends a block for some versions; # begins an entity, and % a comment.
      if (line !== "end" && /\bend\b|[#%<>{}]/.test(line.replace(/^\w+--?>>/, ""))) return true;
      return [from, to].some(name => name !== undefined && !known.has(name));
    });
  return depth === 0 ? wrong : [...wrong, "a block is not closed"];
}

it("every sequence diagram keeps to what any version of Mermaid draws", async () => {
  const diagrams = (await readPages()).flatMap(({ path, blocks }) =>
    blocks.filter(({ language }) => language === "mermaid").map(({ code }) => ({ path, code })),
  );
  expect(diagrams.length).toBeGreaterThan(2);
  for (const { path, code } of diagrams) expect([path, ...complaints(code)]).toEqual([path]);
});

it("tells a diagram that is wrong", () => {
  expect(
    complaints("sequenceDiagram\nparticipant A as Bank\nA->>B: no such one\nA->A: form\nalt never closed\n"),
  ).toEqual(["A->>B: no such one", "A->A: form", "a block is not closed"]);
  expect(complaints("sequenceDiagram\nparticipant A as Bank\nA->>A: a; b\nA->>A: the end\n")).toEqual([
    "A->>A: a; b",
    "A->>A: the end",
  ]);
});
