/**
 * What is wrong with how a command was called.
 *
 * @module
 */
import type { Bilingual } from "./language.js";

/** The command was called wrongly: exit code 2. As an error it speaks English. */
export class UsageError extends Error {
  /** What is wrong, for people. */
  readonly words: Bilingual;

  constructor(words: string | Bilingual) {
    const both = typeof words === "string" ? { ja: words, en: words } : words;
    super(both.en);
    this.words = both;
  }
}
