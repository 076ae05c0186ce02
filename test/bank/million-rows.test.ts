import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Accounts } from "../../src/bank/accounts.js";
import { answer, contextTo } from "../support/stub-rooms.js";

const ROWS = 1_000_000;
const PAGE = 500;
const MEGABYTE = 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test("a million rows are iterated over in flat memory, each of them once", async () => {
  const accounts = new Accounts(
    contextTo(({ url }) => {
      const first = Number(url.searchParams.get("nextItemKey") ?? 0);
      const last = Math.min(first + PAGE, ROWS);
      const envelope = { dateFrom: "2026-04-01", dateTo: "2026-04-30", baseDate: "2026-04-30", baseTime: "09:30:00" };
      // Each page begins with the last row of the one before.
      const transactions = Array.from({ length: last - first + (first === 0 ? 0 : 1) }, (_, index) => ({
        itemKey: `row-${first === 0 ? index : first - 1 + index}`,
        transactionDate: "2026-04-01",
        transactionType: "1",
        amount: "100",
        balance: "1000",
      }));
      return answer(200, { ...envelope, hasNext: last < ROWS, nextItemKey: String(last), transactions });
    }),
  );
  let rows = 0;
  let early = 0;
  for await (const row of accounts.transactions("acc-1")) {
    if (row.itemKey !== `row-${rows}`) throw new Error(`expected row ${rows}, got ${row.itemKey}`);
    rows++;
    if (rows === ROWS / 10) early = heapUsed();
  }
  const growth = heapUsed() - early;
  expect(rows).toBe(ROWS);
  expect(growth / MEGABYTE).toBeLessThan(8);
}, 180_000);
