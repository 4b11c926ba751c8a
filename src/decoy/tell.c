/* tell - see tell.h */
#include "decoy/tell.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "decoy/technique.h"
#include "observe/registry.h"

#define DIGEST 32
#define HASSH 16
#define TCP 6
#define CONFIDENT 95 /* nobody has business at a decoy */

/* ---- rows ---- */

static struct hin_observation row_of(const struct hin_story *story, uint16_t kind, int64_t time_us)
{
	const struct hin_wire_about *about = &story->about;
	struct hin_observation row = { .kind = kind,
				       .time_us = time_us,
				       .sport = about->client_port,
				       .dport = about->server_port,
				       .proto = TCP,
				       .service = about->service,
				       .link = story->link };

	hin_observation_set_src(&row, &about->client);
	hin_observation_set_dst(&row, &about->server);
	return row;
}

/* A digest of zeros is none: rows have no other word for "not given". */
static void set_artifact(struct hin_observation *row, uint8_t type, const void *digest, size_t size)
{
	static const uint8_t nothing[DIGEST];

	if (memcmp(digest, nothing, size) == 0)
		return;
	row->artifact_type = type;
	memcpy(row->artifact, digest, size);
}

static void give(struct hin_story *story, const struct hin_observation *row,
		 const struct hin_teller_of *to)
{
	if (story->rows++ < HIN_STORY_ROWS)
		to->row(to->user, row);
}

void hin_story_begin(struct hin_story *story, const struct hin_wire_about *about, uint64_t link,
		     int64_t time_us)
{
	*story = (struct hin_story){ .about = *about, .link = link, .start_us = time_us };
}

/* ---- events ---- */

static void count_technique(void *user, uint16_t technique)
{
	struct hin_story *story = user;
	size_t i = 0;

	while (i < HIN_STORY_TECHNIQUES && story->techniques[i] != 0 &&
	       story->techniques[i] != technique)
		i++;
	if (i == HIN_STORY_TECHNIQUES)
		return;
	story->techniques[i] = technique;
	story->technique_counts[i]++;
}

/* The chain goes on over one command as every run of its script has it. */
static void add_command(struct hin_story *story, const struct hin_event *event)
{
	char memory[DIGEST + 4096 + 64];
	struct hin_buffer text = hin_buffer_over(memory, sizeof(memory));

	hin_buffer_add(&text, story->script, DIGEST);
	hin_command_normalise(event->a, event->a_size, &text);
	if (EVP_Digest(text.data, text.used, story->script, NULL, EVP_sha256(), NULL) == 1)
		story->commands++;
	hin_techniques_of(event->a, event->a_size, count_technique, story);
}

/* HMAC-SHA-256 of user, NUL, password. */
static bool digest_credential(uint8_t out[DIGEST], const struct hin_event *event,
			      const struct hin_teller_of *to)
{
	char memory[2 * 4096 + 2];
	struct hin_buffer text = hin_buffer_over(memory, sizeof(memory));
	unsigned size = DIGEST;

	hin_buffer_add(&text, event->a, event->a_size);
	hin_buffer_add(&text, "", 1);
	hin_buffer_add(&text, event->b, event->b_size);
	return !text.failed && HMAC(EVP_sha256(), to->credential_key, DIGEST,
				    (const uint8_t *)text.data, text.used, out, &size) != NULL;
}

