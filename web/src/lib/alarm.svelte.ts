// What rings: a case of weight that opened, or an alert that went out to operators. It rings on every
// page until somebody takes note here, takes the case anywhere, or ten minutes are over: a wall has
// no hand. The bell is heard only where it was asked for.
import { ask } from './api';
import { ring } from './bell';
import { listen } from './live.svelte';
import type { Case, Severity } from './types';

export interface Ringing {
	case: number;
	severity: Severity;
	at: number;
	what: Case | null; // null until it was asked for
}

const most = 20;
const minutes = 10;
const again = 15_000; // ms: a critical one is heard so often

const state = $state<{ ringing: Ringing[]; sound: boolean }>({ ringing: [], sound: localStorage.getItem('sound') === 'on' });

export const alarm = {
	get ringing(): Ringing[] {
		return state.ringing;
	},
	get sound(): boolean {
		return state.sound;
	},
};

export function setSound(on: boolean): void {
	state.sound = on;
	localStorage.setItem('sound', on ? 'on' : 'off');
	if (on) ring();
}

/** Somebody has seen it. */
export function hush(id: number): void {
	state.ringing = state.ringing.filter((one) => one.case !== id);
}

function begin(id: number, severity: Severity): void {
	if (id === 0 || state.ringing.some((one) => one.case === id)) return;
	state.ringing = [{ case: id, severity, at: Date.now(), what: null }, ...state.ringing].slice(0, most);
	if (state.sound) ring();
	ask<{ case: Case }>('/cases/' + id).then(({ case: what }) => {
		const found = state.ringing.find((one) => one.case === id);
		if (found) found.what = what;
	}, () => {});
}

const grave = (severity: unknown): severity is Severity => severity === 'high' || severity === 'critical';
const quieting = /^(assigned|closed|reopened|false_alarm|suppressed|merged)$/;

/** Watch what is live; the answer ends it. */
export function watchAlarms(): () => void {
	let heard = Date.now();
	const end = listen((name, data) => {
		if (name === 'alert' && grave(data.severity)) begin(Number(data.case), data.severity);
		if (name !== 'case') return;
		if (data.action === 'opened' && grave(data.severity)) begin(Number(data.case), data.severity);
		else if (quieting.test(String(data.action))) hush(Number(data.case));
	});
	const timer = setInterval(() => {
		const now = Date.now();
		if (state.ringing.some((one) => now - one.at > minutes * 60_000)) state.ringing = state.ringing.filter((one) => now - one.at <= minutes * 60_000);
		if (state.sound && now - heard >= again && state.ringing.some((one) => one.severity === 'critical')) {
			heard = now;
			ring();
		}
	}, 2000);
	return () => {
		end();
		clearInterval(timer);
	};
}
