/*
 * member - our own addresses that reach dark space: counted for the report, and told as events.
 *
 * An event begins with a packet, is told at once, goes on with what came since, and is over when
 * nothing came for the time-out. It is told by source port: of an address that several share, port
 * and time say who it was (observation.md, "Who it is about"). Strangers choose ports, so only
 * MEMBER_PORTS of a member are told apart between two updates; what came from others is told
 * together.
 *
 * Threads: thread 0 takes packets; the minute's work is done while all wait.
 */
#include <stdio.h>
#include <stdlib.h>

#include "telescope/telescope_priv.h"

/* ---- the table ---- */

static uint32_t hash_of_address(const struct hin_telescope *t, const struct hin_addr *a)
{
	return (uint32_t)(hin_subject_hash(t->secret, a) >> 32);
}

static uint32_t hash_of(const void *user, uint32_t at)
{
	const struct hin_telescope *t = user;

	return hash_of_address(t, &t->members[at].told.address);
}

enum hin_code hin_members_init(struct hin_telescope *t, struct hin_error *err)
{
	struct hin_distinct_pool *pool = &t->member_pool, *episodes = &t->episode_pool;
	size_t size = t->options.settings.memory_bytes / 64;
	enum hin_code code = hin_distinct_init_family(&pool, 1, size, err);

	if (code == HIN_OK)
		code = hin_distinct_init_family(&episodes, 1, size, err);
	return code == HIN_OK ? hin_index_init(&t->member_index, err) : code;
}

void hin_members_fini(struct hin_telescope *t)
{
	struct hin_distinct_pool *pool = &t->member_pool, *episodes = &t->episode_pool;

	hin_distinct_fini_family(&pool, 1);
	hin_distinct_fini_family(&episodes, 1);
	hin_index_fini(&t->member_index);
	free(t->members);
}

enum hin_code hin_members_index(struct hin_telescope *t, struct hin_error *err)
{
	struct hin_index *index = &t->member_index;
	enum hin_code code = hin_index_reset(index, (size_t)index->mask + 1, err);

	for (size_t i = 0; i < t->member_count && code == HIN_OK; i++)
		if (!hin_index_put(index, hash_of(t, (uint32_t)i), (uint32_t)i, hash_of, t))
			code = hin_fail(err, HIN_ENOMEM, "no room for the members");
	return code;
}

static struct member *find(struct hin_telescope *t, const struct hin_addr *address, uint32_t hash)
{
	struct hin_index_search search = hin_index_search(&t->member_index, hash);
	uint32_t at;

	while ((at = hin_index_next(&t->member_index, hash, &search)) != HIN_NONE)
		if (hin_addr_equal(&t->members[at].told.address, address))
			return &t->members[at];
	return NULL;
}

static bool has_room(struct hin_telescope *t)
{
	size_t size = t->member_size > 0 ? t->member_size * 2 : 64;
	struct member *more;

	if (t->member_count == MEMBERS_LIMIT)
		return false;
	if (t->member_count < t->member_size)
		return true;
	more = realloc(t->members, size * sizeof(*more));
	if (more == NULL)
		return false;
	t->members = more;
	t->member_size = size;
	return true;
}

static struct member *member_get(struct hin_telescope *t, const struct hin_packet *p)
{
	uint32_t hash = hash_of_address(t, &p->src), name;
	struct member *m = find(t, &p->src, hash);

	if (m != NULL)
		return m;
	if (!has_room(t)) {
		t->members_lost++;
		return NULL;
	}
	m = &t->members[t->member_count];
	memset(m, 0, sizeof(*m)); /* it is saved as it lies */
	m->told.address = p->src;
	m->told.first_us = m->told.last_us = p->time_us;
	m->told.first_target = p->dst;
	m->told.first_port = p->dport;
	m->told.top_proto = p->proto;
	if (!hin_index_put(&t->member_index, hash, (uint32_t)t->member_count, hash_of, t)) {
		t->members_lost++;
		return NULL;
	}
	t->member_count++;
	name = t->options.member_names != NULL ? hin_prefix_tree_find(t->options.member, &p->src)
					       : HIN_PREFIX_NONE;
	if (name != HIN_PREFIX_NONE && t->options.member_names[name] != NULL)
		snprintf(m->told.name, sizeof(m->told.name), "%s", t->options.member_names[name]);
	return m;
}

