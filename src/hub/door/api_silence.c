/* api_silence - did anything from a net reach the watched addresses? Signed, and an act */
#include <stdio.h>
#include <time.h>

#include "base/escape.h"
#include "hub/door/api_priv.h"
#include "hub/silence.h"
#include "trust/act_numbers.h"
#include "trust/ca.h"
#include "trust/ledger.h"

#define TRIES 40 /* of 50 ms, until the act has a place in the ledger */

/* The key of a sensor, by the roster. */
static bool find_key(void *user, const uint8_t id[HIN_SENSOR_ID],
		     uint8_t public_key[HIN_KEY_PUBLIC], char name[64])
{
	struct hin_api *api = user;
	struct hin_roster_sensor sensor;
	bool found;

	pthread_mutex_lock(&api->trust_lock);
	found = api->ca != NULL && hin_ca_sensor(api->ca, &sensor, id, NULL) == HIN_OK;
	pthread_mutex_unlock(&api->trust_lock);
	if (!found)
		return false;
	memcpy(public_key, sensor.public_key, HIN_KEY_PUBLIC);
	snprintf(name, 64, "%s", sensor.name);
	return true;
}

static bool read_question(struct api_call *call, struct hin_silence_question *q)
{
	const char *net = api_query(call, "net"), *since = api_query(call, "since");

	*q = (struct hin_silence_question){ .until_us = call->now_us,
					    .now_us = call->now_us,
					    .hub = call->tuning->name,
					    .key = find_key,
					    .user = call->api };
	if (net == NULL || since == NULL || since[0] == '\0') {
		api_refuse(call, 400, "missing", "\"net\" and \"since\" say what is asked");
		return false;
	}
	if (hin_prefix_parse(&q->net, net, NULL) != HIN_OK) {
		api_refuse(call, 400, "net", "\"net\" is no prefix");
		return false;
	}
	return api_query_time(call, "since", &q->since_us) &&
	       api_query_time(call, "until", &q->until_us);
}

/* Where the act stands, and its salt; HIN_EAGAIN when it does not yet. */
static enum hin_code find_place(struct api_call *call, int64_t act, int64_t *index,
				uint8_t salt[HIN_ACT_SALT], struct hin_error *err)
{
	sqlite3_stmt *s =
		hin_desk_statement(call->desk, "SELECT ledger, salt FROM act WHERE id = ?1", err);
	enum hin_code code = s != NULL ? hin_desk_bind(call->desk, s, err, "i", act) : HIN_EFORMAT;

	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, err);
	if (code != HIN_OK)
		return code;
	code = HIN_EAGAIN;
	if (sqlite3_column_type(s, 0) != SQLITE_NULL &&
	    sqlite3_column_bytes(s, 1) == HIN_ACT_SALT) {
		*index = sqlite3_column_int64(s, 0);
		memcpy(salt, sqlite3_column_blob(s, 1), HIN_ACT_SALT);
		code = HIN_OK;
	}
	sqlite3_reset(s);
	return code;
}

/* The proof that the act is in the ledger, when it comes there soon. */
static bool make_proof(struct api_call *call, int64_t act, struct hin_buffer *out)
{
	const struct timespec wait = { .tv_nsec = 50000000 };
	struct hin_ledger *ledger = call->api->settings.ledger;
	uint8_t salt[HIN_ACT_SALT];
	int64_t index = 0;
	enum hin_code code = HIN_EAGAIN;

	for (unsigned i = 0; i < TRIES && code == HIN_EAGAIN; i++) {
		code = find_place(call, act, &index, salt, NULL);
		if (code == HIN_EAGAIN && hin_http_has_left(call->request))
			return false;
		if (code == HIN_EAGAIN)
			(void)nanosleep(&wait, NULL);
	}
	if (code == HIN_OK)
		code = hin_ledger_publish(ledger, NULL);
	return code == HIN_OK &&
	       hin_ledger_prove(ledger, (uint64_t)index, salt, out, NULL) == HIN_OK;
}

static void write_sentence(struct hin_buffer *out, const char *name,
			   const struct hin_silence *silence, enum hin_lang lang)
{
	struct hin_buffer text = { 0 };

	hin_silence_sentence(silence, lang, &text);
	api_text(out, name, hin_buffer_text(&text));
	hin_buffer_fini(&text);
}

