// What the API answers, as schema/openapi.json has it: the members that the page uses.

export type Role = 'analyst' | 'operator' | 'member' | 'inspector' | 'administrator';
export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type CaseState = 'new' | 'open' | 'closed' | 'false_alarm' | 'suppressed' | 'merged';

export interface Account {
	id: number;
	name: string;
	display: string;
	role: Role;
	organisation: number | null;
	language: '' | 'en' | 'ja';
	state: 'invited' | 'active' | 'locked' | 'closed';
	second_factor: boolean;
	created: string | null;
	signed_in: string | null;
}

export interface Me {
	account: Account;
	recovery_codes_left?: number;
	second_factor_needed: boolean;
	csrf?: string;
	hub: string;
	version: string;
	expires: string | null;
}

export interface Case {
	id: number;
	title: string;
	title_ja: string;
	kind: string;
	subject: string;
	state: CaseState;
	severity: Severity;
	organisation: number | null;
	handle: string;
	device: string;
	campaign: string;
	assignee: number | null;
	assignee_name: string;
	opened: string | null;
	updated: string | null;
	first: string | null;
	last: string | null;
	closed: string | null;
	reason: string;
	until: string | null;
	merged_into: number | null;
	reopened: number;
	findings: number;
	live: number;
}

export interface Finding {
	id: number;
	kind: string;
	subject_type: string;
	subject: string;
	address: string | null;
	organisation: number | null;
	handle: string;
	device: string;
	port: number;
	proto: number;
	tool: number;
	confidence: number;
	severity: Severity;
	technique: string;
	first: string | null;
	last: string | null;
	observations: number;
	packets: number;
	bytes: number;
	targets: number;
	sensors: string[];
	query: string;
	live: boolean;
	case: number | null;
	told: string | null;
}

export interface NoticeEvent {
	time: string;
	action: string;
	text: string;
	act?: number;
	ledger?: number;
}

export interface Notice {
	id: number;
	code: string;
	case: number;
	kind: string;
	subject: string;
	device: string;
	owner: string;
	channel: string;
	to: string;
	language: string;
	state: string;
	next: string;
	title: string;
	created: string | null;
	due: string | null;
	sent: string | null;
	first_seen: string | null;
	last_seen: string | null;
	fixed: string | null;
	reminders: number;
	error: string;
	text?: string;
	history?: NoticeEvent[];
}

export interface Both {
	en: string;
	ja: string;
}

/** What a notice says, to whom, and why it does not go. */
export interface NoticePreview {
	final: boolean; // the letter is made: these are its words
	purpose: string | null;
	channel: string | null;
	to: string | null;
	language: string;
	held: { why: string; text: string; text_ja: string } | null;
	due: string | null;
	sent: string | null;
	subject: Both;
	text: Both;
	message: string | null;
}

export interface NoticeMade extends Omit<NoticePreview, 'message'> {
	id: number | null;
	code: string;
	state: string;
	finding: number | null;
	kind: string;
	trouble: string;
	address: string | null;
	device: string;
	organisation: number | null;
	handle: string;
	name: string;
	name_ja: string;
	contact: number | null;
}

export interface Recipient {
	contact: number;
	organisation: number;
	handle: string;
	role: string;
	channel: string;
	address: string;
	language: string;
	state: 'ok' | 'bounced' | 'unreadable' | 'off';
	state_reason: string;
	chosen: boolean;
}

export interface NoticesMade {
	dry_run: boolean;
	notices: NoticeMade[];
	more: boolean;
	known: number[];
	recipients: Recipient[];
}

export interface CaseEvent {
	id: number;
	time: string | null;
	account: number;
	account_name: string;
	action: string;
	text: string;
	finding: number | null;
	act: number | null;
	ledger: number;
}

export interface Alert {
	id: number;
	case: number;
	severity: Severity;
	channel: string;
	address: string;
	text: string;
	created: string | null;
	due: string | null;
	sent: string | null;
	attempts: number;
	error: string;
}

/** A sensor as /status has it. */
export interface SensorHealth {
	sensor: string;
	name: string;
	state: string;
	version: string;
	heard: string | null;
	stored: string | null;
	rows: number;
	batches: number;
	missing: number;
	refused: number;
	lag_us: number;
	clock_offset_us: number;
	dark_addresses: number;
}

export interface Share {
	expected_s: number;
	watched_s: number;
}

export interface Sensor {
	id: string;
	name: string;
	state: 'ok' | 'gaps' | 'silent' | 'never' | 'revoked';
	version: string;
	settings: number; // the version of what it runs; 0 = none but its own
	heard: string | null;
	stored: string | null;
	sequence: number;
	batches: number;
	rows: number;
	missing: number;
	filled: number;
	repeats: number;
	refused: number;
	lag_us: number;
	clock_offset_us: number;
	dark_addresses: number;
	joined: string | null;
	renewed: string | null;
	expires: string | null;
	revoked: string | null;
	watched: { hour: Share; day: Share } | null;
	place: string | null;
	latitude: number | null;
	longitude: number | null;
	gaps?: { first: number; last: number }[];
}

export interface Status {
	version: string;
	hub: string;
	time: string;
	started: string;
	store_rows: number;
	store_bytes: number;
	rows_stored: number;
	sensors?: SensorHealth[];
}

export interface Group {
	time?: string;
	by?: Record<string, unknown>;
	rows: number;
	packets?: number;
	bytes?: number;
	distinct?: number;
	places?: Record<string, { country: string | null; as: number | null; as_name: string | null }>;
}