/* ---- telling ---- */

static void tell(struct hin_telescope *t, const struct member *m, struct member_part *part,
		 bool opened, bool closed)
{
	const struct hin_member_news news = {
		.member = &m->told,
		.link = m->link,
		.part = { .opened = opened,
			  .closed = closed,
			  .since_us = part->first_us,
			  .packets = part->packets,
			  .bytes = part->bytes },
		.last_us = part->last_us,
		.one_port = part != &m->rest,
		.target = part->dst,
		.sport = part->sport,
		.dport = part->dport,
		.proto = part->proto,
		.targets = hin_distinct_count(&t->episode_pool, &m->event_targets),
		.ports = hin_distinct_count(&t->episode_pool, &m->event_ports),
	};

	if (t->options.sink.member != NULL)
		t->options.sink.member(t->options.sink.user, &news);
	part->packets = part->bytes = 0;
}

/* Tell what was not told yet; when the event is over, the last line says so. */
static void tell_waiting(struct hin_telescope *t, struct member *m, bool closed)
{
	unsigned left = m->rest.packets > 0;

	for (unsigned i = 0; i < MEMBER_PORTS; i++)
		left += m->parts[i].packets > 0;
	if (m->rest.packets > 0)
		tell(t, m, &m->rest, false, closed && --left == 0);
	for (unsigned i = 0; i < MEMBER_PORTS; i++) {
		struct member_part *part = &m->parts[i];

		if (part->packets > 0)
			tell(t, m, part, false, closed && --left == 0);
		else
			part->used = false; /* was quiet: another port may have the place */
	}
}

static bool is_waiting(const struct member *m)
{
	uint64_t packets = m->rest.packets;

	for (unsigned i = 0; i < MEMBER_PORTS; i++)
		packets |= m->parts[i].packets;
	return packets > 0;
}

static void close_event(struct hin_telescope *t, struct member *m)
{
	if (is_waiting(m)) {
		tell_waiting(t, m, true);
	} else {
		m->first.first_us = m->first.last_us = m->last_us;
		tell(t, m, &m->first, false, true);
	}
	hin_distinct_clear(&t->episode_pool, &m->event_targets);
	hin_distinct_clear(&t->episode_pool, &m->event_ports);
	memset(&m->first, 0, sizeof(m->first));
	memset(m->parts, 0, sizeof(m->parts));
	memset(&m->rest, 0, sizeof(m->rest));
	m->link = 0;
	m->open = false;
}

static void close_idle(struct hin_telescope *t, int64_t now_us)
{
	for (size_t i = 0; i < t->member_count; i++)
		if (t->members[i].open && t->members[i].last_us <= now_us - t->timeout_us)
			close_event(t, &t->members[i]);
}

static void tell_all(struct hin_telescope *t)
{
	for (size_t i = 0; i < t->member_count; i++)
		if (t->members[i].open)
			tell_waiting(t, &t->members[i], false);
}

/*
 * Also when files are read: an address may have changed hands an hour later, so that no line may be
 * about a long time.
 */
void hin_members_minute(struct hin_telescope *t, int64_t now_us)
{
	close_idle(t, now_us);
	if (t->members_told_us == INT64_MIN)
		t->members_told_us = t->minute_us;
	if (now_us - t->members_told_us < t->options.settings.event_update_ns / 1000)
		return;
	tell_all(t);
	t->members_told_us = now_us;
}

void hin_members_finish(struct hin_telescope *t)
{
	close_idle(t, t->clock_us);
	tell_all(t);
}

/* ---- packets ---- */

