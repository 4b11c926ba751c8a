/* decoy_settings - the settings of `hinomi decoy`, and where its data lie; see decoy.h */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "cmd/decoy.h"

struct decoy_arguments decoy_arguments;

/* ---- settings ---- */

#define AT(field) offsetof(struct decoy_settings, field)

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

static const struct hin_setting rows[] = {
	{ "organisation",
	  { HIN_VALUE_TEXT },
	  AT(organisation),
	  NULL,
	  "the file that says which machines there are; the town hall that is shipped when empty",
	  "どの機器があるかを定めるファイル。空なら付属の町役場",
	  NULL },
	{ "personas",
	  { HIN_VALUE_TEXT },
	  AT(personas),
	  NULL,
	  "folder of the personas; the one that is shipped when empty",
	  "ペルソナのフォルダー。空なら付属のもの",
	  NULL },
	{ "proxies",
	  { HIN_VALUE_LIST },
	  AT(proxies),
	  NULL,
	  "ADDRESS:PORT where proxies connect that speak the PROXY protocol, version 2",
	  "PROXYプロトコル第2版を話す中継からの接続を受けるADDRESS:PORT",
	  NULL },
	{ "proxy-from",
	  { HIN_VALUE_LIST },
	  AT(proxy_from),
	  NULL,
	  "prefixes of those proxies: nobody else is heard there",
	  "その中継のプレフィックス (他からの接続は直ちに閉じる)",
	  NULL },
	{ "all",
	  { HIN_VALUE_LIST },
	  AT(all),
	  NULL,
	  "ADDRESS:PORT to which nftables' tproxy leads whole prefixes with all their ports",
	  "nftablesのtproxyで全ポートの通信を導くADDRESS:PORT",
	  NULL },
	{ "user",
	  { HIN_VALUE_TEXT },
	  AT(user),
	  NULL,
	  "become this user when the sockets are open; nobody when empty, for root",
	  "待ち受け開始後に移る利用者。rootで空ならnobody",
	  NULL },
	{ "log",
	  { HIN_VALUE_CHOICE, .choices = log_levels },
	  AT(log),
	  "info",
	  "least level of what is logged",
	  "ログに出す最低の重要度",
	  NULL },
	{ "vault.purpose",
	  { HIN_VALUE_TEXT },
	  AT(vault_purpose),
	  "defence: to recognise what intruders bring, and to warn those whom it was meant for",
	  "why files of intruders are kept; it stands in the vault's manifest",
	  "侵入者のファイルを保存する目的 (保管庫の目録に記す)",
	  NULL },
	HIN_DECOY_LIMIT_ROWS(struct decoy_settings, limits),
	HIN_RECORDING_ROWS(struct decoy_settings, recording),
	HIN_DECOY_VAULT_ROWS(struct decoy_settings, vault),
};

const struct hin_config_table decoy_table = { rows, HIN_COUNT(rows) };

enum hin_code decoy_add_set(void *into, const char *value, struct hin_error *err)
{
	struct decoy_arguments *a = into;

	if (a->set_count == HIN_COUNT(a->sets))
		return hin_fail(err, HIN_EUSAGE, "more than %zu times --set", HIN_COUNT(a->sets));
	a->sets[a->set_count++] = value;
	return HIN_OK;
}

const char *decoy_folder(void)
{
	return decoy_arguments.dir != NULL ? decoy_arguments.dir : DECOY_FOLDER;
}

enum hin_code decoy_load_settings(struct decoy_settings *s, struct hin_error *err)
{
	const struct decoy_arguments *a = &decoy_arguments;
	char path[PATH_MAX];
	enum hin_code code = hin_config_init(&decoy_table, s, err);

	if (code != HIN_OK)
		return code;
	snprintf(path, sizeof(path), "%s/decoy.yaml", decoy_folder());
	if (a->config != NULL)
		code = hin_config_load(&decoy_table, s, a->config, err);
	else if (access(path, F_OK) == 0)
		code = hin_config_load(&decoy_table, s, path, err);
	for (size_t i = 0; i < a->set_count && code == HIN_OK; i++)
		code = hin_config_set(&decoy_table, s, a->sets[i], err);
	s->vault.purpose = s->vault_purpose;
	return code;
}

/* ---- data ---- */

void decoy_data_path(char out[PATH_MAX], const char *name)
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[size > 0 ? size : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(out, PATH_MAX, "%s/%s", HIN_SHARE, name);
	if (slash == NULL || access(out, R_OK) == 0)
		return;
	snprintf(out, PATH_MAX, "%.*s/data/%s", PATH_MAX - 300, HIN_SOURCE, name);
}

enum hin_code decoy_load_organisation(struct hin_organisation **out, const struct decoy_settings *s,
				      const uint8_t *seed, struct hin_error *err)
{
	struct hin_organisation_settings settings = { .now_s = hin_time_now_ns() / HIN_NS_PER_S };
	char organisation[PATH_MAX], personas[PATH_MAX];

	if (seed != NULL)
		memcpy(settings.seed, seed, sizeof(settings.seed));
	decoy_data_path(organisation, "organisations/town-hall.yaml");
	decoy_data_path(personas, "personas");
	settings.file = organisation;
	settings.personas = personas;
	if (s->organisation != NULL && s->organisation[0] != '\0')
		settings.file = s->organisation;
	if (s->personas != NULL && s->personas[0] != '\0')
		settings.personas = s->personas;
	return hin_organisation_load(out, &settings, err);
}
