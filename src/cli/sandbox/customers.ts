/**
 * The sample customers, as a person at the login page needs to know them.
 *
 * @module
 */
import type { Sandbox } from "../../sandbox/index.js";
import type { Language } from "../language.js";

/** The bank knows its notes in Japanese. */
const NOTES: Readonly<Record<string, string>> = {
  hanako: "plenty of money and history: more than 600 rows, some of them exactly alike",
  taro: "480 yen on the ordinary account: debits fail for insufficient funds",
  reiko: "variant characters in the name (髙, 﨑), a building in the address",
  jiro: "can't be linked with this partner: it ends at the consent page",
  saburo: "debits are accepted as processing, and succeed at the next inquiry",
  shiro: "an overdrawn ordinary account",
};

/** A line for each: id, password, what is on the ordinary account now, what is special. */
export function customerLines({ customers, ledger }: Sandbox, language: Language): string[] {
  return customers.map(({ id, password, note, accounts }) => {
    const ordinary = accounts.find(({ accountTypeCode }) => accountTypeCode === "ordinary");
    const balance = ordinary === undefined ? "" : ledger.balance(ordinary.accountId).toLocaleString("en-US");
    const yen = language === "ja" ? `${balance}円` : `${balance} yen`;
    return `  ${id.padEnd(9)}${password.padEnd(17)}${yen.padStart(14)}  ${language === "ja" ? note : (NOTES[id] ?? note)}`;
  });
}
