/**
 * A value of the options that is loaded when it is needed, and may be replaced while calls are under way.
 *
 * @module
 */
import type { ReplaceableOption, Source } from "../config/source.js";
import { emitWarning, type WarningCode } from "../config/warning.js";
import { ConfigurationError, MinnaError } from "../errors.js";
import { type Call, withCall, withShare } from "./call.js";
import { SingleFlight, untilEnded } from "./single-flight.js";

/** Milliseconds between two looks that are asked for. */
const SOONEST = 5_000;
/** Of a call's time, what it may wait for a look. */
const SHARE_OF_LOOK = 0.2;

/**
 * Keeps the value in use. It is looked at again at a call, in the background of it: the call goes on with what is there,
 * and so it does when what is loaded can't be used.
 */
export class Current<T> {
  readonly #source: Source<T>;
  readonly #timeout: number;
  readonly #loading: SingleFlight<T>;
  readonly #warned = new Set<string>();
  readonly #rejected: (error: MinnaError | undefined) => void;
  #value: T | undefined;
  #lookedAt = 0;
  #failingSince: number | undefined;

  /**
   * @param timeout - Milliseconds that loading may take.
   * @param rejected - Is told why what was loaded is not used, whenever the process is warned of it.
   */
  constructor(source: Source<T>, timeout: number, rejected: (error: MinnaError | undefined) => void = () => {}) {
    this.#source = source;
    this.#timeout = timeout;
    this.#rejected = rejected;
    this.#loading = new SingleFlight(source.option);
    this.#value = source.given;
  }

  /** The value in use; `undefined` before it was first needed. */
  get value(): T | undefined {
    return this.#value;
  }

  /** The value in use, which is loaded first where there is none. */
  async get(call: Call): Promise<T> {
    return this.atHand(call) ?? this.#load(call, false);
  }

  /** The value in use; `undefined` before it was loaded. */
  atHand(call: Call): T | undefined {
    const { loader } = this.#source;
    const due = loader !== undefined && Date.now() - this.#lookedAt >= loader.every;
    if (due && this.#value !== undefined) void this.#look(call);
    return this.#value;
  }

  /** Looks now whether there is a newer one, at most once in five seconds. What can't be loaded changes nothing. */
  async refresh(call: Call): Promise<void> {
    if (this.#source.loader === undefined) return;
    if (!this.#loading.busy && Date.now() - this.#lookedAt < SOONEST) return;
    // Most of the call's time stays for what it is for: a loader that hangs must not end it.
    await withShare(call, SHARE_OF_LOOK, own => this.#look(own));
  }

  /**
   * Loads it now.
   *
   * @throws {@link ConfigurationError} when it can't be used, or there is no way to load it. The one in use stays.
   */
  async reload(call: Call): Promise<T> {
    // What is under way may have begun before there was anything new.
    await untilEnded(this.#loading.settled(), call, this.#source.option);
    return this.#load(call, true);
  }

  /**
   * Checks a value that is to take the place of the one in use, and returns what {@link Current.replace} takes.
   *
   * @throws {@link ConfigurationError} when it can't be used.
   */
  check(value: unknown): T {
    return this.#source.check(value, this.#value);
  }

  /** Puts a checked value in the place of the one in use. */
  replace(value: T): void {
    this.#value = value;
    this.#warned.clear();
  }

  /** Whether there is a way to load it again. */
  get loads(): boolean {
    return this.#source.loader !== undefined;
  }

  /** Resolves when nothing is being loaded any more. */
  async settled(): Promise<void> {
    await this.#loading.settled();
  }

  async #load(call: Call, forced: boolean): Promise<T> {
    const { option, loader } = this.#source;
    if (loader === undefined) throw fixed(option);
    // A deadline of its own: a loader that hangs must not hang every later call with it.
    return this.#loading.join(option, call, () =>
      withCall(undefined, this.#timeout, async own => {
        this.#lookedAt = Date.now();
        const before = this.#value;
        const loaded = await untilEnded(loader.load(before, forced), own, option);
        this.#failingSince = undefined;
        // Whoever replaced it by hand meanwhile has the last word until the next look.
        if (loaded !== before && this.#value === before) this.replace(loaded);
        return this.#value ?? loaded;
      }),
    );
  }

  async #look(call: Call): Promise<void> {
    try {
      await this.#load(call, false);
    } catch (error) {
      if (call.ended === undefined) this.#warn(error);
    }
  }

  /** Once for each reason, and not of what is only being written. */
  #warn(error: unknown): void {
    const { option, loader } = this.#source;
    const now = Date.now();
    this.#failingSince ??= now;
    if (now - this.#failingSince < (loader?.patience ?? 0)) return;
    // Ours say nothing secret; what else there may be could.
    const reason = error instanceof MinnaError ? error.message : "It could not be loaded.";
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#rejected(error instanceof MinnaError ? error : undefined);
    emitWarning(
      WARNINGS[option],
      `A new ${option} is not used: ${reason}`,
      "The one in use stays. Correct what is named.",
    );
  }
}

const WARNINGS: Readonly<Record<ReplaceableOption, WarningCode>> = {
  certificate: "MINNA_CERTIFICATE_REJECTED",
  signing: "MINNA_KEYS_REJECTED",
  decryption: "MINNA_KEYS_REJECTED",
};

function fixed(option: ReplaceableOption): ConfigurationError {
  const rotate = option === "certificate" ? "rotateCertificate(certificate)" : `rotateKeys({ ${option} })`;
  const expected = `a way to load it again, such as a function; or the new one, as in ${rotate}`;
  return new ConfigurationError([{ option, expected, found: "one that was given as it is" }]);
}
