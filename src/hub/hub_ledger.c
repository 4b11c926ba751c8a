/* hub_ledger - the hub's ledger, its key, and the pump that brings acts there */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "hub/hub_priv.h"
#include "trust/ledger.h"

static void owners_changed(void *user)
{
	hub_desk_changed(user);
}

/* The log's name is the hub's, as its certificate has it. */
static enum hin_code load_key(struct hin_hub *hub, struct hin_note_signer *signer,
			      struct hin_error *err)
{
	char path[PATH_MAX], origin[HIN_NOTE_NAME];

	if (snprintf(path, sizeof(path), "%s/ledger.key", hub->folder) >= (int)sizeof(path) ||
	    snprintf(origin, sizeof(origin), "%s/ledger", hin_ca_hub(hub->ca)) >=
		    (int)sizeof(origin))
		return hin_fail(err, HIN_ELIMIT, "the hub's name or path is too long");
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
		code = hub_open_witnesses(hub, err);
	return code;
}

void hub_close_ledger(struct hin_hub *hub)
{
	struct hin_pump *pump = hub->pump;

	pthread_mutex_lock(&hub->waking);
	hub->pump = NULL;
	pthread_mutex_unlock(&hub->waking);
	hin_pump_close(pump);
	hub_close_witnesses(hub);
	hin_ledger_close(hub->ledger);
	hub->ledger = NULL;
}