static void answer(struct api_call *call, const struct hin_silence *silence)
{
	struct hin_buffer text = { 0 }, json = { 0 }, note = { 0 }, proof = { 0 };
	struct hin_ledger *ledger = call->api->settings.ledger;
	char key[HIN_NOTE_KEY_TEXT];
	struct hin_error err = { 0 };
	int64_t act = 0;
	enum hin_code code;

	hin_silence_text(silence, &text);
	hin_silence_json(silence, &json);
	code = text.failed || json.failed
		       ? hin_fail(&err, HIN_ENOMEM, "no memory for the answer")
		       : hin_ledger_sign(ledger, text.data, text.used, &note, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
	} else if (api_note_act(call, HIN_ACT_SILENCE_ANSWERED, json.data, &act)) {
		bool proven = make_proof(call, act, &proof);

		api_open(&call->out, NULL, '{');
		if (hin_silence_is_silent(silence) && !hin_silence_is_told(silence))
			api_text_or_null(&call->out, "silent", NULL); /* nothing can be said */
		else
			api_bool(&call->out, "silent", hin_silence_is_silent(silence));
		write_sentence(&call->out, "sentence", silence, HIN_EN);
		write_sentence(&call->out, "sentence_ja", silence, HIN_JA);
		api_key(&call->out, "answer");
		hin_buffer_puts(&call->out, hin_buffer_text(&json));
		api_text(&call->out, "note", hin_buffer_text(&note));
		api_text(&call->out, "key", hin_note_verifier_format(hin_ledger_key(ledger), key));
		api_number(&call->out, "act", act);
		api_text_or_null(&call->out, "proof", proven ? hin_buffer_text(&proof) : NULL);
		hin_buffer_puts(&call->out, "}\n");
	}
	hin_buffer_fini(&text);
	hin_buffer_fini(&json);
	hin_buffer_fini(&note);
	hin_buffer_fini(&proof);
}

static void handle_silence(struct api_call *call)
{
	struct hin_silence_question question;
	struct hin_silence silence = { 0 };
	struct hin_store *store = NULL;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!read_question(call, &question))
		return;
	if (call->api->settings.ledger == NULL) {
		api_refuse(call, 409, "no-ledger", "this hub keeps no ledger, so it signs nothing");
		return;
	}
	code = api_store(call, &store, &err);
	if (code == HIN_OK)
		code = hin_silence_ask(&silence, store, &question, &err);
	if (code == HIN_OK)
		answer(call, &silence);
	else
		api_refuse_code(call, code, &err);
	hin_silence_fini(&silence);
}

/* ---- checking one, whoever gave it ---- */

static void handle_check(struct api_call *call)
{
	static const char first[] = "hinomi silence 1\n";
	bool good = api_body_only(call, "note key");
	const char *text = api_body_text(call, "note", HIN_NOTE_SIZE, true, &good);
	const char *key_text = api_body_text(call, "key", HIN_NOTE_KEY_TEXT, false, &good);
	struct hin_note_verifier key;
	struct hin_error err = { 0 };
	struct hin_note note;
	char shown[HIN_NOTE_KEY_TEXT];
	bool own;
	enum hin_code code = HIN_OK;

	if (!good)
		return;
	own = key_text == NULL || key_text[0] == '\0';
	if (own && call->api->settings.ledger == NULL) {
		api_refuse(call, 409, "no-ledger", "this hub has no key of its own: send \"key\"");
		return;
	}
	if (own)
		key = *hin_ledger_key(call->api->settings.ledger);
	else
		code = hin_note_verifier_parse(&key, key_text, &err);
	if (code == HIN_OK)
		code = hin_note_open(&note, text, strlen(text), &key, 1, &err);
	if (code == HIN_OK &&
	    (note.size < sizeof(first) - 1 || memcmp(note.text, first, sizeof(first) - 1) != 0))
		code = hin_fail(&err, HIN_EFORMAT, "it is signed, and no answer about silence");
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_open(&call->out, NULL, '{');
	api_text(&call->out, "key", hin_note_verifier_format(&key, shown));
	api_bool(&call->out, "own", own);
	api_key(&call->out, "text");
	hin_escape_json(&call->out, note.text, note.size);
	hin_buffer_puts(&call->out, "}\n");
}

const struct api_route api_silence_routes[] = {
	{ "POST", "/api/v1/silence/check", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW,
	  "checkSilence", "", API_FLAG_BODY, handle_check, NULL },
	{ "GET", "/api/v1/silence", API_STAFF, HIN_SCOPE_QUERY, API_RATE_QUERY, API_LANE_QUERY,
	  "askSilence", "net since until", 0, handle_silence, NULL },
};
const size_t api_silence_route_count = HIN_COUNT(api_silence_routes);