static void tell_credential(struct hin_story *story, const struct hin_event *event,
			    const struct hin_teller_of *to)
{
	bool good = event->verdict == HIN_VERDICT_SUCCESS;
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_CREDENTIAL, event->time_us);
	uint8_t digest[DIGEST];

	if (event->number == HIN_CREDENTIAL_PASSWORD && digest_credential(digest, event, to))
		set_artifact(&row, HIN_ARTIFACT_TYPE_CREDENTIAL, digest, DIGEST);
	else if (event->number == HIN_CREDENTIAL_PUBLIC_KEY &&
		 EVP_Digest(event->b, event->b_size, digest, NULL, EVP_sha256(), NULL) == 1)
		set_artifact(&row, HIN_ARTIFACT_TYPE_PUBLIC_KEY, digest, DIGEST);
	else
		return;
	row.verdict = event->verdict;
	row.packets = 1;
	row.technique = HIN_TECHNIQUE_T1110_001;
	give(story, &row, to);
	if (!good || story->is_in)
		return;
	story->is_in = true;
	row.kind = HIN_KIND_DECOY_LOGIN;
	row.packets = 0;
	row.technique = HIN_TECHNIQUE_T1078;
	row.confidence = CONFIDENT;
	give(story, &row, to);
}

/* Products that say what they are, by the numbers of registry products. */
static uint64_t product_of(const char *text, size_t size)
{
	static const struct {
		const char *begin;
		uint64_t product;
	} known[] = {
		{ "SSH-2.0-OpenSSH", UINT64_C(0x94b0c649c2a39e6a) },
		{ "SSH-2.0-dropbear", UINT64_C(0xfa27247274f85187) },
	};

	for (size_t i = 0; i < HIN_COUNT(known); i++)
		if (size >= strlen(known[i].begin) &&
		    memcmp(text, known[i].begin, strlen(known[i].begin)) == 0)
			return known[i].product;
	return 0;
}

static void tell_fingerprint(struct hin_story *story, const struct hin_event *event,
			     const struct hin_teller_of *to)
{
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_CLIENT, event->time_us);

	if (event->b_size == HASSH)
		set_artifact(&row, HIN_ARTIFACT_TYPE_HASSH, event->b, HASSH);
	else if (event->b_size == DIGEST)
		set_artifact(&row, HIN_ARTIFACT_TYPE_SSH_CLIENT, event->b, DIGEST);
	else
		return;
	row.product = story->product;
	give(story, &row, to);
}

static void tell_file(struct hin_story *story, const struct hin_event *event,
		      const struct hin_teller_of *to)
{
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_FILE, event->time_us);

	if (event->b_size != DIGEST)
		return;
	set_artifact(&row, HIN_ARTIFACT_TYPE_FILE, event->b, DIGEST);
	if (story->is_program)
		(void)hin_observation_tag(&row, HIN_TAG_PROGRAM);
	row.bytes = event->number;
	row.technique = HIN_TECHNIQUE_T1105;
	row.verdict = HIN_VERDICT_QUARANTINED;
	give(story, &row, to);
}

static void tell_download(struct hin_story *story, const struct hin_event *event,
			  const struct hin_teller_of *to)
{
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_DOWNLOAD, event->time_us);
	uint8_t digest[DIGEST];

	if (EVP_Digest(event->a, event->a_size, digest, NULL, EVP_sha256(), NULL) != 1)
		return;
	set_artifact(&row, HIN_ARTIFACT_TYPE_URL, digest, DIGEST);
	row.technique = HIN_TECHNIQUE_T1105;
	row.verdict = HIN_VERDICT_BLOCKED;
	give(story, &row, to);
}

/* Where to, as far as that is an address: a name is a stranger's text. */
static void tell_forward(struct hin_story *story, const struct hin_event *event,
			 const struct hin_teller_of *to)
{
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_FORWARD, event->time_us);
	char text[HIN_ADDR_TEXT];
	struct hin_addr target;

	row.has &= (uint8_t)~HIN_HAS_DST;
	row.dst = (struct hin_addr){ 0 };
	if (event->a_size < sizeof(text)) {
		memcpy(text, event->a, event->a_size);
		text[event->a_size] = '\0';
		if (hin_addr_parse(&target, text) == HIN_OK)
			hin_observation_set_dst(&row, &target);
	}
	row.dport = event->number <= UINT16_MAX ? (uint16_t)event->number : 0;
	row.technique = HIN_TECHNIQUE_T1090;
	row.verdict = HIN_VERDICT_BLOCKED;
	give(story, &row, to);
}

