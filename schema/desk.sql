-- desk - what people work with: owners, findings, cases, notices, accounts (design.md, "desk").
--
-- Times are microseconds since 1970 UTC. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, so that
-- ranges of both families compare as bytes. Text is UTF-8. Words with a CHECK are the field's own;
-- the same words stand in the API and in the manual. Version 1: PRAGMA user_version.

-- ---- who must be told: the directory ----

CREATE TABLE organisation (
	id INTEGER PRIMARY KEY,
	handle TEXT NOT NULL UNIQUE,		-- short name: "example-city"
	name TEXT NOT NULL,
	name_ja TEXT NOT NULL DEFAULT '',
	country TEXT NOT NULL DEFAULT '',	-- ISO 3166-1 alpha-2
	language TEXT NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'ja')),
	sector TEXT NOT NULL DEFAULT '',	-- of data/sectors.csv, or ''
	tlp TEXT NOT NULL DEFAULT 'amber' CHECK (tlp IN ('clear', 'green', 'amber', 'amber+strict', 'red')),
	member INTEGER NOT NULL DEFAULT 0,	-- takes part
	source TEXT NOT NULL DEFAULT '',	-- "csv", "rpsl", "rdap", "hand"
	updated_us INTEGER NOT NULL
) STRICT;

CREATE TABLE contact (
	id INTEGER PRIMARY KEY,
	organisation INTEGER NOT NULL REFERENCES organisation ON DELETE CASCADE,
	role TEXT NOT NULL DEFAULT 'abuse' CHECK (role IN ('abuse', 'security', 'admin', 'tech', 'owner')),
	channel TEXT NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'xarf', 'csv', 'webhook')),
	address TEXT NOT NULL,			-- mail address or URL
	language TEXT NOT NULL DEFAULT '' CHECK (language IN ('', 'en', 'ja')), -- '': the organisation's
	state TEXT NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'bounced', 'unreadable', 'off')),
	state_reason TEXT NOT NULL DEFAULT '',
	state_us INTEGER NOT NULL DEFAULT 0,
	quiet TEXT NOT NULL DEFAULT '',		-- "22:00-07:00 Asia/Tokyo", or ''
	digest TEXT NOT NULL DEFAULT '' CHECK (digest IN ('', 'hour', 'day', 'week')),
	source TEXT NOT NULL DEFAULT '',
	UNIQUE (organisation, channel, address)
) STRICT;

-- What an organisation answers for. The most specific one that holds an address at a time wins.
CREATE TABLE holding (
	id INTEGER PRIMARY KEY,
	organisation INTEGER NOT NULL REFERENCES organisation ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('prefix', 'as', 'name')),
	low BLOB,				-- first and last address of a prefix or range
	high BLOB,
	asn INTEGER,
	name TEXT NOT NULL DEFAULT '',		-- of a domain
	label TEXT NOT NULL DEFAULT '',		-- what the directory calls it: netname
	source TEXT NOT NULL DEFAULT '',
	from_us INTEGER NOT NULL DEFAULT 0,	-- 0: always
	until_us INTEGER NOT NULL DEFAULT 0,
	CHECK (kind <> 'prefix' OR (length(low) = 16 AND length(high) = 16 AND low <= high))
) STRICT;
CREATE INDEX holding_low ON holding (low, high) WHERE kind = 'prefix';
CREATE INDEX holding_organisation ON holding (organisation);

