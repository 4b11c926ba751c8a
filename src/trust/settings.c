/* settings - see settings.h */
#include "trust/settings.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/file.h"
#include "base/number.h"
#include "base/time.h"

#define HEAD "hinomi settings "
#define FIELD(name) offsetof(struct hin_sensor_settings, name)

static const struct hin_setting rows[] = {
	{ "members",
	  { HIN_VALUE_LIST },
	  FIELD(members),
	  NULL,
	  "the members' own prefixes: who is to be told when one of them is infected",
	  "会員のアドレス範囲。感染時に通知する相手",
	  NULL },
	{ "exclusions",
	  { HIN_VALUE_LIST },
	  FIELD(exclusions),
	  NULL,
	  "prefixes that are never reported or touched",
	  "報告も接触もしないアドレス範囲",
	  NULL },
	{ "thresholds",
	  { HIN_VALUE_LIST },
	  FIELD(thresholds),
	  NULL,
	  "settings of the sensor itself, as \"event.timeout=2h\"",
	  "センサー自身の設定。\"event.timeout=2h\" の形",
	  NULL },
	{ "digest.key",
	  { HIN_VALUE_TEXT },
	  FIELD(digest_key_text),
	  NULL,
	  "key of keyed digests (credentials), 64 hexadecimal digits",
	  "鍵付きダイジェスト (認証情報) の鍵。16進64桁",
	  NULL },
	{ "digest.previous",
	  { HIN_VALUE_TEXT },
	  FIELD(digest_previous_text),
	  NULL,
	  "the key before it, while both are in use",
	  "その前の鍵 (併用期間中)",
	  NULL },
};

const struct hin_config_table hin_sensor_settings_table = { rows, HIN_COUNT(rows) };

void hin_sensor_settings_fini(struct hin_sensor_settings *s)
{
	if (s == NULL)
		return;
	if (s->digest_key_text != NULL)
		explicit_bzero(s->digest_key_text, strlen(s->digest_key_text));
	if (s->digest_previous_text != NULL)
		explicit_bzero(s->digest_previous_text, strlen(s->digest_previous_text));
	hin_config_fini(&hin_sensor_settings_table, s);
	explicit_bzero(s, sizeof(*s));
}

static enum hin_code check_prefixes(const char *name, const struct hin_config_list *list,
				    struct hin_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct hin_prefix prefix;
		struct hin_error why = { 0 };

		if (hin_prefix_parse(&prefix, list->items[i], &why) != HIN_OK)
			return hin_fail(err, HIN_EFORMAT, "%s: %s", name, why.text);
	}
	return HIN_OK;
}

static enum hin_code read_key(uint8_t out[HIN_DIGEST_KEY], bool *has, const char *name,
			      const char *text, struct hin_error *err)
{
	size_t used = 0;

	*has = text != NULL && text[0] != '\0';
	if (*has && (strlen(text) != 2 * HIN_DIGEST_KEY ||
		     sodium_hex2bin(out, HIN_DIGEST_KEY, text, 2 * HIN_DIGEST_KEY, NULL, &used,
				    NULL) != 0 ||
		     used != HIN_DIGEST_KEY))
		return hin_fail(err, HIN_EFORMAT, "%s is not %zu hexadecimal digits", name,
				2 * HIN_DIGEST_KEY);
	return HIN_OK;
}

static enum hin_code check_thresholds(const struct hin_config_list *list, struct hin_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *equals = strchr(list->items[i], '=');

		if (equals == NULL || equals == list->items[i])
			return hin_fail(err, HIN_EFORMAT, "thresholds: \"%.60s\" is not name=value",
					list->items[i]);
	}
	return HIN_OK;
}

