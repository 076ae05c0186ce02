/**
 * What the doctor finds: one thing looked at, and what to do where it is not as it should be.
 *
 * @module
 */
import type { Bilingual } from "../language.js";

export type Status = "ok" | "warning" | "problem" | "skipped";

interface Looked {
  /** What was looked at: it stays the same between releases, in both languages. */
  readonly id: string;
  /** Which one, where there are several: a host, an option, a file. */
  readonly subject?: string;
  readonly found: Bilingual;
}

/** As it should be. */
export interface Sound extends Looked {
  readonly status: "ok";
}

/** Not looked at; `found` says why. */
export interface Skipped extends Looked {
  readonly status: "skipped";
}

/** What a person is told to do. */
export interface Advice {
  readonly why: Bilingual;
  readonly fix: Bilingual;
  /** A command line that does it, or shows more. */
  readonly command?: string;
}

/** A problem breaks something; a warning may one day. */
export interface Wrong extends Looked, Advice {
  readonly status: "warning" | "problem";
}

export type Finding = Sound | Skipped | Wrong;

export function ok(id: string, found: Bilingual, subject?: string): Sound {
  return { id, status: "ok", found, ...named(subject) };
}

export function skipped(id: string, found: Bilingual, subject?: string): Skipped {
  return { id, status: "skipped", found, ...named(subject) };
}

export function warning(id: string, found: Bilingual, advice: Advice, subject?: string): Wrong {
  return { id, status: "warning", found, ...advice, ...named(subject) };
}

export function problem(id: string, found: Bilingual, advice: Advice, subject?: string): Wrong {
  return { id, status: "problem", found, ...advice, ...named(subject) };
}

function named(subject: string | undefined): { subject?: string } {
  return subject === undefined ? {} : { subject };
}

/** Whether nothing in it is broken. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(({ status }) => status !== "problem");
}

/** The same words in both languages: names, numbers, versions. */
export function same(text: string): Bilingual {
  return { en: text, ja: text };
}

/** An argument of a command line, quoted where the shell would read something else. */
export function quoted(argument: string): string {
  return /^[\w./:@=+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
