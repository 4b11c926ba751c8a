/* analyse - subjects, their identity and the way of a row through the rules; see analyse.h */
#include "hub/analyse/analyse.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "hub/analyse/analyse_priv.h"

#define LOOK 8 /* subjects that are compared for which one makes way */
#define WANTED_KINDS 64

/* ---- who ---- */

/* The device that the row itself names, by a key that machines cannot change at will. */
static bool device_of_row(struct identity *id, const struct hin_observation *o)
{
	static const uint8_t none[16];
	const struct hin_word *basis;
	struct hin_buffer text;

	if (o->kind < 1000 || o->device_basis == 0 || memcmp(o->device, none, sizeof(none)) == 0)
		return false;
	basis = hin_registry_find(HIN_REGISTRY_DEVICE_BASIS, o->device_basis);
	text = hin_buffer_over(id->device, sizeof(id->device));
	hin_buffer_printf(&text, "%s:", basis != NULL ? basis->name : "device");
	for (size_t i = 0; i < sizeof(o->device); i++)
		hin_buffer_printf(&text, "%02x", o->device[i]);
	return true;
}

/*
 * Who had the address and port for all of the row's time? A device counts only when nobody else had
 * it at the end: what an hour's row says may be about either.
 */
static bool owner_of(const struct hin_analyse *an, const struct hin_addr *address, int port,
		     const struct hin_observation *o, struct hin_owner *owner)
{
	int64_t end_us = hin_rule_end_us(o);
	struct hin_owner last;

	if (!hin_owners_find(an->owners, address, port, o->time_us, owner))
		return false;
	if (owner->device[0] == '\0' || owner->until_us == 0 || end_us < owner->until_us ||
	    !hin_owners_find(an->owners, address, port, end_us, &last) || last.device[0] == '\0' ||
	    strcmp(last.device, owner->device) == 0)
		return true;
	owner->device = "";
	owner->ambiguous = true;
	return true;
}

bool hin_rule_is_shared(const struct hin_rule_run *run, const struct hin_addr *address,
			const struct hin_observation *o)
{
	struct hin_owner owner;

	return owner_of(run->analyse, address, hin_rule_lease_port(o), o, &owner) &&
	       owner.ambiguous && owner.device[0] == '\0';
}

static void identify(struct hin_analyse *an, const struct hin_claim *claim,
		     const struct hin_observation *o)
{
	struct identity *id = &an->identity;
	struct hin_owner owner;

	id->organisation = id->lease_from_us = id->lease_until_us = 0;
	id->lease_confidence = 0;
	id->device[0] = '\0';
	id->episode = claim->type != HIN_SUBJECT_SENSOR && claim->type != HIN_SUBJECT_CAMPAIGN;
	if (claim->type != HIN_SUBJECT_ADDRESS && claim->type != HIN_SUBJECT_PREFIX)
		return;
	if (owner_of(an, &claim->address, claim->lease_port, o, &owner)) {
		id->organisation = owner.organisation;
		if (owner.device[0] != '\0') {
			strncpy(id->device, owner.device, sizeof(id->device) - 1);
			id->device[sizeof(id->device) - 1] = '\0';
			id->lease_from_us = owner.from_us;
			id->lease_until_us = owner.until_us;
			id->lease_confidence = owner.confidence;
		}
	}
	if (claim->type == HIN_SUBJECT_ADDRESS && device_of_row(id, o))
		id->lease_confidence = 0;
	id->episode = id->device[0] == '\0';
}

void analyse_refresh_owners(struct hin_analyse *an)
{
	struct hin_owners *newest = an->box != NULL ? hin_owners_box_get(an->box) : NULL;

	hin_owners_unref(an->owners);
	an->owners = newest;
}

