/* hub_ledger - the hub's ledger, its key, and the pump that brings acts there */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/hub_priv.h"
#include "trust/ledger.h"

static void owners_changed(void *user)
{
	hub_desk_changed(user);
}

/*
 * The log's name, which no one may change: that of its key when there is one, else the hub's, as
 * its certificate has it. A hub that is renamed goes on with its log.
 */
static enum hin_code name_log(struct hin_hub *hub, char origin[HIN_NOTE_NAME],
			      struct hin_error *err)
{
	char path[PATH_MAX], line[HIN_NOTE_KEY_TEXT + 1];
	struct hin_note_verifier known;
	struct hin_buffer text = { 0 };
	enum hin_code code;

	if (snprintf(path, sizeof(path), "%s/key", hub->ledger_folder) >= (int)sizeof(path) ||
	    snprintf(origin, HIN_NOTE_NAME, "%s/ledger", hin_ca_hub(hub->ca)) >= HIN_NOTE_NAME)
		return hin_fail(err, HIN_ELIMIT, "the hub's name or path is too long");
	if (access(path, F_OK) != 0)
		return HIN_OK;
	code = hin_file_read(&text, path, sizeof(line) - 1, err);
	if (code == HIN_OK) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(hin_buffer_text(&text), "\n"),
			 hin_buffer_text(&text));
		code = hin_note_verifier_parse(&known, line, err);
	}
	if (code == HIN_OK)
		memcpy(origin, known.name, HIN_NOTE_NAME);
	hin_buffer_fini(&text);
	return code;
}

static enum hin_code load_key(struct hin_hub *hub, struct hin_note_signer *signer,
			      struct hin_error *err)
{
	char path[PATH_MAX], origin[HIN_NOTE_NAME];
	enum hin_code code = name_log(hub, origin, err);

	if (code != HIN_OK)
		return code;
	if (snprintf(path, sizeof(path), "%s/ledger.key", hub->folder) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "the hub's path is too long");
	return hin_ledger_key_load(signer, path, origin, hub->passphrase, true, err);
}

enum hin_code hub_open_ledger(struct hin_hub *hub, struct hin_error *err)
{
	struct hin_pump_settings pump = { .desk = hub->desk,
					  .folder = hub->ledger_folder,
					  .owners = hub->owners,
					  .owners_changed = owners_changed,
					  .user = hub };
	struct hin_ledger_settings settings;
	struct hin_note_signer signer = { 0 };
	struct hub_witnesses *witnesses = NULL;
	struct hin_pump *opened = NULL;
	enum hin_code code;

	if (snprintf(hub->ledger_folder, sizeof(hub->ledger_folder), "%s/ledger", hub->folder) >=
	    (int)sizeof(hub->ledger_folder))
		return hin_fail(err, HIN_ELIMIT, "the path of a folder is too long");
	hin_ledger_settings_default(&settings);
	settings.folder = hub->ledger_folder;
	settings.signer = &signer;
	settings.create = true;
	code = load_key(hub, &signer, err);
	if (code == HIN_OK)
		code = hin_ledger_open(&hub->ledger, &settings, err);
	hin_note_signer_fini(&signer);
	pump.ledger = hub->ledger;
	if (code == HIN_OK)
		code = hin_pump_open(&opened, &pump, err);
	pthread_mutex_lock(&hub->waking);
	hub->pump = opened;
	pthread_mutex_unlock(&hub->waking);
	if (code == HIN_OK)
		code = hub_witnesses_new(&witnesses, &hub->settings.witnesses, err);
	if (code == HIN_OK)
		code = hub_ask_witnesses(hub, witnesses, err);
	return code;
}

void hub_close_ledger(struct hin_hub *hub)
{
	struct hin_pump *pump = hub->pump;

	pthread_mutex_lock(&hub->waking);
	hub->pump = NULL;
	pthread_mutex_unlock(&hub->waking);
	hin_pump_close(pump);
	hub_witnesses_free(hub->witnesses);
	hub->witnesses = NULL;
	hin_ledger_close(hub->ledger);
	hub->ledger = NULL;
}