/* Read the YAML into `out`, which is { 0 } but for what the head said. */
static enum hin_code read_body(struct hin_sensor_settings *out, const char *name, const void *yaml,
			       size_t size, struct hin_error *err)
{
	enum hin_code code;

	if (size > HIN_SETTINGS_BODY)
		return hin_fail(err, HIN_ELIMIT, "%s has more than %zu bytes", name,
				HIN_SETTINGS_BODY);
	code = hin_config_init(&hin_sensor_settings_table, out, err);
	if (code == HIN_OK)
		code = hin_config_parse(&hin_sensor_settings_table, out, name, yaml, size, err);
	if (code == HIN_OK)
		code = check_prefixes("members", &out->members, err);
	if (code == HIN_OK)
		code = check_prefixes("exclusions", &out->exclusions, err);
	if (code == HIN_OK)
		code = check_thresholds(&out->thresholds, err);
	if (code == HIN_OK)
		code = read_key(out->digest_key, &out->has_digest_key, "digest.key",
				out->digest_key_text, err);
	if (code == HIN_OK)
		code = read_key(out->digest_previous, &out->has_digest_previous, "digest.previous",
				out->digest_previous_text, err);
	return code;
}

enum hin_code hin_sensor_settings_sign(struct hin_buffer *out, const char *name, const void *yaml,
				       size_t size, uint64_t version, int64_t date_s,
				       const struct hin_note_signer *signer, struct hin_error *err)
{
	struct hin_sensor_settings checked = { 0 };
	struct hin_buffer text = { 0 };
	char date[HIN_TIME_TEXT];
	enum hin_code code = read_body(&checked, name, yaml, size, err);

	hin_sensor_settings_fini(&checked);
	if (code != HIN_OK)
		return code;
	hin_buffer_printf(&text, HEAD "%llu\n%s\n\n", (unsigned long long)version,
			  hin_time_format_iso(date, date_s * HIN_NS_PER_S, HIN_TIME_S));
	hin_buffer_add(&text, yaml, size);
	if (size == 0 || ((const char *)yaml)[size - 1] != '\n')
		hin_buffer_putc(&text, '\n');
	code = text.failed ? hin_fail(err, HIN_ENOMEM, "no memory for settings")
			   : hin_note_sign(out, text.data, text.used, signer, 1, err);
	if (text.data != NULL)
		explicit_bzero(text.data, text.size);
	hin_buffer_fini(&text);
	return code;
}

/* Take the next line into `out`; false when there is none that fits. */
static bool take_line(struct hin_reader *in, char out[64])
{
	const char *line = (const char *)in->pos, *newline = memchr(line, '\n', in->left);

	if (newline == NULL || newline - line >= 64)
		return false;
	memcpy(out, line, (size_t)(newline - line));
	out[newline - line] = '\0';
	hin_read_skip(in, (size_t)(newline - line) + 1);
	return true;
}

static enum hin_code read_text(struct hin_sensor_settings *out, const struct hin_note *note,
			       struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(note->text, note->size);
	char first[64], date[64], empty[64];
	int64_t date_ns;

	if (!take_line(&in, first) || strncmp(first, HEAD, strlen(HEAD)) != 0 ||
	    hin_number_u64(&out->version, "version", first + strlen(HEAD), 1, UINT64_MAX, NULL) !=
		    HIN_OK)
		return hin_fail(err, HIN_EFORMAT,
				"the note does not begin with \"" HEAD "VERSION\"");
	if (!take_line(&in, date) || strchr(date, 'T') == NULL ||
	    hin_time_parse(&date_ns, date, 0, NULL) != HIN_OK || !take_line(&in, empty) ||
	    empty[0] != '\0')
		return hin_fail(err, HIN_EFORMAT, "the settings have no date and empty line");
	out->date_s = date_ns / HIN_NS_PER_S;
	return read_body(out, "settings", in.pos, in.left, err);
}

