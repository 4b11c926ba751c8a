/* hub_witness - the witnesses that the hub asks to cosign its ledger's checkpoints */
#include <sodium.h>
#include <stdlib.h>

#include "base/file.h"
#include "hub/hub_priv.h"
#include "trust/witness_net.h"

#define WITNESSES 16
#define EVERY_NS (5 * HIN_NS_PER_S)
#define CA_SIZE ((size_t)1 << 20) /* bytes of a file of authorities */

struct hub_witnesses {
	struct hin_asker *asker;
	size_t count;
	struct hin_witness_peer peers[WITNESSES];
	char *texts[WITNESSES];		  /* the words of the setting, apart; urls point there */
	struct hin_buffer cas[WITNESSES]; /* of those that name a file */
	uint8_t sha256[WITNESSES][32];
};

/* Who signs its TLS certificate: a file of authorities, or the SHA-256 of one in hexadecimal. */
static enum hin_code read_authority(struct hub_witnesses *w, size_t at, const char *text,
				    struct hin_error *err)
{
	size_t used = 0;
	enum hin_code code;

	if (strlen(text) == 64 &&
	    sodium_hex2bin(w->sha256[at], 32, text, 64, NULL, &used, NULL) == 0 && used == 32) {
		w->peers[at].ca_sha256 = w->sha256[at];
		return HIN_OK;
	}
	code = hin_file_read(&w->cas[at], text, CA_SIZE, err);
	w->peers[at].ca_pem = hin_buffer_text(&w->cas[at]);
	return code;
}

/* "URL KEY CA" */
static enum hin_code read_witness(struct hub_witnesses *w, const char *item, struct hin_error *err)
{
	size_t at = w->count;
	char *rest = NULL, *words[3];
	enum hin_code code;

	w->texts[at] = strdup(item);
	if (w->texts[at] == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a witness");
	w->count++;
	for (size_t i = 0; i < HIN_COUNT(words); i++)
		words[i] = strtok_r(i == 0 ? w->texts[at] : NULL, " ", &rest);
	if (words[2] == NULL || strtok_r(NULL, " ", &rest) != NULL)
		return hin_fail(err, HIN_EFORMAT,
				"witnesses: \"%.100s\" is not an address, a key and a file of "
				"authorities",
				item);
	w->peers[at].url = words[0];
	code = hin_cosigner_parse(&w->peers[at].cosigner, words[1], err);
	return code == HIN_OK ? read_authority(w, at, words[2], err) : code;
}

enum hin_code hub_witnesses_new(struct hub_witnesses **out, const struct hin_config_list *list,
				struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	struct hub_witnesses *w;

	if (list->count == 0)
		return HIN_OK;
	if (list->count > WITNESSES)
		return hin_fail(err, HIN_ELIMIT, "a hub asks at most %d witnesses", WITNESSES);
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for witnesses");
	for (size_t i = 0; code == HIN_OK && i < list->count; i++)
		code = read_witness(w, list->items[i], err);
	if (code == HIN_OK)
		*out = w;
	else
		hub_witnesses_free(w);
	return code;
}

size_t hub_witness_count(struct hin_hub *hub)
{
	size_t count;

	pthread_mutex_lock(&hub->tuning);
	count = hub->settings.witnesses.count;
	pthread_mutex_unlock(&hub->tuning);
	return count;
}

void hub_witnesses_free(struct hub_witnesses *w)
{
	if (w == NULL)
		return;
	hin_asker_close(w->asker);
	for (size_t i = 0; i < w->count; i++) {
		free(w->texts[i]);
		hin_buffer_fini(&w->cas[i]);
	}
	free(w);
}

enum hin_code hub_ask_witnesses(struct hin_hub *hub, struct hub_witnesses *w, struct hin_error *err)
{
	hub_witnesses_free(hub->witnesses);
	hub->witnesses = w;
	return w == NULL
		       ? HIN_OK
		       : hin_asker_open(&w->asker, hub->ledger, w->peers, w->count, EVERY_NS, err);
}
