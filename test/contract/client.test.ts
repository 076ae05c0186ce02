import { describe, expect, test } from "vitest";
import { AuthorizationServer } from "../../src/authorization/server.js";
import { Accounts } from "../../src/bank/accounts.js";
import { Debits } from "../../src/bank/debits.js";
import { IdentityApi } from "../../src/bank/identity.js";
import { ApiError, type LinkError, ValidationError } from "../../src/errors.js";
import { Grant } from "../../src/links/grant.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { writeLink } from "../../src/links/record.js";
import { Resources } from "../../src/links/resource.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { INTERACTION_ID } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { METADATA, MTLS } from "../support/stub-bank.js";
import { answer, contextTo, doorTo, LINK_ID, linkRecord, openAccess, registered } from "../support/stub-rooms.js";
import {
  at,
  checkBy,
  DOCUMENT,
  examplesOf,
  OPERATIONS,
  operationFor,
  type Parameter,
  type Response,
} from "./document.js";

const PRESENT = {
  interactionId: INTERACTION_ID,
  customerPresent: { ip: "192.0.2.7", authenticatedAt: "2026-04-01T09:30:00+09:00" },
};
const YEN = ["balance", "withdrawableAmount", "previousDayBalance", "amount"];
type Examples = Record<string, Record<string, unknown>>;

const check = checkBy({ closed: true });
const called = new Set<string>();

/** Rooms at whose end the bank answers with an example; each request is held against the document. */
function bankAnswering(reply: (outgoing: OutgoingRequest) => Answer) {
  return contextTo(outgoing => {
    expect(deviations(outgoing)).toEqual([]);
    return reply(outgoing);
  });
}

/** What is not as the document has it in a request. */
function deviations({ method, url, headers, body }: OutgoingRequest): string[] {
  const found = operationFor(method, url.pathname);
  if (found === undefined) return [`there is no ${method} ${url.pathname}`];
  const { operation, template, parameters, parts } = found;
  called.add(operation.operationId);
  const given: Record<Parameter["in"], Record<string, string>> = {
    path: parts,
    query: Object.fromEntries(url.searchParams),
    header: Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("x-"))),
  };
  const wrong = parameters.flatMap(parameter => {
    const value = given[parameter.in][parameter.name];
    delete given[parameter.in][parameter.name];
    if (value === undefined) return parameter.required ? [`${parameter.name} is missing`] : [];
    return check(schemaOf(parameter), value).map(problem => `${parameter.name}: ${problem}`);
  });
  const unknown = Object.values(given).flatMap(Object.keys);
  const pointer = `#/paths/${template.replaceAll("/", "~1")}/${method.toLowerCase()}/requestBody`;
  const asked = operation.requestBody !== undefined || body !== undefined;
  const inBody = asked ? check(`${pointer}/content/application~1json/schema`, JSON.parse(body ?? "null")) : [];
  return [...wrong, ...inBody, ...unknown.map(name => `${name} is unknown`)];
}

function schemaOf({ name, in: place }: Parameter): string {
  const all = Object.entries(DOCUMENT.components["parameters"] as Record<string, Parameter>);
  const found = all.find(([, parameter]) => parameter.name === name && parameter.in === place);
  return `#/components/parameters/${found?.[0]}/schema`;
}

/** What the client makes of an example: the same, with numbers for yen. */
function read(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(read);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    YEN.includes(name) ? Number(member) : read(member),
  ]);
  return Object.fromEntries(members);
}

const seen = (value: unknown) => ({ ...(read(value) as object), interactionId: INTERACTION_ID });
const named = (operationId: string, status = "200") => Object.entries(examplesOf(operationId, status) as Examples);

