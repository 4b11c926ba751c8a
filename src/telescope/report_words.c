#include "telescope/report_priv.h"
#include "text/words.h"

/* A name that has no words yet stands as it is. */
static const char *word_or(const char *word, const char *name)
{
	return word != NULL ? word : name;
}

const char *hin_report_kind_word(enum hin_packet_kind kind, enum hin_lang lang)
{
	static const struct hin_words words[HIN_PACKET_KIND_COUNT] = {
		[HIN_TCP_SYN] = { { "TCP SYN", "TCP SYN" } },
		[HIN_TCP_SYN_ACK] = { { "TCP SYN-ACK", "TCP SYN-ACK" } },
		[HIN_TCP_RST] = { { "TCP RST", "TCP RST" } },
		[HIN_TCP_ACK] = { { "TCP ACK", "TCP ACK" } },
		[HIN_TCP_OTHER] = { { "TCP other", "TCPその他" } },
		[HIN_UDP] = { { "UDP", "UDP" } },
		[HIN_ICMP] = { { "ICMP", "ICMP" } },
		[HIN_ICMP6] = { { "ICMPv6", "ICMPv6" } },
		[HIN_FRAGMENT] = { { "later fragments", "後続フラグメント" } },
		[HIN_OTHER_PROTOCOL] = { { "other protocols", "その他のプロトコル" } },
	};

	return word_or(hin_words_get(words, kind, lang), hin_packet_kind_name(kind));
}

const char *hin_report_class_word(enum hin_class class, enum hin_lang lang)
{
	static const struct hin_words words[HIN_CLASS_COUNT] = {
		[HIN_CLASS_SYN] = { { "TCP SYN", "TCP SYN" } },
		[HIN_CLASS_ACK] = { { "TCP ACK", "TCP ACK" } },
		[HIN_CLASS_TCP_OTHER] = { { "TCP other", "TCPその他" } },
		[HIN_CLASS_UDP] = { { "UDP", "UDP" } },
		[HIN_CLASS_ICMP] = { { "ICMP", "ICMP" } },
		[HIN_CLASS_TCP_ANSWER] = { { "TCP answers", "TCP応答" } },
		[HIN_CLASS_UDP_ANSWER] = { { "UDP answers", "UDP応答" } },
		[HIN_CLASS_ICMP_ANSWER] = { { "ICMP answers", "ICMP応答" } },
		[HIN_CLASS_MISC] = { { "other", "その他" } },
	};

	return word_or(hin_words_get(words, class, lang), hin_class_name(class));
}

const char *hin_report_tool_word(enum hin_tool tool, enum hin_lang lang)
{
	static const struct hin_words words[HIN_SIGN_COUNT] = {
		[HIN_SIGN_NONE] = { { "unknown", "不明" } },
		[HIN_SIGN_ZMAP] = { { "ZMap", "ZMap" } },
		[HIN_SIGN_ZMAP_RANDOM_ID] = { { "ZMap (newer)", "ZMap(新)" } },
		[HIN_SIGN_MASSCAN] = { { "Masscan", "Masscan" } },
		[HIN_SIGN_MIRAI] = { { "Mirai or kin", "Mirai系" } },
		[HIN_SIGN_UNICORNSCAN] = { { "unicornscan", "unicornscan" } },
		[HIN_SIGN_NMAP] = { { "Nmap", "Nmap" } },
		[HIN_SIGN_HPING] = { { "hping3", "hping3" } },
		[HIN_SIGN_LINUX] = { { "Linux machine", "Linux機" } },
		[HIN_SIGN_WINDOWS] = { { "Windows machine", "Windows機" } },
		[HIN_SIGN_BSD] = { { "BSD machine", "BSD機" } },
		[HIN_SIGN_MACOS] = { { "macOS machine", "macOS機" } },
	};

	return word_or(hin_words_get(words, tool, lang), hin_tool_name(tool));
}

