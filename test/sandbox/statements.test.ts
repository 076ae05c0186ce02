import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Reply } from "./partner.js";

/** 2026-04-01 08:30 in Tokyo; still the last day of March in UTC. */
const NOW = Date.parse("2026-03-31T23:30:00Z");
const TODAY = "2026-04-01";
const TRANSACTIONS = "/accounts/acc-hanako-ordinary/transactions";
const DEPOSITS = "/accounts/acc-hanako-ordinary/deposits";

interface Row {
  itemKey?: string;
  transactionDate: string;
  transactionType: string;
  amount: string;
  balance?: string;
}

describe("statements", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  let token: string;
  beforeAll(async () => {
    sandbox = await startSandbox({ now: () => NOW });
    partner = new Partner(sandbox, "fapi2-security");
    token = (await partner.link("hanako")).access_token;
  });
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
  });

  const get = (path: string, query: Record<string, string> = {}): Promise<Reply> =>
    partner.call(`${path}?${new URLSearchParams(query)}`, { token });

  const all = async (path: string, query: Record<string, string>): Promise<{ rows: Row[]; counts: number[] }> => {
    const rows: Row[] = [];
    const counts: number[] = [];
    for (let key: string | undefined, more = true; more; ) {
      const { json } = await get(path, { ...query, ...(key === undefined ? {} : { nextItemKey: key }) });
      rows.push(...(json.transactions ?? json.deposits));
      counts.push(json.count);
      key = json.nextItemKey;
      more = json.hasNext;
      expect(more).toBe(key !== undefined);
    }
    return { rows, counts };
  };

  it("come in pages of 500 at most, oldest first, and add up", async () => {
    const { rows, counts } = await all(TRANSACTIONS, { dateFrom: "2025-01-01" });
    expect(counts).toEqual([500, rows.length - 500]);
    expect(rows.length).toBeGreaterThan(600);
    const dates = rows.map(row => row.transactionDate);
    expect(dates).toEqual([...dates].sort());
    for (const [index, row] of rows.slice(1).entries()) {
      const step = Number(row.amount) * (row.transactionType === "1" ? 1 : -1);
      expect(Number(row.balance)).toBe(Number(rows[index]?.balance) + step);
    }
    expect(rows.at(-1)?.balance).toBe(String(sandbox.ledger.balance("acc-hanako-ordinary")));
    const keys = rows.flatMap(row => row.itemKey ?? []);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("mean today in Tokyo when no dates are given", async () => {
    const { json } = await get(TRANSACTIONS);
    expect(json).toMatchObject({
      dateFrom: TODAY,
      dateTo: TODAY,
      baseDate: TODAY,
      baseTime: "08:30:00+09:00",
      count: 1,
    });
    expect(json.transactions.map((row: Row) => row.transactionDate)).toEqual([TODAY]);
  });

  it("reach to today from dateFrom alone, and hold one day for dateTo alone", async () => {
    expect((await get(TRANSACTIONS, { dateFrom: "2026-03-30" })).json).toMatchObject({ dateTo: TODAY });
    const day = await get(TRANSACTIONS, { dateFrom: "2026-03-30", dateTo: "2026-03-30" });
    expect(day.json).toMatchObject({ dateFrom: "2026-03-30", dateTo: "2026-03-30" });
    expect(new Set(day.json.transactions.map((row: Row) => row.transactionDate))).toEqual(new Set(["2026-03-30"]));
    expect((await get(TRANSACTIONS, { dateTo: "2026-03-30" })).json).toEqual(day.json);
  });

  it("are an empty list where there are no rows", async () => {
    const { status, json } = await get(TRANSACTIONS, { dateFrom: "2020-01-01", dateTo: "2020-12-31" });
    expect(status).toBe(200);
    expect(json).toMatchObject({ transactions: [], count: 0, hasNext: false });
    expect(json).not.toHaveProperty("nextItemKey");
  });

  it.each([
    [{ dateFrom: "2026-03-02", dateTo: "2026-03-01" }, "invalid_date_range"],
    [{ dateFrom: "2026-02-30" }, "invalid_date"],
    [{ dateTo: "20260301" }, "invalid_date"],
    [{ nextItemKey: "nonsense" }, "invalid_next_item_key"],
    [{ nextItemKey: Buffer.from("row 99999").toString("base64url") }, "invalid_next_item_key"],
  ])("refuse %o", async (query, code) => {
    const { status, json } = await get(TRANSACTIONS, query as Record<string, string>);
    expect([status, json.code]).toEqual([400, code]);
  });

  it("hold rows that are equal and both real, without keys", async () => {
    const { rows } = await all(TRANSACTIONS, { dateFrom: "2026-03-31", dateTo: "2026-03-31" });
    const [coffee, , again] = rows.filter(row => row.itemKey === undefined);
    expect(coffee).toMatchObject({ amount: "450", transactionType: "2" });
    expect(again).toEqual(coffee);
    const deposits = await all(DEPOSITS, { dateFrom: "2026-03-31", dateTo: "2026-03-31" });
    expect(deposits.rows.at(-1)).toEqual(deposits.rows.at(-2));
  });

  it("of deposits hold what came in, from whom, and no balance", async () => {
    const { rows } = await all(DEPOSITS, { dateFrom: "2025-01-01" });
    expect(new Set(rows.map(row => row.transactionType))).toEqual(new Set(["1"]));
    expect(rows.some(row => "balance" in row)).toBe(false);
    expect(rows).toContainEqual(
      expect.objectContaining({
        amount: "250000",
        applicantName: "ｶ)ﾐﾎﾝｼﾖｳｼﾞ",
        payerBankName: "サンプル銀行",
        payerBranchName: "見本支店",
        ediInfo: "ｷﾕｳﾖ",
      }),
    );
  });

  it("show a debit at once", async () => {
    await partner.debit(token, { amount: 321, description: "ﾎﾝﾔ" });
    const { json } = await get(TRANSACTIONS);
    expect(json.transactions.at(-1)).toMatchObject({ transactionType: "2", amount: "321", remarks: "ﾎﾝﾔ" });
  });
});

