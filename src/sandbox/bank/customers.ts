/**
 * The sample customers of the sandbox. Every name, address and number is made up.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** A sample customer, as a test or a person at the login page needs to know them. */
export interface SandboxCustomer {
  /** The login id. */
  readonly id: string;
  /** The password of the login page. */
  readonly password: string;
  /** The name as it is written (漢字). */
  readonly name: string;
  /** What is special about this customer, in one sentence. */
  readonly note: string;
  /** One 普通 (`ordinary`) and one 貯蓄 (`savings`) account. */
  readonly accounts: readonly SandboxAccount[];
}

/** An account of a sample customer. */
export interface SandboxAccount {
  /** As the API calls it. */
  readonly accountId: string;
  /** 普通 (`ordinary`) or 貯蓄 (`savings`). */
  readonly accountTypeCode: "ordinary" | "savings";
  /** Seven digits; leading zeros matter. */
  readonly accountNumber: string;
}

/** What is known of a customer outside the bank. */
export function shown({ id, password, name, note, accounts }: Customer): SandboxCustomer {
  return { id, password, name, note, accounts };
}

/** All the bank knows of a customer. */
export interface Customer extends SandboxCustomer {
  /** The customer's identifier in ID Tokens; never the login id. */
  readonly subject: string;
  readonly nameKana: string;
  /** The account holder's name in half-width kana, as bank statements have it. */
  readonly accountNameKana: string;
  readonly identity: Identity;
  /** What is on the 普通 and the 貯蓄 account at the start, in yen, and how much of a past there is. */
  readonly opening: { readonly ordinary: number; readonly savings: number; readonly busy: boolean };
  /** Some accounts can't be linked to a partner at all. */
  readonly linkable: boolean;
  /** Whether a debit settles at once, or when it is next asked for. */
  readonly settles: "at-once" | "at-inquiry";
}

/** The body of `GET /identity`. */
export interface Identity {
  readonly name: string;
  readonly nameKana: string;
  readonly birthDate: string;
  readonly gender?: "female" | "male";
  readonly address: {
    readonly postalCode: string;
    readonly prefecture: string;
    readonly city: string;
    readonly street: string;
    readonly building?: string;
    readonly formatted: string;
  };
  readonly phoneNumber?: string;
  readonly verification: {
    readonly verified: boolean;
    readonly verifiedOn?: string;
    readonly method?: string;
    readonly documentType?: string;
  };
}

const HOME = { postalCode: "0000001", prefecture: "見本県", city: "架空市見本町", street: "1丁目2番3号" } as const;
const HOME_FORMATTED = "見本県架空市見本町1丁目2番3号";
const CHECKED = { verified: true, verifiedOn: "2025-05-20", method: "ホ", documentType: "drivers_license" } as const;

/** Makes the sample customers anew; they are the same in every sandbox. */
export function sampleCustomers(): readonly Customer[] {
  return [
    customer(1, {
      id: "hanako",
      name: "見本 花子",
      nameKana: "ミホン ハナコ",
      accountNameKana: "ﾐﾎﾝ ﾊﾅｺ",
      note: "残高も明細も十分: 600行を超える入出金と、まったく同じ内容の行がある",
      birthDate: "1990-04-01",
      gender: "female",
      phoneNumber: "0000000001",
      opening: { ordinary: 1_500_000, savings: 800_000, busy: true },
    }),
    customer(2, {
      id: "taro",
      name: "例示 太郎",
      nameKana: "レイジ タロウ",
      accountNameKana: "ﾚｲｼﾞ ﾀﾛｳ",
      note: "普通預金の残高は480円: 口座振替は残高不足になる",
      birthDate: "2001-12-31",
      opening: { ordinary: 480, savings: 0, busy: false },
      verification: { verified: true },
    }),
    customer(3, {
      id: "reiko",
      name: "髙﨑 例子",
      nameKana: "タカサキ レイコ",
      accountNameKana: "ﾀｶｻｷ ﾚｲｺ",
      note: "氏名に異体字(髙・﨑)、住所に建物名がある",
      birthDate: "1985-02-28",
      gender: "female",
      phoneNumber: "0000000003",
      opening: { ordinary: 235_000, savings: 120_000, busy: false },
      building: "ヴィラ・サンプル 弐番館 301号室",
    }),
    customer(4, {
      id: "jiro",
      name: "架空 次郎",
      nameKana: "カクウ ジロウ",
      accountNameKana: "ｶｸｳ ｼﾞﾛｳ",
      note: "このパートナーとは口座連携ができない: 同意の画面で終わる",
      birthDate: "1978-07-07",
      opening: { ordinary: 90_000, savings: 10_000, busy: false },
      linkable: false,
    }),
    customer(5, {
      id: "saburo",
      name: "試験 三郎",
      nameKana: "シケン サブロウ",
      accountNameKana: "ｼｹﾝ ｻﾌﾞﾛｳ",
      note: "口座振替は受付時には処理中(processing)で、次の照会で完了する",
      birthDate: "1969-11-23",
      gender: "male",
      opening: { ordinary: 310_000, savings: 0, busy: false },
      settles: "at-inquiry",
    }),
    customer(6, {
      id: "shiro",
      name: "仮名 四郎",
      nameKana: "カメイ シロウ",
      accountNameKana: "ｶﾒｲ ｼﾛｳ",
      note: "普通預金の残高がマイナス(貸越)",
      birthDate: "1995-01-15",
      opening: { ordinary: -12_000, savings: 0, busy: false },
    }),
  ];
}

type Sample = Pick<Customer, "id" | "name" | "nameKana" | "accountNameKana" | "note" | "opening"> &
  Partial<Pick<Customer, "linkable" | "settles">> &
  Pick<Identity, "birthDate"> &
  Partial<Pick<Identity, "gender" | "phoneNumber" | "verification">> & { readonly building?: string };

function customer(number: number, sample: Sample): Customer {
  const { name, nameKana, birthDate, gender, phoneNumber, building } = sample;
  const account = (accountTypeCode: SandboxAccount["accountTypeCode"], serial: number): SandboxAccount => ({
    accountId: `acc-${sample.id}-${accountTypeCode}`,
    accountTypeCode,
    accountNumber: String(serial).padStart(7, "0"),
  });
  return {
    id: sample.id,
    password: `sandbox-${sample.id}`,
    name,
    note: sample.note,
    accounts: [account("ordinary", 1200 + number), account("savings", 3400 + number)],
    subject: createHash("sha256").update(`sandbox customer ${sample.id}`).digest("hex").slice(0, 32),
    nameKana,
    accountNameKana: sample.accountNameKana,
    identity: {
      name,
      nameKana,
      birthDate,
      ...(gender === undefined ? {} : { gender }),
      address: {
        ...HOME,
        ...(building === undefined ? {} : { building }),
        formatted: building === undefined ? HOME_FORMATTED : `${HOME_FORMATTED} ${building}`,
      },
      ...(phoneNumber === undefined ? {} : { phoneNumber }),
      verification: sample.verification ?? CHECKED,
    },
    opening: sample.opening,
    linkable: sample.linkable ?? true,
    settles: sample.settles ?? "at-once",
  };
}