static void tell_token(struct hin_story *story, const struct hin_event *event,
		       const struct hin_teller_of *to)
{
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_HONEYTOKEN, event->time_us);
	uint8_t digest[DIGEST];

	/* which one it was, by a digest of its name: the organisation's file tells it */
	if (EVP_Digest(event->a, event->a_size, digest, NULL, EVP_sha256(), NULL) == 1)
		set_artifact(&row, HIN_ARTIFACT_TYPE_CREDENTIAL, digest, DIGEST);
	row.technique = HIN_TECHNIQUE_T1078;
	row.confidence = CONFIDENT;
	give(story, &row, to);
}

void hin_story_event(struct hin_story *story, const struct hin_event *event,
		     const struct hin_teller_of *to)
{
	switch (event->type) {
	case HIN_EVENT_CLIENT:
		story->product = product_of(event->a, event->a_size);
		break;
	case HIN_EVENT_FINGERPRINT:
		tell_fingerprint(story, event, to);
		break;
	case HIN_EVENT_CREDENTIAL:
		tell_credential(story, event, to);
		break;
	case HIN_EVENT_COMMAND:
		add_command(story, event);
		break;
	case HIN_EVENT_DOWNLOAD:
		tell_download(story, event, to);
		break;
	case HIN_EVENT_FILE:
		tell_file(story, event, to);
		break;
	case HIN_EVENT_FORWARD:
		tell_forward(story, event, to);
		break;
	case HIN_EVENT_HONEYTOKEN:
		tell_token(story, event, to);
		break;
	default: /* of the recording alone */
		break;
	}
}

/* ---- the end ---- */

static void tell_script(struct hin_story *story, int64_t duration_us, const uint8_t *evidence,
			const struct hin_teller_of *to)
{
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_SCRIPT, story->start_us);

	if (story->commands == 0)
		return;
	set_artifact(&row, HIN_ARTIFACT_TYPE_SCRIPT, story->script, DIGEST);
	row.duration_us = (uint64_t)duration_us;
	row.packets = story->commands;
	row.technique = HIN_TECHNIQUE_T1059_004;
	if (evidence != NULL)
		memcpy(row.evidence, evidence, DIGEST);
	to->row(to->user, &row);
}

static void tell_techniques(struct hin_story *story, const struct hin_teller_of *to)
{
	for (int i = 0; i < HIN_STORY_TECHNIQUES && story->techniques[i] != 0; i++) {
		struct hin_observation row =
			row_of(story, HIN_KIND_DECOY_TECHNIQUE, story->start_us);

		row.technique = story->techniques[i];
		row.packets = story->technique_counts[i];
		row.confidence = CONFIDENT;
		to->row(to->user, &row);
	}
}

void hin_story_end(struct hin_story *story, const struct hin_wire_message *end,
		   const uint8_t *evidence, const struct hin_teller_of *to)
{
	int64_t duration = end->time_us > story->start_us ? end->time_us - story->start_us : 0;
	struct hin_observation row = row_of(story, HIN_KIND_DECOY_CONNECTION, story->start_us);

	tell_techniques(story, to);
	tell_script(story, duration, evidence, to);
	row.duration_us = (uint64_t)duration;
	row.bytes = end->from_client + end->to_client;
	row.verdict = story->about.is_tarpit ? HIN_VERDICT_TARPIT : story->about.verdict;
	if (evidence != NULL)
		memcpy(row.evidence, evidence, DIGEST);
	to->row(to->user, &row);
}

void hin_story_refused(const struct hin_wire_message *message, const struct hin_teller_of *to)
{
	struct hin_story story;
	struct hin_observation row;

	hin_story_begin(&story, &message->about, message->session, message->time_us);
	row = row_of(&story, HIN_KIND_DECOY_CONNECTION, message->time_us);
	row.verdict = message->about.verdict;
	to->row(to->user, &row);
}