describe("page-row-inserted", () => {
  const LINES = "/accounts/acc-hanako-ordinary/transactions?dateFrom=2026-03-30";
  const columns = (rows: Row[]) => rows.map(({ itemKey, amount, balance }) => [itemKey, amount, balance]);

  it("puts a row ahead of those on the page before, so that its last row comes again", async () => {
    await using sandbox = await startSandbox({ now: () => NOW, pageSize: 3 });
    const partner = new Partner(sandbox, "fapi2-security");
    const { access_token: token } = await partner.link();
    const read = async (key?: string) =>
      (await partner.call(key === undefined ? LINES : `${LINES}&nextItemKey=${key}`, { token })).json;
    const balance = sandbox.ledger.balance("acc-hanako-ordinary");
    const [unmoved] = [await read((await read()).nextItemKey)];
    sandbox.faults.on("page-row-inserted", { times: 1 });
    const first = await read();
    expect(sandbox.faults.struck("page-row-inserted")).toBe(0); // there is no page before it
    const second = await read(first.nextItemKey);
    expect(sandbox.faults.struck("page-row-inserted")).toBe(1);
    expect(columns(second.transactions)).toEqual(
      columns([first.transactions[2], unmoved.transactions[0], unmoved.transactions[1]]),
    );
    expect((await read(second.nextItemKey)).transactions[0]).toEqual(unmoved.transactions[2]);

    // The row is there to stay, and changes no balance.
    const again = await read();
    expect(columns(again.transactions.slice(1))).toEqual(columns(first.transactions.slice(0, 2)));
    expect(again.transactions[0]).toMatchObject({ amount: "0", transactionDate: "2026-03-30" });
    expect(again.transactions[0].itemKey).not.toBe(first.transactions[0].itemKey);
    expect(sandbox.ledger.balance("acc-hanako-ordinary")).toBe(balance);
    await partner.debit(token, { amount: 5 });
    expect(sandbox.ledger.balance("acc-hanako-ordinary")).toBe(balance - 5);
    await partner.close();
  });

  it("does the same to deposits", async () => {
    await using sandbox = await startSandbox({ now: () => NOW, pageSize: 2 });
    const partner = new Partner(sandbox, "fapi2-security");
    const { access_token: token } = await partner.link();
    sandbox.faults.on("page-row-inserted");
    const path = `${DEPOSITS}?dateFrom=2026-01-01`;
    const { json: first } = await partner.call(path, { token });
    const { json: second } = await partner.call(`${path}&nextItemKey=${first.nextItemKey}`, { token });
    expect(second.deposits[0]).toEqual(first.deposits[1]);
    await partner.close();
  });
});

describe("a smaller page", () => {
  it("leads through the same rows", async () => {
    await using sandbox = await startSandbox({ now: () => NOW, pageSize: 4 });
    const partner = new Partner(sandbox, "fapi2-security");
    const { access_token: token } = await partner.link();
    const first = await partner.call(`${DEPOSITS}?dateFrom=2025-01-01`, { token });
    expect(first.json).toMatchObject({ count: 4, hasNext: true });
    sandbox.faults.on("page-row-repeated", { times: 1 });
    const next = `${DEPOSITS}?dateFrom=2025-01-01&nextItemKey=${first.json.nextItemKey}`;
    const overlapping = await partner.call(next, { token });
    expect(overlapping.json.deposits[0]).toEqual(first.json.deposits[3]);
    expect(overlapping.json.count).toBe(4);
    const second = await partner.call(next, { token });
    expect(second.json.deposits.slice(0, 3)).toEqual(overlapping.json.deposits.slice(1));

    // Eight rows make two full pages, and no empty third.
    const day = `${TRANSACTIONS}?dateFrom=2026-03-31&dateTo=2026-03-31`;
    const { json: morning } = await partner.call(day, { token });
    const { json: evening } = await partner.call(`${day}&nextItemKey=${morning.nextItemKey}`, { token });
    expect([morning.count, morning.hasNext, evening.count, evening.hasNext]).toEqual([4, true, 4, false]);
    await partner.close();
  });
});
