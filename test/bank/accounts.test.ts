import { describe, expect, test } from "vitest";
import { Accounts } from "../../src/bank/accounts.js";
import { IdentityApi } from "../../src/bank/identity.js";
import { ArgumentError, ValidationError } from "../../src/errors.js";
import type { OutgoingRequest } from "../../src/transport/door.js";
import { INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { answer, contextTo } from "../support/stub-rooms.js";

const ACCOUNT = {
  accountId: "acc-1",
  branchCode: "001",
  branchName: "支店",
  accountTypeCode: "ordinary",
  accountNumber: "0012345",
  accountName: "山田 太郎",
  accountNameKana: "ﾔﾏﾀﾞ ﾀﾛｳ",
  currencyCode: "JPY",
};
const BALANCE = { balance: "-120", currencyCode: "JPY", baseDate: "2026-04-01", baseTime: "09:30:00+09:00" };

function accountsAnswering(body: unknown, sent: OutgoingRequest[] = []): Accounts {
  const context = contextTo(outgoing => {
    sent.push(outgoing);
    return answer(200, body);
  });
  return new Accounts(context);
}

describe("accounts", () => {
  test("are listed as the bank has them: codes are strings, and kana stay as they are", async () => {
    const [account] = await accountsAnswering({ accounts: [{ ...ACCOUNT, unheardOf: 1 }] }).list({
      interactionId: INTERACTION_ID,
    });
    expect(account).toEqual({ ...ACCOUNT, interactionId: INTERACTION_ID });
    expect(Object.isFrozen(account)).toBe(true);
  });

  test("may be none", async () => {
    expect(await accountsAnswering({ accounts: [] }).list()).toEqual([]);
  });

  test.each([{ ...ACCOUNT, branchCode: 1 }, { ...ACCOUNT, accountId: "" }, null])("are not %j", async account => {
    const error = await rejection(accountsAnswering({ accounts: [account] }).list(), ValidationError);
    expect(error.check).toBe("body");
    expect(everythingShown(error)).not.toContain("山田");
  });
});

describe("a balance", () => {
  test("may be negative, and says no more than the bank does", async () => {
    const balance = await accountsAnswering({ ...BALANCE, previousDayBalance: null }).balance("acc-1");
    expect(balance).toMatchObject({ balance: -120, previousDayBalance: null });
    expect(balance).not.toHaveProperty("withdrawableAmount");
  });

  test("is asked for under the contract's path", async () => {
    const sent: OutgoingRequest[] = [];
    const contract = { paths: { balance: "/v2/balances/{accountId}" } };
    const context = contextTo(
      outgoing => {
        sent.push(outgoing);
        return answer(200, BALANCE);
      },
      configuration("fapi2-security", { contract }),
    );
    await new Accounts(context).balance("acc/1");
    expect(sent[0]?.url.href).toBe("https://api.bank.example/v2/balances/acc%2F1");
  });

  test("of no account is not asked for", async () => {
    const sent: OutgoingRequest[] = [];
    for (const id of ["", "..", undefined]) {
      const error = await rejection(accountsAnswering(BALANCE, sent).balance(id as string), ArgumentError);
      expect(error.argument).toBe("accountId");
    }
    expect(sent).toHaveLength(0);
  });
});

test("the identity keeps absent and null apart, and a wrong one shows nothing of itself", async () => {
  const identity = {
    name: "山田 太郎",
    nameKana: "ﾔﾏﾀﾞ ﾀﾛｳ",
    birthDate: "1990-04-01",
    gender: null,
    address: {
      postalCode: "0010001",
      prefecture: "北海道",
      city: "札幌市",
      street: "1-1",
      formatted: "北海道札幌市1-1",
    },
    verification: { verified: true, method: "ホ" },
  };
  const result = await new IdentityApi(contextTo(() => answer(200, identity))).get({ interactionId: INTERACTION_ID });
  expect(result).toEqual({ ...identity, interactionId: INTERACTION_ID });
  const wrong = new IdentityApi(contextTo(() => answer(200, { ...identity, birthDate: 19900401 })));
  expect(everythingShown(await rejection(wrong.get(), ValidationError))).not.toMatch(/山田|19900401|札幌/);
});