const char *hin_report_scan_word(enum hin_scan_type scan, enum hin_lang lang)
{
	static const struct hin_words words[] = {
		[HIN_SCAN_NONE] = { { "-", "-" } },
		[HIN_SCAN_HORIZONTAL] = { { "horizontal", "水平" } },
		[HIN_SCAN_VERTICAL] = { { "vertical", "垂直" } },
		[HIN_SCAN_BLOCK] = { { "block", "ブロック" } },
	};

	return hin_words_get(words, scan, lang);
}

const char *hin_report_refusal_word(enum hin_refusal reason, enum hin_lang lang)
{
	static const struct hin_words words[HIN_REFUSAL_COUNT] = {
		[HIN_REFUSED_NOT_IP] = { { "no IP packet (ARP and other link traffic)",
					   "IPではないフレーム(ARPなど)" } },
		[HIN_REFUSED_LINK_UNKNOWN] = { { "link type that we do not read",
						 "未対応のリンク種別" } },
		[HIN_REFUSED_LINK_TRUNCATED] = { { "link header cut short",
						   "リンクヘッダーが途中で切れている" } },
		[HIN_REFUSED_LINK_DEPTH] = { { "too many VLAN tags or labels",
					       "VLANタグやラベルが多すぎる" } },
		[HIN_REFUSED_IP_VERSION] = { { "IP version is neither 4 nor 6",
					       "IPバージョンが4でも6でもない" } },
		[HIN_REFUSED_IP_TRUNCATED] = { { "IP header cut short",
						 "IPヘッダーが途中で切れている" } },
		[HIN_REFUSED_IP_HEADER_LENGTH] = { { "IP header length impossible",
						     "IPヘッダー長が不正" } },
		[HIN_REFUSED_IP_LENGTH] = { { "IP length does not fit", "IPの長さが合わない" } },
		[HIN_REFUSED_EXTENSION] = { { "IPv6 extension header wrong",
					      "IPv6拡張ヘッダーが不正" } },
		[HIN_REFUSED_EXTENSION_DEPTH] = { { "too many IPv6 extension headers",
						    "IPv6拡張ヘッダーが多すぎる" } },
		[HIN_REFUSED_TRANSPORT] = { { "TCP, UDP or ICMP header cut short",
					      "TCP・UDP・ICMPヘッダーが途中で切れている" } },
		[HIN_REFUSED_TCP_HEADER_LENGTH] = { { "TCP header length impossible",
						      "TCPヘッダー長が不正" } },
		[HIN_REFUSED_TCP_OPTIONS] = { { "TCP options wrong", "TCPオプションが不正" } },
		[HIN_REFUSED_UDP_LENGTH] = { { "UDP length wrong", "UDPの長さが不正" } },
		[HIN_REFUSED_QUOTE] = { { "header quoted in an ICMP error unusable",
					  "ICMPエラー内の引用ヘッダーが読めない" } },
		[HIN_REFUSED_TUNNEL] = { { "tunnel header wrong", "トンネルヘッダーが不正" } },
		[HIN_REFUSED_TUNNEL_DEPTH] = { { "tunnels nested too deep",
						 "トンネルの入れ子が深すぎる" } },
	};

	return word_or(hin_words_get(words, reason, lang), hin_refusal_name(reason));
}

const char *hin_report_fault_word(enum hin_capture_fault fault, enum hin_lang lang)
{
	static const struct hin_words words[] = {
		[HIN_FAULT_NONE] = { { "complete", "完全" } },
		[HIN_FAULT_CUT] = { { "ends in the middle of a packet",
				      "パケットの途中で終わっている" } },
		[HIN_FAULT_BAD_RECORD] = { { "a record makes no sense", "レコードが壊れている" } },
		[HIN_FAULT_BAD_STREAM] = { { "the compressed data are damaged",
					     "圧縮データが壊れている" } },
		[HIN_FAULT_READ] = { { "could not be read to its end", "最後まで読み取れない" } },
		[HIN_FAULT_LIMIT] = { { "larger than the limit", "上限を超えている" } },
		[HIN_FAULT_SHRANK] = { { "became shorter while it was read",
					 "読み取り中に短くなった" } },
		[HIN_FAULT_REPLACED] = { { "another file took its name",
					   "別のファイルに置き換えられた" } },
		[HIN_FAULT_IGNORED] = { { "is no capture; left out",
					  "キャプチャーではないため除外" } },
	};

	if ((size_t)fault >= HIN_COUNT(words) || words[fault].text[lang] == NULL)
		return either(lang, "has a fault", "異常あり");
	return hin_words_get(words, fault, lang);
}