/* Digest of what a finding is about: the same on every machine and for ever. */
static void make_key(uint8_t key[HIN_FINDING_KEY], const struct hin_analyse *an,
		     const struct hin_claim *claim, uint16_t finding)
{
	const struct identity *id = &an->identity;
	struct {
		uint64_t apart;
		int64_t organisation, from_us;
		uint16_t finding, port;
		uint8_t type, len, proto, spare;
		char text[HIN_FINDING_DEVICE];
	} what = { .apart = claim->apart, .finding = finding, .type = (uint8_t)claim->type };
	size_t size = offsetof(__typeof__(what), text);

	switch (claim->type) {
	case HIN_SUBJECT_PREFIX:
	case HIN_SUBJECT_ADDRESS:
		if (id->device[0] != '\0') {
			size_t length = strlen(id->device);

			what.organisation = id->organisation;
			/* behind a translator it is the lease that is known, not the device */
			if (strncmp(id->device, "inside:", 7) == 0)
				what.from_us = id->lease_from_us;
			what.spare = 1;
			memcpy(what.text, id->device, length);
			size += length;
		} else {
			what.len = claim->len;
			memcpy(what.text, claim->address.b, 16);
			size += 16;
		}
		break;
	case HIN_SUBJECT_PORT:
		what.port = claim->port;
		what.proto = claim->proto;
		break;
	case HIN_SUBJECT_CAMPAIGN:
		what.from_us = claim->began_us;
		break;
	case HIN_SUBJECT_SENSOR:
	default:
		memcpy(what.text, claim->sensor, 16);
		size += 16;
		break;
	}
	crypto_generichash(key, HIN_FINDING_KEY, (const unsigned char *)&what, size, NULL, 0);
}

/* ---- the table ---- */

