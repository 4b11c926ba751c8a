// Which view a path shows, and in which group of the menu it stands.
import type { IconName } from './parts/Icon.svelte';
import type { Word } from './lib/words';
import type { Role } from './lib/types';
import { staff } from './lib/session.svelte';

export const views: { path: RegExp; load: () => Promise<{ default: unknown }> }[] = [
	{ path: /^\/now$/, load: () => import('./pages/Now.svelte') },
	{ path: /^\/wall$/, load: () => import('./pages/Now.svelte') },
	{ path: /^\/cases$/, load: () => import('./pages/Cases.svelte') },
	{ path: /^\/cases\/(\d+)$/, load: () => import('./pages/Case.svelte') },
	{ path: /^\/explore$/, load: () => import('./pages/Explore.svelte') },
	{ path: /^\/addresses(?:\/([^/]+))?$/, load: () => import('./pages/Address.svelte') },
	{ path: /^\/sensors$/, load: () => import('./pages/Sensors.svelte') },
	{ path: /^\/decoys$/, load: () => import('./pages/Decoys.svelte') },
	{ path: /^\/decoys\/(\d+\/sessions\/\d+\.\d+)$/, load: () => import('./pages/DecoySession.svelte') },
	{ path: /^\/owners$/, load: () => import('./pages/Owners.svelte') },
	{ path: /^\/owners\/(\d+)$/, load: () => import('./pages/Owner.svelte') },
	{ path: /^\/ledger(?:\/(\d+))?$/, load: () => import('./pages/Ledger.svelte') },
	{ path: /^\/rules$/, load: () => import('./pages/Rules.svelte') },
	{ path: /^\/reports$/, load: () => import('./pages/Report.svelte') },
	{ path: /^\/accounts$/, load: () => import('./pages/Accounts.svelte') },
	{ path: /^\/authorities(?:\/([0-9a-f]{64}))?$/, load: () => import('./pages/Authorities.svelte') },
	{ path: /^\/silence$/, load: () => import('./pages/Silence.svelte') },
	{ path: /^\/settings$/, load: () => import('./pages/Settings.svelte') },
	{ path: /^\/me$/, load: () => import('./pages/Me.svelte') },
];

export const menu: { href: string; word: Word; icon: IconName; key: string; roles?: Role[] }[] = [
	{ href: '/now', word: 'nav.now', icon: 'now', key: 'n', roles: staff },
	{ href: '/cases', word: 'nav.cases', icon: 'cases', key: 'c' },
	{ href: '/explore', word: 'nav.explore', icon: 'explore', key: 'e', roles: staff },
	{ href: '/addresses', word: 'nav.addresses', icon: 'addresses', key: 'a' },
	{ href: '/owners', word: 'nav.owners', icon: 'owners', key: 'o' },
	{ href: '/sensors', word: 'nav.sensors', icon: 'sensors', key: 's', roles: staff },
	{ href: '/decoys', word: 'nav.decoys', icon: 'decoys', key: 'd', roles: staff },
	{ href: '/ledger', word: 'nav.ledger', icon: 'ledger', key: 'l', roles: staff },
	{ href: '/rules', word: 'nav.rules', icon: 'rules', key: 'R', roles: staff },
	{ href: '/reports', word: 'nav.reports', icon: 'reports', key: 'r', roles: staff },
	{ href: '/silence', word: 'nav.silence', icon: 'silence', key: 'q', roles: staff },
	{ href: '/authorities', word: 'nav.authorities', icon: 'authorities', key: 'h', roles: staff },
	{ href: '/settings', word: 'nav.settings', icon: 'settings', key: 't', roles: ['operator', 'inspector', 'administrator'] },
	{ href: '/accounts', word: 'nav.accounts', icon: 'accounts', key: 'u', roles: ['administrator', 'inspector'] },
	{ href: '/me', word: 'nav.me', icon: 'me', key: 'm' },
];
