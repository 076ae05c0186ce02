/** What the shop sells. */
import type { Language } from "./texts.js";

export interface Product {
  readonly id: string;
  readonly name: Readonly<Record<Language, string>>;
  /** Yen, a whole number. */
  readonly price: number;
  /** Shown in place of a picture. */
  readonly sign: string;
}

export const CATALOGUE: readonly Product[] = [
  { id: "bookmark", name: { ja: "しおり", en: "Bookmark" }, price: 300, sign: "栞" },
  { id: "paperback", name: { ja: "文庫本", en: "Paperback" }, price: 880, sign: "本" },
  {
    id: "collection",
    name: { ja: "文学全集(全48巻)", en: "Collected works, 48 volumes" },
    price: 1_200_000,
    sign: "全",
  },
];
