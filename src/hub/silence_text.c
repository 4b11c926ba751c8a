/* silence_text - the answer in words, lines and JSON; see silence.h */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/silence.h"
#include "text/words.h"

/* Said under every answer: what it is not. */
static const char *const limits[][2] = {
	{ "It is about the watched addresses and the watched time alone; of others it says "
	  "nothing.",
	  "観測していたアドレスと時間についてのみ述べ、それ以外については何も述べない。" },
	{ "Addresses and sources that a sensor is set to leave out are not in it; which these are "
	  "is "
	  "not known here.",
	  "センサーの設定で除外されたアドレスや送信元は含まれず、それが何かはここでは分からない"
	  "。" },
	{ "A source address can be forged: what came under it may have been sent by others.",
	  "送信元アドレスは偽装でき、届いた通信が他者によるものである可能性がある。" },
	{ "The sensors are believed: a sensor that was made to lie, or a wire before it that "
	  "dropped packets, is not seen here.",
	  "センサーを信頼する。偽りを報告するセンサーや、その手前での欠落はここからは見えない。" },
	{ "The batches themselves are not kept: their signatures show what was signed, and the "
	  "store says that these are its rows.",
	  "バッチそのものは保存されない。署名は署名対象を示し、行がその内容であることは保存庫の記録"
	  "による。" },
};

static char *time_text(char out[HIN_TIME_TEXT], int64_t time_us)
{
	return hin_time_format_iso(out, time_us * HIN_NS_PER_US, HIN_TIME_US);
}

/* The share that was watched, cut and never rounded up: "99.812". */
static void put_share(const struct hin_silence *s, struct hin_buffer *out)
{
	double share = s->watched.expected_us > 0
			       ? (double)s->watched.watched_us / (double)s->watched.expected_us
			       : 0;
	uint64_t cut = share >= 1 ? 100000 : (uint64_t)(share * 100000);

	hin_buffer_printf(out, "%llu.%03llu", (unsigned long long)(cut / 1000),
			  (unsigned long long)(cut % 1000));
}

void hin_silence_sentence(const struct hin_silence *s, enum hin_lang lang, struct hin_buffer *out)
{
	char net[HIN_PREFIX_TEXT], dark[HIN_WORDS_TEXT], rows[HIN_WORDS_TEXT],
		packets[HIN_WORDS_TEXT], perhaps[HIN_WORDS_TEXT];
	bool ja = lang == HIN_JA;

	hin_prefix_format(&s->question.net, net);
	hin_words_count(dark, s->dark_addresses);
	hin_words_count(rows, s->rows);
	hin_words_count(packets, s->packets);
	hin_words_count(perhaps, s->perhaps);
	if (s->watched.watched_us == 0)
		hin_buffer_puts(out, ja ? "この期間は観測されておらず、何も言えない。"
					: "Nothing was watched in this time: nothing can be said.");
	else if (hin_silence_is_silent(s) && !hin_silence_is_told(s))
		hin_buffer_printf(
			out,
			ja ? "%s からの事象は、%s アドレスを観測するセンサーから報告されて"
			     "いない。パケットを報告しないセンサーがあり、届かなかった"
			     "とは言えない。"
			   : "No event from %s was told of %s watched addresses; not "
			     "all sensors tell of packets, so it cannot be said that "
			     "nothing came; ",
			net, dark);
	else if (hin_silence_is_silent(s))
		hin_buffer_printf(out,
				  ja ? "%s からの通信は、観測中の %s アドレスに届かなかった。"
				     : "Nothing from %s reached %s watched addresses; ",
				  net, dark);
	else if (s->rows > 0)
		hin_buffer_printf(out,
				  ja ? "%s から、観測中の %s アドレスに %s 件 (%s パケット) "
				       "届いた。"
				     : "From %s there came to %s watched addresses: %s "
				       "observations of %s packets; ",
				  net, dark, rows, packets);
	else
		hin_buffer_printf(out,
				  ja ? "%s を含む範囲からの通信 %s 件があり、%s "
				       "からのものか区別できない。"
				     : "Of %s it cannot be told: %s observations are of sources "
				       "around it put together; ",
				  net, perhaps, net);
	if (s->watched.watched_us == 0)
		return;
	if (ja)
		hin_buffer_puts(out, "観測できた時間は ");
	put_share(s, out);
	hin_buffer_puts(out, ja ? " % である。" : " % of the time was watched.");
}

