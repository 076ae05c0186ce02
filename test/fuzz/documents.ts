/** Bodies of the default contract that are right, to be made wrong. What is personal in them has the word CANARY in it. */
export const ACCOUNT: object = {
  accountId: "acc-1",
  branchCode: "001",
  branchName: "ファースト支店",
  accountTypeCode: "ordinary",
  accountNumber: "0001201",
  accountName: "CANARY 見本 花子",
  accountNameKana: "ﾐﾎﾝ ﾊﾅｺ",
  currencyCode: "JPY",
};
export const BALANCE: object = {
  balance: 1500000,
  withdrawableAmount: "1400000",
  previousDayBalance: null,
  currencyCode: "JPY",
  baseDate: "2026-04-01",
  baseTime: "09:30:00",
};
const ROW = {
  itemKey: "1",
  transactionDate: "2026-04-01",
  valueDate: "2026-04-01",
  transactionType: "1",
  amount: "500",
  remarks: "CANARY ﾎﾝ",
};
const ENVELOPE = {
  dateFrom: "2026-04-01",
  dateTo: "2026-04-30",
  baseDate: "2026-04-30",
  baseTime: "09:30:00",
  hasNext: false,
  count: 2,
};
export const TRANSACTIONS: object = {
  ...ENVELOPE,
  transactions: [
    { ...ROW, balance: 1500500 },
    { ...ROW, balance: -1 },
  ],
};
export const DEPOSITS: object = { ...ENVELOPE, deposits: [{ ...ROW, applicantName: "ﾚｲｼﾞ ﾀﾛｳ", ediInfo: null }, ROW] };
export const IDENTITY: object = {
  name: "CANARY 見本 花子",
  nameKana: "ミホン ハナコ",
  birthDate: "1990-04-01",
  gender: "female",
  address: {
    postalCode: "0000001",
    prefecture: "見本県",
    city: "架空市",
    street: "1丁目",
    formatted: "見本県架空市1丁目",
  },
  phoneNumber: "0000000001",
  verification: { verified: true, verifiedOn: "2025-05-20", method: "ホ", documentType: "drivers_license" },
};
export const DEBIT: object = {
  debitId: "dd-1",
  acceptanceNo: "CANARY A1",
  partnerTransactionId: "order-1",
  status: "succeeded",
  amount: 1980,
  acceptedAt: "2026-04-01T09:30:00+09:00",
  completedAt: "2026-04-01T09:30:01+09:00",
  failure: null,
};
