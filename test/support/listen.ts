/** Listens to what the client tells on its channels. */
import { subscribe, tracingChannel, unsubscribe } from "node:diagnostics_channel";
import type {
  CallMessage,
  CertificateMessage,
  DebitMessage,
  RefreshMessage,
  RequestMessage,
  StoreMessage,
} from "../../src/index.js";
import { CHANNELS } from "../../src/index.js";

interface Messages {
  readonly call: CallMessage;
  readonly request: RequestMessage;
  readonly refresh: RefreshMessage;
  readonly store: StoreMessage;
  readonly debit: DebitMessage;
  readonly certificate: CertificateMessage;
}
type Name = keyof Messages;
type TracedName = "call" | "request" | "refresh" | "store";

const TRACED: readonly TracedName[] = ["call", "request", "refresh", "store"];
const PLAIN = ["debit", "certificate"] as const;
const EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

/** A message that was heard, and at which event of its trace. */
export interface Heard {
  readonly channel: Name;
  readonly event: (typeof EVENTS)[number] | "publish";
  readonly message: object;
}

/** Everything that was heard on some channels, or on all of them. */
export class Listener {
  readonly heard: Heard[] = [];
  readonly #ends: (() => void)[];

  /** `heard`: told of each message when it comes. */
  constructor(names: readonly Name[] = [...TRACED, ...PLAIN], heard: (one: Heard) => void = () => {}) {
    const note = (one: Heard) => {
      this.heard.push(one);
      heard(one);
    };
    const traced = TRACED.filter(name => names.includes(name)).flatMap(channel =>
      EVENTS.map(event => {
        const hear = (message: unknown) => note({ channel, event, message: message as object });
        const { [event]: told } = tracingChannel(CHANNELS[channel]);
        told.subscribe(hear);
        return () => void told.unsubscribe(hear);
      }),
    );
    const plain = PLAIN.filter(name => names.includes(name)).map(channel => {
      const hear = (message: unknown) => note({ channel, event: "publish", message: message as object });
      subscribe(CHANNELS[channel], hear);
      return () => void unsubscribe(CHANNELS[channel], hear);
    });
    this.#ends = [...traced, ...plain];
  }

  /** The messages of a channel, as they were at the end; without the place where a subscriber may leave something. */
  of<Channel extends Name>(channel: Channel): Messages[Channel][] {
    return this.heard
      .filter(one => one.channel === channel && (one.event === "asyncEnd" || one.event === "publish"))
      .map(({ message }) => message as Messages[Channel]);
  }

  /** Hears no more, and forgets nothing. */
  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
