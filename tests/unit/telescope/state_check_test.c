/* state_check_test - a state that the engine cannot have saved is refused, whatever its digest. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "telescope/telescope_priv.h"
#include "traffic.h"

static char path[64];
static struct hin_prefix_tree *dark, *member;

static bool on_news(void *user, const struct hin_news *news)
{
	(void)user;
	(void)news;
	return true;
}

static struct hin_telescope_options options_of(bool two_way)
{
	struct hin_telescope_options options = traffic_options();

	options.settings.memory_bytes = 8 << 20;
	options.settings.event_timeout_ns = 60 * INT64_C(1000000000);
	options.dark = two_way ? NULL : dark;
	options.member = two_way ? NULL : member;
	options.flows = true;
	options.update_us = MINUTE;
	options.sink.news = on_news;
	return options;
}

/* Some of all that a state holds: things that are over, that go on, and that were told. */
static void mixture(struct traffic *t)
{
	for (uint32_t n = 0; n < 8000; n++) {
		int64_t time = T0 + n * 8 * MINUTE / 8000;
		uint32_t part = n / 2500; /* other sources after a while: the first are over */

		send_syn(t, time, ADDR(20, 1, part, n % 5), DARK(n * 7), (uint16_t)(22 + n % 3));
		if (n % 4 == 0)
			send_flags(t, time, ADDR(30, 1, part, 1), DARK(n), 443, (uint16_t)n, 0x12);
		if (n % 3 == 0)
			send_udp(t, time, ADDR(40, 0, n % 7, n % 251), DARK(9 + part), 53, 5000,
				 "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
		if (n % 5 == 0)
			send_syn(t, time, ADDR(9, 0, 0, n % 4), DARK(n), 23);
		send_syn(t, time, ADDR(70, 0, 0, 0) + n * 101, DARK(77 + part), 80);
	}
}

/* Entries to be damaged: a source with several ports, one of its events, that of all ports. */
struct place {
	struct shard *s;
	struct source *source;
	struct event *event, *any;
	struct target *target;
	uint32_t source_at, event_at, any_at, target_at;
};

static void find_place(struct place *out, struct hin_telescope *t)
{
	for (unsigned k = 0; k < HIN_SHARDS; k++) {
		struct shard *s = &t->shards[k];
		uint32_t targets = s->target_buckets * HIN_TARGET_WAYS;

		for (uint32_t at = 0; at < s->sources.used; at++) {
			struct source *x = source_at(s, at);
			struct place p = { .s = s, .source = x, .source_at = at };

			if ((x->flags & SOURCE_USED) == 0 || x->any[HIN_CLASS_SYN] == HIN_NONE)
				continue;
			p.any_at = x->any[HIN_CLASS_SYN];
			p.any = event_at(s, p.any_at);
			p.event_at = x->head == p.any_at ? p.any->next : x->head;
			p.event = event_at(s, p.event_at);
			while (p.target_at < targets && !target_used(s, p.target_at))
				p.target_at++;
			p.target = target_at(s, p.target_at);
			if (p.any->targets.handle <= 1 || p.target_at == targets ||
			    s->flows.used == 0)
				continue;
			*out = p;
			return;
		}
	}
	fail_msg("no source with two ports");
}

/* ---- damage ---- */

static uint32_t *used_slot(struct hin_index *index)
{
	uint32_t i = 0;

	while (index->slots[i] == 0)
		i++;
	return &index->slots[i];
}

#define DAMAGE(name, ...)                                                                          \
	static void name(struct hin_telescope *t, struct place *p)                                 \
	{                                                                                          \
		(void)t;                                                                           \
		(void)p;                                                                           \
		__VA_ARGS__;                                                                       \
	}

DAMAGE(source_head_outside, p->source->head = p->s->events.used)
DAMAGE(source_head_far, p->source->head = 0x7fffffff)
DAMAGE(chain_circle, p->event->next = p->source->head)
DAMAGE(chain_cut, p->source->head = HIN_NONE)
DAMAGE(event_of_another, p->event->source = p->source_at + 1)
DAMAGE(event_class_outside, p->event->key |= 200u << HIN_KEY_CLASS)
DAMAGE(any_outside, p->source->any[HIN_CLASS_SYN] = 0x7ffffff0)
DAMAGE(any_is_port, p->source->any[HIN_CLASS_SYN] = p->event_at)
DAMAGE(any_of_no_class, p->source->any[HIN_CLASS_UDP] = p->any_at)
DAMAGE(event_any_outside, p->event->any = 0x00ffff00)
DAMAGE(ports_miscounted, p->source->ports[HIN_CLASS_SYN]++)
DAMAGE(sources_live, p->s->sources.live++)
DAMAGE(sources_unlive, p->s->sources.live--)
DAMAGE(sources_free, p->s->sources.free = p->source_at)
DAMAGE(sources_hand, p->s->sources.hand = p->s->sources.used)
DAMAGE(source_time, p->source->last_us = INT64_MAX)
DAMAGE(source_members, p->source->members = (struct hin_distinct){ 0xffffffe3, 9 })
DAMAGE(source_hash, p->source->hash ^= 0xff000000)
DAMAGE(source_index_outside, *used_slot(&p->s->source_index) |= 0xffffff)
DAMAGE(source_index_count, p->s->source_index.used++)
DAMAGE(source_index_full, {
	for (uint32_t i = 0; i <= p->s->source_index.mask; i++)
		p->s->source_index.slots[i] = hin_index_slot(0, p->source_at);
	p->s->source_index.used = p->s->source_index.mask + 1;
})
DAMAGE(events_free, p->s->events.free = p->event_at)
DAMAGE(events_cold, p->s->events_cold.used--)
DAMAGE(event_unused, p->event->flags &= (uint8_t)~EVENT_USED)
DAMAGE(event_pending, p->event->pending_count = 9)
DAMAGE(event_tool, p->event->tool = 200)
DAMAGE(event_time, p->event->first_us = p->event->last_us + 1)
DAMAGE(event_hash, p->event->hash ^= 0xff000000)
DAMAGE(event_index_outside, *used_slot(&p->s->event_index) |= 0xffffff)
DAMAGE(handle_outside, p->any->targets.handle += 0x40000000)
DAMAGE(handle_before, p->any->targets.handle &= 31)
DAMAGE(handle_class, p->any->targets.handle |= 15)
DAMAGE(handle_twice, p->event->targets = p->any->targets)
DAMAGE(set_lies, p->any->targets.value--)
DAMAGE(set_rank, {
	p->any->targets.handle |= HIN_HANDLE_SKETCH;
	memset(hin_distinct_block(&p->s->pool, p->any->targets.handle), 65, 16);
})
DAMAGE(all_sources_twice, p->s->all_sources = p->any->targets)
DAMAGE(pool_free_taken,
       p->s->pool.free[p->any->targets.handle & HIN_HANDLE_CLASS] = p->any->targets.handle &
								    ~HIN_HANDLE_SKETCH)
DAMAGE(pool_free_class, p->s->pool.free[3] = p->any->targets.handle | 16)
DAMAGE(pool_circle, {
	uint32_t handle = (uint32_t)(p->s->pool.used / 16) << HIN_HANDLE_OFFSET;

	p->s->pool.used += 16;
	p->s->pool.free[0] = handle;
	memcpy(hin_distinct_block(&p->s->pool, handle), &handle, 4);
})
DAMAGE(pool_small, p->s->pool.used = 64)
DAMAGE(target_class, p->target->class = HIN_CLASS_COUNT)
DAMAGE(target_time, p->target->last_us = INT64_MIN)
DAMAGE(target_first, {
	p->target->packets = 2;
	target_cold_at(p->s, p->target_at)->first_us = INT64_MIN;
})
DAMAGE(target_sources, p->target->sources = p->any->targets)
DAMAGE(targets_used, p->s->targets.used--)
DAMAGE(flow_tool, flow_at(p->s, 0)->tool = 99)
DAMAGE(flows_live, p->s->flows.live = p->s->flows.used + 1)
DAMAGE(flow_index_outside, *used_slot(&p->s->flow_index) |= 0xffffff)
DAMAGE(switch_of_seven, memset(&p->s->sources_gone, 7, 1))
DAMAGE(clock_wild, t->clock_us = INT64_MAX)
DAMAGE(minute_wild, t->minute_us = INT64_MAX - 5)
DAMAGE(fold_frames, t->fold_frames = UINT64_MAX)
DAMAGE(flow_packets, t->flow_packets = (uint64_t)t->flow_flush + 1)
DAMAGE(kinds_sum, t->counters[0].kinds[0]++)
DAMAGE(packets_time, t->counters[0].first_us = INT64_MIN)
DAMAGE(step_zero, t->series_step_us = 0)
DAMAGE(step_wild, t->series_step_us = INT64_MAX / MINUTE * MINUTE)
DAMAGE(running_ports, t->running.port_count = SERIES_PORTS + 1)
DAMAGE(series_ports, t->series[0].port_count = 1000)
DAMAGE(series_port, {
	t->series[0].port_count = 1;
	t->series[0].ports[0].port = HIN_CHANGE_PORTS;
})
DAMAGE(series_order, t->series[1].sum.time_us = t->series[0].sum.time_us)
DAMAGE(rose_count, t->change.results.count = HIN_CHANGE_RESULTS + 1)
DAMAGE(rose_score, {
	memset(&t->change.results.list[0], 0, sizeof(t->change.results.list[0]));
	t->change.results.list[0].score = NAN;
	t->change.results.count = 1;
})
DAMAGE(past_nan, t->change.scales[1].ports[70000].mean = NAN)
DAMAGE(past_quiet, t->change.scales[0].ports[3].quiet = UINT32_MAX)
DAMAGE(over_class, hin_results_events (&t->over)[0].class = HIN_CLASS_COUNT)
DAMAGE(over_top, hin_results_events (&t->over)[0].top_count = HIN_TOP_PORTS + 1)
DAMAGE(over_text, memset(hin_results_events (&t->over)[0].research, 'a', HIN_NAME_TEXT))
DAMAGE(over_bool, memset(&hin_results_events (&t->over)[0].open, 2, 1))
DAMAGE(over_rate, hin_results_events (&t->over)[0].rate = INFINITY)
DAMAGE(over_victim, hin_results_victims (&t->over)[0].last_us = INT64_MAX)
DAMAGE(over_flood, memset(&hin_results_floods (&t->over.floods)[0].spoofed, 3, 1))
DAMAGE(told_time, t->ongoing.items[0].last_us = INT64_MIN)
DAMAGE(told_bool, memset(&t->ongoing.items[0].closed, 9, 1))
DAMAGE(member_name, memset(t->members[0].told.name, 'x', HIN_NAME_TEXT))
DAMAGE(member_top, t->members[0].told.top_count = HIN_TOP_PORTS + 1)
DAMAGE(member_tool, t->members[0].told.tool = HIN_SIGN_COUNT)
DAMAGE(member_handle, t->members[0].targets = t->members[1].targets)
DAMAGE(member_open, memset(&t->members[0].open, 2, 1))
DAMAGE(member_closed, t->members[0].open = false)
DAMAGE(member_port, memset(&t->members[0].parts[1].used, 2, 1))
DAMAGE(member_part, t->members[0].parts[7] = (struct member_part){ .packets = 1 })
DAMAGE(member_time, t->members[0].last_us = INT64_MAX)
DAMAGE(member_span, t->members[0].rest.first_us = t->members[0].rest.last_us + 1)
DAMAGE(member_episode, t->members[0].event_targets = t->members[1].event_targets)
DAMAGE(episode_pool, t->episode_pool.free[2] = 0xfffffff2)
DAMAGE(member_pool, t->member_pool.free[2] = 0xfffffff2)

struct damage {
	const char *name;
	void (*apply)(struct hin_telescope *t, struct place *p);
	const char *said;
};

#define CASE(name, said)                                                                           \
	{                                                                                          \
#name, name, said                                                                  \
	}

static const struct damage damages[] = {
	CASE(source_head_outside, "the events of a source"),
	CASE(source_head_far, "the events of a source"),
	CASE(chain_circle, "the events of a source"),
	CASE(chain_cut, "the events of a source"),
	CASE(event_of_another, "the events of a source"),
	CASE(event_class_outside, "the events of a source"),
	CASE(any_outside, "the events of a source"),
	CASE(any_is_port, "the events of a source"),
	CASE(any_of_no_class, "the events of a source"),
	CASE(event_any_outside, "the events of a source"),
	CASE(ports_miscounted, "the events of a source"),
	CASE(sources_live, "the table of sources"),
	CASE(sources_unlive, "the table of sources"),
	CASE(sources_free, "the table of sources"),
	CASE(sources_hand, "the table of sources"),
	CASE(source_time, "the time of a source"),
	CASE(source_members, "the addresses of a network"),
	CASE(source_hash, "a source's place in the index"),
	CASE(source_index_outside, "the index of sources"),
	CASE(source_index_count, "the index of sources"),
	CASE(source_index_full, "the index of sources"),
	CASE(events_free, "the table of events"),
	CASE(events_cold, "the table of events"),
	CASE(event_unused, "the table of events"),
	CASE(event_pending, "an event"),
	CASE(event_tool, "an event"),
	CASE(event_time, "the time of an event"),
	CASE(event_hash, "an event's place in the index"),
	CASE(event_index_outside, "the index of events"),
	CASE(handle_outside, "the addresses of an event"),
	CASE(handle_before, "the addresses of an event"),
	CASE(handle_class, "the addresses of an event"),
	CASE(handle_twice, "the addresses of an event"),
	CASE(set_lies, "the addresses of an event"),
	CASE(set_rank, "the addresses of an event"),
	CASE(all_sources_twice, "the count of sources"),
	CASE(pool_free_taken, "a list of free blocks"),
	CASE(pool_free_class, "a list of free blocks"),
	CASE(pool_circle, "a list of free blocks"),
	CASE(pool_small, "the addresses of an event"),
	CASE(target_class, "a target"),
	CASE(target_time, "a target"),
	CASE(target_first, "the time of a target"),
	CASE(target_sources, "the sources of a target"),
	CASE(targets_used, "the table of targets"),
	CASE(flow_tool, "a flow"),
	CASE(flows_live, "the table of flows"),
	CASE(flow_index_outside, "the index of flows"),
	CASE(switch_of_seven, "a switch"),
	CASE(clock_wild, "a clock"),
	CASE(minute_wild, "a clock"),
	CASE(fold_frames, "the count of what is to be flushed"),
	CASE(flow_packets, "the count of what is to be flushed"),
	CASE(kinds_sum, "the sum of the packets"),
	CASE(packets_time, "the time of the packets"),
	CASE(step_zero, "the step of the series"),
	CASE(step_wild, "the step of the series"),
	CASE(running_ports, "the running minute"),
	CASE(series_ports, "the series"),
	CASE(series_port, "the series"),
	CASE(series_order, "the series"),
	CASE(rose_count, "the list of what rose"),
	CASE(rose_score, "what rose"),
	CASE(past_nan, "the past of a port"),
	CASE(past_quiet, "the past of a port"),
	CASE(over_class, "an event that is over"),
	CASE(over_top, "an event that is over"),
	CASE(over_text, "an event that is over"),
	CASE(over_bool, "an event that is over"),
	CASE(over_rate, "an event that is over"),
	CASE(over_victim, "a victim"),
	CASE(over_flood, "a flood"),
	CASE(told_time, "what was told"),
	CASE(told_bool, "what was told"),
	CASE(member_name, "a member"),
	CASE(member_top, "a member"),
	CASE(member_tool, "a member"),
	CASE(member_handle, "a member"),
	CASE(member_open, "a member"),
	CASE(member_closed, "a member"),
	CASE(member_port, "a member"),
	CASE(member_part, "a member"),
	CASE(member_time, "a member"),
	CASE(member_span, "a member"),
	CASE(member_episode, "a member"),
	CASE(episode_pool, "a list of free blocks"),
	CASE(member_pool, "a list of free blocks"),
};

static struct hin_telescope *load_new(const struct hin_telescope_options *options,
				      enum hin_code want, const char *name, const char *said)
{
	struct hin_error err = { .text = "nothing" };
	struct hin_telescope *t;

	assert_int_equal(hin_telescope_new(&t, options, NULL), HIN_OK);
	if (hin_telescope_load(t, path, &err) != want)
		fail_msg("%s: %s", name, err.text);
	if (want != HIN_OK && strstr(err.text, said) == NULL)
		fail_msg("%s: said \"%s\"", name, err.text);
	return t;
}

static void save_mixture(const struct hin_telescope_options *options)
{
	struct hin_telescope *t;
	struct traffic traffic = { 0 };

	mixture(&traffic);
	assert_int_equal(hin_telescope_new(&t, options, NULL), HIN_OK);
	assert_int_equal(hin_telescope_run(t, traffic_read, &traffic, NULL), HIN_OK);
	assert_int_equal(hin_telescope_save(t, path, NULL), HIN_OK);
	assert_int_equal(hin_state_check(t, NULL), HIN_OK);
	hin_telescope_free(t);
	traffic_free(&traffic);
}

static void each_damage_is_refused(void **state)
{
	const struct hin_telescope_options options = options_of(false);

	(void)state;
	save_mixture(&options);
	for (size_t i = 0; i < HIN_COUNT(damages); i++) {
		struct hin_telescope *t = load_new(&options, HIN_OK, damages[i].name, "");
		struct hin_error err = { .text = "nothing" };
		struct place p;
		char said[128];

		find_place(&p, t);
		damages[i].apply(t, &p);
		snprintf(said, sizeof(said), ": %s cannot be so", damages[i].said);
		if (hin_state_check(t, &err) != HIN_EFORMAT || strstr(err.text, said) == NULL)
			fail_msg("%s: said \"%s\"", damages[i].name, err.text);
		hin_state_drop(t);
		hin_telescope_free(t);
	}
}

/* The engine's own states pass: with and without dark space, and when memory is short. */
static void what_the_engine_saves_is_taken(void **state)
{
	(void)state;
	for (unsigned variant = 0; variant < 4; variant++) {
		struct hin_telescope_options options = options_of((variant & 1) != 0);

		if (variant & 2)
			options.settings.memory_bytes = 1 << 20;
		save_mixture(&options);
		hin_telescope_free(load_new(&options, HIN_OK, "an honest state", ""));
	}
}

/* After a refusal nothing of the file is told, and no packet is taken. */
static void what_is_refused_is_forgotten(void **state)
{
	const struct hin_telescope_options options = options_of(false);
	struct hin_telescope *t;
	struct hin_picture picture;
	struct traffic traffic = { 0 };
	struct place p;

	(void)state;
	save_mixture(&options);
	t = load_new(&options, HIN_OK, "an honest state", "");
	find_place(&p, t);
	p.event->tool = 99;
	assert_int_equal(hin_telescope_save(t, path, NULL), HIN_OK); /* its digest is right */
	hin_telescope_free(t);
	t = load_new(&options, HIN_EFORMAT, "a wrong state", "damaged: an event cannot be so");
	mixture(&traffic);
	assert_int_equal(hin_telescope_run(t, traffic_read, &traffic, NULL), HIN_OK);
	assert_int_not_equal(hin_telescope_finish(t, NULL), HIN_OK);
	assert_int_equal(hin_telescope_picture(&picture, t, 100, NULL), HIN_OK);
	assert_int_equal(picture.frames, 0);
	assert_int_equal(picture.packets, 0);
	assert_int_equal(picture.sources, 0);
	assert_int_equal(picture.dark_hit, 0);
	assert_int_equal(picture.event_count + picture.victim_count + picture.flood_count +
				 picture.amplification_count + picture.member_count +
				 picture.port_count + picture.rising_count + picture.series_count,
			 0);
	hin_picture_free(&picture);
	hin_telescope_free(t);
	traffic_free(&traffic);
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/hinomi-state-check-%d", (int)getpid());
	dark = traffic_tree("198.18.0.0/16");
	member = traffic_tree("9.0.0.0/28");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	hin_prefix_tree_free(dark);
	hin_prefix_tree_free(member);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_damage_is_refused),
		cmocka_unit_test(what_the_engine_saves_is_taken),
		cmocka_unit_test(what_is_refused_is_forgotten),
	};

	return cmocka_run_group_tests_name("state_check", tests, setup, teardown);
}
