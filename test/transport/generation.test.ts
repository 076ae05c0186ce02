import { readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { checkLoadedCertificate } from "../../src/config/certificate.js";
import { toJst } from "../../src/config/jst.js";
import { ConfigurationError, MinnaError, TransportError } from "../../src/errors.js";
import { type Generation, Generations } from "../../src/transport/generation.js";
import { aCall } from "../support/calls.js";
import { type CertificatePair, certificateOptions, clientCertificate, newAuthority } from "../support/certificates.js";
import { everythingShown, rejection } from "../support/errors.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const authority = newAuthority();
/** The first one, the one after it, and one that is older than both. */
const first = clientCertificate(authority, -2, 300);
const second = clientCertificate(authority, -1, 300);
const older = clientCertificate(authority, -9, 300);

const opened: Generations[] = [];
let warned: MockInstance<(message: string, options: object) => void>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {}) as unknown as typeof warned;
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map(generations => generations.close()));
});

function generationsOf(certificate: unknown, timeout?: number): Generations {
  const generations = new Generations(certificateOptions(certificate, timeout));
  opened.push(generations);
  return generations;
}

function nameOf(certificate: unknown): string {
  return checkLoadedCertificate(certificate).thumbprint;
}

async function inUse(generations: Generations): Promise<string> {
  return (await generations.current(aCall())).thumbprint;
}

/** Lets what goes on behind a call come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
}

/** Lets so much time pass by the clock. */
function pass(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds);
}

/** The codes and messages of the warnings. */
function warnings(): string[] {
  return warned.mock.calls.map(([message, options]) => {
    expect(options).toMatchObject({ type: "MinnaBaasWarning", detail: expect.stringMatching(/\.$/) });
    return `${(options as { code: string }).code} ${message}`;
  });
}

/** The connections of a generation that are still open for requests. */
function openPools(generation: Generation): number {
  return (["client-certificate", "nothing"] as const).filter(presents => !generation.pool(presents).closed).length;
}