static uint32_t hash_of_key(const struct hin_analyse *an, const uint8_t key[HIN_FINDING_KEY])
{
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t hash;

	/* keyed: strangers choose what keys are made of */
	crypto_shorthash(out, key, HIN_FINDING_KEY, an->seed);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

static uint32_t hash_of(const void *user, uint32_t at)
{
	const struct hin_analyse *an = user;

	return hash_of_key(an, analyse_subject(an, at)->key);
}

/* Is `a` worth less than `b`? What no finding knows before what the desk has too, then the older.
 */
static bool is_worth_less(const struct hin_subject *a, const struct hin_subject *b)
{
	if (a->found != b->found)
		return b->found;
	return a->last_us < b->last_us;
}

/* The least valuable of the next few that wait for nothing; HIN_NONE when all of them do. */
static uint32_t make_way(struct hin_analyse *an)
{
	uint32_t worst = HIN_NONE;

	for (unsigned i = 0; i < LOOK; i++) {
		/* steps of the golden section: all over the table, where neighbours are alike */
		uint32_t hand = an->subjects.hand += 0x9e3779b9u;
		uint32_t at = (uint32_t)((uint64_t)hand * an->subjects.used >> 32);
		const struct hin_subject *s = analyse_subject(an, at);

		if (s->news == HIN_NONE &&
		    (worst == HIN_NONE || is_worth_less(s, analyse_subject(an, worst))))
			worst = at;
	}
	if (worst == HIN_NONE)
		return HIN_NONE;
	an->counters.evicted++;
	an->counters.evicted_findings += analyse_subject(an, worst)->found;
	hin_index_remove(&an->index, hash_of(an, worst), worst, hash_of, an);
	return worst;
}

static void fail_once(struct hin_analyse *an, enum hin_code code, const struct hin_error *why)
{
	if (code == HIN_OK || an->failed)
		return;
	an->failed = true;
	an->failure = *why;
}

/* Have no news: what waits is in the desk's transaction, not yet durable. */
static bool drain(struct hin_analyse *an)
{
	struct hin_error why = { 0 };

	if (!an->failed)
		fail_once(an, analyse_write(an, &why), &why);
	return !an->failed;
}

static struct hin_subject *make_subject(struct hin_analyse *an, const uint8_t *key, uint32_t hash)
{
	uint32_t at = hin_array_take(&an->subjects);
	struct hin_subject *s;

	if (at == HIN_NONE)
		at = make_way(an);
	if (at == HIN_NONE && drain(an))
		at = make_way(an);
	if (at == HIN_NONE)
		return NULL;
	s = analyse_subject(an, at);
	*s = (struct hin_subject){ .news = HIN_NONE };
	memcpy(s->key, key, sizeof(s->key));
	if (!hin_index_put(&an->index, hash, at, hash_of, an)) {
		hin_array_give(&an->subjects, at);
		return NULL;
	}
	an->counters.subjects = an->subjects.live;
	return s;
}

/* Its time is over: what is seen now is another trouble of the same subject. */
static bool begin_anew(struct hin_analyse *an, struct hin_subject *s)
{
	struct hin_subject fresh = { .news = HIN_NONE };

	if (s->news != HIN_NONE && !drain(an))
		return false;
	memcpy(fresh.key, s->key, sizeof(fresh.key));
	*s = fresh;
	return true;
}

static struct hin_subject *find_subject(struct hin_analyse *an, const uint8_t *key)
{
	uint32_t hash = hash_of_key(an, key), at;
	struct hin_index_search search = hin_index_search(&an->index, hash);

	while ((at = hin_index_next(&an->index, hash, &search)) != HIN_NONE)
		if (memcmp(analyse_subject(an, at)->key, key, HIN_FINDING_KEY) == 0)
			return analyse_subject(an, at);
	return make_subject(an, key, hash);
}

struct hin_subject *hin_rule_subject(struct hin_rule_run *run, const struct hin_claim *claim,
				     const struct hin_observation *o)
{
	struct hin_analyse *an = run->analyse;
	int64_t end_us = hin_rule_end_us(o);
	uint8_t key[HIN_FINDING_KEY];
	struct hin_subject *s;

	identify(an, claim, o);
	make_key(key, an, claim, hin_rules[run->rule]->finding);
	s = find_subject(an, key);
	if (s == NULL) {
		an->counters.refused++;
		return NULL;
	}
	if (s->observations > 0 || s->last_us != 0) {
		if (an->identity.episode && end_us < s->first_us - HIN_ANALYSE_UNLEASED_US) {
			an->counters.late++;
			return NULL;
		}
		if (an->identity.episode && o->time_us - s->last_us > HIN_ANALYSE_UNLEASED_US &&
		    !begin_anew(an, s))
			return NULL;
	}
	if (s->last_us == 0) {
		s->first_us = o->time_us;
		s->last_us = end_us;
		s->rule = run->rule;
		s->episode = an->identity.episode;
	}
	s->first_us = o->time_us < s->first_us ? o->time_us : s->first_us;
	s->last_us = end_us > s->last_us ? end_us : s->last_us;
	s->targets = o->targets > s->targets ? o->targets : s->targets;
	s->observations++;
	return s;
}

/* ---- what the next commit writes ---- */

static void note_sensor(struct news *n, const uint8_t *sensor)
{
	for (unsigned i = 0; i < n->sensor_count; i++)
		if (memcmp(n->sensors[i], sensor, 16) == 0)
			return;
	if (n->sensor_count < NEWS_SENSORS)
		memcpy(n->sensors[n->sensor_count++], sensor, 16);
}

static struct news *news_of(struct hin_analyse *an, struct hin_subject *s, uint32_t at)
{
	struct news *n;

	if (s->news != HIN_NONE)
		return &an->news[s->news];
	if (an->news_count == HIN_ANALYSE_NEWS && !drain(an))
		return NULL;
	s->news = an->news_count;
	n = &an->news[an->news_count++];
	*n = (struct news){
		.subject = at, .rule = s->rule, .first_us = s->first_us, .when_us = an->now_us
	};
	return n;
}

static uint32_t place_of(const struct hin_analyse *an, const struct hin_subject *s)
{
	size_t offset = (size_t)((const uint8_t *)s - an->subjects.base);

	return (uint32_t)(offset / an->subjects.stride * HIN_CHUNK_ITEMS +
			  offset % an->subjects.stride / sizeof(*s));
}

static void merge_claim(struct news *n, const struct hin_claim *claim)
{
	struct hin_claim before = n->claim;

	n->claim = *claim;
	if (before.severity > claim->severity)
		n->claim.severity = before.severity;
	if (before.confidence > claim->confidence)
		n->claim.confidence = before.confidence;
	if (claim->tool == 0)
		n->claim.tool = before.tool;
}

void hin_rule_find(struct hin_rule_run *run, struct hin_subject *s, const struct hin_claim *claim)
{
	struct hin_analyse *an = run->analyse;
	struct news *n = NULL;

	s->found = 1;
	if (!an->quiet && s->news != HIN_NONE && an->news[s->news].over && !drain(an))
		return; /* found, over, and found again: one after the other */
	if (!an->quiet)
		n = news_of(an, s, place_of(an, s));
	if (n != NULL) {
		n->found = true;
		merge_claim(n, claim);
		n->identity = an->identity;
		n->first_us = s->first_us < n->first_us ? s->first_us : n->first_us;
		n->last_us = s->last_us;
		n->packets += s->packets;
		n->bytes += s->bytes;
		n->observations += s->observations;
		n->targets = s->targets;
		note_sensor(n, run->sensor);
	}
	s->packets = s->bytes = 0;
	s->observations = 0;
}

struct hin_subject *hin_rule_peek(struct hin_rule_run *run, const struct hin_claim *claim,
				  const struct hin_observation *o)
{
	struct hin_analyse *an = run->analyse;
	uint8_t key[HIN_FINDING_KEY];
	struct hin_subject *s;

	identify(an, claim, o);
	make_key(key, an, claim, hin_rules[run->rule]->finding);
	s = find_subject(an, key);
	if (s == NULL)
		an->counters.refused++;
	else
		s->rule = run->rule;
	return s;
}

void hin_rule_over(struct hin_rule_run *run, struct hin_subject *s, const struct hin_claim *claim,
		   const struct hin_observation *o, bool closes)
{
	struct hin_analyse *an = run->analyse;
	struct news *n = NULL;

	if (!an->quiet)
		n = news_of(an, s, place_of(an, s));
	if (n != NULL) {
		if (!n->found) {
			n->claim = *claim;
			n->identity = an->identity;
		}
		n->over = true;
		n->over_closes |= closes;
		n->over_least = claim->severity;
		n->over_us = hin_rule_end_us(o);
	}
	if (closes) {
		s->first_us = s->last_us = 0;
		s->packets = s->bytes = 0;
		s->observations = s->targets = 0;
	}
}

/* ---- rows ---- */

static bool looks_at(const struct hin_rule *rule, uint16_t kind)
{
	for (unsigned k = 0; k < HIN_RULE_KINDS && rule->kinds[k] != 0; k++)
		if (rule->kinds[k] == kind)
			return true;
	return false;
}

bool hin_analyse_wants(const struct hin_analyse *an, uint16_t kind)
{
	return kind < HIN_KIND_PRIVATE && (an->wants[kind / 8] >> (kind % 8) & 1) != 0;
}

size_t hin_analyse_kinds(const struct hin_analyse *an, uint16_t *kinds, size_t room)
{
	size_t count = 0;

	for (uint16_t kind = 1; kind < HIN_KIND_PRIVATE && count < room; kind++)
		if (hin_analyse_wants(an, kind))
			kinds[count++] = kind;
	return count;
}

static void apply(struct hin_analyse *an, size_t rule, const struct hin_observation *o,
		  const uint8_t *sensor)
{
	struct hin_rule_run *run = &an->runs[rule];

	if (!an->on[rule] || !looks_at(hin_rules[rule], o->kind))
		return;
	run->sensor = sensor;
	run->now_us = an->now_us;
	run->quiet = an->quiet;
	an->counters.rule[rule].rows++;
	hin_rules[rule]->take(run, o);
}

static void move_on(struct hin_analyse *an, const struct hin_observation *o)
{
	int64_t end_us = hin_rule_end_us(o);

	an->now_us = end_us > an->now_us ? end_us : an->now_us;
}

void hin_analyse_take(struct hin_analyse *an, const struct hin_observation *o,
		      const uint8_t sensor[16])
{
	struct hin_observation cut;
	int64_t left_us = an->latest_us - o->time_us;

	if (!hin_analyse_wants(an, o->kind))
		return;
	if (an->latest_us != 0 && (left_us < 0 || o->duration_us > (uint64_t)left_us)) {
		cut = *o;
		cut.duration_us = left_us > 0 ? (uint64_t)left_us : 0;
		o = &cut;
	}
	move_on(an, o);
	an->counters.rows++;
	for (size_t i = 0; i < hin_rule_count; i++)
		apply(an, i, o, sensor);
}

void hin_analyse_limit(struct hin_analyse *an, int64_t latest_us)
{
	an->latest_us = latest_us;
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * HIN_NS_PER_S + t.tv_nsec;
}

void hin_analyse_take_rows(struct hin_analyse *an, const struct hin_store_rows *rows)
{
	int64_t began_us = an->now_us;
	uint64_t looked = 0;

	if (!an->price) {
		for (size_t i = 0; i < rows->count; i++)
			hin_analyse_take(an, &rows->rows[i], rows->batches[i]->sensor);
		return;
	}
	/* rule by rule, each with the stream's time as it goes by */
	for (size_t rule = 0; rule < hin_rule_count; rule++) {
		int64_t before = cpu_ns();

		an->now_us = began_us;
		for (size_t i = 0; i < rows->count; i++) {
			const struct hin_observation *o = &rows->rows[i];

			if (!hin_analyse_wants(an, o->kind))
				continue;
			move_on(an, o);
			apply(an, rule, o, rows->batches[i]->sensor);
			looked += rule == 0;
		}
		an->counters.rule[rule].cpu_ns += (uint64_t)(cpu_ns() - before);
	}
	an->counters.rows += looked;
}

/* ---- open and close ---- */

void hin_analyse_tune(struct hin_analyse *an, const struct hin_analyse_settings *settings)
{
	an->settings = *settings;
	memset(an->wants, 0, sizeof(an->wants));
	for (size_t i = 0; i < hin_rule_count; i++) {
		const struct hin_rule *rule = hin_rules[i];

		an->runs[i].settings = (const char *)&an->settings + rule->settings;
		/* `on` comes first in every rule's struct */
		an->on[i] = an->settings.on && *(const bool *)an->runs[i].settings;
		for (unsigned k = 0; k < HIN_RULE_KINDS && rule->kinds[k] != 0 && an->on[i]; k++)
			an->wants[rule->kinds[k] / 8] |= (uint8_t)(1u << rule->kinds[k] % 8);
	}
}

static enum hin_code open_rules(struct hin_analyse *an, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < hin_rule_count && code == HIN_OK; i++) {
		an->runs[i].analyse = an;
		an->runs[i].rule = (uint8_t)i;
		if (hin_rules[i]->open != NULL)
			code = hin_rules[i]->open(&an->runs[i].state, an->runs[i].settings, err);
	}
	return code;
}

