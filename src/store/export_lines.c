/* export_lines - nfdump's CSV, and CEF in syslog. */
#include <ctype.h>
#include <stdlib.h>

#include "observe/key.h"
#include "store/answer.h"
#include "store/export_priv.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };

/* ---- nfdump ---- */

const char hin_export_nfdump_head[] =
	"ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,"
	"nh,"
	"nhb,svln,dvln,ismc,odmc,idmc,osmc,mpls1,mpls2,mpls3,mpls4,mpls5,mpls6,mpls7,mpls8,mpls9,"
	"mpls10,cl,sl,al,ra,eng,exid,tr\n";

/* Protocols as nfdump 1.7 writes them; what is not here it writes as a number. */
static const char protocols[][6] = {
	[1] = "ICMP",	 [2] = "IGMP",	  [3] = "GGP",	   [4] = "IPIP",    [5] = "ST",
	[6] = "TCP",	 [7] = "CBT",	  [8] = "EGP",	   [9] = "IGP",	    [10] = "BBN",
	[11] = "NVPII",	 [12] = "PUP",	  [13] = "ARGUS",  [14] = "ENCOM",  [15] = "XNET",
	[16] = "CHAOS",	 [17] = "UDP",	  [18] = "MUX",	   [19] = "DCN",    [20] = "HMP",
	[21] = "PRM",	 [22] = "XNS",	  [23] = "Trnk1",  [24] = "Trnk2",  [25] = "Leaf1",
	[26] = "Leaf2",	 [27] = "RDP",	  [28] = "IRTP",   [29] = "ISO-4",  [30] = "NETBK",
	[31] = "MFESP",	 [32] = "MEINP",  [33] = "DCCP",   [34] = "3PC",    [35] = "IDPR",
	[36] = "XTP",	 [37] = "DDP",	  [38] = "IDPR",   [39] = "TP++",   [40] = "IL",
	[41] = "IPv6",	 [42] = "SDRP",	  [43] = "Rte6",   [44] = "Frag6",  [45] = "IDRP",
	[46] = "RSVP",	 [47] = "GRE",	  [48] = "MHRP",   [49] = "BNA",    [50] = "ESP",
	[51] = "AH",	 [52] = "INLSP",  [53] = "SWIPE",  [54] = "NARP",   [55] = "MOBIL",
	[56] = "TLSP",	 [57] = "SKIP",	  [58] = "ICMP6",  [59] = "NOHE6",  [60] = "OPTS6",
	[61] = "HOST",	 [62] = "CFTP",	  [63] = "NET",	   [64] = "SATNT",  [65] = "KLAN",
	[66] = "RVD",	 [67] = "IPPC",	  [68] = "FS",	   [69] = "SATM",   [70] = "VISA",
	[71] = "IPCV",	 [72] = "CPNX",	  [73] = "CPHB",   [74] = "WSN",    [75] = "PVP",
	[76] = "BSATM",	 [77] = "SUNND",  [78] = "WBMON",  [79] = "WBEXP",  [80] = "ISOIP",
	[81] = "VMTP",	 [82] = "SVMTP",  [83] = "VINES",  [84] = "TTP",    [85] = "NSIGP",
	[86] = "DGP",	 [87] = "TCF",	  [88] = "EIGRP",  [89] = "OSPF",   [90] = "S-RPC",
	[91] = "LARP",	 [92] = "MTP",	  [93] = "AX.25",  [94] = "OS",	    [95] = "MICP",
	[96] = "SCCSP",	 [97] = "ETHIP",  [98] = "ENCAP",  [100] = "GMTP",  [101] = "IFMP",
	[102] = "PNNI",	 [103] = "PIM",	  [104] = "ARIS",  [105] = "SCPS",  [106] = "QNX",
	[107] = "A/N",	 [108] = "IPcmp", [109] = "SNP",   [110] = "CpqPP", [111] = "IPXIP",
	[112] = "VRRP",	 [113] = "PGM",	  [114] = "0hop",  [115] = "L2TP",  [116] = "DDX",
	[117] = "IATP",	 [118] = "STP",	  [119] = "SRP",   [120] = "UTI",   [121] = "SMP",
	[122] = "SM",	 [123] = "PTP",	  [124] = "ISIS4", [125] = "FIRE",  [126] = "CRTP",
	[127] = "CRUDP", [129] = "IPLT",  [130] = "SPS",   [131] = "PIPE",  [132] = "SCTP",
	[133] = "FC",	 [135] = "MHEAD", [136] = "UDP-L", [137] = "MPLS",
};

const char *hin_nfdump_protocol(uint8_t proto)
{
	return proto < HIN_COUNT(protocols) && protocols[proto][0] != '\0' ? protocols[proto]
									   : NULL;
}