enum hin_code hin_sensor_settings_open(struct hin_sensor_settings *out, const void *data,
				       size_t size, const struct hin_note_verifier *keys,
				       size_t count, struct hin_error *err)
{
	struct hin_sensor_settings s = { 0 };
	struct hin_note note;
	enum hin_code code = hin_note_open(&note, data, size, keys, count, err);

	if (code != HIN_OK)
		return code;
	memcpy(s.signer, keys[__builtin_ctzll(note.signed_by)].name, sizeof(s.signer));
	code = read_text(&s, &note, err);
	if (code != HIN_OK) {
		hin_sensor_settings_fini(&s);
		return code;
	}
	hin_sensor_settings_fini(out);
	*out = s;
	return HIN_OK;
}

enum hin_code hin_sensor_settings_load(struct hin_sensor_settings *out, const char *path,
				       const struct hin_note_verifier *keys, size_t count,
				       struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	enum hin_code code;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT, "%s does not exist", path);
	code = hin_file_read(&file, path, HIN_NOTE_SIZE, err);
	if (code == HIN_OK)
		code = hin_sensor_settings_open(out, file.data, file.used, keys, count, err);
	if (file.data != NULL)
		explicit_bzero(file.data, file.size);
	hin_buffer_fini(&file);
	return code;
}

/* Is the note at `path` byte for byte this one, but for signatures? */
static bool same_text(const char *path, const void *note, size_t size,
		      const struct hin_note_verifier *keys, size_t count)
{
	struct hin_buffer file = { 0 };
	struct hin_note mine, theirs;
	bool same = hin_file_read(&file, path, HIN_NOTE_SIZE, NULL) == HIN_OK &&
		    hin_note_open(&mine, file.data, file.used, keys, count, NULL) == HIN_OK &&
		    hin_note_open(&theirs, note, size, keys, count, NULL) == HIN_OK &&
		    mine.size == theirs.size && memcmp(mine.text, theirs.text, mine.size) == 0;

	if (file.data != NULL)
		explicit_bzero(file.data, file.size);
	hin_buffer_fini(&file);
	return same;
}

enum hin_code hin_sensor_settings_weigh(struct hin_sensor_settings *out, const char *path,
					const void *note, size_t size,
					const struct hin_note_verifier *keys, size_t count,
					struct hin_error *err)
{
	struct hin_sensor_settings fresh = { 0 }, kept = { 0 };
	enum hin_code code = hin_sensor_settings_open(&fresh, note, size, keys, count, err);

	if (code != HIN_OK)
		return code;
	if (hin_sensor_settings_load(&kept, path, keys, count, NULL) != HIN_OK)
		kept.version = 0;
	if (fresh.version < kept.version)
		code = hin_fail(err, HIN_EDENIED,
				"settings %llu are older than those we have, %llu: refused",
				(unsigned long long)fresh.version,
				(unsigned long long)kept.version);
	else if (fresh.version == kept.version && !same_text(path, note, size, keys, count))
		code = hin_fail(err, HIN_EDENIED,
				"settings %llu differ from those we have under this number: "
				"refused",
				(unsigned long long)fresh.version);
	else if (fresh.version == kept.version)
		code = HIN_EAGAIN;
	if (code == HIN_OK || code == HIN_EAGAIN) {
		hin_sensor_settings_fini(out);
		*out = fresh;
		fresh = (struct hin_sensor_settings){ 0 };
	}
	hin_sensor_settings_fini(&fresh);
	hin_sensor_settings_fini(&kept);
	return code;
}

enum hin_code hin_sensor_settings_keep(struct hin_sensor_settings *out, const char *path,
				       const void *note, size_t size,
				       const struct hin_note_verifier *keys, size_t count,
				       struct hin_error *err)
{
	struct hin_sensor_settings fresh = { 0 };
	enum hin_code code = hin_sensor_settings_weigh(&fresh, path, note, size, keys, count, err);

	if (code == HIN_OK)
		code = hin_file_replace(path, note, size, 0600, err);
	if (code == HIN_OK || code == HIN_EAGAIN) {
		hin_sensor_settings_fini(out);
		*out = fresh;
		fresh = (struct hin_sensor_settings){ 0 };
	}
	hin_sensor_settings_fini(&fresh);
	return code;
}
