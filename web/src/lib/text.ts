// Texts that strangers wrote, made safe to look at. HTML is escaped by Svelte; this is for what
// else a text can do to a reader: turn the direction of the line, hide, or be endless.

// Controls, marks of direction, and characters without width.
// eslint-disable-next-line no-control-regex
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g;

/** The text with hidden characters written out as their numbers. */
export function visible(text: string): string {
	return text.replace(hidden, (c) => '⟨U+' + (c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0') + '⟩');
}

/** At most `most` characters of it, and whether that is all. */
export function cut(text: string, most: number): { text: string; whole: boolean } {
	if (text.length <= most) return { text, whole: true };
	const end = (text.charCodeAt(most - 1) & 0xfc00) === 0xd800 ? most - 1 : most;
	return { text: text.slice(0, end) + '…', whole: false };
}

/** tcp for 6, and so on (IANA). */
export function protoName(number: number): string {
	return ({ 1: 'icmp', 2: 'igmp', 6: 'tcp', 17: 'udp', 47: 'gre', 50: 'esp', 58: 'icmp6', 132: 'sctp' } as Record<number, string>)[number] ?? String(number);
}
