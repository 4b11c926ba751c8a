/* organisation_print - an organisation and its hosts for people. */
#include <time.h>

#include "base/escape.h"
#include "decoy/host/organisation_priv.h"

static const char *say(enum hin_lang lang, const char *en, const char *ja)
{
	return lang == HIN_JA ? ja : en;
}

/* A line "  name: text", with what a terminal would heed escaped. */
static void put(struct hin_buffer *out, const char *name, const char *text)
{
	hin_buffer_printf(out, "  %s: ", name);
	hin_escape(out, text, strlen(text));
	hin_buffer_putc(out, '\n');
}

static const struct department *department_of(const struct hin_organisation *o, const char *id)
{
	for (size_t i = 0; i < o->department_count; i++)
		if (strcmp(o->departments[i].id, id) == 0)
			return &o->departments[i];
	return NULL;
}

static const char *department_text(const struct hin_organisation *o, const char *id,
				   enum hin_lang lang)
{
	const struct department *d = department_of(o, id);

	return d == NULL ? id : say(lang, d->en, d->ja);
}

static void put_hosts(const struct hin_organisation *o, enum hin_lang lang, struct hin_buffer *out)
{
	char address[HIN_ADDR_TEXT];

	for (size_t i = 0; i < o->host_count; i++) {
		const struct hin_host *h = &o->hosts[i];
		struct hin_buffer line = { 0 };

		hin_buffer_printf(&line, "    %-15s %-16s %-12s %s",
				  hin_addr_format(&h->address, address), h->name,
				  hin_persona_name(h->persona),
				  department_text(o, h->department, lang));
		hin_escape(out, hin_buffer_text(&line), line.used);
		hin_buffer_putc(out, '\n');
		out->failed = out->failed || line.failed;
		hin_buffer_fini(&line);
	}
}

static void put_tokens(const struct hin_organisation *o, enum hin_lang lang, struct hin_buffer *out)
{
	static const char *const kinds[][2] = { { "password", "パスワード" },
						{ "key", "鍵" },
						{ "file", "ファイル" } };

	for (size_t i = 0; i < o->token_count; i++) {
		const struct token *t = &o->tokens[i];
		struct hin_buffer line = { 0 };

		hin_buffer_printf(&line, "    %s: %s, %s %s%s%s", t->public.name,
				  kinds[t->public.kind][lang == HIN_JA], say(lang, "for", "対象"),
				  t->where, t->public.path != NULL ? ", " : "",
				  t->public.path != NULL ? t->public.path : "");
		hin_escape(out, hin_buffer_text(&line), line.used);
		hin_buffer_putc(out, '\n');
		out->failed = out->failed || line.failed;
		hin_buffer_fini(&line);
	}
}

void hin_organisation_print(const struct hin_organisation *o, enum hin_lang lang,
			    struct hin_buffer *out)
{
	size_t observed = 0;

	for (size_t i = 0; i < o->persona_count; i++)
		observed += hin_persona_is_observed(o->personas[i]);
	hin_escape(out, hin_organisation_title(o, lang), strlen(hin_organisation_title(o, lang)));
	hin_buffer_putc(out, '\n');
	put(out, say(lang, "domain", "ドメイン"), o->settings.domain);
	hin_buffer_printf(out, "  %s: %zu, %zu, %zu\n",
			  say(lang, "departments, people, documents", "部署・人・文書"),
			  o->department_count, o->person_count, o->document_count);
	hin_buffer_printf(
		out, "  %s: %zu, %zu\n",
		say(lang, "personas, wholly observed ones", "ペルソナ・すべて実物から記録したもの"),
		o->persona_count, observed);
	hin_buffer_printf(out, "  %s: %zu\n", say(lang, "hosts", "ホスト"), o->host_count);
	put_hosts(o, lang, out);
	hin_buffer_printf(out, "  %s: %zu\n", say(lang, "honeytokens", "おとり"), o->token_count);
	put_tokens(o, lang, out);
}

void hin_host_print(const struct hin_host *host, enum hin_lang lang, struct hin_buffer *out)
{
	const struct hin_organisation *o = host->organisation;
	const struct hin_machine_interface *i = &host->machine.interfaces[1];
	char text[64];
	time_t boot = (time_t)host->machine.boot_s;
	struct tm when;
	size_t people = host->user_count - host->persona->user_count, documents = 0;

	hin_escape(out, host->name, strlen(host->name));
	hin_buffer_putc(out, '\n');
	put(out, say(lang, "address", "アドレス"), hin_addr_format(&host->address, text));
	put(out, say(lang, "department", "部署"), department_text(o, host->department, lang));
	put(out, say(lang, "persona", "ペルソナ"), hin_persona_name(host->persona));
	put(out, say(lang, "what", "機器"), hin_persona_title(host->persona, lang));
	hin_buffer_printf(out, "  %s: %s %02x:%02x:%02x:%02x:%02x:%02x\n",
			  say(lang, "interface", "インタフェース"), i->name, i->mac[0], i->mac[1],
			  i->mac[2], i->mac[3], i->mac[4], i->mac[5]);
	gmtime_r(&boot, &when);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &when);
	put(out, say(lang, "started", "起動"), text);
	for (size_t d = 0; d < o->document_count; d++)
		documents += host_is_at(host, o->documents[d].where);
	hin_buffer_printf(out, "  %s: %zu, %zu\n", say(lang, "people, documents", "人・文書"),
			  people, documents);
	for (size_t t = 0; t < o->token_count; t++)
		if (host_is_at(host, o->tokens[t].where))
			put(out, say(lang, "honeytoken", "おとり"), o->tokens[t].public.name);
}