/* What weakens the answer, as far as there is something. */
static void put_doubts(const struct hin_silence *s, enum hin_lang lang, struct hin_buffer *out)
{
	const struct {
		uint64_t count;
		const char *text[2];
	} doubts[] = {
		{ s->quiet,
		  { "sensors told of no packet at all in this time",
		    "台のセンサーはこの期間にパケットを一切報告していない" } },
		{ s->lost,
		  { "packets or rows were lost by sensors, as they say themselves",
		    "件をセンサーが失った (センサー自身の報告)" } },
		{ s->missing, { "batches of sensors are missing", "件のバッチが欠けている" } },
		{ s->broken,
		  { "batches do not follow the one before", "件のバッチの連鎖が途切れている" } },
		{ s->batches - s->verified,
		  { "batches without a signature that could be checked: of the hub itself, or of "
		    "before signatures were kept",
		    "件のバッチは署名を確認できない "
		    "(ハブ自身のもの、または署名の保存以前のもの)" } },
		{ s->rolled,
		  { "observations are counts only by now and have no source",
		    "件は集計のみが残り、送信元は分からない" } },
		{ s->damaged,
		  { "observations lie in damaged blocks", "件は破損したブロックにある" } },
	};
	char count[HIN_WORDS_TEXT];

	for (size_t i = 0; i < HIN_COUNT(doubts); i++)
		if (doubts[i].count > 0)
			hin_buffer_printf(out, "%s %s\n", hin_words_count(count, doubts[i].count),
					  doubts[i].text[lang]);
}

void hin_silence_text(const struct hin_silence *s, struct hin_buffer *out)
{
	const struct hin_silence_question *q = &s->question;
	char net[HIN_PREFIX_TEXT], since[HIN_TIME_TEXT], until[HIN_TIME_TEXT], now[HIN_TIME_TEXT];
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), s->evidence, sizeof(s->evidence));
	hin_buffer_printf(out, "hinomi silence 1\nhub %s\nnet %s\nsince %s\nuntil %s\nasked %s\n",
			  q->hub, hin_prefix_format(&q->net, net), time_text(since, q->since_us),
			  time_text(until, q->until_us), time_text(now, q->now_us));
	hin_buffer_printf(out,
			  "rows %llu\npackets %llu\nperhaps %llu\nwatched-addresses %llu\n"
			  "watched-percent ",
			  (unsigned long long)s->rows, (unsigned long long)s->packets,
			  (unsigned long long)s->perhaps, (unsigned long long)s->dark_addresses);
	put_share(s, out);
	hin_buffer_printf(
		out,
		"\nsensors %llu\nquiet %llu\nbatches %llu\nverified %llu\nmissing %llu\nbroken "
		"%llu\nlost %llu\nrolled %llu\ndamaged %llu\nevidence %s\n",
		(unsigned long long)s->watched.sensors, (unsigned long long)s->quiet,
		(unsigned long long)s->batches, (unsigned long long)s->verified,
		(unsigned long long)s->missing, (unsigned long long)s->broken,
		(unsigned long long)s->lost, (unsigned long long)s->rolled,
		(unsigned long long)s->damaged, hex);
	for (int lang = HIN_EN; lang <= HIN_JA; lang++) {
		hin_buffer_putc(out, '\n');
		hin_silence_sentence(s, (enum hin_lang)lang, out);
		hin_buffer_putc(out, '\n');
		put_doubts(s, (enum hin_lang)lang, out);
		for (size_t i = 0; i < HIN_COUNT(limits); i++)
			hin_buffer_printf(out, "%s\n", limits[i][lang]);
	}
}

static void json_rows(const struct hin_silence *s, struct hin_buffer *out)
{
	char time[HIN_TIME_TEXT], src[HIN_ADDR_TEXT], dst[HIN_ADDR_TEXT];

	hin_buffer_puts(out, ",\"shown\":[");
	for (size_t i = 0; i < s->shown_count; i++) {
		const struct hin_observation *o = &s->shown[i];

		hin_buffer_printf(out,
				  "%s{\"time\":\"%s\",\"kind\":%u,\"src\":\"%s\",\"dst\":\"%s\","
				  "\"proto\":%u,\"dport\":%u,\"packets\":%llu}",
				  i > 0 ? "," : "", time_text(time, o->time_us), o->kind,
				  hin_addr_format(&o->src, src),
				  (hin_observation_fields(o) & 1ull << HIN_FIELD_DST) != 0
					  ? hin_addr_format(&o->dst, dst)
					  : "",
				  o->proto, o->dport, (unsigned long long)o->packets);
	}
	hin_buffer_putc(out, ']');
}