static enum hin_code open_tables(struct hin_analyse *an, struct hin_error *err)
{
	struct hin_array *family[1] = { &an->subjects };
	enum hin_code code;

	code = hin_array_init_family(family, 1, sizeof(struct hin_subject),
				     (uint32_t)an->settings.subjects, err);
	if (code == HIN_OK)
		code = hin_index_init(&an->index, err);
	an->news = calloc(HIN_ANALYSE_NEWS, sizeof(*an->news));
	if (code == HIN_OK && an->news == NULL)
		code = hin_fail(err, HIN_ENOMEM, "analysis");
	return code == HIN_OK ? analyse_batches_open(an, err) : code;
}

enum hin_code hin_analyse_open(struct hin_analyse **out, const struct hin_analyse_open *how,
			       struct hin_error *err)
{
	struct hin_analyse *an = calloc(1, sizeof(*an));
	enum hin_code code;

	if (an == NULL)
		return hin_fail(err, HIN_ENOMEM, "analysis");
	an->desk = how->desk;
	an->box = how->owners;
	an->changed = how->changed;
	an->found = how->found;
	an->user = how->user;
	an->price = how->price;
	hin_analyse_tune(an, how->settings);
	/* findings are written in no order: without room every one of them would read the disk */
	if (hin_desk_run(an->desk, err, "PRAGMA cache_size = -32768", "") != HIN_OK)
		code = HIN_ESYS;
	else if (getrandom(an->seed, sizeof(an->seed), 0) != (ssize_t)sizeof(an->seed))
		code = hin_fail(err, HIN_ESYS, "getrandom");
	else
		code = open_tables(an, err);
	if (code == HIN_OK)
		code = open_rules(an, err);
	if (code == HIN_OK)
		*out = an;
	else
		hin_analyse_close(an);
	return code;
}