int hin_nfdump_protocol_number(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(protocols); i++)
		if (protocols[i][0] != '\0' && strcmp(protocols[i], name) == 0)
			return (int)i;
	return -1;
}

/* "2026-11-22 02:10:03", UTC. */
static void nfdump_time(struct hin_buffer *out, int64_t time_us)
{
	char text[HIN_ANSWER_TIME];

	hin_buffer_puts(out, hin_answer_time(text, time_us, HIN_ANSWER_PLAIN));
}

static void nfdump_flags(struct hin_buffer *out, uint8_t flags)
{
	static const char letters[] = "CEUAPRSF";

	for (unsigned i = 0; i < 8; i++)
		hin_buffer_add(out, flags & 0x80 >> i ? &letters[i] : ".", 1);
}

/* The end of a row, no later than time can be. */
static int64_t end_of(const struct hin_observation *row)
{
	uint64_t most = (uint64_t)(HIN_TIME_MAX - row->time_us);

	return row->time_us + (int64_t)(row->duration_us < most ? row->duration_us : most);
}

bool hin_export_nfdump_row(struct hin_buffer *out, const struct hin_observation *row)
{
	bool icmp = row->proto == ICMP || row->proto == ICMP6;
	bool v4 = hin_addr_is_v4(&row->src);
	const char *name = hin_nfdump_protocol(row->proto), *none = v4 ? "0.0.0.0" : "::";
	char src[HIN_ADDR_TEXT], dst[HIN_ADDR_TEXT];

	if ((row->has & (HIN_HAS_SRC | HIN_HAS_DST)) != (HIN_HAS_SRC | HIN_HAS_DST))
		return false;
	nfdump_time(out, row->time_us);
	hin_buffer_putc(out, ',');
	nfdump_time(out, end_of(row));
	hin_buffer_printf(
		out, ",%llu.%03u,%s,%s,%u,%u,", (unsigned long long)(row->duration_us / 1000000),
		(unsigned)(row->duration_us / 1000 % 1000), hin_addr_format(&row->src, src),
		hin_addr_format(&row->dst, dst), icmp ? 0u : row->sport,
		icmp ? (unsigned)(row->sport << 8 | row->dport) & 0xffffu : row->dport);
	if (name != NULL)
		hin_buffer_printf(out, "%s,", name);
	else
		hin_buffer_printf(out, "%u,", row->proto);
	nfdump_flags(out, row->tcp_flags);
	hin_buffer_printf(out, ",0,0,%llu,%llu,0,0,0,0,0,0,%u,%u,0,0,%s,%s,0,0",
			  (unsigned long long)row->packets, (unsigned long long)row->bytes,
			  row->src_len, row->dst_len, none, none);
	for (unsigned i = 0; i < 4; i++)
		hin_buffer_puts(out, ",00:00:00:00:00:00");
	for (unsigned i = 0; i < 10; i++)
		hin_buffer_puts(out, ",0-0-0");
	hin_buffer_puts(out, ",0.000,0.000,0.000,0.0.0.0,0/0,0,");
	nfdump_time(out, end_of(row));
	hin_buffer_puts(out, ".000\n");
	return true;
}

/* ---- CEF ---- */

/* Names and meanings of ours, as a header of CEF may have them. */
static void cef_header(struct hin_buffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|' || *text == '\\')
			hin_buffer_putc(out, '\\');
		hin_buffer_putc(out, *text);
	}
}

/* A field that has a label of its own, "cs1=mirai cs1Label=tool". */
static void cef_labelled(struct hin_buffer *out, const char *key, unsigned field,
			 const struct hin_observation *row)
{
	static const struct hin_answer_lengths whole;
	struct hin_store_value value;

	hin_answer_value_of(&value, row, NULL, field);
	hin_buffer_printf(out, " %sLabel=%s %s=", key, hin_answer_field_name(field), key);
	for (size_t i = 0; field == HIN_FIELD_TAGS && i < row->tag_count; i++) {
		value.number = row->tags[i];
		hin_buffer_puts(out, i > 0 ? "," : "");
		hin_answer_csv(out, field, &value, whole);
	}
	if (field != HIN_FIELD_TAGS)
		hin_answer_csv(out, field, &value, whole);
}

/* Addresses: CEF has src and dst for IPv4, and custom fields for IPv6. */
static void cef_address(struct hin_buffer *out, const struct hin_addr *a, bool src)
{
	char text[HIN_ADDR_TEXT];

	hin_addr_format(a, text);
	if (hin_addr_is_v4(a))
		hin_buffer_printf(out, " %s=%s", src ? "src" : "dst", text);
	else if (src)
		hin_buffer_printf(out, " c6a2Label=Source IPv6 Address c6a2=%s", text);
	else
		hin_buffer_printf(out, " c6a3Label=Destination IPv6 Address c6a3=%s", text);
}

