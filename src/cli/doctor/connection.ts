/**
 * One attempt to connect to a host, step by step, with what was seen at each.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type SecureContext } from "node:tls";

/** What is to be reached. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface Approach {
  readonly context: SecureContext;
  /** Milliseconds for each step. */
  readonly timeout: number;
  /** The path of a GET that is sent once the handshake is over. Without it the attempt ends there. */
  readonly path?: string;
}

/** How far it got. */
export interface Attempt {
  /** The last step that was begun, and `answered` where there was nothing more to do. */
  readonly step: "dns" | "tcp" | "tls" | "request" | "answered";
  /** Why it went no further, a code of Node or OpenSSL; `TIMEOUT`, `HANGUP`. */
  readonly code?: string;
  readonly addresses: readonly string[];
  /** Milliseconds from the first packet to the end of the handshake. */
  readonly time?: number;
  readonly protocol?: string;
  readonly cipher?: string;
  readonly peer?: X509Certificate;
  /** Why the peer's certificate is not trusted. */
  readonly distrust?: string;
  /** The other side did not speak TLS, but HTTP. */
  readonly plainHttp: boolean;
  /** Bytes on the wire, TLS included: more with a certificate only where it was asked for. */
  readonly sent: number;
  /** The beginning of the answer: status line, headers, body. */
  readonly answer?: string;
}

const MOST = 512 * 1024;

/** The host and port of a URL. */
export function targetOf(url: string | URL): Target {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443) };
}

export function nameOf({ host, port }: Target): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Connects. It never rejects: how far it got is the result. The server's certificate is judged, and nobody turned away. */
export async function attempt(target: Target, approach: Approach): Promise<Attempt> {
  const nothing = { addresses: [], plainHttp: false, sent: 0 };
  const found = await within(approach.timeout, lookup(target.host, { all: true })).catch((error: unknown) => error);
  if (!Array.isArray(found)) return { ...nothing, step: "dns", code: codeOf(found) };
  const addresses: readonly string[] = found.map(({ address }) => String(address));
  const begun = performance.now();
  const socket = connectTcp({ ...target, autoSelectFamily: true });
  try {
    await within(approach.timeout, opened(socket));
  } catch (error) {
    socket.destroy();
    return { ...nothing, addresses, step: "tcp", code: codeOf(error) };
  }
  const wire = new Wire(socket);
  return { ...(await speak(target, approach, wire, begun)), addresses, ...wire.seen };
}

type Spoken = Omit<Attempt, "addresses" | "plainHttp" | "sent">;

async function speak({ host, port }: Target, approach: Approach, wire: Wire, begun: number): Promise<Spoken> {
  const { context: secureContext, timeout, path } = approach;
  const name = isIP(host) === 0 ? { servername: host } : {};
  // A host whose certificate is not trusted is still to say what is wrong with it. It gets a GET without any content at most.
  const tls = connectTls({ socket: wire, host, secureContext, rejectUnauthorized: false, ...name });
  let spoken: Spoken = { step: "tls" };
  let answer = "";
  const ended = new Promise<string | undefined>(resolve => {
    tls.once("error", error => resolve(codeOf(error)));
    tls.once("close", () => resolve("HANGUP"));
    tls.once("secureConnect", () => {
      const peer = tls.getPeerX509Certificate();
      const distrust = tls.authorizationError as unknown;
      spoken = {
        step: "request",
        time: performance.now() - begun,
        protocol: tls.getProtocol() ?? "",
        cipher: tls.getCipher().standardName,
        ...(peer && { peer }),
        ...(!tls.authorized && { distrust: distrust instanceof Error ? codeOf(distrust) : String(distrust) }),
      };
      if (path === undefined) resolve(undefined);
      else
        tls.write(
          `GET ${path} HTTP/1.1\r\nhost: ${port === 443 ? host : `${host}:${port}`}\r\naccept: application/json\r\nuser-agent: minna-baas-doctor\r\nconnection: close\r\n\r\n`,
        );
    });
    tls.on("data", (data: Buffer) => {
      answer += data.toString("latin1");
      if (answer.length >= MOST) resolve(undefined);
    });
    tls.once("end", () => answer !== "" && resolve(undefined));
  });
  const code = await within(timeout, ended).catch(codeOf);
  tls.on("error", () => {});
  tls.destroy();
  wire.destroy();
  if (answer !== "") return { ...spoken, step: "answered", answer };
  return code === undefined ? { ...spoken, step: "answered" } : { ...spoken, code };
}

/** The bytes between TLS and the network: what a TLS socket does not tell of itself. */
class Wire extends Duplex {
  readonly #socket: Socket;
  #sent = 0;
  #first = "";

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on("data", (data: Buffer) => {
      if (this.#first.length < 5) this.#first += data.toString("latin1", 0, 5);
      if (!this.push(data)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", error => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  get seen(): { readonly plainHttp: boolean; readonly sent: number } {
    return { plainHttp: this.#first.startsWith("HTTP/"), sent: this.#sent };
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#sent += chunk.length;
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

function opened(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.on("error", reject);
  });
}

/** Rejects with `TIMEOUT` when the work takes longer. */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("too late"), { code: "TIMEOUT" })), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function codeOf(error: unknown): string {
  // Several addresses that were tried in turn: the first one's reason stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return typeof error;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