void hin_analyse_close(struct hin_analyse *an)
{
	struct hin_array *family[1];

	if (an == NULL)
		return;
	if (an->in_transaction)
		hin_desk_rollback(an->desk);
	for (size_t i = 0; i < hin_rule_count; i++)
		if (hin_rules[i]->close != NULL)
			hin_rules[i]->close(an->runs[i].state);
	family[0] = &an->subjects;
	hin_array_fini_family(family, 1);
	hin_index_fini(&an->index);
	analyse_batches_close(an);
	hin_owners_unref(an->owners);
	free(an->news);
	free(an);
}

static void clear_index(struct hin_index *index)
{
	memset(index->slots, 0, ((size_t)index->mask + 1) * sizeof(*index->slots));
	index->used = 0;
}

void hin_analyse_reset(struct hin_analyse *an)
{
	if (an->in_transaction)
		hin_desk_rollback(an->desk);
	an->in_transaction = an->failed = false;
	an->written = 0;
	an->news_count = 0;
	an->subjects.used = an->subjects.live = an->subjects.hand = 0;
	an->subjects.free = HIN_NONE;
	clear_index(&an->index);
	an->counters.subjects = 0;
	for (size_t i = 0; i < hin_rule_count; i++)
		if (hin_rules[i]->reset != NULL)
			hin_rules[i]->reset(an->runs[i].state);
	analyse_batches_undo(an);
}