static void cef_traffic(struct hin_buffer *out, const struct hin_observation *row)
{
	bool icmp = row->proto == ICMP || row->proto == ICMP6;

	if (row->has & HIN_HAS_SRC)
		cef_address(out, &row->src, true);
	if (row->has & HIN_HAS_DST)
		cef_address(out, &row->dst, false);
	if (row->proto != 0) {
		size_t at;

		hin_buffer_puts(out, " proto=");
		at = out->used;
		hin_answer_protocol(out, row->proto);
		for (; !out->failed && at < out->used; at++)
			out->data[at] = (char)toupper((unsigned char)out->data[at]);
	}
	if (!icmp && row->sport != 0)
		hin_buffer_printf(out, " spt=%u", row->sport);
	if (!icmp && row->dport != 0)
		hin_buffer_printf(out, " dpt=%u", row->dport);
	if (row->packets != 0)
		hin_buffer_printf(out, " cnt=%llu", (unsigned long long)row->packets);
	if (row->bytes != 0)
		hin_buffer_printf(out, " in=%llu", (unsigned long long)row->bytes);
}

static void cef_judgement(struct hin_buffer *out, const struct hin_observation *row)
{
	static const struct {
		const char *key;
		uint8_t field;
	} labelled[] = {
		{ "cs1", HIN_FIELD_TOOL },	 { "cs2", HIN_FIELD_RULE },
		{ "cs3", HIN_FIELD_TAGS },	 { "cs4", HIN_FIELD_TECHNIQUE },
		{ "cs5", HIN_FIELD_PRODUCT },	 { "cs6", HIN_FIELD_VERSION },
		{ "cn1", HIN_FIELD_CONFIDENCE }, { "cn2", HIN_FIELD_TARGETS },
		{ "cn3", HIN_FIELD_PORTS },
	};
	static const struct {
		const char *key;
		uint8_t field;
	} plain[] = {
		{ "app", HIN_FIELD_SERVICE },
		{ "outcome", HIN_FIELD_VERDICT },
		{ "externalId", HIN_FIELD_LINK },
		{ "fileHash", HIN_FIELD_ARTIFACT },
	};
	static const struct hin_answer_lengths whole;
	uint64_t filled = hin_observation_fields(row);
	struct hin_store_value value;

	for (size_t i = 0; i < HIN_COUNT(plain); i++) {
		if (!(filled >> plain[i].field & 1))
			continue;
		hin_answer_value_of(&value, row, NULL, plain[i].field);
		hin_buffer_printf(out, " %s=", plain[i].key);
		hin_answer_csv(out, plain[i].field, &value, whole);
	}
	for (size_t i = 0; i < HIN_COUNT(labelled); i++)
		if (filled >> labelled[i].field & 1)
			cef_labelled(out, labelled[i].key, labelled[i].field, row);
}

void hin_export_cef_row(struct hin_buffer *out, const char *host, const struct hin_observation *row,
			const uint8_t *sensor)
{
	const struct hin_word *kind = hin_registry_find(HIN_REGISTRY_KINDS, row->kind);
	const struct hin_kind_info *info = hin_kind_find(row->kind);
	bool urgent = info != NULL && info->urgent;
	bool plain = row->kind == HIN_KIND_TELESCOPE_FLOW || row->kind < 1000;
	char when[HIN_ANSWER_TIME], number[24];
	const char *name;

	snprintf(number, sizeof(number), "%u", row->kind);
	name = kind != NULL ? kind->name : number;
	/* facility local0; warning or informational */
	hin_buffer_printf(
		out, "<%d>1 %s %s hinomi - %s - CEF:0|hinomi|hinomi|%s|", urgent ? 132 : 134,
		hin_answer_time(when, row->time_us, HIN_ANSWER_ISO_US), host, name, HIN_VERSION);
	cef_header(out, name);
	hin_buffer_putc(out, '|');
	cef_header(out, kind != NULL ? kind->en : "kind without a name");
	hin_buffer_printf(out, "|%d|rt=%lld start=%lld end=%lld",
			  urgent  ? 8
			  : plain ? 1
				  : 4,
			  (long long)(row->time_us / 1000), (long long)(row->time_us / 1000),
			  (long long)(end_of(row) / 1000));
	cef_traffic(out, row);
	cef_judgement(out, row);
	if (sensor != NULL) {
		hin_buffer_puts(out, " deviceExternalId=");
		for (size_t i = 0; i < HIN_SENSOR_ID; i++)
			hin_buffer_printf(out, "%02x", sensor[i]);
	}
	hin_buffer_putc(out, '\n');
}
