import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  at,
  checkBy,
  DOCUMENT,
  everything,
  type Media,
  OPERATIONS,
  type Ref,
  type Response,
  resolved,
} from "./document.js";
import { misplaced } from "./structure.js";

const check = checkBy({ closed: false });
const closed = checkBy({ closed: true });
const parts = [...everything(DOCUMENT)];
/** Where the word is a keyword, and not the name of a member in an example or of a property. */
const isSpecification = (pointer: string) => !/\/(properties|examples\/[^/]+\/value)\//.test(pointer);
const schemas = parts
  .map(([pointer]) => pointer)
  .filter(
    pointer =>
      (/\/schema$/.test(pointer) && isSpecification(pointer)) || /^#\/components\/schemas\/[^/]+$/.test(pointer),
  );

interface ObjectSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

describe("the document", () => {
  test("is OpenAPI 3.1, shipped with the package, and says whose it is not", async () => {
    expect(DOCUMENT.openapi).toMatch(/^3\.1\.\d$/);
    const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
    expect(manifest.exports["./openapi.json"]).toBe("./etc/openapi.json");
    expect(manifest.files).toContain("etc/openapi.json");
    expect(DOCUMENT.info["version"]).toBe(manifest.version);
    expect(DOCUMENT.info["description"]).toContain("not the bank's document");
  });

  test("has nothing but what OpenAPI 3.1 knows, each in its place", () => {
    expect(misplaced(DOCUMENT)).toEqual([]);
    const { paths } = DOCUMENT;
    const [path = "", item] = Object.entries(paths)[0] ?? [];
    for (const wrong of [
      { ...DOCUMENT, definitions: {} },
      { ...DOCUMENT, info: {} },
      { ...DOCUMENT, paths: { accounts: item } },
      { ...DOCUMENT, paths: { [path]: { ...item, get: { ...item?.get, responses: { 200: { content: {} } } } } } },
      { ...DOCUMENT, paths: { [path]: { ...item, get: { ...item?.get, responses: { "2xx": { description: "" } } } } } },
      { ...DOCUMENT, paths: { [path]: { ...item, get: { ...item?.get, parameters: [{ name: "x", in: "body" }] } } } },
    ]) {
      expect(misplaced(wrong)).not.toEqual([]);
    }
  });

  test("leads somewhere with each $ref, and has no component that nothing leads to", () => {
    const refs = parts.filter(([pointer]) => pointer.endsWith("/$ref")).map(([, target]) => String(target));
    expect(refs.filter(ref => at(ref) === undefined)).toEqual([]);
    const { securitySchemes: _, ...components } = DOCUMENT.components;
    const names = Object.entries(components).flatMap(([kind, all]) =>
      Object.keys(all).map(name => `#/components/${kind}/${name}`),
    );
    expect(names.filter(name => !refs.includes(name))).toEqual([]);
  });

  test("gives each operation a name of its own, and each part of a path a parameter", () => {
    const names = OPERATIONS.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(11);
    for (const { template, parameters } of OPERATIONS) {
      const inPath = parameters.filter(parameter => parameter.in === "path");
      expect(inPath.every(parameter => parameter.required)).toBe(true);
      const named = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(inPath.map(({ name }) => name)).toEqual(named);
      const all = parameters.map(parameter => `${parameter.in} ${parameter.name}`);
      expect(new Set(all).size).toBe(all.length);
    }
  });

  test("asks for mutual TLS and a scope that it knows, everywhere", () => {
    expect(at("#/components/securitySchemes/mutualTLS/type")).toBe("mutualTLS");
    const scopes = at("#/components/securitySchemes/oauth2/flows/authorizationCode/scopes") as object;
    const used = new Set<string>();
    for (const { operation } of OPERATIONS) {
      for (const { mutualTLS, oauth2 = [], ...others } of operation.security) {
        expect([mutualTLS, oauth2.length, others]).toEqual([[], 1, {}]);
        for (const scope of oauth2) used.add(scope);
      }
    }
    expect([...used].sort()).toEqual(Object.keys(scopes).sort());
  });

  test("names the FAPI headers, the idempotency key and Retry-After where they belong", () => {
    for (const { operation, parameters } of OPERATIONS) {
      const headers = parameters.filter(parameter => parameter.in === "header").map(({ name }) => name);
      const fapi = ["x-fapi-interaction-id", "x-fapi-auth-date", "x-fapi-customer-ip-address"];
      expect(headers).toEqual(operation.operationId === "createDebit" ? [...fapi, "x-idempotency-key"] : fapi);
      for (const [status, response] of Object.entries(operation.responses)) {
        const answered = Object.keys(resolved<Response>(response).headers ?? {});
        expect(answered).toContain("x-fapi-interaction-id");
        if (status === "429" || status === "503") expect(answered).toContain("Retry-After");
      }
    }
  });
});

