/*
 * api_words - what a page needs to help people ask: fields, words of the filter, registries; and
 * where addresses are, by the tables that the hub has.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/geo.h"
#include "hub/case/finding.h"
#include "hub/door/api_words.h"
#include "observe/registry.h"
#include "store/answer.h"
#include "trust/act.h"

/* ---- the filter's words ---- */

/* Each example is a filter: a test reads them all. */
const struct api_filter_word api_filter_words[] = {
	{ "any", "", "any", "every row", "全ての行" },
	{ "src", "ADDRESS", "src 203.0.113.9", "from this address, prefix or range",
	  "送信元のアドレス・プレフィックス・範囲" },
	{ "dst", "ADDRESS", "dst 192.0.2.0/24", "to this address, prefix or range",
	  "宛先のアドレス・プレフィックス・範囲" },
	{ "host", "ADDRESS", "host 203.0.113.9", "from or to it", "送信元または宛先" },
	{ "net", "PREFIX", "src net 203.0.113.0/24", "a prefix", "プレフィックス" },
	{ "port", "N", "dst port telnet", "a port, range or name of a service",
	  "ポート・範囲・サービス名" },
	{ "portrange", "N-M", "dst portrange 20-23", "ports from one to another", "ポートの範囲" },
	{ "proto", "NAME", "proto tcp", "an IP protocol; tcp, udp, icmp, icmp6 stand alone too",
	  "IP プロトコル (tcp, udp, icmp, icmp6 は単独でも)" },
	{ "ip", "", "ip", "IPv4", "IPv4" },
	{ "ip6", "", "ip6", "IPv6", "IPv6" },
	{ "icmp-type", "N", "icmp-type 3", "of ICMP and ICMPv6", "ICMP の型" },
	{ "icmp-code", "N", "icmp-code 1", "of ICMP and ICMPv6", "ICMP のコード" },
	{ "flags", "LETTERS", "flags S", "all of these TCP flags are set", "TCP フラグ" },
	{ "packets", "N", "packets > 100", "packets of the row; k, m and g stand for thousands",
	  "行のパケット数 (k, m, g が使える)" },
	{ "bytes", "N", "bytes > 10k", "bytes of the row", "行のバイト数" },
	{ "targets", "N", "targets > 100", "distinct destinations of a scan", "スキャンの宛先数" },
	{ "ports", "N", "ports > 10", "distinct ports of a scan", "スキャンのポート数" },
	{ "sample", "N", "sample > 1", "1 in N was counted", "サンプリング率" },
	{ "confidence", "N", "confidence > 50", "0-100, as in STIX", "確度 0-100" },
	{ "duration", "TIME", "duration > 10s", "how long it took", "継続時間" },
	{ "kind", "NAME", "kind telescope.scan", "what sort of row it is", "行の種類" },
	{ "service", "NAME", "service ssh", "the service it was about", "サービス" },
	{ "tool", "NAME", "tool mirai", "the tool it was sent by", "使われた道具" },
	{ "rule", "NAME", "rule 1", "the detector that made it", "検出規則" },
	{ "technique", "NAME", "technique T1595*", "of ATT&CK", "ATT&CK の技法" },
	{ "verdict", "NAME", "verdict success", "what came of it", "結果" },
	{ "product", "NAME", "product 1", "the product that was recognised", "製品" },
	{ "tag", "NAME", "tag research", "the row has this mark", "行の印" },
	{ "sensor", "HEX", "sensor aabbccdd", "the first digits of the sensor's id",
	  "センサーの識別子の先頭" },
	{ "device", "HEX", "device aabbccdd", "the first digits of a machine's identity",
	  "機器の識別子の先頭" },
	{ "artifact", "HEX", "artifact aabbccdd", "the first digits of a digest",
	  "ダイジェストの先頭" },
	{ "version", "TEXT", "version 1.0", "just this version", "版" },
	{ "present", "FIELD", "present tool", "the field is given", "値がある" },
	{ "and", "", "proto tcp and dst port 23", "both", "かつ" },
	{ "or", "", "dst port 23 or dst port 2323", "one of them", "または" },
	{ "not", "", "not tag research", "not so", "でない" },
};
const size_t api_filter_word_count = HIN_COUNT(api_filter_words);

