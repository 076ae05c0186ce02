/** The processes at work: started, killed at random, started again, stopped. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { SandboxEvent } from "minna-baas/sandbox";
import type { Audit, Life } from "./audit.js";
import type { Told, Work } from "./worker.js";

const WORKER = fileURLToPath(new URL("worker.js", import.meta.url));
/** Every process would say so. */
const QUIET = ["--disable-warning=MINNA_REDIS_APPENDFSYNC"];
/** Milliseconds that a process may take to stop. */
const STOPPING = 20_000;

interface Member extends Life {
  readonly child: ChildProcess;
  readonly gone: Promise<unknown>;
}

export class Crew {
  killed = 0;
  readonly #audit: Audit;
  readonly #work: Omit<Work, "seed" | "name" | "skew">;
  readonly #random: () => number;
  readonly #skew: number;
  readonly #members: Member[] = [];
  #started = 0;
  #turn = 0;
  #atNextRefresh = false;
  #stopping = false;

  /** @param skew - Seconds by which the clock of a process may be wrong, before or behind. */
  constructor(
    { processes, skew }: { readonly processes: number; readonly skew: number },
    work: Omit<Work, "seed" | "name" | "skew">,
    audit: Audit,
    random: () => number,
  ) {
    this.#audit = audit;
    this.#work = work;
    this.#random = random;
    this.#skew = skew;
    for (let place = 0; place < processes; place++) this.#start(place);
  }

  #start(place: number): void {
    const name = `p${place}-${++this.#started}`;
    const skew = Math.round((2 * this.#random() - 1) * this.#skew * 1000);
    const child = fork(WORKER, [String(skew)], { serialization: "advanced", execArgv: QUIET });
    const member: Member = { name, child, killedAt: undefined, saved: new Set(), gone: once(child, "exit") };
    this.#members[place] = member;
    child.on("message", (told: Told) => this.#audit.hear(told, member));
    child.once("exit", (code, signal) => {
      const expected = member.killedAt !== undefined || (this.#stopping && code === 0);
      if (!expected) this.#audit.unexpected.push(`process ${name} ended by itself (${signal ?? code})`);
      if (!this.#stopping) this.#start(place);
    });
    child.send({ ...this.#work, name, skew, seed: Math.floor(this.#random() * 2 ** 31) } satisfies Work);
  }

  /** Ends one of them: by turns wherever it is, and when the bank answers the next refresh, before the answer is there. */
  kill(): void {
    const turn = this.#turn++ % 2;
    if (turn === 1) this.#atNextRefresh = true;
    else this.#end(this.#members[Math.floor(this.#random() * this.#members.length)]);
  }

  /** Told of each event before its answer leaves the bank. */
  watch(event: SandboxEvent): void {
    if (!this.#atNextRefresh || event.detail["refresh"] === undefined || event.status !== 200) return;
    const sender = this.#audit.senderOf(event);
    const member = this.#members.find(one => one === sender);
    if (member === undefined) return;
    this.#atNextRefresh = false;
    this.#end(member);
  }

  #end(member: Member | undefined): void {
    if (member === undefined || member.killedAt !== undefined || this.#stopping) return;
    member.killedAt = Date.now();
    this.killed++;
    member.child.kill("SIGKILL");
  }

  /** Lets each finish what it is at, and waits for them. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#members.map(async ({ name, child, gone }) => {
        if (child.connected) child.send("stop", () => {});
        if (await Promise.race([gone.then(() => true), sleep(STOPPING, false, { ref: false })])) return;
        this.#audit.unexpected.push(`process ${name} did not stop`);
        child.kill("SIGKILL");
        await gone;
      }),
    );
  }
}
