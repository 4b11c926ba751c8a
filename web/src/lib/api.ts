// Everything the page knows comes through here: /api/v1, with the session's cookie and its token.
import { language } from './language.svelte';

/** A refusal, in words for the reader. */
export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		detail: string,
		readonly column = 0,
		readonly wait = 0,
	) {
		super(detail);
	}
}

type Value = string | number | boolean | undefined | null;
interface Options {
	query?: Record<string, Value>;
	body?: unknown;
	text?: string; // a body as it is
	signal?: AbortSignal;
}

let csrf = '';
let ended: () => void = () => {};

export function setToken(token: string): void {
	csrf = token;
}

/** Called when the hub says that nobody is signed in any more. */
export function onEnd(call: () => void): void {
	ended = call;
}

export function pathWith(path: string, query: Record<string, Value>): string {
	const values = new URLSearchParams();
	for (const [name, value] of Object.entries(query))
		if (value !== undefined && value !== null && value !== '') values.set(name, String(value));
	const text = values.toString();
	return text === '' ? path : path + '?' + text;
}

async function problemOf(answer: Response): Promise<Problem> {
	const wait = Number(answer.headers.get('Retry-After') ?? 0);
	try {
		const p = await answer.json();
		return new Problem(answer.status, String(p.code), String(p.detail), Number(p.column ?? 0), wait);
	} catch {
		return new Problem(answer.status, 'failed', answer.statusText || String(answer.status), 0, wait);
	}
}

async function send(method: string, path: string, options: Options, again = 2): Promise<Response> {
	const headers: Record<string, string> = {};
	if (options.body !== undefined) headers['Content-Type'] = 'application/json';
	if (options.text !== undefined) headers['Content-Type'] = 'text/plain';
	if (method !== 'GET' && csrf !== '') headers['X-CSRF-Token'] = csrf;
	let answer: Response;
	try {
		answer = await fetch(pathWith('/api/v1' + path, { ...options.query, lang: language.now }), {
			method,
			headers,
			body: options.body === undefined ? options.text : JSON.stringify(options.body),
			signal: options.signal,
			credentials: 'same-origin',
			cache: 'no-store',
		});
	} catch (error) {
		if (error instanceof DOMException && error.name === 'AbortError') throw error;
		throw new Problem(0, 'offline', '');
	}
	if (answer.ok) return answer;
	// who clicks faster than the hub lets one ask waits a moment, and sees no refusal
	const wait = Number(answer.headers.get('Retry-After') ?? 0);
	if (answer.status === 429 && method === 'GET' && wait > 0 && wait <= 3 && again > 0) {
		await new Promise((done) => setTimeout(done, wait * 1000));
		if (options.signal?.aborted) throw new DOMException('', 'AbortError');
		return send(method, path, options, again - 1);
	}
	const problem = await problemOf(answer);
	if (answer.status === 401 && problem.code === 'sign-in' && path !== '/me') ended();
	throw problem;
}

export async function ask<T>(path: string, query?: Record<string, Value>, signal?: AbortSignal): Promise<T> {
	return (await send('GET', path, { query, signal })).json() as Promise<T>;
}

export async function askText(path: string): Promise<string> {
	return (await send('GET', path, {})).text();
}

/** The text of an answer with one of its headers. */
export async function askWith(header: string, path: string, query: Record<string, Value>, signal?: AbortSignal): Promise<{ text: string; header: string | null }> {
	const answer = await send('GET', path, { query, signal });
	return { header: answer.headers.get(header), text: await answer.text() };
}

export async function tell<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
	return (await send(method, path, { body })).json() as Promise<T>;
}

/** A signed note and the like goes as it is. */
export async function tellText<T>(path: string, text: string): Promise<T> {
	return (await send('POST', path, { text })).json() as Promise<T>;
}
