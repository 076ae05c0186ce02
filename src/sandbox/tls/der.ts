/**
 * Writes the few ASN.1 values that certificates and requests for them are made of, in DER.
 *
 * @module
 */

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...length(content.length)]), content]);
}

function length(size: number): number[] {
  if (size < 0x80) return [size];
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

export function sequence(...items: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(items));
}

export function set(...items: Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(items));
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.from([value ? 0xff : 0x00]));
}

/** A non-negative integer, most significant byte first. A leading zero keeps the sign bit clear. */
export function integer(bytes: Buffer): Buffer {
  return tagged(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([unusedBits]), content]));
}

export function octetString(content: Buffer): Buffer {
  return tagged(0x04, content);
}

export function utf8String(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text, "utf8"));
}

/** Letters, digits and a few signs; that there are no others is for the caller to see to. */
export function printableString(text: string): Buffer {
  return tagged(0x13, Buffer.from(text, "ascii"));
}

/** ASCII; that it is no more is for the caller to see to. */
export function ia5String(text: string): Buffer {
  return tagged(0x16, Buffer.from(text, "ascii"));
}

/** The value of what has none. */
export function nothing(): Buffer {
  return tagged(0x05, Buffer.alloc(0));
}

/** An object identifier from its dotted form, such as `2.5.4.3`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...arcs] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of arcs) {
    const digits = [arc & 0x7f];
    for (let rest = arc >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** A point in time: UTCTime until 2049, GeneralizedTime after, as RFC 5280 section 4.1.2.5 has it. */
export function time(moment: Date): Buffer {
  const digits = `${moment.toISOString().replace(/\.\d+Z$|[-:T]/g, "")}Z`;
  return moment.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

/** A context-specific value that wraps another: `[number] EXPLICIT`. */
export function explicit(number: number, content: Buffer): Buffer {
  return tagged(0xa0 | number, content);
}

/** A context-specific value in the place of a primitive one: `[number] IMPLICIT`. */
export function implicit(number: number, content: Buffer): Buffer {
  return tagged(0x80 | number, content);
}