/* For the report: all of the run. */
static struct role count(struct hin_telescope *t, struct member *m, const struct hin_packet *p)
{
	struct role role = hin_packet_role(p, false);
	uint8_t tool = (uint8_t)(p->marks & HIN_MARK_TOOL);
	unsigned i;

	m->told.packets++;
	if (p->time_us > m->told.last_us)
		m->told.last_us = p->time_us;
	if (p->time_us < m->told.first_us)
		m->told.first_us = p->time_us;
	if (role.class >= HIN_CLASS_TCP_ANSWER)
		m->answered++;
	else
		m->asked++;
	m->told.infected = m->asked > 0 && m->asked * 10 >= m->answered;
	if (tool != HIN_SIGN_NONE) {
		if (m->marks == 0)
			m->told.tool = tool;
		m->marks = m->told.tool == tool ? m->marks + 1 : m->marks - 1;
	}
	m->told.confidence = (uint8_t)(99 * (uint64_t)m->marks / m->told.packets);
	(void)hin_distinct_add(&t->member_pool, &m->targets, hin_distinct_hash_addr(&p->dst));
	(void)hin_distinct_add(&t->member_pool, &m->ports, role.port);
	for (i = 0; i < m->told.top_count; i++)
		if (m->told.top[i].port == role.port)
			break;
	if (i == m->told.top_count && i < HIN_TOP_PORTS)
		m->told.top[m->told.top_count++].port = role.port;
	if (i < HIN_TOP_PORTS)
		m->told.top[i].packets++;
	return role;
}

static void begin_part(struct member_part *part, const struct hin_packet *p)
{
	part->sport = p->sport;
	part->dport = p->dport;
	part->dst = p->dst;
	part->proto = p->proto;
	part->used = true;
}

static void add_packet(struct member_part *part, const struct hin_packet *p)
{
	if (part->packets == 0) {
		part->first_us = part->last_us = p->time_us;
		part->dport = p->dport;
		part->dst = p->dst;
	}
	part->first_us = p->time_us < part->first_us ? p->time_us : part->first_us;
	part->last_us = p->time_us > part->last_us ? p->time_us : part->last_us;
	part->packets++;
	part->bytes += p->bytes;
}

/* The part of the packet's port; `*fresh` when it is that port's first. The rest has none. */
static struct member_part *part_of(struct member *m, const struct hin_packet *p, bool *fresh)
{
	struct member_part *part = &m->rest, *unused = NULL;

	*fresh = false;
	for (unsigned i = 0; i < MEMBER_PORTS; i++) {
		if (!m->parts[i].used)
			unused = unused == NULL ? &m->parts[i] : unused;
		else if (m->parts[i].sport == p->sport && m->parts[i].proto == p->proto)
			return &m->parts[i];
	}
	if (unused != NULL) {
		*fresh = true;
		part = unused;
		begin_part(part, p);
	} else if (part->packets == 0) {
		part->used = true;
		part->proto = p->proto;
	} else if (part->proto != p->proto) {
		part->proto = 0;
	}
	return part;
}

void hin_member_take(struct hin_telescope *t, const struct hin_packet *p)
{
	struct member *m = member_get(t, p);
	struct member_part *part;
	struct role role;
	bool opened, fresh;

	if (m == NULL)
		return;
	role = count(t, m, p);
	if (m->open && m->last_us <= p->time_us - t->timeout_us)
		close_event(t, m);
	opened = !m->open;
	if (opened) {
		m->open = true;
		m->last_us = p->time_us;
		m->link = hin_mix(hin_subject_hash(t->secret, &p->src) ^ HIN_CLASS_COUNT,
				  (uint64_t)p->time_us | 1);
		begin_part(&m->first, p);
	}
	m->last_us = p->time_us > m->last_us ? p->time_us : m->last_us;
	(void)hin_distinct_add(&t->episode_pool, &m->event_targets,
			       hin_distinct_hash_addr(&p->dst));
	(void)hin_distinct_add(&t->episode_pool, &m->event_ports, role.port);
	part = part_of(m, p, &fresh);
	add_packet(part, p);
	if (fresh)
		tell(t, m, part, opened, false);
}