-- Who had an address when (observation.md, "Who it is about").
CREATE TABLE lease (
	id INTEGER PRIMARY KEY,
	low BLOB NOT NULL,
	high BLOB NOT NULL,
	port_low INTEGER NOT NULL DEFAULT 0,	-- of a shared address: 0-65535 = all
	port_high INTEGER NOT NULL DEFAULT 65535,
	from_us INTEGER NOT NULL,
	until_us INTEGER NOT NULL,		-- 0: still
	device TEXT NOT NULL DEFAULT '',	-- stable identity: "mac:...", "circuit:...", "user:..."
	organisation INTEGER REFERENCES organisation ON DELETE SET NULL,
	basis TEXT NOT NULL CHECK (basis IN ('directory', 'dhcp', 'radius', 'nat', 'beat', 'hand')),
	confidence INTEGER NOT NULL CHECK (confidence BETWEEN 0 AND 100),
	source TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX lease_low ON lease (low, from_us, high, port_low, port_high, device, basis);
CREATE INDEX lease_until ON lease (until_us);
CREATE INDEX lease_open ON lease (low, port_low, device) WHERE until_us = 0;

-- Imports that take many transactions, while they are at work or when they did not end
-- (hub/owners/loading.h).
CREATE TABLE loading (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL CHECK (kind IN ('directory', 'leases')),
	source TEXT NOT NULL,
	name TEXT NOT NULL,			-- of the file
	sha256 BLOB NOT NULL,
	begun_us INTEGER NOT NULL,
	done INTEGER NOT NULL			-- changes that are in
) STRICT;

-- Counts the changes of the tables above, so that what was made of them is made anew.
CREATE TABLE directory_state (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	directory INTEGER NOT NULL,
	leases INTEGER NOT NULL
) STRICT;
INSERT INTO directory_state VALUES (1, 0, 0);

-- ---- what was found ----

CREATE TABLE finding (
	id INTEGER PRIMARY KEY,
	key BLOB NOT NULL UNIQUE,		-- 16 bytes: digest of kind, subject and what makes it one;
						-- another once its time is over and a new one began
	kind TEXT NOT NULL,			-- registry/findings
	subject_type TEXT NOT NULL CHECK (subject_type IN
		('address', 'prefix', 'device', 'port', 'campaign', 'sensor', 'file', 'credential')),
	subject TEXT NOT NULL,			-- as text: "203.0.113.9", "tcp/23", ...
	address BLOB,				-- when it is about one
	organisation INTEGER REFERENCES organisation ON DELETE SET NULL,
	device TEXT NOT NULL DEFAULT '',
	port INTEGER NOT NULL DEFAULT 0,
	proto INTEGER NOT NULL DEFAULT 0,
	tool INTEGER NOT NULL DEFAULT 0,	-- registry/tools
	confidence INTEGER NOT NULL CHECK (confidence BETWEEN 0 AND 100),
	severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
	technique TEXT NOT NULL DEFAULT '',	-- ATT&CK: "T1595.002"
	first_us INTEGER NOT NULL,
	last_us INTEGER NOT NULL,
	observations INTEGER NOT NULL,
	packets INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0,
	targets INTEGER NOT NULL DEFAULT 0,	-- most in one observation
	sensors TEXT NOT NULL DEFAULT '',	-- ids that saw it, hex, separated by spaces; at most 16
	query TEXT NOT NULL,			-- for `hinomi query`: shows its observations
	live INTEGER NOT NULL DEFAULT 1,	-- seen within its rule's time
	case_id INTEGER REFERENCES case_ ON DELETE SET NULL,
	told_us INTEGER NOT NULL DEFAULT 0,	-- when the hub knew first
	over_us INTEGER NOT NULL DEFAULT 0	-- when an observation said that it is over; 0 = none did
) STRICT;
CREATE INDEX finding_address ON finding (address) WHERE address IS NOT NULL;
CREATE INDEX finding_device ON finding (device) WHERE device <> '';
CREATE INDEX finding_case ON finding (case_id, live, organisation);
CREATE INDEX finding_last ON finding (last_us);
CREATE INDEX finding_alone ON finding (last_us) WHERE case_id IS NULL AND live = 0;
CREATE INDEX finding_live ON finding (kind, last_us) WHERE live = 1;
CREATE INDEX finding_kind ON finding (kind, id);
CREATE INDEX finding_organisation ON finding (organisation, id) WHERE organisation IS NOT NULL;

-- Batches that analysis has taken and the store has perhaps not: written with what came of them,
-- so that a batch that is sent again after a crash between the two is not counted twice.
CREATE TABLE analysed (
	sensor BLOB NOT NULL,
	epoch INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	PRIMARY KEY (sensor, epoch, sequence)
) STRICT, WITHOUT ROWID;

-- Settings of rules that people changed while the hub runs: they stand above those of its file.
CREATE TABLE rule_setting (
	name TEXT PRIMARY KEY,			-- "rule.scanner.targets"
	value TEXT NOT NULL,
	account INTEGER NOT NULL,
	changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- cases ----

CREATE TABLE case_ (
	id INTEGER PRIMARY KEY,			-- the number people use
	title TEXT NOT NULL DEFAULT '',		-- given by a person; '' = by kind and subject
	kind TEXT NOT NULL,			-- of its gravest finding
	subject TEXT NOT NULL,			-- the same
	state TEXT NOT NULL CHECK (state IN ('new', 'open', 'closed', 'false_alarm', 'suppressed', 'merged')),
	severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
	organisation INTEGER REFERENCES organisation ON DELETE SET NULL,
	device TEXT NOT NULL DEFAULT '',
	campaign TEXT NOT NULL DEFAULT '',
	assignee INTEGER REFERENCES account ON DELETE SET NULL,
	opened_us INTEGER NOT NULL,
	updated_us INTEGER NOT NULL,
	first_us INTEGER NOT NULL,		-- of its findings
	last_us INTEGER NOT NULL,
	closed_us INTEGER NOT NULL DEFAULT 0,
	reason TEXT NOT NULL DEFAULT '',	-- of closing, false alarm or suppression
	until_us INTEGER NOT NULL DEFAULT 0,	-- of suppression; 0 = until lifted
	merged_into INTEGER REFERENCES case_,
	reopened INTEGER NOT NULL DEFAULT 0,	-- how often
	summed_us INTEGER NOT NULL DEFAULT 0,	-- when its findings were put together; 0 = they are there
	rank INTEGER NOT NULL DEFAULT 0		-- the order of lists, kept by the triggers below
) STRICT;
CREATE INDEX case_updated ON case_ (updated_us, id);
CREATE INDEX case_rank ON case_ (rank, updated_us, id);
CREATE INDEX case_state ON case_ (state, updated_us);
CREATE INDEX case_organisation ON case_ (organisation, updated_us, id);
CREATE INDEX case_organisation_rank ON case_ (organisation, rank, updated_us, id);
CREATE INDEX case_stale ON case_ (last_us) WHERE state IN ('new', 'open');
CREATE INDEX case_over ON case_ (max(closed_us, last_us)) WHERE closed_us > 0 AND summed_us = 0;
CREATE TRIGGER case_rank_new AFTER INSERT ON case_ BEGIN
	UPDATE case_ SET rank = iif(state IN ('new', 'open'), 4, 0) + CASE severity
		WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END
	WHERE id = NEW.id;
END;
CREATE TRIGGER case_rank_changed AFTER UPDATE OF state, severity ON case_
WHEN NEW.severity <> OLD.severity OR NEW.state <> OLD.state BEGIN
	UPDATE case_ SET rank = iif(state IN ('new', 'open'), 4, 0) + CASE severity
		WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END
	WHERE id = NEW.id;
END;

-- What joins: a live case is found by (kind of join, key).
CREATE TABLE case_join (
	basis TEXT NOT NULL CHECK (basis IN ('device', 'lease', 'address', 'campaign', 'hand')),
	key TEXT NOT NULL,
	case_id INTEGER NOT NULL REFERENCES case_ ON DELETE CASCADE,
	from_us INTEGER NOT NULL,
	until_us INTEGER NOT NULL,		-- joins hold within this time only; 0 = open
	confidence INTEGER NOT NULL DEFAULT 100,
	PRIMARY KEY (basis, key, case_id, from_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_join_case ON case_join (case_id);

CREATE TABLE case_history (
	id INTEGER PRIMARY KEY,
	case_id INTEGER NOT NULL REFERENCES case_ ON DELETE CASCADE,
	time_us INTEGER NOT NULL,
	account INTEGER NOT NULL,		-- 0 = hinomi itself
	action TEXT NOT NULL,			-- opened, grew, assigned, noted, merged, split, closed, ...
	text TEXT NOT NULL DEFAULT '',
	finding INTEGER,
	act INTEGER REFERENCES act
) STRICT;
CREATE INDEX case_history_case ON case_history (case_id, id);

-- What is left of the findings of a case that closed long ago (hub/case/keep.h).
CREATE TABLE case_summary (
	case_id INTEGER NOT NULL REFERENCES case_ ON DELETE CASCADE,
	kind TEXT NOT NULL,			-- registry/findings
	findings INTEGER NOT NULL,		-- how many they were
	observations INTEGER NOT NULL,
	packets INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	first_us INTEGER NOT NULL,
	last_us INTEGER NOT NULL,
	subjects TEXT NOT NULL DEFAULT '',	-- the first of them
	PRIMARY KEY (case_id, kind)
) STRICT, WITHOUT ROWID;

-- ---- telling ----

-- What an owner is told about a trouble (hub/telling/notice.h). There is one for a trouble and contact.
CREATE TABLE notice (
	id INTEGER PRIMARY KEY,
	code TEXT NOT NULL UNIQUE,		-- short, on the notice: anyone checks it at /verify
	case_id INTEGER NOT NULL REFERENCES case_,
	finding INTEGER REFERENCES finding ON DELETE SET NULL, -- that began it
	organisation INTEGER REFERENCES organisation ON DELETE SET NULL,
	contact INTEGER REFERENCES contact ON DELETE SET NULL,
	kind TEXT NOT NULL,			-- registry/findings
	trouble TEXT NOT NULL,			-- what makes it one: "source mac:..." or "target 192.0.2.1"
	address BLOB,
	device TEXT NOT NULL DEFAULT '',
	channel TEXT NOT NULL,
	language TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN
		('no_owner', 'held', 'queued', 'sent', 'failed', 'bounced', 'fixed', 'withdrawn')),
	next TEXT NOT NULL DEFAULT '' CHECK (next IN
		('', 'notice', 'reminder', 'fixed', 'reappeared', 'withdrawn')), -- what goes out next
	created_us INTEGER NOT NULL,
	due_us INTEGER NOT NULL DEFAULT 0,	-- when
	sent_us INTEGER NOT NULL DEFAULT 0,	-- the notice itself; 0 = not yet
	attempts INTEGER NOT NULL DEFAULT 0,
	reminders INTEGER NOT NULL DEFAULT 0,
	first_seen_us INTEGER NOT NULL,		-- the trouble
	last_seen_us INTEGER NOT NULL,
	watched_until_us INTEGER NOT NULL DEFAULT 0, -- not seen, and looked at, from last_seen to here
	watched_us INTEGER NOT NULL DEFAULT 0,	-- of that: sensors were alive
	fixed_us INTEGER NOT NULL DEFAULT 0,
	reappeared INTEGER NOT NULL DEFAULT 0,
	title TEXT NOT NULL DEFAULT '',
	body TEXT NOT NULL DEFAULT '',		-- the text, whole, as the act has its digest
	error TEXT NOT NULL DEFAULT '',
	act INTEGER REFERENCES act		-- of its making: the proof
) STRICT;
CREATE UNIQUE INDEX notice_trouble ON notice (trouble, contact) WHERE state <> 'withdrawn';
CREATE INDEX notice_open ON notice (state, watched_until_us);
CREATE INDEX notice_due ON notice (due_us, contact) WHERE next <> '';
CREATE INDEX notice_case ON notice (case_id);
CREATE INDEX notice_finding ON notice (finding);
CREATE INDEX notice_organisation ON notice (organisation);
CREATE INDEX notice_contact ON notice (contact);

CREATE TABLE notice_history (
	id INTEGER PRIMARY KEY,
	notice INTEGER NOT NULL REFERENCES notice ON DELETE CASCADE,
	time_us INTEGER NOT NULL,
	action TEXT NOT NULL,			-- made, sent, reminded, bounced, fixed, reappeared, ...
	text TEXT NOT NULL DEFAULT '',
	act INTEGER REFERENCES act
) STRICT;
CREATE INDEX notice_history_notice ON notice_history (notice, id);

-- One message to one contact about one or more notices. Its bytes are made once and kept until it
-- is sent: what is previewed is what goes out. `sending` is written before a server sees it.
CREATE TABLE letter (
	id INTEGER PRIMARY KEY,
	purpose TEXT NOT NULL CHECK (purpose IN
		('notice', 'reminder', 'fixed', 'reappeared', 'withdrawn')),
	contact INTEGER REFERENCES contact ON DELETE SET NULL,
	channel TEXT NOT NULL,
	address TEXT NOT NULL,
	sender TEXT NOT NULL DEFAULT '',	-- the bounce address
	message_id TEXT NOT NULL UNIQUE,
	state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'bounced', 'dropped')),
	made_us INTEGER NOT NULL,
	due_us INTEGER NOT NULL,		-- the next try
	sent_us INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	answer TEXT NOT NULL DEFAULT '',	-- of the server, escaped
	title TEXT NOT NULL DEFAULT '',		-- what it says to people, as its bytes do
	text TEXT NOT NULL DEFAULT '',
	bytes BLOB NOT NULL
) STRICT;
CREATE INDEX letter_due ON letter (state, due_us);
CREATE INDEX letter_contact ON letter (contact, sent_us);
CREATE INDEX letter_sent ON letter (sent_us);

CREATE TABLE letter_notice (
	letter INTEGER NOT NULL REFERENCES letter ON DELETE CASCADE,
	notice INTEGER NOT NULL REFERENCES notice ON DELETE CASCADE,
	PRIMARY KEY (letter, notice)
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_notice_notice ON letter_notice (notice);

CREATE TABLE alert (
	id INTEGER PRIMARY KEY,
	case_id INTEGER NOT NULL REFERENCES case_,
	severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
	about TEXT NOT NULL,			-- opened, worse, reopened 2, fixed, ...
	channel TEXT NOT NULL CHECK (channel IN ('mail', 'webhook', 'syslog')),
	address TEXT NOT NULL,
	language TEXT NOT NULL DEFAULT 'en',
	text TEXT NOT NULL,
	since_us INTEGER NOT NULL DEFAULT 0,	-- when the hub knew
	created_us INTEGER NOT NULL,
	due_us INTEGER NOT NULL,
	sent_us INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	error TEXT NOT NULL DEFAULT '',
	UNIQUE (case_id, about, severity, channel, address)
) STRICT;
CREATE INDEX alert_due ON alert (due_us) WHERE sent_us = 0;
CREATE INDEX alert_sent ON alert (channel, address, sent_us);

-- What has changed since telling looked last; whoever writes findings and cases, these know.
CREATE TABLE notice_todo (
	what TEXT NOT NULL CHECK (what IN ('finding', 'case')),
	id INTEGER NOT NULL,
	PRIMARY KEY (what, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE alert_todo (case_id INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER notice_finding_new AFTER INSERT ON finding BEGIN
	INSERT OR IGNORE INTO notice_todo VALUES ('finding', NEW.id);
END;
CREATE TRIGGER notice_finding_changed
AFTER UPDATE OF last_us, organisation, device, case_id, confidence ON finding BEGIN
	INSERT OR IGNORE INTO notice_todo VALUES ('finding', NEW.id);
END;
CREATE TRIGGER alert_case_new AFTER INSERT ON case_ BEGIN
	INSERT OR IGNORE INTO alert_todo VALUES (NEW.id);
END;
CREATE TRIGGER alert_case_changed AFTER UPDATE OF severity, state, reopened ON case_
WHEN NEW.severity <> OLD.severity OR NEW.state <> OLD.state OR NEW.reopened <> OLD.reopened BEGIN
	INSERT OR IGNORE INTO alert_todo VALUES (NEW.id);
	INSERT OR IGNORE INTO notice_todo VALUES ('case', NEW.id);
END;

-- ---- people and the door ----

CREATE TABLE account (
	id INTEGER PRIMARY KEY,			-- the number that acts name; never used again
	name TEXT NOT NULL UNIQUE,		-- to sign in
	display TEXT NOT NULL DEFAULT '',
	role TEXT NOT NULL CHECK (role IN ('analyst', 'operator', 'member', 'inspector', 'administrator')),
	organisation INTEGER REFERENCES organisation, -- of a member
	language TEXT NOT NULL DEFAULT '' CHECK (language IN ('', 'en', 'ja')),
	password TEXT NOT NULL DEFAULT '',	-- Argon2id, as libsodium writes it; '' = none yet
	totp BLOB,				-- secret; NULL = not set up
	totp_step INTEGER NOT NULL DEFAULT 0,	-- the last step used: a code counts once
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('invited', 'active', 'locked', 'closed')),
	provider TEXT NOT NULL DEFAULT 'local', -- "local"; OpenID Connect has its issuer here
	provider_subject TEXT NOT NULL DEFAULT '',
	created_us INTEGER NOT NULL,
	signed_in_us INTEGER NOT NULL DEFAULT 0,
	CHECK (role <> 'member' OR organisation IS NOT NULL)
) STRICT;

CREATE TABLE recovery_code (
	account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
	digest BLOB NOT NULL,
	used_us INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (account, digest)
) STRICT, WITHOUT ROWID;

-- One-time links, sessions and API tokens: the secret's SHA-256 is kept, not the secret.
CREATE TABLE credential (
	digest BLOB PRIMARY KEY,
	kind TEXT NOT NULL CHECK (kind IN ('invite', 'session', 'token')),
	account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
	label TEXT NOT NULL DEFAULT '',		-- of a token
	scopes TEXT NOT NULL DEFAULT '',	-- of a token, separated by spaces
	csrf BLOB,				-- of a session
	created_us INTEGER NOT NULL,
	seen_us INTEGER NOT NULL,
	expires_us INTEGER NOT NULL,
	address BLOB				-- where a session began
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_account ON credential (account);

-- Where people signed in lately: guesses from elsewhere do not keep them out there.
CREATE TABLE sign_in_place (
	account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
	address BLOB NOT NULL,			-- IPv4, or the first of an IPv6 /64
	time_us INTEGER NOT NULL,		-- the last one
	PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

-- Where a sensor stands, as somebody noted it; for maps.
CREATE TABLE sensor_place (
	sensor BLOB PRIMARY KEY CHECK (length(sensor) = 16),
	place TEXT NOT NULL,			-- "Tokyo, room 3"
	latitude INTEGER,			-- millionths of a degree, or NULL
	longitude INTEGER,
	changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people keep for themselves.
CREATE TABLE saved_view (
	id INTEGER PRIMARY KEY,
	account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
	page TEXT NOT NULL,			-- "cases"
	name TEXT NOT NULL,
	query TEXT NOT NULL,
	changed_us INTEGER NOT NULL,
	UNIQUE (account, page, name)
) STRICT;

CREATE TABLE preference (
	account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
	name TEXT NOT NULL,			-- "theme"
	value TEXT NOT NULL,
	PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- ---- authorities: signed permission, made elsewhere (trust/authority.h) ----

CREATE TABLE signers (
	number INTEGER PRIMARY KEY,		-- each is signed by those of the one before
	digest BLOB NOT NULL UNIQUE,
	text TEXT NOT NULL,
	note TEXT NOT NULL,			-- the same with its signatures
	added_us INTEGER NOT NULL,
	account INTEGER NOT NULL
) STRICT;

-- Whether one is in force, and how often it was used, the ledger says.
CREATE TABLE authority (
	id INTEGER PRIMARY KEY,
	digest BLOB NOT NULL UNIQUE,
	number TEXT NOT NULL,
	kind INTEGER NOT NULL,			-- registry/authorities
	signers BLOB NOT NULL,
	from_us INTEGER NOT NULL,
	until_us INTEGER NOT NULL,
	note TEXT NOT NULL,			-- with its signatures
	added_us INTEGER NOT NULL,
	account INTEGER NOT NULL,
	revoked_us INTEGER NOT NULL DEFAULT 0,
	revocation TEXT NOT NULL DEFAULT ''	-- a signer's note, or '': an administrator's word
) STRICT;

-- ---- acts: what the ledger has a digest of ----

-- Written in the transaction that does what the act says; a pump appends it to the ledger and fills
-- `ledger`. Salt and object may be erased by law; the ledger stays whole.
CREATE TABLE act (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	time_us INTEGER NOT NULL,
	account INTEGER NOT NULL,		-- 0 = hinomi itself
	kind INTEGER NOT NULL,			-- registry/acts
	authority BLOB,				-- 32 bytes, or NULL
	salt BLOB,				-- 16 bytes
	object TEXT,				-- JSON: what it was about
	digest BLOB NOT NULL,			-- SHA-256 of salt and object
	ledger INTEGER				-- its index; NULL = not yet appended
) STRICT;
CREATE INDEX act_pending ON act (id) WHERE ledger IS NULL;
CREATE INDEX act_time ON act (time_us);