export interface Answer {
	groups?: Group[];
	groups_found?: number;
	total?: { rows: number; packets?: number; bytes?: number; distinct?: number };
	approximate?: boolean;
	rows?: Record<string, unknown>[];
	more?: boolean;
	since: string | null;
	until: string | null;
	watched: { sensors: number; expected_us: number; watched_us: number; watched_since: string | null };
	flows_alone?: boolean; // packets were added up of flows alone
	effort: { rows_looked: number; rows_matched: number };
}

export interface Organisation {
	id: number;
	handle: string;
	name: string;
	name_ja: string;
	country: string;
	language: string;
	sector: string;
	tlp: string;
	member: boolean;
	source: string;
	updated: string | null;
}

export interface Contact {
	id: number;
	role: string;
	channel: string;
	address: string;
	language: string;
	state: string;
	state_reason: string;
	quiet: string;
	digest: string;
}

export interface Holding {
	id: number;
	kind: string;
	low: string | null;
	high: string | null;
	asn: number | null;
	name: string;
	label: string;
	source: string;
	from: string | null;
	until: string | null;
}

export interface Figure {
	name: string;
	told: number;
	fixed: number;
	reappeared: number;
	open: number;
	waiting: number;
	no_owner: number;
	bounced: number;
	failed: number;
	median_fix_s: number;
	p90_fix_s: number;
}

export interface ReportTotal {
	period: string;
	since: string;
	until: string;
	packets: number;
	bytes: number;
	sources: number;
	approximate: boolean;
	watched: { sensors: number; expected_us: number; watched_us: number };
}

/** A month (2026-10) or a year (2026), beside the one before. */
export interface Report {
	period: string;
	zone: string;
	complete: boolean;
	dark_addresses: number;
	total: ReportTotal;
	previous: ReportTotal;
	series: { name: string; from: string; to: string; packets: number }[];
	ports: { proto: number; dport: number; packets: number; bytes: number; sources: number }[];
	tools: { tool: string | number | null; packets: number; bytes: number }[];
	cases: { kind: string; opened: number; closed: number; false_alarms: number; opened_before: number }[];
	notices: { all: Figure[]; previous: Figure[]; by_sector: Figure[]; by_owner: Figure[]; by_kind: Figure[] };
}

export interface AddressLease {
	low?: string;
	from: string | null;
	until: string | null;
	device: string;
	handle?: string;
	basis: string;
	confidence: number;
}

export interface About {
	address: string;
	time: string;
	owner: {
		organisation: number | null;
		handle: string;
		name: string;
		name_ja: string;
		device: string;
		basis: string;
		confidence: number;
		ambiguous: boolean;
		contested: boolean;
	};
	findings: Finding[];
	cases: Case[];
	notices: { id: number; case: number; code: string; state: string; trouble: string; handle: string; created: string | null; sent: string | null }[];
	leases: AddressLease[];
	counted?: {
		rows: { as: string; kind: string; rows: number; packets: number; bytes: number }[];
		since: string;
		until: string;
		watched: number;
	} | null;
	more: boolean;
}

export interface Act {
	id: number;
	time: string | null;
	account: number;
	account_name: string;
	kind: string;
	text: string;
	text_ja: string;
	authority: string | null;
	object: Record<string, unknown> | null;
	digest: string;
	ledger: number | null;
}

export interface Seen {
	address: string;
	seen: boolean;
	days: number;
	what: { kind: string; text: string; first: string | null; last: string | null }[];
}

export interface Token {
	id: string;
	label: string;
	scopes: string;
	created: string | null;
	used: string | null;
	expires: string | null;
}

export interface Change {
	added: number;
	changed: number;
	removed: number;
	moved: number;
	same: number;
}

export interface Imported {
	organisations: Change;
	contacts: Change;
	holdings: Change;
	conflicts: number;
	lines: string;
}

export interface Authority {
	digest: string;
	number: string;
	kind: string;
	text: string;
	text_ja: string;
	state: 'in-force' | 'not-yet' | 'not-in-ledger' | 'expired' | 'used-up' | 'other-signers' | 'revoked';
	signers: string;
	signed_by: string[];
	requester: string | null;
	from: string | null;
	until: string | null;
	prefixes: string[];
	ports: string[];
	rate: number;
	uses: number;
	used: number;
	added: string | null;
	made: string | null;
	revoked: string | null;
	id: number;
	note?: string;
	revocation?: string;
}

export interface Setting {
	name: string;
	type: 'boolean' | 'number' | 'duration' | 'choice';
	value: string;
	file: string;
	default: string;
	range: string;
	help: string;
	help_ja: string;
}

export interface Rule {
	name: string;
	text: string;
	text_ja: string;
	why: string;
	why_ja: string;
	technique: string | null;
	on: boolean;
	since_start: { rows: number; findings: number; updates: number } | null;
	settings: Setting[];
}

export interface Session {
	id: string;
	address: string | null;
	this: boolean;
	created: string | null;
	used: string | null;
	expires: string | null;
}

export interface DecoySession {
	session: string;
	time: string;
	duration_us: number;
	src: string;
	sport: number;
	dst: string;
	dport: number;
	host: string;
	persona: string;
	service: string;
	credentials: number;
	commands: number;
	files: number;
	downloads: number;
	forwards: number;
	bytes: number;
	login: boolean;
	honeytoken: boolean;
	running: boolean;
	erased: boolean;
}
