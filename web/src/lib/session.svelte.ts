// Who is here. The token against forged requests lives in memory alone.
import { ask, onEnd, Problem, setToken, tell } from './api';
import { readPreferences } from './preferences.svelte';
import type { Me, Role } from './types';

type Standing = 'unknown' | 'out' | 'ended' | 'in' | 'offline';

const state = $state<{ standing: Standing; me: Me | null }>({ standing: 'unknown', me: null });

export const session = {
	get standing(): Standing {
		return state.standing;
	},
	get me(): Me | null {
		return state.me;
	},
	get role(): Role | null {
		return state.me?.account.role ?? null;
	},
};

/** May the one who is here do what these roles may? The hub decides; this only hides what it refuses. */
export function may(...roles: Role[]): boolean {
	return state.me !== null && roles.includes(state.me.account.role);
}

export const actors: Role[] = ['analyst', 'operator', 'administrator'];
export const staff: Role[] = ['analyst', 'operator', 'inspector', 'administrator'];

onEnd(() => {
	if (state.standing === 'in') state.standing = 'ended';
});

let known = 0; // whose preferences were taken over

export async function look(): Promise<void> {
	try {
		const me = await ask<Me>('/me');
		setToken(me.csrf ?? '');
		state.me = me;
		state.standing = 'in';
		if (known !== me.account.id) void readPreferences(me.account.language);
		known = me.account.id;
	} catch (error) {
		if (error instanceof Problem && error.status === 401) state.standing = state.me === null ? 'out' : 'ended';
		else if (state.me === null) state.standing = 'offline';
	}
}

export async function signIn(name: string, password: string, code: string): Promise<void> {
	const before = state.me?.account.id;
	const answer = await tell<{ csrf: string }>('POST', '/sign-in', { name, password, ...(code === '' ? {} : { code }) });
	setToken(answer.csrf);
	await look();
	// what another person had open is not shown to this one
	if (before !== undefined && before !== state.me?.account.id) location.assign('/');
}

export async function signOut(): Promise<void> {
	await tell('POST', '/sign-out');
	setToken('');
	location.assign('/');
}
