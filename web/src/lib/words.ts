// Every text of the page: English, Japanese; by part in src/words. The type makes a missing one a
// mistake of the build.
import { oneCase } from '../words/case';
import { cases } from '../words/cases';
import { decoys } from '../words/decoys';
import { explore } from '../words/explore';
import { frame } from '../words/frame';
import { ledger } from '../words/ledger';
import { now } from '../words/now';
import { owners } from '../words/owners';
import { people } from '../words/people';
import { reports } from '../words/reports';
import { rules } from '../words/rules';
import { sensors } from '../words/sensors';
import { trust } from '../words/trust';

export type Texts = Record<string, readonly [en: string, ja: string]>;

export const words = { ...frame, ...cases, ...oneCase, ...now, ...sensors, ...decoys, ...owners, ...ledger, ...explore, ...rules, ...people, ...reports, ...trust } as const satisfies Texts;

export type Word = keyof typeof words;

/** Is there a text for it? For words that are made of a prefix and a name from the hub. */
export function isWord(name: string): name is Word {
	return Object.hasOwn(words, name);
}
