import { afterEach, describe, expect, test } from "vitest";
import { type CheckedCertificate, checkLoadedCertificate } from "../../src/config/certificate.js";
import type { Configuration } from "../../src/config/configuration.js";
import { configure } from "../../src/config/configurations.js";
import { ConfigurationError, MinnaError, TransportError } from "../../src/errors.js";
import { type Generation, Generations } from "../../src/transport/generation.js";
import { aCall } from "../support/calls.js";
import { clientCertificate, newAuthority } from "../support/certificates.js";
import { everythingShown, rejection } from "../support/errors.js";
import { validOptions } from "../support/options.js";

const certificate = checkLoadedCertificate(clientCertificate(newAuthority()));
const opened: Generations[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(generations => generations.close()));
});

function generationsOf(loadCertificate: Configuration["loadCertificate"]): Generations {
  const generations = new Generations({ loadCertificate } as Configuration);
  opened.push(generations);
  return generations;
}

/** The connections of a generation that are still open for requests. */
function openPools(generation: Generation): number {
  return (["client-certificate", "nothing"] as const).filter(presents => !generation.pool(presents).agent.closed)
    .length;
}

describe("the certificate", () => {
  test("is loaded when it is first needed, once for all callers", async () => {
    let loads = 0;
    const generations = generationsOf(async () => {
      loads++;
      return certificate;
    });
    expect(loads).toBe(0);
    const all = await Promise.all(Array.from({ length: 10 }, () => generations.current(aCall())));
    expect(new Set(all).size).toBe(1);
    await generations.current(aCall());
    expect(loads).toBe(1);
  });

  test("is loaded again after it could not be loaded", async () => {
    let loads = 0;
    const generations = generationsOf(async () => {
      if (loads++ === 0) throw new Error("the secret manager is down");
      return certificate;
    });
    await expect(generations.current(aCall())).rejects.toThrow();
    expect((await generations.current(aCall())).thumbprint).toBe(certificate.thumbprint);
  });

  test("that is wrong when it is loaded is a ConfigurationError that names it", async () => {
    const { cert } = clientCertificate(newAuthority());
    const { key } = clientCertificate(newAuthority());
    const [{ loadCertificate }] = configure(validOptions({ certificate: () => ({ cert, key }) })).all;
    const error = await rejection(generationsOf(loadCertificate).current(aCall()), ConfigurationError);
    expect(error.problems.map(problem => problem.option)).toEqual(["certificate.key"]);
    expect(everythingShown(error)).not.toContain("PRIVATE KEY");
  });

  test("that can't be loaded is an error of this package, and repeats nothing of the loader's", async () => {
    const [{ loadCertificate }] = configure(
      validOptions({
        certificate: () => {
          throw new Error("no permission for vault token CANARY");
        },
      }),
    ).all;
    const error = await rejection(generationsOf(loadCertificate).current(aCall()), MinnaError);
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

describe("closing", () => {
  test("closes every connection, and later calls fail with closed", async () => {
    const generations = generationsOf(async () => certificate);
    const generation = await generations.current(aCall());
    expect(openPools(generation)).toBe(2);
    await generations.close();
    expect(openPools(generation)).toBe(0);
    expect((await rejection(generations.current(aCall()), TransportError)).code).toBe("closed");
  });

  test("closes also what was being opened at that moment", async () => {
    let loaded: (value: CheckedCertificate) => void = () => {};
    const generations = generationsOf(
      () =>
        new Promise(resolve => {
          loaded = resolve;
        }),
    );
    const opening = generations.current(aCall()).catch(() => undefined);
    const closing = generations.close();
    loaded(certificate);
    await closing;
    const generation = await opening;
    expect(generation === undefined ? 0 : openPools(generation)).toBe(0);
    await generation?.close();
  });

  test("of a client that never did anything does nothing", async () => {
    await generationsOf(async () => certificate).close();
  });
});
