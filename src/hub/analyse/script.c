/*
 * script - several sources run the same script at decoys: one campaign.
 *
 * The sensor sends a digest of a session's commands in which addresses, numbers and random names
 * are replaced, so that all runs of one script have the same. Its first eight bytes keep campaigns
 * apart. The first distinct sources of each script stand in a table of fixed size, in which a
 * script takes the place of another one now and then: that one is counted from the start again.
 */
#include <stdlib.h>

#include "hub/analyse/analyse.h"

#define SURE 85
#define LEAST_COMMANDS 2 /* one command alone, such as "uname -a", is no script */
#define SCRIPTS 8192u	 /* places; a power of two */
#define SOURCES 16u	 /* distinct ones of a script; more are not counted */

struct script {
	uint64_t key; /* start of the digest; 0 = nobody's place */
	uint32_t count;
	uint32_t sources[SOURCES]; /* by hash */
};

static uint32_t count_source(struct script *s, uint32_t hash)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->sources[i] == hash)
			return s->count;
	if (s->count < SOURCES)
		s->sources[s->count++] = hash;
	return s->count;
}

static uint64_t digest_start(const struct hin_observation *o)
{
	uint64_t start = 0;

	for (int i = 0; i < 8; i++)
		start = start << 8 | o->artifact[i];
	return start;
}

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_script *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_CAMPAIGN,
				   .port = o->dport,
				   .proto = o->proto,
				   .technique = HIN_TECHNIQUE_T1059_004,
				   .severity = HIN_SEVERITY_MEDIUM,
				   .confidence = SURE,
				   .apart = digest_start(o) };
	struct script *scripts = run->state, *script = &scripts[claim.apart % SCRIPTS];
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC) || o->packets < LEAST_COMMANDS ||
	    o->artifact_type != HIN_ARTIFACT_TYPE_SCRIPT)
		return;
	if (script->key != claim.apart)
		*script = (struct script){ .key = claim.apart };
	s = hin_rule_subject(run, &claim, o);
	if (s != NULL && count_source(script, hin_rule_hash(run, &o->src)) >= set->sources)
		hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_printf(out, "kind decoy.script and packets >= %d and artifact %016llx",
			  LEAST_COMMANDS, (unsigned long long)claim->apart);
}

static enum hin_code scripts_open(void **state, const void *settings, struct hin_error *err)
{
	(void)settings;
	*state = calloc(SCRIPTS, sizeof(struct script));
	return *state != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no room for scripts");
}

static void scripts_reset(void *state)
{
	memset(state, 0, SCRIPTS * sizeof(struct script));
}

const struct hin_rule hin_rule_script = {
	.finding = HIN_FINDING_SAME_SCRIPT,
	.kinds = { HIN_KIND_DECOY_SCRIPT },
	.settings = offsetof(struct hin_analyse_settings, script),
	.idle = offsetof(struct hin_rule_script, idle_ns),
	.why = { "Several sources ran the same sequence of commands: one hand or one program is "
		 "behind them.",
		 "複数の送信元が同じ一連のコマンドを実行した。背後に同じ者または同じプログラムが"
		 "ある。" },
	.take = take,
	.query = query,
	.open = scripts_open,
	.reset = scripts_reset,
	.close = free,
};
