// Times: UTC and the reader's own, always both.

const two = (n: number) => String(n).padStart(2, '0');

export interface Moment {
	iso: string;
	utc: string; // 2026-11-22 03:06:16
	local: string; // 12:06:16, with its date where that differs
	zone: string; // UTC+9
}

function zoneOf(at: Date): string {
	const minutes = -at.getTimezoneOffset();
	const sign = minutes < 0 ? '−' : '+';
	const hours = Math.floor(Math.abs(minutes) / 60);
	const rest = Math.abs(minutes) % 60;
	return 'UTC' + sign + hours + (rest > 0 ? ':' + two(rest) : '');
}

export function momentOf(text: string, seconds = true): Moment {
	const at = new Date(text);
	const date = at.getUTCFullYear() + '-' + two(at.getUTCMonth() + 1) + '-' + two(at.getUTCDate());
	const own = at.getFullYear() + '-' + two(at.getMonth() + 1) + '-' + two(at.getDate());
	const tail = (s: number) => (seconds ? ':' + two(s) : '');
	return {
		iso: text,
		utc: date + ' ' + two(at.getUTCHours()) + ':' + two(at.getUTCMinutes()) + tail(at.getUTCSeconds()),
		local: (own === date ? '' : own.slice(5) + ' ') + two(at.getHours()) + ':' + two(at.getMinutes()) + tail(at.getSeconds()),
		zone: zoneOf(at),
	};
}

/** "5 s", "12 min", "3 h", "4 d" for so many seconds. */
export function lengthOf(seconds: number): string {
	const s = Math.max(0, Math.round(seconds));
	if (s < 90) return s + ' s';
	if (s < 90 * 60) return Math.round(s / 60) + ' min';
	if (s < 36 * 3600) return Math.round(s / 3600) + ' h';
	return Math.round(s / 86400) + ' d';
}