describe("the client reads the document's examples", () => {
  test.each(named("listAccounts"))("listAccounts: %s", async (_, example) => {
    const list = await new Accounts(bankAnswering(() => answer(200, example))).list(PRESENT);
    expect(list).toEqual((example["accounts"] as unknown[]).map(seen));
  });

  test.each(named("readBalance"))("readBalance: %s", async (_, example) => {
    const accounts = new Accounts(bankAnswering(() => answer(200, example)));
    expect(await accounts.balance("acc-hanako-ordinary", PRESENT)).toEqual(seen(example));
  });

  test.each(["transactions", "deposits"] as const)("%s, page by page, without the repeated row", async name => {
    const { none, ...pages } = examplesOf(name === "deposits" ? "listDeposits" : "listTransactions", "200") as Examples;
    const inOrder = Object.values(pages);
    let page = 0;
    const context = bankAnswering(({ url }) => {
      const before = inOrder[page - 1]?.["nextItemKey"] ?? null;
      expect([url.searchParams.get("dateFrom"), url.searchParams.get("nextItemKey")]).toEqual(["2026-03-30", before]);
      return answer(200, inOrder[page++]);
    });
    const range = { from: "2026-03-30", to: "2026-04-01" };
    const rows = await new Accounts(context)[name]("acc-1", range, PRESENT).toArray({ limit: 100 });
    expect(page).toBe(inOrder.length);
    const sent = inOrder.flatMap(example => example[name] as { itemKey?: string }[]);
    const wanted = sent.filter((row, i) => !row.itemKey || sent.findIndex(one => one.itemKey === row.itemKey) === i);
    expect(rows).toEqual(read(wanted));
    expect(wanted.length).toBe(name === "transactions" ? sent.length - 1 : sent.length);

    const empty = new Accounts(bankAnswering(() => answer(200, none)));
    for await (const { rows, interactionId: _, ...rest } of empty[name]("acc-1").pages()) {
      const { [name]: list, hasNext: __, count, ...envelope } = none ?? {};
      expect([rows, rest]).toEqual([list, envelope]);
      expect(count).toBe(0);
    }
  });

  test.each(named("readIdentity"))("readIdentity: %s", async (_, example) => {
    const identity = new IdentityApi(bankAnswering(() => answer(200, example)));
    expect(await identity.get(PRESENT)).toEqual(seen(example));
  });

  test.each(named("readDebit"))("readDebit: %s", async (_, example) => {
    const debits = new Debits(
      bankAnswering(() => answer(200, example)),
      new MemoryStore(),
    );
    expect(await debits.get(String(example["debitId"]), PRESENT)).toEqual(seen(example));
  });

  test.each(named("createDebit", "201"))("createDebit: %s", async (_, example) => {
    const debits = new Debits(
      bankAnswering(() => answer(201, example)),
      new MemoryStore(),
    );
    const { purchase, fromAccount } = requested("createDebit");
    const { partnerTransactionId: reference, ...rest } = purchase as { partnerTransactionId: string };
    const order = { reference, amount: 1980, description: "ﾎﾝ" };
    expect(rest).toMatchObject({ amount: order.amount, description: order.description });
    expect(await debits.create(order, PRESENT)).toEqual(seen(example));
    const other = new Debits(
      bankAnswering(() => answer(201, example)),
      new MemoryStore(),
    );
    const { accountId, kind } = fromAccount as { accountId: string; kind: "charge" };
    expect(await other.create({ ...order, accountId, kind }, PRESENT)).toEqual(seen(example));
  });

  test.each(named("findDebits"))("findDebits: %s", async (_, example) => {
    const debits = new Debits(
      bankAnswering(() => answer(200, example)),
      new MemoryStore(),
    );
    const [first] = example["directDebits"] as unknown[];
    const found = await debits.find("order-20260401-0001", PRESENT);
    expect(found).toEqual(first === undefined ? undefined : seen(first));
  });

  test.each(named("readGrant"))("readGrant: %s", async (_, example) => {
    expect(await (await grantAnswering(() => answer(200, example))).status(PRESENT)).toEqual(seen(example));
  });

  test.each(named("extendGrant", "201"))("extendGrant: %s", async (_, example) => {
    const grant = await grantAnswering(() => answer(201, example));
    expect(await grant.extend({ until: "2028-03-31" }, PRESENT)).toEqual(seen(example));
  });

  test("releaseGrant: 204 is the end of it", async () => {
    const grant = await grantAnswering(() => answer(204, ""));
    expect(await grant.revoke(PRESENT)).toMatchObject({ status: "released", interactionId: INTERACTION_ID });
  });

  test("and that was every operation, under the default contract's names", () => {
    expect([...called].sort()).toEqual(OPERATIONS.map(({ operation }) => operation.operationId).sort());
  });
});