static void json_chains(const struct hin_silence *s, struct hin_buffer *out)
{
	char id[2 * HIN_SENSOR_ID + 1];

	hin_buffer_puts(out, ",\"chains\":[");
	for (size_t i = 0; i < s->chain_count && i < HIN_SILENCE_SENSORS; i++) {
		const struct hin_silence_chain *c = &s->chains[i];

		sodium_bin2hex(id, sizeof(id), c->sensor, sizeof(c->sensor));
		hin_buffer_printf(out, "%s{\"sensor\":\"%s\",\"name\":", i > 0 ? "," : "", id);
		hin_escape_json(out, c->name, strlen(c->name));
		hin_buffer_printf(
			out,
			",\"epoch\":\"%llu\",\"first\":%llu,\"last\":%llu,\"batches\":%llu,"
			"\"verified\":%llu,\"broken\":%llu,\"watched_addresses\":%llu}",
			(unsigned long long)c->epoch, (unsigned long long)c->first,
			(unsigned long long)c->last, (unsigned long long)c->batches,
			(unsigned long long)c->verified, (unsigned long long)c->broken,
			(unsigned long long)c->dark_addresses);
	}
	hin_buffer_putc(out, ']');
}

/* What the answer is not: it must not be lost where only the JSON is kept. */
static void json_limits(struct hin_buffer *out)
{
	hin_buffer_puts(out, ",\"limits\":[");
	for (size_t i = 0; i < HIN_COUNT(limits); i++) {
		hin_buffer_puts(out, i > 0 ? "," : "");
		hin_escape_json(out, limits[i][HIN_EN], strlen(limits[i][HIN_EN]));
	}
	hin_buffer_putc(out, ']');
}

void hin_silence_json(const struct hin_silence *s, struct hin_buffer *out)
{
	const struct hin_silence_question *q = &s->question;
	char net[HIN_PREFIX_TEXT], since[HIN_TIME_TEXT], until[HIN_TIME_TEXT], now[HIN_TIME_TEXT];
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), s->evidence, sizeof(s->evidence));
	hin_buffer_puts(out, "{\"silence\":1,\"hub\":");
	hin_escape_json(out, q->hub, strlen(q->hub));
	hin_buffer_printf(out,
			  ",\"net\":\"%s\",\"since\":\"%s\",\"until\":\"%s\",\"asked\":\"%s\","
			  "\"silent\":%s,\"rows\":%llu,\"packets\":%llu,\"perhaps\":%llu,"
			  "\"watched_addresses\":%llu,\"watched_percent\":",
			  hin_prefix_format(&q->net, net), time_text(since, q->since_us),
			  time_text(until, q->until_us), time_text(now, q->now_us),
			  !hin_silence_is_silent(s) ? "false"
			  : !hin_silence_is_told(s) ? "null"
						    : "true",
			  (unsigned long long)s->rows, (unsigned long long)s->packets,
			  (unsigned long long)s->perhaps, (unsigned long long)s->dark_addresses);
	put_share(s, out);
	hin_buffer_printf(out,
			  ",\"watched_us\":%llu,\"expected_us\":%llu,\"sensors\":%llu,"
			  "\"quiet\":%llu,\"batches\":%llu,\"verified\":%llu,\"missing\":%llu,"
			  "\"broken\":%llu,"
			  "\"lost\":%llu,\"rolled\":%llu,\"damaged\":%llu,\"evidence\":\"%s\"",
			  (unsigned long long)s->watched.watched_us,
			  (unsigned long long)s->watched.expected_us,
			  (unsigned long long)s->watched.sensors, (unsigned long long)s->quiet,
			  (unsigned long long)s->batches, (unsigned long long)s->verified,
			  (unsigned long long)s->missing, (unsigned long long)s->broken,
			  (unsigned long long)s->lost, (unsigned long long)s->rolled,
			  (unsigned long long)s->damaged, hex);
	json_limits(out);
	json_chains(s, out);
	json_rows(s, out);
	hin_buffer_putc(out, '}');
}
