// Checks that an act is in the hub's ledger, by this browser's own computation: the leaf's hash and
// the path to the root (RFC 9162, 2.1.3.2), the signed head (C2SP signed-note and tlog-checkpoint,
// Ed25519), and that this browser has seen no other history before.
import type { Word } from './words';

export type Verdict =
	| { good: true; index: number; size: number; root: string; leaf: Leaf; path: string[]; note: string }
	| { good: false; why: Word };

export interface Leaf {
	kind: number;
	who: number;
	whenUs: bigint;
	authority: string;
	object: string;
}

/** What the desk says the act is; the leaf must say the same. */
export interface Claim {
	account: number;
	digest: string;
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
	const raw = atob(base64);
	return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

export function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

async function sha256(...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
	const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
}

const equal = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** The root that leaf and path lead to, or null when the path has a wrong length. */
export async function rootOf(leaf: Uint8Array, index: number, size: number, path: Uint8Array[]): Promise<Uint8Array<ArrayBuffer> | null> {
	if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
	let fn = index;
	let sn = size - 1;
	let hash = await sha256(Uint8Array.of(0), leaf);
	for (const p of path) {
		if (p.length !== 32 || sn === 0) return null;
		if (fn % 2 === 1 || fn === sn) {
			hash = await sha256(Uint8Array.of(1), p, hash);
			while (fn % 2 === 0 && fn !== 0) {
				fn = fn / 2;
				sn = Math.floor(sn / 2);
			}
		} else hash = await sha256(Uint8Array.of(1), hash, p);
		fn = Math.floor(fn / 2);
		sn = Math.floor(sn / 2);
	}
	return sn === 0 ? hash : null;
}

export function leafOf(bytes: Uint8Array): Leaf | null {
	if (bytes.length !== 84) return null;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	if (view.getUint16(0) !== 1) return null;
	return {
		kind: view.getUint16(2),
		who: Number(view.getBigUint64(4)),
		whenUs: view.getBigUint64(12),
		authority: hex(bytes.subarray(20, 52)),
		object: hex(bytes.subarray(52, 84)),
	};
}

/** Is `note` signed by `key` ("name+keyid+base64")? */
export async function isSigned(note: string, key: string): Promise<'yes' | 'no' | 'other' | 'cannot'> {
	const split = /^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(key.trim());
	const end = note.lastIndexOf('\n\n');
	if (!split || end < 0) return 'other';
	const [, name = '', id = '', encoded = ''] = split;
	const material = bytesOf(encoded);
	const text = new TextEncoder();
	if (material.length !== 33 || material[0] !== 1) return 'other';
	if (hex((await sha256(text.encode(name + '\n'), material)).subarray(0, 4)) !== id) return 'other';
	let known: CryptoKey;
	try {
		known = await crypto.subtle.importKey('raw', material.subarray(1), { name: 'Ed25519' }, false, ['verify']);
	} catch {
		return 'cannot';
	}
	for (const line of note.slice(end + 2).split('\n')) {
		const found = /^— (.+) ([A-Za-z0-9+/=]+)$/.exec(line);
		if (!found || found[1] !== name) continue;
		const signature = bytesOf(found[2] ?? '');
		if (signature.length !== 68 || hex(signature.subarray(0, 4)) !== id) continue;
		return (await crypto.subtle.verify({ name: 'Ed25519' }, known, signature.subarray(4), text.encode(note.slice(0, end + 1)))) ? 'yes' : 'no';
	}
	return 'other';
}

// The newest head that this browser has seen, by key: a log that went back or differs is not the same.
function remember(key: string, size: number, root: string): Word | null {
	const name = 'head.' + key.trim();
	let had: { size: number; root: string } | null = null;
	try {
		had = JSON.parse(localStorage.getItem(name) ?? 'null');
	} catch {
		had = null;
	}
	if (had && had.size === size && had.root !== root) return 'ledger.why.fork';
	if (had && had.size > size) return 'ledger.why.older';
	localStorage.setItem(name, JSON.stringify({ size, root }));
	return null;
}

export async function check(proof: string, key: string, claim: Claim): Promise<Verdict> {
	const bad = (why: Word): Verdict => ({ good: false, why });
	if (!globalThis.crypto?.subtle) return bad('ledger.why.crypto');
	const parts = /^c2sp\.org\/tlog-proof@v1\nextra ([A-Za-z0-9+/=]+)\nindex (\d+)\n((?:[A-Za-z0-9+/=]{44}\n)*)\n([^]+)$/.exec(proof);
	if (!parts) return bad('ledger.why.form');
	const note = parts[4] ?? '';
	const head = /^(.+)\n(\d+)\n([A-Za-z0-9+/=]{44})\n/.exec(note);
	if (!head) return bad('ledger.why.form');
	// the salt of the object may follow the act's 84 bytes: it is no part of the leaf
	const extra = bytesOf(parts[1] ?? '');
	if (extra.length !== 84 && extra.length !== 100) return bad('ledger.why.form');
	const leafBytes = extra.slice(0, 84);
	const leaf = leafOf(leafBytes);
	const path = (parts[3] ?? '').split('\n').filter((line) => line !== '');
	const index = Number(parts[2]);
	const size = Number(head[2]);
	const root = bytesOf(head[3] ?? '');
	if (!leaf) return bad('ledger.why.form');
	if (leaf.who !== claim.account || leaf.object !== claim.digest) return bad('ledger.why.act');
	const computed = await rootOf(leafBytes, index, size, path.map(bytesOf));
	if (!computed || !equal(computed, root)) return bad('ledger.why.root');
	const signed = await isSigned(note, key);
	if (signed !== 'yes') return bad(signed === 'cannot' ? 'ledger.why.crypto' : signed === 'no' ? 'ledger.why.signature' : 'ledger.why.key');
	const changed = remember(key, size, hex(root));
	if (changed) return bad(changed);
	return { good: true, index, size, root: hex(root), leaf, path, note };
}
