/**
 * The live log of the sandbox: a line for each thing that arrives.
 *
 * @module
 */
import type { SandboxEvent } from "../../sandbox/index.js";
import type { Language } from "../language.js";
import { printable } from "../printable.js";
import { adviceOn } from "./advice.js";
import { isBrowserWarning, wordsFor } from "./words.js";

const COLOURS = { dim: "2", green: "32", red: "31", yellow: "33" } as const;
const PROFILE = 21;
const WARNING_MILLISECONDS = 5_000;

export class SandboxLog {
  readonly #language: Language;
  readonly #coloured: boolean;
  /** Certificates are told of when they are first seen. */
  readonly #certificates = new Set<string>();

  /** When a browser's warning was told of. */
  #warned = Number.NEGATIVE_INFINITY;

  constructor(language: Language, coloured: boolean) {
    this.#language = language;
    this.#coloured = coloured;
  }

  lines(event: SandboxEvent): string[] {
    if (isBrowserWarning(event)) return this.#warningOf(event);
    const words = wordsFor(event)?.[this.#language];
    const lines = this.#certificateOf(event);
    if (words !== undefined) lines.push(this.#outcome(event, words + this.#refusal(event)));
    return lines;
  }

  /** Once for the few handshakes of one page. */
  #warningOf(event: SandboxEvent): string[] {
    const at = Date.parse(event.at);
    if (Math.abs(at - this.#warned) <= WARNING_MILLISECONDS) return [];
    this.#warned = at;
    const advice = adviceOn(event)?.[this.#language];
    const words = `${wordsFor(event)?.[this.#language]}${advice === undefined ? "" : ` ▶ ${advice}`}`;
    return [this.#line(event, this.#paint("yellow", "---"), words)];
  }

  #outcome(event: SandboxEvent, words: string): string {
    const { status, detail, method } = event;
    const failed = status >= 400 || (status === 0 && method === "TLS");
    const colour = failed ? "red" : status === 0 || "error" in detail ? "yellow" : "green";
    return this.#line(event, this.#paint(colour, status === 0 ? "---" : String(status)), words);
  }

  #line({ at, clientId = "-" }: SandboxEvent, mark: string, words: string): string {
    const client = clientId.replace(/^partner-/, "").padEnd(PROFILE);
    return [this.#paint("dim", at.slice(11, 19)), mark, printable(client), printable(words)].join("  ");
  }

  /** Why not, and what to do about it. */
  #refusal(event: SandboxEvent): string {
    const { error, reason } = event.detail;
    const dropped = event.status === 0 && event.method !== "TLS";
    const said = [error, reason].filter(part => part !== undefined && part !== "").join(": ");
    const advice = adviceOn(event)?.[this.#language];
    return [
      dropped ? (this.#language === "ja" ? " (応答せずに切断)" : " (dropped without an answer)") : "",
      said === "" ? "" : ` [${said}]`,
      advice === undefined ? "" : ` ▶ ${advice}`,
    ].join("");
  }

  #certificateOf(event: SandboxEvent): string[] {
    const { certificate, certificateSubject } = event;
    if (certificate === undefined || this.#certificates.has(certificate)) return [];
    this.#certificates.add(certificate);
    const what = this.#language === "ja" ? "クライアント証明書の提示" : "client certificate presented";
    const words = `${what}: ${certificateSubject ?? "?"} (x5t#S256 ${certificate.slice(0, 10)}…)`;
    return [this.#line(event, this.#paint("green", "TLS"), words)];
  }

  #paint(colour: keyof typeof COLOURS, text: string): string {
    return this.#coloured ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  }
}
