// Acts on cases, with words about them and a way back where a slip hurts.
import { Problem, tell } from './api';
import { t } from './language.svelte';
import { toast } from './toast.svelte';
import type { Case } from './types';
import type { Word } from './words';

export interface CaseAct {
	action: 'assign' | 'note' | 'title' | 'close' | 'reopen' | 'false-alarm' | 'suppress' | 'merge' | 'split';
	text?: string;
	account?: number;
	into?: number;
	until?: string;
	findings?: number[];
}

export function wordsOf(error: unknown): string {
	if (error instanceof Problem && error.code === 'offline') return t('offline');
	if (error instanceof Problem && error.wait > 0) return t('wait', { s: error.wait });
	return error instanceof Error ? error.message : String(error);
}

async function send(ids: number[], act: CaseAct): Promise<{ case?: number }> {
	return ids.length === 1 && act.action !== 'merge'
		? tell('POST', `/cases/${ids[0]}/actions`, act)
		: tell('POST', '/cases/actions', { ...act, cases: ids });
}

/** What leads back from `act`, or nothing. */
function backOf(cases: Case[], act: CaseAct): { ids: number[]; act: CaseAct }[] {
	if (act.action === 'close' || act.action === 'false-alarm' || act.action === 'suppress') {
		const open = cases.filter((one) => one.state === 'new' || one.state === 'open').map((one) => one.id);
		return open.length === cases.length ? [{ ids: open, act: { action: 'reopen', text: t('undo') } }] : [];
	}
	if (act.action === 'assign') return cases.map((one) => ({ ids: [one.id], act: { action: 'assign', account: one.assignee ?? 0 } }));
	if (act.action === 'title') return cases.map((one) => ({ ids: [one.id], act: { action: 'title', text: one.title } }));
	return [];
}

/** Do it, and say so; true when it is done. */
export async function actOn(cases: Case[], act: CaseAct, after: () => void): Promise<{ case?: number } | null> {
	const ids = cases.map((one) => one.id);
	try {
		const done = await send(ids, act);
		const back = act.action === 'split' && done.case !== undefined && cases[0] ? [{ ids: [done.case], act: { action: 'merge' as const, into: cases[0].id, text: t('undo') } }] : backOf(cases, act);
		const undo = async () => {
			try {
				for (const step of back) await send(step.ids, step.act);
				toast(t('undone'));
			} catch (error) {
				toast(wordsOf(error), { bad: true });
			}
			after();
		};
		toast(t(`done.${act.action}` as Word, { id: done.case ?? act.into ?? '' }), back.length > 0 ? { undo: () => void undo() } : {});
		after();
		return done;
	} catch (error) {
		toast(wordsOf(error), { bad: true });
		return null;
	}
}