const struct hin_analyse_counters *hin_analyse_count(const struct hin_analyse *an)
{
	return &an->counters;
}

size_t hin_analyse_memory(const struct hin_analyse *an)
{
	return (size_t)an->subjects.used * sizeof(struct hin_subject) +
	       ((size_t)an->index.mask + 1) * sizeof(uint32_t) +
	       HIN_ANALYSE_NEWS * sizeof(struct news);
}

/* ---- learning ---- */

static enum hin_code learn_rows(void *user, const struct hin_store_rows *rows,
				struct hin_error *err)
{
	(void)err;
	hin_analyse_take_rows(user, rows);
	return HIN_OK;
}

int64_t hin_analyse_now_us(const struct hin_analyse *an)
{
	return an->now_us;
}

enum hin_code hin_analyse_filter(const struct hin_analyse *an, struct hin_filter **out,
				 struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	uint16_t kinds[WANTED_KINDS];
	size_t count = hin_analyse_kinds(an, kinds, WANTED_KINDS);
	enum hin_code code;

	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(&text, "%s%u", i > 0 ? "," : "kind ", kinds[i]);
	code = text.failed ? hin_fail(err, HIN_ENOMEM, "analysis")
			   : hin_filter_parse(out, hin_buffer_text(&text), text.used, NULL, err);
	hin_buffer_fini(&text);
	return code;
}

enum hin_code hin_analyse_learn(struct hin_analyse *an, struct hin_store *store, int64_t now_us,
				struct hin_error *err)
{
	struct hin_store_range range = { .since_us = now_us - an->settings.history_ns / 1000 };
	struct hin_filter *filter = NULL;
	uint16_t any;
	enum hin_code code;

	if (an->settings.history_ns == 0 || hin_analyse_kinds(an, &any, 1) == 0)
		return HIN_OK;
	if (range.since_us < 1)
		range.since_us = 1;
	code = hin_analyse_filter(an, &filter, err);
	range.filter = filter;
	analyse_refresh_owners(an);
	an->quiet = true;
	if (code == HIN_OK)
		code = hin_store_scan(store, &range, UINT64_MAX, 0, learn_rows, an, NULL, err);
	an->quiet = false;
	hin_filter_free(filter);
	return code;
}