describe("every schema", () => {
  test.each(schemas)("%s can be checked by", pointer => {
    expect(() => check(pointer, null)).not.toThrow();
  });

  test("of an object says what it is in Japanese or in words, member by member", () => {
    for (const [pointer, schema] of parts) {
      if (!/^#\/components\/schemas\/\w+$/.test(pointer)) continue;
      const { description, properties = {}, required = [] } = schema as ObjectSchema;
      expect([pointer, description]).toEqual([pointer, expect.stringMatching(/\S/)]);
      expect(required.filter(member => !(member in properties))).toEqual([]);
      const silent = Object.entries(properties).filter(([, member]) => !("description" in member || "$ref" in member));
      expect(silent).toEqual([]);
    }
  });

  test.each([
    ["Yen", ["0", "-1", "9007199254740991", "-9007199254740991", "8999999999999999", 0, -12_000, 9007199254740991]],
    ["YenAmount", ["0", "1", 0, 1]],
    ["YenPositive", ["1", "1980", 1980]],
    ["JstDateTime", ["2026-04-01T09:30:00+09:00"]],
    ["JstDate", ["2026-04-01", "2028-02-29"]],
  ])("%s takes what it should", (name, values) => {
    for (const value of values) expect([value, check(`#/components/schemas/${name}`, value)]).toEqual([value, []]);
  });

  test.each([
    ["Yen", ["", "01", "+1", "-0", "1.0", "1e3", " 1", "9007199254740992", "-9007199254740992", "9007199254740995"]],
    ["Yen", ["9007199254741000", "9999999999999999", "10000000000000000", 1.5, 2 ** 53, null, true, "１"]],
    ["YenAmount", ["-1", -1]],
    ["YenPositive", ["0", 0, "-1", -1]],
    ["JstDateTime", ["2026-04-01T00:30:00Z", "2026-04-01", "2026-02-30T09:30:00+09:00"]],
    ["JstDate", ["2026-02-30", "20260401", "2026-04-01T00:00:00+09:00"]],
  ])("%s takes nothing else", (name, values) => {
    for (const value of values) {
      expect([value, check(`#/components/schemas/${name}`, value)]).not.toEqual([value, []]);
    }
  });
});

describe("every example", () => {
  const media = parts.filter(([pointer]) => /\/content\/[^/]+$/.test(pointer) && isSpecification(pointer));
  const examples = media.flatMap(([pointer, one]) =>
    Object.entries((one as Media).examples ?? {}).map(([name, { value }]) => [pointer, name, value] as const),
  );

  test("there is one at least for each body, parameter and header", () => {
    expect(media.length).toBeGreaterThan(20);
    for (const [pointer] of media) expect(examples.map(([place]) => place)).toContain(pointer);
    for (const kind of ["parameters", "headers"]) {
      for (const one of Object.values(DOCUMENT.components[kind] ?? {})) expect(one).toHaveProperty("example");
    }
  });

  test.each(examples)("%s %s is what its schema says", (pointer, _, value) => {
    expect(closed(`${pointer}/schema`, value)).toEqual([]);
  });

  test.each(parts.filter(([pointer]) => /^#\/components\/(parameters|headers)\/\w+\/example$/.test(pointer)))(
    "%s is what its schema says",
    (pointer, value) => {
      expect(closed(pointer.replace(/example$/, "schema"), value)).toEqual([]);
    },
  );

  test("could be wrong: without a member that is required it is", () => {
    for (const [pointer, name, value] of examples) {
      const { $ref } = (at(pointer) as { schema: Partial<Ref> }).schema;
      const { required = [] } = ($ref === undefined ? {} : at($ref)) as { required?: string[] };
      for (const member of required) {
        const { [member]: _, ...rest } = value as Record<string, unknown>;
        expect([pointer, name, member, closed(`${pointer}/schema`, rest)]).not.toEqual([pointer, name, member, []]);
      }
    }
  });
});
