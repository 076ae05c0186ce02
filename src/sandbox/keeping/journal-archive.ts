/**
 * An archive in one file: a journal with a line for all the changes of each step, written anew when it begins and
 * whenever it has grown far beyond what is in it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { Archive, Table } from "./archive.js";
import type { Folder } from "./folder.js";
import { SandboxFolderError } from "./folder-error.js";

const FILE = "sandbox-state.jsonl";
const FORMAT = "minna-baas sandbox state";
/** To be raised with every change of what is kept, of the sample customers, or of their past. */
const VERSION = 1;
/** Bytes of changes after which the file is written anew, beyond three times its size at the last time. */
const SLACK = 16 * 1024 * 1024;

/** A record that was put, or the name and id of one that is gone. */
type Change = readonly [table: string, id: string, value?: unknown];

export class JournalArchive implements Archive {
  readonly #folder: Folder;
  readonly #header: string;
  /** The JSON of each record. */
  readonly #tables: Map<string, Map<string, string>>;
  /** What was put since it was last saved; deletions are undefined. */
  readonly #changed = new Map<string, Map<string, unknown>>();
  #descriptor: number | undefined;
  /** The last line's digest. */
  #last = "";
  #size = 0;
  #most = 0;

  private constructor(folder: Folder, header: string, tables: Map<string, Map<string, string>>) {
    this.#folder = folder;
    this.#header = header;
    this.#tables = tables;
  }

  /**
   * Reads the file of a folder, if there is one, and begins it anew.
   *
   * @param keys - What tells the keys apart that the tokens are bound to.
   * @throws SandboxFolderError where the file is damaged, of another version or of other keys.
   */
  static open(folder: Folder, keys: string): JournalArchive {
    const header = signed(JSON.stringify({ format: FORMAT, version: VERSION, keys }), "");
    const archive = new JournalArchive(folder, header, tablesIn(folder, keys));
    archive.#begin();
    return archive;
  }

  table<Value>(name: string): Table<Value> {
    const changed = this.#changed.get(name) ?? new Map<string, unknown>();
    this.#changed.set(name, changed);
    const kept = [...(this.#tables.get(name) ?? [])].map(([id, text]) => [id, JSON.parse(text) as Value] as const);
    return { kept, put: (id, value) => void changed.set(id, value), delete: id => void changed.set(id, undefined) };
  }

  save(): void {
    if (this.#descriptor === undefined) return;
    const changes: string[] = [];
    const applied: (() => void)[] = [];
    for (const [name, changed] of this.#changed) {
      const records = this.#tables.get(name) ?? new Map<string, string>();
      this.#tables.set(name, records);
      for (const [id, value] of changed) {
        const text = value === undefined ? undefined : JSON.stringify(value);
        if (text === records.get(id)) continue;
        changes.push(changeOf(name, id, text));
        applied.push(() => (text === undefined ? records.delete(id) : records.set(id, text)));
      }
    }
    if (changes.length > 0) this.#append(signed(`[${changes.join(",")}]`, this.#last), this.#descriptor);
    // Only now: what could not be written is tried again.
    for (const apply of applied) apply();
    for (const changed of this.#changed.values()) changed.clear();
    if (this.#size > this.#most) this.#begin();
  }

  close(): void {
    this.save();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #append(line: string, descriptor: number): void {
    const bytes = Buffer.from(line);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    } catch (error) {
      // Half a line is no place to go on from.
      ftruncateSync(descriptor, this.#size);
      throw error;
    }
    this.#size += bytes.length;
    this.#last = digestOf(line);
  }

  #begin(): void {
    const lines = [this.#header];
    let last = digestOf(this.#header);
    for (const [name, records] of this.#tables) {
      for (const [id, text] of records) {
        const line = signed(`[${changeOf(name, id, text)}]`, last);
        lines.push(line);
        last = digestOf(line);
      }
    }
    const whole = lines.join("");
    this.#folder.replace(FILE, whole);
    const before = this.#descriptor;
    this.#descriptor = openSync(this.#folder.file(FILE), "a");
    if (before !== undefined) closeSync(before);
    this.#last = last;
    this.#size = Buffer.byteLength(whole);
    this.#most = 3 * this.#size + SLACK;
  }
}

function tablesIn(folder: Folder, keys: string): Map<string, Map<string, string>> {
  const file = folder.file(FILE);
  const tables = new Map<string, Map<string, string>>();
  const text = folder.read(FILE);
  if (text === undefined) return tables;
  // What comes after the last end of a line is what somebody died at: nobody was told of it.
  const [first = "", ...lines] = text.slice(0, text.lastIndexOf("\n") + 1).split(/(?<=\n)/);
  const header = contentOf(first, "", file) as { format?: unknown; version?: unknown; keys?: unknown };
  if (header.format !== FORMAT) throw new SandboxFolderError("damaged", file);
  if (header.version !== VERSION) throw new SandboxFolderError("other_version", file);
  if (header.keys !== keys) throw new SandboxFolderError("other_keys", file);
  let last = digestOf(first);
  for (const line of lines) {
    const changes = contentOf(line, last, file) as readonly Change[];
    last = digestOf(line);
    for (const [name, id, value] of changes) {
      const records = tables.get(name) ?? new Map<string, string>();
      tables.set(name, records);
      if (value === undefined) records.delete(id);
      else records.set(id, JSON.stringify(value));
    }
  }
  return tables;
}

function changeOf(name: string, id: string, text: string | undefined): string {
  return `[${JSON.stringify(name)},${JSON.stringify(id)}${text === undefined ? "" : `,${text}`}]`;
}

/** A line with a digest of itself and of all before it: what has been changed, moved or left out by another hand shows. */
function signed(content: string, before: string): string {
  return `${digest(before + content)} ${content}\n`;
}

function contentOf(line: string, before: string, file: string): unknown {
  const content = line.slice(13, -1);
  if (digestOf(line) !== digest(before + content)) throw new SandboxFolderError("damaged", file);
  return JSON.parse(content);
}

function digestOf(line: string): string {
  return line.slice(0, 12);
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("base64url").slice(0, 12);
}
