/**
 * The private key of the client certificate.
 *
 * @module
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import type { Material } from "./certificate-files.js";
import { wrongFormat } from "./conversion.js";
import { type Finding, ok, problem, quoted } from "./finding.js";
import { formatOf } from "./format.js";

/** FAPI 2.0 SP 5.4.1. The names are OpenSSL's. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/** Opens the key, or says why it does not open. */
export function examineKey(material: Material): { readonly key?: KeyObject; readonly findings: readonly Finding[] } {
  const { key: bytes, passphrase, names, paths } = material;
  if (bytes === undefined) return { findings: [] };
  const text = bytes.toString("latin1");
  const format = formatOf(bytes);
  if (format !== "key" && format !== "both") {
    return { findings: [wrongFormat("key", format, { name: names.key, path: paths.key }, { bytes, passphrase })] };
  }
  try {
    const key = createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
    return { key, findings: [examineStrength(key, names.key)] };
  } catch {
    return { findings: [locked(text, passphrase !== undefined, names.key, paths.key)] };
  }
}

function locked(text: string, given: boolean, name: string, path: string | undefined): Finding {
  const command = path === undefined ? {} : { command: `openssl pkey -in ${quoted(path)} -noout` };
  if (!text.includes("ENCRYPTED")) {
    return problem(
      "certificate.key-format",
      { en: "The private key is damaged", ja: "秘密鍵のデータが壊れています" },
      {
        why: { en: "It can't be read.", ja: "読み取れません。" },
        fix: {
          en: "Copy the file again, whole and as text: often a line was lost, or line breaks became \\n.",
          ja: "ファイルをもう一度、全体をテキストのままコピーしてください。行の欠落や、改行が \\n になっていることがよくあります。",
        },
        ...command,
      },
      name,
    );
  }
  // DES and RC2, as OpenSSL 3 calls them legacy: pbeWithMD5AndDES-CBC and the like.
  return problem(
    "certificate.passphrase",
    given
      ? { en: "The passphrase does not open the private key", ja: "パスフレーズが秘密鍵と一致しません" }
      : {
          en: "The private key is encrypted, and no passphrase is given",
          ja: "秘密鍵が暗号化されていますが、パスフレーズの指定がありません",
        },
    {
      why: { en: "The key can't be used.", ja: "秘密鍵を使用できません。" },
      fix: given
        ? {
            en: "Correct certificate.passphrase (MINNA_KEY_PASSPHRASE): watch for $, # and quotes in the file of variables. The command asks for it.",
            ja: "certificate.passphrase(MINNA_KEY_PASSPHRASE)を修正してください。変数ファイルでの $、#、引用符の扱いに注意してください。次のコマンドで確かめられます。",
          }
        : {
            en: "Set certificate.passphrase (MINNA_KEY_PASSPHRASE). The command asks for it, to try.",
            ja: "certificate.passphrase(MINNA_KEY_PASSPHRASE)を設定してください。次のコマンドで確かめられます。",
          },
      ...command,
    },
    name,
  );
}

function examineStrength(key: KeyObject, name: string): Finding {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? "";
  const curve = namedCurve === undefined ? undefined : CURVES[namedCurve];
  const shown =
    modulusLength === undefined
      ? `${type.toUpperCase()}${namedCurve === undefined ? "" : ` ${curve ?? namedCurve}`}`
      : `${type.toUpperCase()} ${modulusLength} bit`;
  const weak = (modulusLength !== undefined && modulusLength < 2048) || (namedCurve !== undefined && !curve);
  if (!weak) return ok("certificate.key", { en: `Key: ${shown}`, ja: `秘密鍵: ${shown}` });
  return problem(
    "certificate.key-strength",
    {
      en: `The key is too weak, or of a kind that is not allowed: ${shown}`,
      ja: `秘密鍵の強度または種類が要件を満たしません: ${shown}`,
    },
    {
      why: {
        en: "FAPI asks for RSA of at least 2048 bits, or elliptic curves such as P-256.",
        ja: "FAPI では、RSA 2048 ビット以上、または P-256 などの楕円曲線が必要です。",
      },
      fix: {
        en: "Make a new key and a new CSR, and have a new certificate issued.",
        ja: "新しい鍵と CSR を作成し、証明書の再発行を受けてください。",
      },
      command: "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out client.key.pem",
    },
    name,
  );
}