describe("the client reads the document's errors", () => {
  const CODES: Readonly<Record<number, ApiError["code"]>> = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "bad_request",
    415: "bad_request",
    422: "unprocessable",
    429: "throttled",
    500: "server_error",
    503: "maintenance",
  };
  const responses = Object.entries(DOCUMENT.components["responses"] as Record<string, Response>);
  const problems = responses.flatMap(([name, { headers = {}, content = {} }]) =>
    Object.entries(content["application/problem+json"]?.examples ?? {}).map(([example, { value }]) => {
      const problem = value as { status: number; code: string; interactionId: string };
      const after = "Retry-After" in headers ? String(at("#/components/headers/RetryAfter/example")) : undefined;
      return [`${name}: ${example}`, problem, after] as const;
    }),
  );

  test.each(problems)("%s", async (_, problem, after) => {
    const headers = after === undefined ? {} : { "retry-after": after };
    const options = { interactionId: problem.interactionId, timeout: 3_000 };
    const list = new Accounts(bankAnswering(() => answer(problem.status, problem, headers))).list(options);
    const thrown = await list.catch((error: unknown) => error);
    // A 401 that stays is the link's end, and so is a grant that is over: the refusal tells why.
    const ended =
      problem.status === 401 ? "reauthorization_required" : /^grant_(?!not_found)/.exec(problem.code)?.input;
    if (ended !== undefined) expect(thrown).toMatchObject({ name: "LinkError", code: ended });
    const error = ended === undefined ? thrown : (thrown as LinkError).cause;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: CODES[problem.status],
      status: problem.status,
      bankCode: problem.code,
      interactionId: problem.interactionId,
      sideEffect: "none",
    });
    expect((error as ApiError).retryAfter).toBe(after === undefined ? undefined : Number(after));
  });

  test("ServerError: a gateway's page", async () => {
    const page = at("#/components/responses/ServerError/content/text~1html/examples/gateway/value");
    const list = new Accounts(bankAnswering(() => answer(502, String(page)))).list();
    const { code, status, bankCode } = await rejection(list, ApiError);
    expect([code, status, bankCode]).toEqual(["server_error", 502, undefined]);
  });
});

describe("what is not as the document says is found out", () => {
  const [, example = {}] = named("readDebit")[0] ?? [];

  test.each(["debitId", "partnerTransactionId", "status", "amount", "acceptedAt"])(
    "an answer without %s",
    async name => {
      const { [name]: _, ...rest } = example;
      const debits = new Debits(
        bankAnswering(() => answer(200, rest)),
        new MemoryStore(),
      );
      await rejection(debits.get(String(example["debitId"])), ValidationError);
    },
  );

  test.each(["1.5", "1e3", "9007199254740992", "01", "", null])("an amount of %j", async amount => {
    const debits = new Debits(
      bankAnswering(() => answer(200, { ...example, amount })),
      new MemoryStore(),
    );
    await rejection(debits.get(String(example["debitId"])), ValidationError);
  });

  test("a request with another path, header or query", async () => {
    const sent: OutgoingRequest[] = [];
    const contract = {
      paths: { debits: "/debits" },
      headers: { idempotencyKey: "x-key" },
      queries: { partnerTransactionId: "orderId" },
    };
    for (const changed of ["paths", "headers", "queries"] as const) {
      const options = configuration("fapi2-security", { contract: { [changed]: contract[changed] } });
      const reply = (outgoing: OutgoingRequest) => {
        sent.push(outgoing);
        return answer(200, outgoing.method === "POST" ? example : { directDebits: [] });
      };
      const debits = new Debits(contextTo(reply, options), new MemoryStore());
      if (changed === "queries") await debits.find("order-20260401-0001");
      else await debits.create({ reference: "order-20260401-0001", amount: 1980, description: "ﾎﾝ" });
    }
    expect(sent).toHaveLength(3);
    for (const outgoing of sent) expect(deviations(outgoing)).not.toEqual([]);
  });
});

function requested(operationId: string): Record<string, unknown> {
  const { requestBody } = OPERATIONS.find(({ operation }) => operation.operationId === operationId)?.operation ?? {};
  const examples = Object.entries(requestBody?.content["application/json"]?.examples ?? {});
  return Object.fromEntries(examples.map(([name, { value }]) => [name, value]));
}

/** The grant of a link whose bank announces its grant management, and nothing to revoke tokens at. */
async function grantAnswering(reply: () => Answer): Promise<Grant> {
  const settings = configuration("fapi2-security");
  const door = doorTo(outgoing => {
    if (outgoing.url.pathname.startsWith("/.well-known/")) {
      return answer(200, METADATA, { "content-type": "application/json" });
    }
    expect(outgoing.url.origin).toBe(MTLS);
    expect(deviations(outgoing)).toEqual([]);
    return reply();
  });
  const server = new AuthorizationServer(settings, door);
  const store = new MemoryStore();
  await writeLink(store, linkRecord({ grantId: "grant-1" }), 0);
  const access = Object.assign(openAccess(), { learn: () => {} });
  const resources = new Resources(settings, door, access);
  return new Grant(LINK_ID, registered({ configuration: settings, server, access, resources }, store), store);
}
