/** BENCHMARKS.md: one section for each line of Node, replaced where it stands. */
import type { Machine } from "./machine.js";
import { goalsOf, sectionOf } from "./report.js";
import type { Result } from "./result.js";

const INTRODUCTION = `# Benchmarks

What this package costs beside what a partner would write without it, measured in one run with it: \`npm run bench -- --write\`
writes the section of the Node that runs it. The bank is a process of its own behind real mutual TLS, so cheap that the client is
what is measured; every contender is a process of its own, too, and they take turns, in another order each round.

A figure is the median over the rounds, and in parentheses the least and the most. A ratio is taken round by round, since what
disturbs the machine disturbs both sides; the figures themselves say little about another machine. "heap" is what a call
allocates, measured apart from the rounds in a process where nothing is collected.
`;

/** The page with this run's section in the place of the one before it of the same line of Node. */
export function pageWith(before: string, machine: Machine, rounds: number, results: readonly Result[]): string {
  const [, ...old] = before.split(/^(?=## )/m);
  const title = `## Node ${majorOf(machine.node)}`;
  const others = old.filter(section => !section.startsWith(`${title}\n`));
  const sections = [...others.map(section => section.trim()), section(title, machine, rounds, results)];
  sections.sort((a, b) => lineOf(a) - lineOf(b));
  return `${[INTRODUCTION.trim(), ...sections].join("\n\n")}\n`;
}

export function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

function lineOf(text: string): number {
  return Number(/^## Node (\d+)/.exec(text)?.[1] ?? 0);
}

function section(title: string, machine: Machine, rounds: number, results: readonly Result[]): string {
  const { node, dependencies, cpu, cores, memory, date } = machine;
  const versions = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
  const goals = goalsOf(results);
  return [
    title,
    `${date}, Node ${node}; ${versions.join(", ")}; ${cpu}, ${cores} cores, ${memory} GB; \`npm run bench -- --write --rounds ${rounds}\`.`,
    ...(goals === "" ? [] : [`### Goals\n\n${goals}`]),
    ...results.map(sectionOf),
  ].join("\n\n");
}