describe("the certificate", () => {
  test("is loaded when it is first needed, once for all callers", async () => {
    const load = vi.fn(async () => first);
    const generations = generationsOf(load);
    expect(load).not.toHaveBeenCalled();
    const all = await Promise.all(Array.from({ length: 10 }, () => generations.current(aCall())));
    expect(new Set(all).size).toBe(1);
    await generations.current(aCall());
    expect(load).toHaveBeenCalledTimes(1);
  });

  test("is loaded again after it could not be loaded", async () => {
    const load = vi.fn(async () => first).mockRejectedValueOnce(new Error("the secret manager is down"));
    const generations = generationsOf(load);
    await expect(generations.current(aCall())).rejects.toThrow();
    expect(await inUse(generations)).toBe(nameOf(first));
  });

  test("that is wrong when it is loaded is a ConfigurationError that names it", async () => {
    const generations = generationsOf(() => ({ cert: first.cert, key: second.key }));
    const error = await rejection(generations.current(aCall()), ConfigurationError);
    expect(error.problems.map(problem => problem.option)).toEqual(["certificate.key"]);
    expect(everythingShown(error)).not.toContain("PRIVATE KEY");
  });

  test("that can't be loaded is an error of this package, and repeats nothing of the loader's", async () => {
    const generations = generationsOf(() => {
      throw new Error("no permission for vault token CANARY");
    });
    const error = await rejection(generations.current(aCall()), MinnaError);
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

describe("a rotation", () => {
  test("by hand gives new calls the new one, and keeps the old one for what is bound to it", async () => {
    const generations = generationsOf(first);
    const before = await generations.current(aCall());
    const rotated = await generations.rotate(second, aCall());
    const { notAfter, thumbprint } = checkLoadedCertificate(second);
    expect(rotated).toStrictEqual({ thumbprint, notAfter: toJst(notAfter), changed: true });
    const after = await generations.current(aCall());
    expect(after.thumbprint).toBe(thumbprint);
    expect(await generations.with(before.thumbprint, aCall())).toBe(before);
    expect(await generations.with(thumbprint, aCall())).toBe(after);
    expect(await generations.with("unknown", aCall())).toBe(after);
    expect(await generations.with(undefined, aCall())).toBe(after);
    expect(openPools(before)).toBe(2);
    expect([before.thumbprint, thumbprint, "unknown"].map(name => generations.knows(name))).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("to what is in use already changes nothing", async () => {
    const generations = generationsOf(first);
    const before = await generations.current(aCall());
    expect(await generations.rotate({ ...first }, aCall())).toMatchObject({ changed: false });
    expect(await generations.current(aCall())).toBe(before);
  });

  test.each<[string, object]>([
    ["an authority", { ...first, ca: authority.certificate }],
    ["an intermediate certificate", { ...first, cert: `${first.cert}${authority.certificate}` }],
  ])("to the same one with %s is a change", async (_, next) => {
    const generations = generationsOf(first);
    const before = await generations.current(aCall());
    expect(await generations.rotate(next, aCall())).toMatchObject({ changed: true, thumbprint: before.thumbprint });
    const after = await generations.current(aCall());
    expect(after).not.toBe(before);
    expect(await generations.with(before.thumbprint, aCall())).toBe(after);
  });

  test.each<[string, unknown, RegExp]>([
    [
      "has the key of another",
      { cert: second.cert, key: first.key },
      /certificate\.key: .*the key of another certificate/,
    ],
    ["has expired", clientCertificate(authority, -30, 10), /certificate\.cert: .*one that expired on /],
    ["is not valid yet", clientCertificate(authority, 2), /certificate\.cert: .*one that is valid from /],
    [
      "is older",
      older,
      /certificate\.cert: expected a certificate that is not older than the one in use, .*found one that is valid from /,
    ],
    ["is garbage", { cert: "CANARY", key: "CANARY" }, /certificate\.cert: .*text that is not/],
    ["is none", "CANARY", /certificate: expected { cert, key }; found a string/],
    ["is null", null, /certificate: expected { cert, key }; found null/],
    ["is a function", () => second, /certificate: expected { cert, key }; found a function/],
  ])("to one that %s is refused, and the one in use stays", async (_, given, message) => {
    const generations = generationsOf(first);
    const before = await generations.current(aCall());
    const error = await rejection(generations.rotate(given, aCall()), ConfigurationError);
    expect(error.message).toMatch(message);
    expect(everythingShown(error)).not.toMatch(/CANARY|PRIVATE KEY/);
    expect(await generations.current(aCall())).toBe(before);
  });

  test("without a certificate loads it again", async () => {
    const load = vi.fn(() => first);
    const generations = generationsOf(load);
    await generations.current(aCall());
    expect(await generations.rotate(undefined, aCall())).toMatchObject({ changed: false });
    load.mockReturnValue(second);
    expect(await generations.rotate(undefined, aCall())).toMatchObject({ thumbprint: nameOf(second), changed: true });
    load.mockReturnValue(older);
    await rejection(generations.rotate(undefined, aCall()), ConfigurationError);
    expect(await inUse(generations)).toBe(nameOf(second));
    expect(warnings()).toEqual([]);
  });

  test("without a certificate sees what came while it was being loaded", async () => {
    const answers: ((pair: CertificatePair) => void)[] = [];
    const generations = generationsOf(() => new Promise<CertificatePair>(resolve => answers.push(resolve)));
    const loading = generations.current(aCall());
    const rotating = generations.rotate(undefined, aCall());
    await vi.waitUntil(() => answers.length === 1);
    answers[0]?.(first);
    await loading;
    await vi.waitUntil(() => answers.length === 2);
    answers[1]?.(second);
    expect(await rotating).toMatchObject({ thumbprint: nameOf(second) });
  });

  test("by hand has the last word over what was being loaded", async () => {
    const answers: ((pair: CertificatePair) => void)[] = [];
    const generations = generationsOf(() => new Promise<CertificatePair>(resolve => answers.push(resolve)));
    const loading = generations.current(aCall());
    await generations.rotate(second, aCall());
    answers[0]?.(first);
    expect((await loading).thumbprint).toBe(nameOf(second));
    expect(await inUse(generations)).toBe(nameOf(second));
  });

  test("without a certificate says what to do where there is no way to load one", async () => {
    const error = await rejection(generationsOf(first).rotate(undefined, aCall()), ConfigurationError);
    expect(error.message).toContain("rotateCertificate(certificate)");
  });

  test("of a closed client is refused", async () => {
    const generations = generationsOf(first);
    await generations.close();
    expect((await rejection(generations.rotate(second, aCall()), TransportError)).code).toBe("closed");
  });

  test("closes the old connections after the longest call, and at close()", async () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    const generations = generationsOf(first);
    const one = await generations.current(aCall());
    await generations.rotate(second, aCall());
    vi.advanceTimersByTime(600_000 - 1);
    expect(openPools(one)).toBe(2);
    const two = await generations.current(aCall());
    await generations.rotate({ ...second, ca: authority.certificate }, aCall());
    vi.advanceTimersByTime(1);
    expect(openPools(one)).toBe(0);
    expect(generations.knows(one.thumbprint)).toBe(false);
    expect(openPools(two)).toBe(2);
    const three = await generations.current(aCall());
    await generations.close();
    expect([openPools(two), openPools(three)]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a function that loads the certificate", () => {
  test("is called again after five minutes, behind a call that goes on with what is there", async () => {
    const load = vi.fn(() => first);
    const generations = generationsOf(load);
    await generations.current(aCall());
    load.mockReturnValue(second);
    pass(5 * MINUTE - 1);
    await generations.current(aCall());
    await settle();
    expect(load).toHaveBeenCalledTimes(1);
    pass(1);
    expect(await inUse(generations)).toBe(nameOf(first));
    await settle();
    expect(await inUse(generations)).toBe(nameOf(second));
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("that hangs holds nobody up", async () => {
    const load = vi.fn<() => unknown>(() => first);
    const generations = generationsOf(load, 50);
    await generations.current(aCall());
    load.mockImplementation(() => new Promise(() => {}));
    pass(5 * MINUTE);
    for (let call = 0; call < 3; call++) expect(await inUse(generations)).toBe(nameOf(first));
    expect(load).toHaveBeenCalledTimes(2);
    await vi.waitUntil(() => warned.mock.calls.length > 0);
    expect(warnings()).toEqual([expect.stringContaining("MINNA_CERTIFICATE_REJECTED A new certificate is not used: ")]);
  });

  test("that brings nothing of use harms no call, and is warned of once for each reason", async () => {
    const load = vi.fn<() => unknown>(() => first);
    const generations = generationsOf(load);
    await generations.current(aCall());
    const refused: (() => unknown)[] = [
      () => older,
      () => older,
      () => ({ cert: second.cert, key: first.key }),
      () => {
        throw new RangeError("CANARY");
      },
      () => older,
    ];
    for (const implementation of refused) {
      load.mockImplementation(implementation);
      pass(5 * MINUTE);
      expect(await inUse(generations)).toBe(nameOf(first));
      await settle();
    }
    expect(load).toHaveBeenCalledTimes(1 + refused.length);
    expect(warnings()).toEqual([
      expect.stringMatching(/^MINNA_CERTIFICATE_REJECTED .*not older than/s),
      expect.stringMatching(/^MINNA_CERTIFICATE_REJECTED .*the key of another certificate/s),
      expect.stringMatching(/^MINNA_CERTIFICATE_REJECTED .*one that failed with RangeError/s),
    ]);
    expect(JSON.stringify(warned.mock.calls)).not.toMatch(/CANARY|PRIVATE KEY/);
    load.mockReturnValue(second);
    pass(5 * MINUTE);
    await inUse(generations);
    await settle();
    expect(await inUse(generations)).toBe(nameOf(second));
  });

  test("is called at once when it is asked to be, and not again for five seconds", async () => {
    const load = vi.fn(() => first);
    const generations = generationsOf(load);
    await generations.current(aCall());
    load.mockReturnValue(second);
    pass(4_999);
    await generations.refresh(aCall());
    expect(await inUse(generations)).toBe(nameOf(first));
    pass(1);
    await Promise.all([generations.refresh(aCall()), generations.refresh(aCall())]);
    expect(await inUse(generations)).toBe(nameOf(second));
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("is waited for when the certificate in use has expired", async () => {
    const load = vi.fn(() => first);
    const generations = generationsOf(load);
    const before = await inUse(generations);
    pass(298.5 * DAY);
    load.mockReturnValue(clientCertificate(authority));
    expect(await inUse(generations)).not.toBe(before);
  });

  test("that has nothing new for an expired one leaves the word to the bank", async () => {
    const generations = generationsOf(() => first);
    const before = await inUse(generations);
    pass(300 * DAY);
    expect(await inUse(generations)).toBe(before);
    expect(warnings()).toEqual([
      expect.stringMatching(/^MINNA_CERTIFICATE_REJECTED .*one that expired on/s),
      expect.stringMatching(/^MINNA_CERTIFICATE_EXPIRES .* expired at /),
    ]);
  });
});

describe("files with the certificate", () => {
  let files: { certFile: string; keyFile: string };
  let count = 0;
  beforeEach(() => {
    const path = join(tmpdir(), `minna-baas-${process.pid}-${++count}`);
    files = { certFile: `${path}.cert.pem`, keyFile: `${path}.key.pem` };
  });
  afterEach(async () => {
    for (const file of Object.values(files)) await rm(file, { force: true });
  });

  async function write({ cert, key }: Partial<CertificatePair>): Promise<void> {
    if (cert !== undefined) await writeFile(files.certFile, cert);
    if (key !== undefined) await writeFile(files.keyFile, key);
  }

  /** Which certificate a call some seconds later finds, after it has had the files looked at. */
  async function inUseAfter(generations: Generations, milliseconds: number): Promise<string> {
    pass(milliseconds);
    await inUse(generations);
    await generations.refresh(aCall());
    return inUse(generations);
  }

  test("are read when it is first needed, and again when they have changed, ten seconds later", async () => {
    await write(first);
    const generations = generationsOf({ certFile: pathToFileURL(files.certFile), keyFile: files.keyFile });
    expect(await inUse(generations)).toBe(nameOf(first));
    await write(second);
    pass(9_999);
    await inUse(generations);
    await settle();
    expect(await inUse(generations)).toBe(nameOf(first));
    expect(await inUseAfter(generations, 1)).toBe(nameOf(second));
    expect(warnings()).toEqual([]);
  });

  test("of which one half is written are read again, without a word for a minute", async () => {
    await write(first);
    const generations = generationsOf(files);
    await inUse(generations);
    await write({ cert: second.cert });
    expect(await inUseAfter(generations, 10_000)).toBe(nameOf(first));
    expect(await inUseAfter(generations, 59_999)).toBe(nameOf(first));
    expect(warnings()).toEqual([]);
    await write({ key: second.key });
    expect(await inUseAfter(generations, 10_000)).toBe(nameOf(second));
    expect(warnings()).toEqual([]);
  });

  test("that are still half written after a minute are warned of, once", async () => {
    await write(first);
    const generations = generationsOf(files);
    await inUse(generations);
    await write({ key: second.key });
    for (const wait of [10_000, 60_000, 10_000, 10_000]) {
      expect(await inUseAfter(generations, wait)).toBe(nameOf(first));
    }
    expect(warnings()).toEqual([expect.stringMatching(/certificate\.key: .*the key of another certificate/)]);
    await write({ cert: second.cert });
    expect(await inUseAfter(generations, 10_000)).toBe(nameOf(second));
  });

  test("that are gone harm nobody, and are told by their option", async () => {
    await write(first);
    const generations = generationsOf(files);
    await inUse(generations);
    await rm(files.keyFile);
    await inUseAfter(generations, 10_000);
    expect(await inUseAfter(generations, 60_000)).toBe(nameOf(first));
    expect(warnings()).toEqual([expect.stringMatching(/certificate\.keyFile: .*one that can't be \(ENOENT\)/)]);
    const error = await rejection(generationsOf(files).current(aCall()), ConfigurationError);
    expect(error.problems.map(({ option }) => option)).toEqual(["certificate.keyFile"]);
    expect(everythingShown(error)).not.toContain(files.keyFile);
  });

  test("are seen to have changed also where others were put in their place with the same size and time", async () => {
    await write(first);
    const time = new Date(Date.now() - DAY);
    for (const file of Object.values(files)) await utimes(file, time, time);
    const generations = generationsOf(files);
    await inUse(generations);
    const pad = (text: string, path: string) => readFile(path).then(({ length }) => text.padEnd(length, "\n"));
    for (const [name, text] of [
      ["certFile", second.cert],
      ["keyFile", second.key],
    ] as const) {
      await writeFile(`${files[name]}.new`, await pad(text, files[name]));
      await utimes(`${files[name]}.new`, time, time);
      await rename(`${files[name]}.new`, files[name]);
    }
    expect(await inUseAfter(generations, 10_000)).toBe(nameOf(second));
  });

  test("that have not changed are not read", async () => {
    await write(first);
    const time = new Date(Date.now() - DAY);
    for (const file of Object.values(files)) await utimes(file, time, time);
    const generations = generationsOf(files);
    await inUse(generations);
    // Whoever read it now would find nothing of use.
    await writeFile(files.certFile, "x".repeat(first.cert.length), { flag: "r+" });
    await utimes(files.certFile, time, time);
    await inUseAfter(generations, 10_000);
    await inUseAfter(generations, 60_000);
    expect(warnings()).toEqual([]);
    // Unless somebody asks for it.
    await rejection(generations.rotate(undefined, aCall()), ConfigurationError);
  });
});

describe("the end of the certificate", () => {
  test("is warned of 30, 7 and 1 days before and when it is there, once each, for each generation", async () => {
    const generations = generationsOf(clientCertificate(authority, -1, 60));
    const steps: [number, number][] = [
      [20, 0],
      [9, 1],
      [10, 1],
      [14, 2],
      [5, 3],
      [1, 4],
      [9, 4],
    ];
    for (const [days, expected] of steps) {
      pass(days * DAY);
      await generations.current(aCall());
      await generations.current(aCall());
      expect(warnings()).toHaveLength(expected);
    }
    const said = warnings().map(line => /within (\d+|a) day|expired at \d/.exec(line)?.[0].slice(0, 16));
    expect(said).toEqual(
      ["within 30 day", "within 6 day", "within a day", "expired at 2"].map(text => expect.stringContaining(text)),
    );
    await generations.rotate(clientCertificate(authority, -1, 6), aCall());
    await generations.current(aCall());
    expect(warnings()).toHaveLength(5);
  });
});

describe("closing", () => {
  test("closes every connection, and later calls fail with closed", async () => {
    const generations = generationsOf(async () => first);
    const generation = await generations.current(aCall());
    expect(openPools(generation)).toBe(2);
    await generations.close();
    expect(openPools(generation)).toBe(0);
    expect((await rejection(generations.current(aCall()), TransportError)).code).toBe("closed");
  });

  test("closes also what was being opened at that moment", async () => {
    let loaded: (value: CertificatePair) => void = () => {};
    const generations = generationsOf(
      () =>
        new Promise<CertificatePair>(resolve => {
          loaded = resolve;
        }),
    );
    const opening = generations.current(aCall()).catch(() => undefined);
    const closing = generations.close();
    loaded(first);
    await closing;
    const generation = await opening;
    expect(generation === undefined ? 0 : openPools(generation)).toBe(0);
    await generation?.close();
  });

  test("of a client that never did anything does nothing", async () => {
    await generationsOf(async () => first).close();
  });
});