static void write_filter(struct hin_buffer *out)
{
	api_open(out, "filter", '[');
	for (size_t i = 0; i < api_filter_word_count; i++) {
		const struct api_filter_word *w = &api_filter_words[i];

		api_open(out, NULL, '{');
		api_text(out, "word", w->word);
		api_text(out, "takes", w->takes);
		api_text(out, "example", w->example);
		api_text(out, "help", w->help);
		api_text(out, "help_ja", w->help_ja);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

/* Fields that questions group by, count or show. */
static void write_fields(struct hin_buffer *out)
{
	api_open(out, "fields", '[');
	for (unsigned i = 0; i <= HIN_STORE_SENSOR; i++) {
		api_open(out, NULL, '{');
		api_text(out, "name", hin_answer_field_name(i));
		api_text(out, "title", hin_answer_title(i, HIN_EN));
		api_text(out, "title_ja", hin_answer_title(i, HIN_JA));
		api_bool(out, "number", hin_answer_is_number(i));
		api_bool(out, "address", i == HIN_FIELD_SRC || i == HIN_FIELD_DST);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

static void write_registry(struct hin_buffer *out, enum hin_registry registry)
{
	const struct hin_word *words;
	size_t count = hin_registry_words(registry, &words);

	api_open(out, hin_registry_name(registry), '[');
	for (size_t i = 0; i < count && !out->failed; i++) {
		api_open(out, NULL, '{');
		api_number(out, "number", (int64_t)words[i].number);
		api_text(out, "name", words[i].name);
		api_text(out, "text", words[i].en != NULL ? words[i].en : "");
		api_text(out, "text_ja", words[i].ja != NULL ? words[i].ja : "");
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

static void handle_words(struct api_call *call)
{
	static const enum hin_registry shown[] = { HIN_REGISTRY_KINDS,	  HIN_REGISTRY_TOOLS,
						   HIN_REGISTRY_RULES,	  HIN_REGISTRY_TAGS,
						   HIN_REGISTRY_SERVICES, HIN_REGISTRY_TECHNIQUES,
						   HIN_REGISTRY_VERDICTS };
	struct hin_buffer *out = &call->out;

	api_open(out, NULL, '{');
	write_fields(out);
	write_filter(out);
	api_open(out, "operators", '[');
	hin_buffer_puts(out, "\"=\",\"!=\",\"<\",\"<=\",\">\",\">=\",\"&\",\"in\",\"and\",\"or\","
			     "\"not\"]");
	api_open(out, "registries", '{');
	for (size_t i = 0; i < HIN_COUNT(shown); i++)
		write_registry(out, shown[i]);
	hin_buffer_puts(out, "}}\n");
	api_header(call, "Cache-Control", "private, max-age=3600");
}

/* ---- every word there is, for who keeps them ---- */

static void write_acts(struct hin_buffer *out, const char *name, const struct hin_act_words *words)
{
	api_open(out, name, '[');
	for (size_t i = 0; i < words->count; i++) {
		api_open(out, NULL, '{');
		api_number(out, "number", words->rows[i].number);
		api_text(out, "name", words->rows[i].name);
		api_text(out, "text", words->rows[i].text[HIN_EN]);
		api_text(out, "text_ja", words->rows[i].text[HIN_JA]);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

static void write_findings(struct hin_buffer *out)
{
	api_open(out, "findings", '[');
	for (size_t i = 0; i < hin_finding_kind_count; i++) {
		const struct hin_finding_kind *k = &hin_finding_kinds[i];

		api_open(out, NULL, '{');
		api_number(out, "number", k->number);
		api_text(out, "name", k->name);
		api_text(out, "text", k->text[HIN_EN]);
		api_text(out, "text_ja", k->text[HIN_JA]);
		api_text_or_null(out, "technique", k->technique);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_putc(out, ']');
}

/* They change with the program alone: who has them asks again by their tag. */
static void handle_registry(struct api_call *call)
{
	static const enum hin_registry shown[] = { HIN_REGISTRY_KINDS,	  HIN_REGISTRY_TOOLS,
						   HIN_REGISTRY_RULES,	  HIN_REGISTRY_TAGS,
						   HIN_REGISTRY_SERVICES, HIN_REGISTRY_TECHNIQUES,
						   HIN_REGISTRY_VERDICTS, HIN_REGISTRY_PRODUCTS };
	const char *known = hin_http_header(call->request, "If-None-Match");
	struct hin_buffer *out = &call->out;
	uint8_t digest[crypto_hash_sha256_BYTES];
	char hex[33];
	char *tag;

	api_open(out, NULL, '{');
	for (size_t i = 0; i < HIN_COUNT(shown); i++)
		write_registry(out, shown[i]);
	write_findings(out);
	write_acts(out, "acts", &hin_acts);
	write_acts(out, "authorities", &hin_authorities);
	hin_buffer_puts(out, "}\n");
	(void)crypto_hash_sha256(digest, (const uint8_t *)hin_buffer_text(out), out->used);
	(void)sodium_bin2hex(hex, sizeof(hex), digest, 16);
	tag = hin_arena_printf(&call->arena, "\"%s\"", hex);
	if (tag == NULL)
		return;
	api_header(call, "ETag", tag);
	api_header(call, "Cache-Control", "private, no-cache");
	if (known != NULL && strstr(known, tag) != NULL) {
		hin_buffer_reset(out);
		call->status = 304;
	}
}

/* ---- where addresses are ---- */

void api_place(struct api_call *call, const char *name, const struct hin_addr *address)
{
	const struct hin_api_settings *s = &call->api->settings;
	struct hin_geo_info of_as = { 0 }, of_country = { 0 };
	struct hin_buffer *out = &call->out;

	if (s->geo != NULL && hin_geo_find(s->geo, address, &of_as) != HIN_OK)
		of_as = (struct hin_geo_info){ 0 };
	if (call->api->countries != NULL &&
	    hin_geo_find(call->api->countries, address, &of_country) != HIN_OK)
		of_country = (struct hin_geo_info){ 0 };
	if (of_country.country[0] == '\0')
		memcpy(of_country.country, of_as.country, sizeof(of_country.country));
	if (of_as.as_number == 0) {
		of_as.as_number = of_country.as_number;
		memcpy(of_as.as_name, of_country.as_name, sizeof(of_as.as_name));
	}
	api_open(out, name, '{');
	api_text_or_null(out, "country", of_country.country);
	api_id(out, "as", of_as.as_number);
	api_text_or_null(out, "as_name", of_as.as_name);
}

static void handle_places(struct api_call *call)
{
	const char *list = api_query(call, "addresses");
	char *rest = hin_arena_strdup(&call->arena, list != NULL ? list : "");

	if (rest == NULL) {
		api_refuse(call, 503, "memory", "no memory: try again");
		return;
	}
	api_open(&call->out, NULL, '{');
	api_bool(&call->out, "known",
		 call->api->settings.geo != NULL || call->api->countries != NULL);
	api_open(&call->out, "places", '[');
	while (rest != NULL && rest[0] != '\0') {
		const char *text = strsep(&rest, ",");
		struct hin_addr address;

		if (hin_addr_parse(&address, text) != HIN_OK) {
			api_refuse(call, 400, "address",
				   "\"addresses\" are IP addresses, with commas");
			return;
		}
		api_place(call, NULL, &address);
		api_address(&call->out, "address", &address);
		hin_buffer_putc(&call->out, '}');
	}
	hin_buffer_puts(&call->out, "]}\n");
}

#define V "/api/v1"

const struct api_route api_word_routes[] = {
	{ "GET", V "/query/words", API_STAFF, HIN_SCOPE_QUERY, API_RATE_PLAIN, API_LANE_READ,
	  "getQueryWords", "", 0, handle_words, NULL },
	{ "GET", V "/registry", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "getRegistry", "", 0, handle_registry, NULL },
	{ "GET", V "/places", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW, "getPlaces",
	  "addresses", 0, handle_places, NULL },
};
const size_t api_word_route_count = HIN_COUNT(api_word_routes);
