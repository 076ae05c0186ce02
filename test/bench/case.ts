/**
 * What is measured: races between contenders, and counts.
 *
 * Every contender runs in a process of its own, which finds it in `cases.ts` by the names of its case and itself: what
 * `contenders()` and `open()` make must come from `servers` and the environment alone.
 */

/** A server in a process of its own. Its handle works in every process of a run. */
export interface Server {
  /** Asks it something, or tells it what to do, besides the connections that are measured. */
  ask<T>(question: string, detail?: unknown): Promise<T>;
}

export type ServerName = "bank" | "sandbox";

/** Where each server is asked things. As text it reaches any process. */
export type Addresses = Readonly<Partial<Record<ServerName, string>>>;

/** The servers of a run. Only those that the case `needs` are there. */
export interface Servers {
  /** Where they are, for a process of one's own: `serversAt()` makes handles of it there. */
  readonly addresses: Addresses;
  /** The bank's API with canned answers, so cheap that the client is what is measured: see `bank-server.ts`. */
  readonly bank: Server;
  /** The sandbox, for flows: see `sandbox-server.ts`. */
  readonly sandbox: Server;
}

/** Somebody who can make the call that is measured. */
export interface Contender {
  readonly name: string;
  /** Gets ready, outside of what is measured. Libraries are best imported here: then nobody else's process loads them. */
  open(): Promise<Runnable>;
}

export interface Runnable {
  /** Makes one call. */
  run(): Promise<unknown>;
  close(): Promise<void>;
}

/** What is measured in each round. */
export interface Figures {
  readonly callsPerSecond: number;
  /** Milliseconds that a call takes: the median, and what one of a hundred exceeds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of the process's CPU time, user and system, for each call. */
  readonly cpu: number;
  /** Milliseconds by which the event loop was late: what one turn of a hundred exceeds, in half of a round's heats. */
  readonly loopDelay: number;
}

/** A figure of a race. `bytes` is what a call allocates; it is measured once, apart from the rounds. */
export type Figure = keyof Figures | "bytes";

/** What a figure should be, as a multiple of somebody else's in the same run. */
export interface Goal {
  readonly figure: Figure;
  /** The name of the contender whose figure it is. */
  readonly of: string;
  /** Whose figure it is divided by. Default: the floor. */
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Node's major version from which on, and below which, it is a goal. */
  readonly sinceNode?: number;
  readonly beforeNode?: number;
}

/** What any case has. */
interface Case {
  /** For `--only`. */
  readonly name: string;
  /** A sentence for the report. */
  readonly title: string;
  readonly needs: readonly ServerName[];
  /** Why it can't be run here. It is skipped with that sentence. */
  unavailable?(): string | undefined | Promise<string | undefined>;
}

/** Contenders that make the same call, in turns. */
export interface BenchCase extends Case {
  readonly kind: "race";
  /** How many calls are under way at a time. */
  readonly callers: number;
  /** Calls in a round; a short run makes fewer. */
  readonly calls: number;
  /** The name of the contender that ratios are against. */
  readonly floor: string;
  contenders(servers: Servers): readonly Contender[];
  readonly goals?: readonly Goal[];
}

/** A number that is no speed, or a speed that a case measures in its own way. */
export interface Count {
  readonly name: string;
  readonly value: number;
  /** `""` for a plain number; `"×"` for a ratio. */
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** What else is to be known: the spread, or what was counted. */
  readonly note?: string;
}

/** Numbers: token requests, handshakes, memory. */
export interface CountCase extends Case {
  readonly kind: "count";
  /** Runs in the process of the benchmark. */
  run(servers: Servers, how: Thoroughness): Promise<readonly Count[]>;
}

/** How long a run may take. */
export interface Thoroughness {
  readonly rounds: number;
  /** Whether a part of the work must do. */
  readonly short: boolean;
}
