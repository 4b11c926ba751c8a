// What the pages about decoys share: words for events, and lengths as a clock has them.
import { t } from './language.svelte';
import { isWord, type Word } from './words';

export interface DecoyEvent {
	time: string;
	event: string;
	channel: number;
	text: string;
}

/** 75.2 as 1:15. */
export function clock(seconds: number): string {
	const s = Math.max(0, Math.floor(seconds));
	const two = (n: number) => String(n).padStart(2, '0');
	return s < 3600 ? Math.floor(s / 60) + ':' + two(s % 60) : Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
}

const closes: Record<string, Word> = { 'the client went': 'close.client', 'the service ended it': 'close.service', timeout: 'close.timeout', 'a limit of ours': 'close.limit', 'the client broke the protocol': 'close.error', stopped: 'close.stop' };
// what the hub puts before a stranger's words, which the label says already
const before = /^(connected|client|fingerprint|command:|would download|would connect to|would forward to|file|honeytoken used:|note:|channel \d+: ?|terminal) ?/;

/** The kind of an event in the reader's words, what it says, and how a log-in ended. */
export function partsOf(one: DecoyEvent): { label: string; text: string; verdict: 'accepted' | 'refused' | '' } {
	const word = 'event.' + one.event;
	const label = t(isWord(word) ? word : 'event.other');
	const login = one.event === 'credential' ? /^log-in (accepted|refused): ?/.exec(one.text) : null;
	if (login) return { label, text: one.text.slice(login[0].length), verdict: login[1] === 'accepted' ? 'accepted' : 'refused' };
	if (one.event === 'close') return { label, text: Object.hasOwn(closes, one.text) ? t(closes[one.text] ?? 'event.other') : one.text, verdict: '' };
	const status = one.event === 'channel-end' ? /status (\d+)$/.exec(one.text) : null;
	if (status) return { label, text: t('event.status', { n: status[1] ?? '' }), verdict: '' };
	return { label, text: one.text.replace(before, ''), verdict: '' };
}