void hin_report_count(struct hin_buffer *out, uint64_t value, enum hin_lang lang)
{
	char text[HIN_WORDS_TEXT];

	if (value < 10000000)
		hin_buffer_puts(out, hin_words_count(text, value));
	else
		hin_buffer_puts(out, hin_words_short(text, (double)value, lang));
}

/* "2.10 M" as "2.1 M": an estimate has two digits and shows no third. */
static void put_short(struct hin_buffer *out, double value, enum hin_lang lang)
{
	char text[HIN_WORDS_TEXT];
	char *unit, *end;

	hin_words_short(text, value, lang);
	unit = text + strspn(text, "0123456789,.");
	end = unit;
	if (memchr(text, '.', (size_t)(unit - text)) != NULL) {
		while (end > text && end[-1] == '0')
			end--;
		if (end > text && end[-1] == '.')
			end--;
	}
	hin_buffer_add(out, text, (size_t)(end - text));
	hin_buffer_puts(out, unit);
}

void hin_report_estimate(struct hin_buffer *out, double value, enum hin_lang lang)
{
	char text[HIN_WORDS_TEXT];
	double unit = 1;

	if (!(value > 0) || !isfinite(value))
		return;
	while (value / unit >= 100 && unit < 1e18)
		unit *= 10;
	value = round(value / unit) * unit;
	if (value < 1)
		hin_buffer_puts(out, "<1");
	else if (value < 100000)
		hin_buffer_puts(out, hin_words_count(text, (uint64_t)value));
	else
		put_short(out, value, lang);
}

void hin_report_moment(struct hin_buffer *out, int64_t time_us)
{
	char text[HIN_TIME_TEXT];
	size_t size;

	hin_time_format(text, hin_report_ns(time_us), HIN_TIME_S);
	size = strlen(text);
	if (size > 0 && text[size - 1] == 'Z')
		size--;
	hin_buffer_add(out, text, size);
	hin_buffer_puts(out, " UTC");
}

void hin_report_moment_short(struct hin_buffer *out, int64_t time_us,
			     const struct hin_picture *picture)
{
	const int64_t months_us = 300LL * 86400 * 1000000;
	bool years = hin_report_span_us(picture->first_us, picture->last_us) > months_us;
	char text[HIN_TIME_TEXT];

	hin_time_format(text, hin_report_ns(time_us), HIN_TIME_S);
	if (strlen(text) >= 16) /* YYYY-MM-DD hh:mm:ssZ */
		hin_buffer_add(out, text + (years ? 0 : 5), years ? 16 : 11);
}

void hin_report_span(struct hin_buffer *out, int64_t first_us, int64_t last_us, enum hin_lang lang)
{
	int64_t span_us = hin_report_span_us(first_us, last_us);
	char text[HIN_TIME_TEXT];

	if (span_us == 0)
		hin_buffer_puts(out, "-");
	else
		hin_buffer_puts(out, hin_time_format_duration(text, hin_report_ns(span_us), lang));
}

void hin_report_port(struct hin_buffer *out, uint8_t proto, uint16_t port)
{
	const char *name = hin_service_name(proto, port);
	char text[HIN_SERVICE_TEXT];

	if (name != NULL)
		hin_buffer_printf(out, "%u %s", port, name);
	else
		hin_buffer_puts(out, hin_service_text(text, proto, port));
}

void hin_report_ports(struct hin_buffer *out, uint8_t proto, const struct hin_port_count *top,
		      unsigned count, uint64_t ports, unsigned most)
{
	unsigned named = count < most ? count : most;

	for (unsigned i = 0; i < named; i++) {
		if (i > 0)
			hin_buffer_puts(out, ", ");
		hin_report_port(out, proto, top[i].port);
	}
	if (named > 0 && ports > named) {
		char text[HIN_WORDS_TEXT];

		hin_buffer_printf(out, " +%s", hin_words_count(text, ports - named));
	}
}
