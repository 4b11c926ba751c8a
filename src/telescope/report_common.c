#include <errno.h>
#include <netinet/in.h>

#include "telescope/report_priv.h"

#define SINK_ENOUGH 65536

void hin_report_sink_row(struct sink *sink)
{
	if (sink->text.used >= SINK_ENOUGH) {
		if (sink->sys == 0 &&
		    fwrite(sink->text.data, 1, sink->text.used, sink->out) != sink->text.used)
			sink->sys = errno != 0 ? errno : EIO;
		if (!sink->text.failed)
			hin_buffer_reset(&sink->text);
	}
}

enum hin_code hin_report_sink_end(struct sink *sink, struct hin_error *err)
{
	bool failed = sink->text.failed;

	errno = 0;
	if (sink->sys == 0 && sink->text.used > 0 &&
	    fwrite(sink->text.data, 1, sink->text.used, sink->out) != sink->text.used)
		sink->sys = errno != 0 ? errno : EIO;
	hin_buffer_fini(&sink->text);
	if (failed)
		return hin_fail(err, HIN_ENOMEM, "report");
	if (sink->sys != 0) {
		errno = sink->sys;
		return hin_fail(err, HIN_ESYS, "write report");
	}
	return HIN_OK;
}

int64_t hin_report_ns(int64_t us)
{
	int64_t ns;

	if (__builtin_mul_overflow(us, HIN_NS_PER_US, &ns))
		return us < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

const char *hin_report_time_iso(char out[HIN_TIME_TEXT], int64_t time_us)
{
	return hin_time_format_iso(out, hin_report_ns(time_us), HIN_TIME_US);
}

int64_t hin_report_span_us(int64_t first_us, int64_t last_us)
{
	int64_t span;

	if (last_us <= first_us)
		return 0;
	return __builtin_sub_overflow(last_us, first_us, &span) ? INT64_MAX : span;
}

const char *hin_report_source(char out[REPORT_ADDR_TEXT], const struct hin_event *event)
{
	struct hin_prefix net = { .addr = event->source, .len = event->source_len };
	bool v4 = hin_addr_is_v4(&event->source);

	if (event->source_len == (v4 ? 32 : 128))
		return hin_addr_format(&event->source, out);
	return hin_prefix_format(&net, out);
}

const char *hin_report_protocol(char out[HIN_SERVICE_TEXT], uint8_t proto)
{
	const char *name = hin_protocol_name(proto);

	if (name != NULL)
		snprintf(out, HIN_SERVICE_TEXT, "%s", name);
	else
		snprintf(out, HIN_SERVICE_TEXT, "ip-%u", proto);
	return out;
}

bool hin_report_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

const char *hin_report_victim_service(char out[HIN_SERVICE_TEXT], const struct hin_victim *victim)
{
	if (victim->many_ports) {
		snprintf(out, HIN_SERVICE_TEXT, "many");
		return out;
	}
	if (!hin_report_has_ports(victim->proto))
		return hin_report_protocol(out, victim->proto);
	return hin_service_text(out, victim->proto, victim->port);
}

const char *hin_report_flood_service(char out[HIN_SERVICE_TEXT], const struct hin_flood *flood,
				     bool amplification)
{
	const char *name = flood->service;

	if (name == NULL && amplification)
		name = hin_amplifier_name(flood->proto, flood->port);
	if (name != NULL) {
		snprintf(out, HIN_SERVICE_TEXT, "%s", name);
		return out;
	}
	if (!hin_report_has_ports(flood->proto))
		return hin_report_protocol(out, flood->proto);
	return hin_service_text(out, flood->proto, flood->port);
}

uint8_t hin_report_class_proto(enum hin_class class)
{
	switch (class) {
	case HIN_CLASS_SYN:
	case HIN_CLASS_ACK:
	case HIN_CLASS_TCP_OTHER:
	case HIN_CLASS_TCP_ANSWER:
		return IPPROTO_TCP;
	case HIN_CLASS_UDP:
	case HIN_CLASS_UDP_ANSWER:
		return IPPROTO_UDP;
	case HIN_CLASS_ICMP:
	case HIN_CLASS_ICMP_ANSWER:
		return IPPROTO_ICMP;
	case HIN_CLASS_MISC:
	case HIN_CLASS_COUNT:
		break;
	}
	return 0;
}

const char *hin_report_icmp_name(char out[64], bool v6, uint8_t type)
{
	const char *name = hin_icmp_type_name(v6, type);

	if (name != NULL)
		snprintf(out, 64, "%s-%s", v6 ? "icmp6" : "icmp", name);
	else
		snprintf(out, 64, "%s-type-%u", v6 ? "icmp6" : "icmp", type);
	return out;
}

const char *hin_report_hex(char *out, const uint8_t *digest, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * bytes] = '\0';
	return out;
}

const char *hin_report_list_name(enum hin_report_list list)
{
	static const char *const names[] = {
#define X(name, text) [name] = text,
		HIN_REPORT_LISTS(X)
#undef X
	};

	return (unsigned)list < HIN_REPORT_LIST_COUNT ? names[list] : NULL;
}

void hin_report_place(struct hin_geo_info *out, const struct hin_report_options *options,
		      const struct hin_addr *addr)
{
	*out = (struct hin_geo_info){ 0 };
	for (size_t i = 0; options != NULL && i < options->geo_count; i++) {
		struct hin_geo_info found;

		if (hin_geo_find(options->geo[i], addr, &found) != HIN_OK)
			continue;
		if (out->country[0] == '\0')
			memcpy(out->country, found.country, sizeof(out->country));
		if (out->as_number == 0) {
			out->as_number = found.as_number;
			memcpy(out->as_name, found.as_name, sizeof(out->as_name));
		}
	}
}
