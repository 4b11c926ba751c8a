/* Leases: what each log says, what is refused and with which line, and how the desk keeps them. */
#include "desk_fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/owners/lease.h"
#include "hub/owners/owners.h"

#define NOW 1795395600000000ll /* 2026-11-23 01:00 */

static void hear(void *user, const char *line)
{
	hin_buffer_printf(user, "! %s\n", line);
}

static void put_time(struct hin_buffer *out, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	if (time_us == 0)
		hin_buffer_puts(out, " -");
	else
		hin_buffer_printf(out, " %.16s", hin_time_format(text, time_us * 1000, HIN_TIME_S));
}

/* "range [ports] device from until", one a line. */
static enum hin_code write_down(void *user, const struct hin_lease *l, struct hin_error *err)
{
	char low[HIN_ADDR_TEXT], high[HIN_ADDR_TEXT];
	struct hin_buffer *out = user;

	(void)err;
	hin_buffer_puts(out, hin_addr_format(&l->low, low));
	if (!hin_addr_equal(&l->low, &l->high))
		hin_buffer_printf(out, "-%s", hin_addr_format(&l->high, high));
	if (l->port_high != 65535)
		hin_buffer_printf(out, " [%u-%u]", l->port_low, l->port_high);
	hin_buffer_printf(out, " %s", l->device[0] != '\0' ? l->device : l->organisation);
	put_time(out, l->from_us);
	put_time(out, l->until_us);
	hin_buffer_putc(out, '\n');
	return HIN_OK;
}

static void said_by(enum hin_lease_format format, const char *text, struct hin_buffer *out)
{
	struct hin_lease_options options = { .format = format, .name = "f", .now_us = NOW };
	struct hin_directory_notes notes = { .note = hear, .user = out };
	uint8_t *copy = hin_test_copy(text, strlen(text));
	struct hin_error err = { 0 };

	if (hin_lease_parse(&options, copy, strlen(text), write_down, out, &notes, &err) != HIN_OK)
		hin_buffer_printf(out, "!! %s\n", err.text);
	free(copy);
}

#define DHCPD(statements) "lease 192.0.2.5 {\n" statements "}\n"
#define STARTS "starts 0 2026/11/22 02:10:03;\n"
#define MAC "hardware ethernet 00:00:5E:00:53:01;\n"

/* A record of a detail file. */
#define RADIUS(status, session, more, time)                                                        \
	"Sun Nov 22 02:10:03 2026\n\tAcct-Status-Type = " status                                   \
	"\n\tAcct-Session-Id = \"" session "\"\n\tNAS-IP-Address = 198.51.100.1\n" more            \
	"\tTimestamp = " time "\n\n"
#define ALICE                                                                                      \
	"\tFramed-IP-Address = 192.0.2.5\n\tCalling-Station-Id = \"00-00-5E-00-53-01\"\n"          \
	"\tUser-Name = \"alice\"\n"

#define TEN "00:11:22:33:44:55:66:77:88:99"

#define FLOW(inside, sport, outside)                                                               \
	" src=" inside " dst=198.51.100.7 sport=" sport " dport=443 src=198.51.100.7 "             \
	"dst=203.0.113.9 sport=443 dport=" outside

static const struct {
	enum hin_lease_format format;
	const char *text, *want;
} cases[] = {
	/* ISC dhcpd */
	{ HIN_LEASE_DHCPD,
	  DHCPD(STARTS "ends 0 2026/11/22 14:10:03;\nbinding state active;\nnext binding state "
		       "free;\n" MAC "client-hostname \"}; lease 192.0.2.9 {\";\n"
		       "on commit { set a = \"}\"; execute(\"x\"); }\n"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-22 14:10\n" },
	{ HIN_LEASE_DHCPD,
	  DHCPD("starts epoch 1795313403; # Sun\nends never;\n" MAC "binding state active;\n"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 -\n" },
	{ HIN_LEASE_DHCPD, DHCPD(STARTS "binding state backup;\n" MAC), "" },
	{ HIN_LEASE_DHCPD, DHCPD("binding state free;\n"), "" },
	{ HIN_LEASE_DHCPD, DHCPD("starts 0 tomorrow 02:10:03;\n" MAC),
	  "! f:1: \"starts\" is no time\n" },
	{ HIN_LEASE_DHCPD, "\n" DHCPD(STARTS "hardware ethernet x;\n"),
	  "! f:2: \"hardware\" is no Ethernet address\n" },
	{ HIN_LEASE_DHCPD, "lease 192.0.2 {\n" STARTS MAC "}\n", "! f:1: this is no address\n" },
	{ HIN_LEASE_DHCPD, "lease 192.0.2.5;", "! f:1: a lease without a block\n" },
	{ HIN_LEASE_DHCPD, DHCPD(STARTS "ends 0 2026/11/22 01:10:03;\n" MAC),
	  "! f:1: the lease ends before it begins\n" },
	{ HIN_LEASE_DHCPD,
	  "ia-na \"\\001\\000\\000\\000a\\142\" {\n cltt 0 2026/11/22 02:10:03;\n iaaddr "
	  "2001:db8::5 {\n binding "
	  "state "
	  "active;\n max-life 600;\n ends 0 2026/11/22 02:20:03;\n }\n}\n"
	  "ia-pd 01:02:ab {\n cltt 0 2026/11/22 02:10:03;\n iaprefix 2001:db8:5::/56 {\n binding "
	  "state active;\n ends 0 2026/11/22 02:20:03;\n }\n}\n",
	  "2001:db8::5 duid:6162 2026-11-22 02:10 2026-11-22 02:20\n"
	  "2001:db8:5::-2001:db8:5:ff:ffff:ffff:ffff:ffff duid:0102ab 2026-11-22 02:10 "
	  "2026-11-22 02:20\n" },
	/* torn in its middle: what was swallowed is not left out in silence */
	{ HIN_LEASE_DHCPD, "lease 192.0.2.4 {\n" STARTS DHCPD(STARTS MAC),
	  "! f:1: a block that does not end\n" },
	{ HIN_LEASE_DHCPD, "lease 192.0.2.4 {\nuid \"\n}\n" DHCPD(STARTS MAC),
	  "! f:1: a block that does not end\n" },
	{ HIN_LEASE_DHCPD,
	  "ia-na 01:02:ab {\n cltt 0 2026/11/22 02:10:03;\n iaaddr 2001:db8::5 {\n",
	  "! f:1: the file ends inside of this block: left out\n" },
	{ HIN_LEASE_DHCPD, "hello; world {", "!! f has no lease: is it dhcpd.leases?\n" },
	/* Kea */
	{ HIN_LEASE_KEA,
	  "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,"
	  "state\n"
	  "192.0.2.5,00:00:5e:00:53:01,,4000,1795317403,1,0,0,x,0\n"
	  "192.0.2.6,00:00:5e:00:53:02,,4000,1795317403,1,0,0,,1\n"
	  "192.0.2.7,,,4000,1795317403,1,0,0,,0\n"
	  "192.0.2.8,00:00:5e:00:53:03,,x,1795317403,1,0,0,,0\n",
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-22 03:16\n"
	  "! f:4: the client has neither hwaddr, duid nor client_id\n"
	  "! f:5: expire or valid_lifetime is no number\n" },
	{ HIN_LEASE_KEA,
	  "address,duid,valid_lifetime,expire,prefix_len\n"
	  "2001:db8:5::,00:01:aa,3000,1795316403,56\n"
	  "2001:db8::5,00:01:aa,3000,1795316403,128\n",
	  "2001:db8:5::-2001:db8:5:ff:ffff:ffff:ffff:ffff duid:0001aa 2026-11-22 02:10 "
	  "2026-11-22 03:00\n"
	  "2001:db8::5 duid:0001aa 2026-11-22 02:10 2026-11-22 03:00\n" },
	/* JSON stands there as it is; who has no Ethernet address names itself */
	{ HIN_LEASE_KEA,
	  "address,hwaddr,client_id,valid_lifetime,expire,state,user_context,pool_id\n"
	  "192.0.2.5,00:00:5e:00:53:01,,4000,1795317403,0,{ \"ISC\": { \"relay-agent-info\": "
	  "\"0x01\" } },0\n"
	  "192.0.2.6,,01:00:00:5e:00:53:02,4000,1795317403,0,,0\n"
	  "192.0.2.7,,ff:00:00:00:01:00:02:ab,4000,1795317403,0,\"x,0\n"
	  "192.0.2.8,,00:61,4000,1795317403,0,,0\n",
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-22 03:16\n"
	  "192.0.2.6 mac:00:00:5e:00:53:02 2026-11-22 02:10 2026-11-22 03:16\n"
	  "192.0.2.7 duid:0002ab 2026-11-22 02:10 2026-11-22 03:16\n"
	  "192.0.2.8 client:0061 2026-11-22 02:10 2026-11-22 03:16\n" },
	/* an identifier of its own making, and one that is too long to be shown */
	{ HIN_LEASE_KEA,
	  "address,hwaddr,client_id,valid_lifetime,expire\n"
	  "192.0.2.5,,00:68:6F:73:74,4000,1795317403\n"
	  "192.0.2.6,,02:" TEN TEN TEN TEN ",4000,1795317403\n"
	  "192.0.2.7,,ff:00,4000,1795317403\n"
	  "192.0.2.8,,0g,4000,1795317403\n",
	  "192.0.2.5 client:00686f7374 2026-11-22 02:10 2026-11-22 03:16\n"
	  "192.0.2.6 client:0f9be6d08f083df0bbc159d22e2d649c 2026-11-22 02:10 2026-11-22 03:16\n"
	  "192.0.2.7 client:ff00 2026-11-22 02:10 2026-11-22 03:16\n"
	  "! f:5: the client has neither hwaddr, duid nor client_id\n" },
	{ HIN_LEASE_KEA, "ip,mac\n",
	  "!! f: its first line has no titles of Kea's (address, valid_lifetime, expire)\n" },
	/* dnsmasq: a day if nobody says otherwise */
	{ HIN_LEASE_DNSMASQ,
	  "1795399803 00:00:5e:00:53:01 192.0.2.5 printer 01:00\n"
	  "duid 00:01\n"
	  "1795399803 123456 2001:db8::5 * 00:01:aa\n"
	  "1795399803 00:00:5e:00:53:01 192.0.2.5\n"
	  "x 00:00:5e:00:53:01 192.0.2.5 * *\n",
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-23 02:10\n"
	  "2001:db8::5 duid:0001aa 2026-11-22 02:10 2026-11-23 02:10\n"
	  "! f:4: fewer than five fields\n"
	  "! f:5: the first field is no time in seconds\n" },
	/* RADIUS */
	{ HIN_LEASE_RADIUS,
	  RADIUS("Start", "1", ALICE, "1795313403")
		  RADIUS("Interim-Update", "1", ALICE, "1795317003")
			  RADIUS("Stop", "1", ALICE, "1795320603"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-22 04:10\n" },
	/* the end alone says how long it was; another server may have the same number */
	{ HIN_LEASE_RADIUS, RADIUS("Stop", "1", ALICE "\tAcct-Session-Time = 7200\n", "1795320603"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-22 04:10\n" },
	/* silent for longer than a day, and not yet */
	{ HIN_LEASE_RADIUS, RADIUS("Start", "1", ALICE, "1795140603"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-20 02:10 2026-11-21 02:10\n" },
	{ HIN_LEASE_RADIUS, RADIUS("Start", "1", ALICE, "1795313403"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 -\n" },
	{ HIN_LEASE_RADIUS,
	  RADIUS("Start", "1",
		 "\tFramed-IPv6-Prefix = 2001:db8:5::/64\n\tDelegated-IPv6-Prefix = "
		 "\"2001:db8:500::/56\"\n\tCalling-Station-Id = \"dsl/1:17\"\n"
		 "\tAcct-Delay-Time = 60\n",
		 "1795313463")
		  RADIUS("Stop", "1",
			 "\tFramed-IPv6-Prefix = 2001:db8:5::/64\n\tDelegated-IPv6-Prefix = "
			 "2001:db8:500::/56\n",
			 "1795320603"),
	  "2001:db8:5::-2001:db8:5:0:ffff:ffff:ffff:ffff circuit:dsl/1:17 2026-11-22 02:10 "
	  "2026-11-22 04:10\n"
	  "2001:db8:500::-2001:db8:500:ff:ffff:ffff:ffff:ffff circuit:dsl/1:17 2026-11-22 02:10 "
	  "2026-11-22 04:10\n" },
	{ HIN_LEASE_RADIUS, RADIUS("Start", "", ALICE, "1795313403"),
	  "! f:1: the record has no Acct-Session-Id\n" },
	{ HIN_LEASE_RADIUS, RADIUS("Start", "1", ALICE, "soon"), "! f:1: a time cannot be read\n" },
	{ HIN_LEASE_RADIUS, RADIUS("Start", "1", "\tFramed-IP-Address = 192.0.2\n", "1795313403"),
	  "! f:1: an address or prefix cannot be read\n" },
	{ HIN_LEASE_RADIUS, RADIUS("Start", "1", "\tFramed-IP-Address = 192.0.2.5\n", "1795313403"),
	  "! f:1: neither Calling-Station-Id nor User-Name names a device\n" },
	{ HIN_LEASE_RADIUS,
	  RADIUS("Start", "1", "\tFramed-IP-Address = 192.0.2.5\n\tUser-Name = \"a b\x1b[2J\"\n",
		 "1795313403"),
	  "! f:1: neither Calling-Station-Id nor User-Name names a device\n" },
	{ HIN_LEASE_RADIUS, RADIUS("Accounting-On", "0", "", "1795313403"), "" },
	/* a NAS that restarts ends what it had, and nobody else's */
	{ HIN_LEASE_RADIUS,
	  RADIUS("Start", "1", ALICE, "1795313403")
		  RADIUS("Start", "2",
			 "\tFramed-IP-Address = 192.0.2.6\n\tUser-Name = \"bob\"\n"
			 "\tNAS-IP-Address = 198.51.100.2\n",
			 "1795313403") RADIUS("Accounting-Off", "0", "", "1795317003")
			  RADIUS("Accounting-On", "0", "", "1795317063")
				  RADIUS("Start", "1", ALICE, "1795317123"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 2026-11-22 03:10\n"
	  "192.0.2.6 user:bob 2026-11-22 02:10 -\n"
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 03:12 -\n" },
	/* said late: heard of since */
	{ HIN_LEASE_RADIUS,
	  RADIUS("Start", "1", ALICE, "1795313403")
		  RADIUS("Accounting-On", "0", "\tAcct-Delay-Time = 60\n", "1795313403"),
	  "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 -\n" },
	{ HIN_LEASE_RADIUS, "Sun\n\tAcct-Status-Type = Accounting-On\n\tTimestamp = 1795313403\n",
	  "! f:1: the record names no NAS\n" },
	/* NAT */
	{ HIN_LEASE_NAT,
	  "<134>1 2026-11-22T02:10:03.5Z cgn - - - RT_SRC_NAT_PBA_ALLOC: Subscriber 100.64.0.5 "
	  "used/maximum [1/8] blocks, allocated port block [1024-2047] from 203.0.113.9 in source "
	  "pool p1 lsys_id: 0\n"
	  "Nov 22 02:11:03 host sshd[5]: something else\n"
	  "<134>1 2026-11-22T04:10:03Z cgn - - - RT_SRC_NAT_PBA_RELEASE: Subscriber 100.64.0.5 "
	  "used/maximum [0/8] blocks, released port block [1024-2047] from 203.0.113.9 in source "
	  "pool p1\n",
	  "203.0.113.9 [1024-2047] inside:100.64.0.5 2026-11-22 02:10 2026-11-22 04:10\n" },
	/* given to another before the line that said it was free: lost */
	{ HIN_LEASE_NAT,
	  "Nov 22 02:10:03 cgn JSERVICES_NAT_PORT_BLOCK_ALLOC: 100.64.0.6 -> "
	  "203.0.113.9:2048-3071 0x5f\n"
	  "Nov 22 03:10:03 cgn JSERVICES_NAT_PORT_BLOCK_ALLOC: 100.64.0.7 -> "
	  "203.0.113.9:2048-3071 0x5f\n",
	  "203.0.113.9 [2048-3071] inside:100.64.0.6 2026-11-22 02:10 2026-11-22 03:10\n"
	  "203.0.113.9 [2048-3071] inside:100.64.0.7 2026-11-22 03:10 -\n" },
	{ HIN_LEASE_NAT,
	  "1 2026 Nov 22 02:10:05 198.51.100.1 - - NAT44 - [UserbasedA - 100.64.0.7 INVRFA - "
	  "203.0.113.10 - 3072 4095 - - -]\n",
	  "203.0.113.10 [3072-4095] inside:100.64.0.7 2026-11-22 02:10 -\n" },
	/* a day of December is one of last year */
	{ HIN_LEASE_NAT,
	  "Dec 24 02:10:05 nat nat-block-allocated inside=100.64.0.7 outside=203.0.113.10 "
	  "ports=1-2\n",
	  "203.0.113.10 [1-2] inside:100.64.0.7 2025-12-24 02:10 -\n" },
	/* and of the last leap year */
	{ HIN_LEASE_NAT,
	  "Feb 29 02:10:05 nat nat-block-allocated inside=100.64.0.7 outside=203.0.113.10 "
	  "ports=1-2\n"
	  "Feb 30 02:10:05 nat nat-block-allocated inside=100.64.0.7 outside=203.0.113.10 "
	  "ports=5-6\n",
	  "! f:2: the line does not begin with a time of syslog\n"
	  "203.0.113.10 [1-2] inside:100.64.0.7 2024-02-29 02:10 -\n" },
	/* a clock that is not set */
	{ HIN_LEASE_NAT,
	  "*Nov 22 02:10:05.123 UTC: nat-block-allocated inside=100.64.0.7 "
	  "outside=203.0.113.10 ports=3-4\n",
	  "203.0.113.10 [3-4] inside:100.64.0.7 2026-11-22 02:10 -\n" },
	{ HIN_LEASE_NAT,
	  "hello nat-block-allocated inside=100.64.0.7 outside=203.0.113.10 ports=1-2\n",
	  "! f:1: the line does not begin with a time of syslog\n" },
	{ HIN_LEASE_NAT,
	  "Nov 22 02:10:05 nat nat-block-allocated inside=100.64.0.7 outside=203.0.113.10 "
	  "ports=1-70000\n",
	  "! f:1: a block of ports that cannot be read\n" },
	/* RFC 7422, section 2, made small: four subscribers on two addresses */
	{ HIN_LEASE_NAT,
	  "deterministic inside=100.64.0.0/30 outside=203.0.113.0/31 ports=1024-65535 "
	  "from=2026-11-01\n",
	  "203.0.113.0 [1024-33279] inside:100.64.0.0 2026-11-01 00:00 -\n"
	  "203.0.113.0 inside:100.64.0.1 2026-11-01 00:00 -\n"
	  "203.0.113.1 [1024-33279] inside:100.64.0.2 2026-11-01 00:00 -\n"
	  "203.0.113.1 inside:100.64.0.3 2026-11-01 00:00 -\n" },
	{ HIN_LEASE_NAT, "deterministic inside=2001:db8::/64 outside=203.0.113.0/31\n",
	  "! f:1: a rule of more than a million addresses\n" },
	{ HIN_LEASE_NAT, "deterministic inside=100.64.0.0/12 outside=203.0.113.0/32\n",
	  "! f:1: a rule of more than a million addresses\n" },
	{ HIN_LEASE_NAT, "deterministic inside=100.64.0.0/15 outside=203.0.113.0/32\n",
	  "! f:1: a rule without a port for each\n" },
	/* connection tracking */
	{ HIN_LEASE_CONNTRACK,
	  "[1795313403.5]\t    [NEW] tcp      6 120 SYN_SENT" FLOW(
		  "192.168.1.5", "51234",
		  "40001") "\n"
			   "[1795313404.5]\t [UPDATE] tcp      6 60 SYN_RECV" FLOW(
				   "192.168.1.5", "51234",
				   "40001") "\n"
					    "[1795313405.5]\t    [NEW] udp      17 30" FLOW(
						    "192.168.1.6", "5353",
						    "40002") "\n"
							     "[1795313406.5]\t    [NEW] icmp     1 "
							     "30 src=192.168.1.5 dst=198.51.100.7\n"
							     "[1795313407.5]\t    [NEW] tcp      6 "
							     "120 src=203.0.113.9 dst=198.51.100.7 "
							     "sport=1 "
							     "dport=2 src=198.51.100.7 "
							     "dst=203.0.113.9 sport=2 dport=1\n"
							     "[1795320603.5]\t[DESTROY] tcp      "
							     "6" FLOW("192.168.1.5", "51234",
								      "40001") "\n",
	  "203.0.113.9 [40001-40001] inside:192.168.1.5 2026-11-22 02:10 2026-11-22 04:10\n"
	  "203.0.113.9 [40002-40002] inside:192.168.1.6 2026-11-22 02:10 2026-11-22 04:10\n" },
	{ HIN_LEASE_CONNTRACK,
	  "[1795313403.5]\t[DESTROY] ipv4     2 tcp      6" FLOW(
		  "192.168.1.5", "51234",
		  "40001") " [ASSURED]\n"
			   "[1795313403.5]\t[DESTROY] ipv4     2 icmp     1 src=192.168.1.5\n",
	  "203.0.113.9 [40001-40001] inside:192.168.1.5 2026-11-22 02:10 2026-11-22 02:10\n" },
	{ HIN_LEASE_CONNTRACK, "    [NEW] tcp 6 120\n",
	  "! f:1: not as of \"conntrack -E -o timestamp\"\n" },
	{ HIN_LEASE_CONNTRACK, "[1795313403.5] [NEW] tcp 6 120 src=192.168.1.5\n",
	  "! f:1: src, dst, sport and dport of both ways are not there\n" },
	/* ours */
	{ HIN_LEASE_CSV,
	  "address,ports,device,organisation,from,until,basis,confidence\n"
	  "192.0.2.5,,00-00-5E-00-53-01,,,,,\n"
	  "192.0.2.6 - 192.0.2.9,1024-2047,circuit:C17,,2026-01-01,2027-01-01,hand,80\n"
	  "2001:db8:5::/56,,,example-city,,,,\n"
	  "192.0.2.7,,,,,,,\n"
	  "192.0.2.7,,printer,,,,,\n"
	  "192.0.2.7,9-1,host:x,,,,,\n"
	  "192.0.2.7,,host:x,,,,dchp,\n"
	  "192.0.2.8,,client:0061,,,,,\n",
	  "192.0.2.5 mac:00:00:5e:00:53:01 - -\n"
	  "192.0.2.6-192.0.2.9 [1024-2047] circuit:c17 2026-01-01 00:00 2027-01-01 00:00\n"
	  "2001:db8:5::-2001:db8:5:ff:ffff:ffff:ffff:ffff example-city - -\n"
	  "! f:5: neither a device nor an organisation is named\n"
	  "! f:6: a device is a MAC, or mac:, duid:, user:, circuit:, inside:, sensor:, client: "
	  "or host: and its name\n"
	  "! f:7: the block of ports ends before it begins\n"
	  "! f:8: unknown basis \"dchp\"; did you mean \"dhcp\"?\n"
	  "192.0.2.8 client:0061 - -\n" },
};

static void each_log_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };

		said_by(cases[i].format, cases[i].text, &out);
		if (strcmp(hin_buffer_text(&out), cases[i].want) != 0)
			fail_msg("%s\nsaid\n%s\nwanted\n%s", cases[i].text, hin_buffer_text(&out),
				 cases[i].want);
		hin_buffer_fini(&out);
	}
}

/* A log that is cut anywhere is read as far as it goes, and says nothing wrong. */
static void a_cut_log_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[2048];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		for (size_t n = strlen(text); n-- > 0;) {
			struct hin_buffer out = { 0 };

			text[n] = '\0';
			said_by(cases[i].format, text, &out);
			assert_false(out.failed);
			hin_buffer_fini(&out);
		}
	}
}

/* The server writes while it is read: what is whole is taken, the end is told and no mistake. */
static void a_torn_end_spoils_nothing(void **state)
{
	static const char first[] = DHCPD(STARTS "ends never;\n" MAC);
	static const char last[] = "lease 192.0.2.6 {\n" STARTS "ends 0 2026/11/22 14:10:03;\n" MAC
				   "client-hostname \"a b\";\n}\n";
	static const char want[] = "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 -\n";
	static const char torn[] = "192.0.2.5 mac:00:00:5e:00:53:01 2026-11-22 02:10 -\n"
				   "! f:6: the file ends inside of this block: left out\n";

	(void)state;
	for (size_t n = strlen(last) - 2; n-- > 0;) {
		struct hin_buffer out = { 0 };
		char text[1024];

		snprintf(text, sizeof(text), "%s%.*s", first, (int)n, last);
		said_by(HIN_LEASE_DHCPD, text, &out);
		if (strncmp(hin_buffer_text(&out), want, strlen(want)) != 0)
			fail_msg("%s\nsaid\n%s", text, hin_buffer_text(&out));
		if (n > strlen("lease ") && strcmp(hin_buffer_text(&out), torn) != 0)
			fail_msg("%s\nsaid\n%s", text, hin_buffer_text(&out));
		hin_buffer_fini(&out);
	}
}

static void a_device_can_be_a_keyed_digest(void **state)
{
	static const char key[32] = "key";
	struct hin_lease_options options = { .format = HIN_LEASE_CSV, .name = "f", .key = key };
	struct hin_directory_notes notes = { 0 };
	struct hin_buffer out = { 0 };
	const char *text = "address,device\n192.0.2.5,00:00:5e:00:53:01\n"
			   "192.0.2.6,mac:00:00:5E:00:53:01\n";
	char first[128], second[128];

	(void)state;
	assert_int_equal(
		hin_lease_parse(&options, text, strlen(text), write_down, &out, &notes, NULL),
		HIN_OK);
	assert_null(strstr(out.data, "5e"));
	assert_int_equal(
		sscanf(out.data, "192.0.2.5 mac:%64s - - 192.0.2.6 mac:%64s", first, second), 2);
	assert_int_equal(strlen(first), 32);
	assert_string_equal(first, second);
	hin_buffer_fini(&out);
}

/* ---- the desk ---- */

static struct hin_desk *opened(void)
{
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };

	if (hin_desk_open(&desk, path, HIN_DESK_CREATE, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return desk;
}

static int64_t number(struct hin_desk *desk, const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	if (hin_desk_number(desk, &n, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	return n;
}

static enum hin_code load(struct hin_desk *desk, enum hin_lease_format format, const char *text,
			  bool dry, bool skip, struct hin_lease_change *change)
{
	struct hin_lease_options options = { .format = format, .name = "f", .now_us = NOW };
	struct hin_lease_import import = { .source = "s", .dry_run = dry, .skip_refused = skip };
	struct hin_directory_notes notes = { 0 };
	struct hin_error err = { 0 };

	return hin_lease_import(desk, &options, &import, text, strlen(text), &notes, change, &err);
}

static void leases_are_kept_once(void **state)
{
	static const char start[] = RADIUS("Start", "1", ALICE, "1795313403");
	static const char stop[] =
		RADIUS("Stop", "1", ALICE "\tAcct-Session-Time = 7190\n", "1795320603");
	struct hin_desk *desk = opened();
	struct hin_lease_change c;

	(void)state;
	assert_int_equal(load(desk, HIN_LEASE_RADIUS, start, true, false, &c), HIN_OK);
	assert_int_equal(c.added, 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 0);
	assert_int_equal(load(desk, HIN_LEASE_RADIUS, start, false, false, &c), HIN_OK);
	assert_int_equal(c.added, 1);
	assert_int_equal(number(desk, "SELECT until_us FROM lease"), 0);
	assert_int_equal(load(desk, HIN_LEASE_RADIUS, start, false, false, &c), HIN_OK);
	assert_int_equal(c.same, 1);
	/* its end is in the next file, and its own count of seconds is a little off */
	assert_int_equal(load(desk, HIN_LEASE_RADIUS, stop, false, false, &c), HIN_OK);
	assert_int_equal(c.extended, 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 1);
	assert_int_equal(number(desk, "SELECT until_us FROM lease"), 1795320603000000);
	assert_int_equal(number(desk, "SELECT from_us FROM lease"), 1795313403000000);
	assert_int_equal(number(desk, "SELECT leases FROM directory_state"), 3);
	assert_int_equal(number(desk, "SELECT count(*) FROM act WHERE kind = 313"), 3);
	hin_desk_close(desk);
}

static void a_block_ends_in_the_next_log(void **state)
{
#define BLOCK(what, when)                                                                          \
	"Nov 22 " when " nat nat-block-" what " inside=100.64.0.7 outside=203.0.113.10 "           \
	"ports=1024-2047\n"
	struct hin_desk *desk = opened();
	struct hin_lease_change c;

	(void)state;
	assert_int_equal(
		load(desk, HIN_LEASE_NAT, BLOCK("allocated", "02:10:03"), false, false, &c),
		HIN_OK);
	assert_int_equal(load(desk, HIN_LEASE_NAT, BLOCK("released", "04:10:03"), false, false, &c),
			 HIN_OK);
	assert_int_equal(c.extended, 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 1);
	assert_int_equal(number(desk, "SELECT until_us FROM lease"), 1795320603000000);
	hin_desk_close(desk);
}

static void a_wrong_line_spoils_all(void **state)
{
	static const char text[] = "address,device,organisation\n192.0.2.5,host:a,\n192.0.2,host:b,"
				   "\n";
	struct hin_desk *desk = opened();
	struct hin_lease_change c;
	uint64_t count = 0;

	(void)state;
	assert_int_equal(load(desk, HIN_LEASE_CSV, text, false, false, &c), HIN_EFORMAT);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM act"), 0);
	assert_int_equal(load(desk, HIN_LEASE_CSV, text, false, true, &c), HIN_OK);
	assert_int_equal(c.added, 1);
	assert_int_equal(c.refused, 1);
	assert_int_equal(load(desk, HIN_LEASE_CSV, "address,organisation\n192.0.2.5,nobody\n",
			      false, false, &c),
			 HIN_ENOENT);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 1);
	/* those that are open are never forgotten */
	assert_int_equal(load(desk, HIN_LEASE_CSV,
			      "address,device,until\n192.0.2.6,host:a,2026-01-01\n", false, false,
			      &c),
			 HIN_OK);
	assert_int_equal(hin_lease_forget(desk, NOW, 0, NOW, &count, NULL), HIN_OK);
	assert_int_equal(count, 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 1);
	hin_desk_close(desk);
}

/* Two devices use one port of a home's router at once: nobody is named then. */
static void connections_that_share_a_port(void **state)
{
	static const char text[] = "[1795313403.0] [NEW] tcp 6 120 SYN_SENT" FLOW(
		"192.168.1.5", "1",
		"40001") "\n"
			 "[1795313503.0] [NEW] udp 17 30" FLOW(
				 "192.168.1.6", "2",
				 "40001") "\n"
					  "[1795313603.0] [DESTROY] udp 17" FLOW(
						  "192.168.1.6", "2",
						  "40001") "\n"
							   "[1795313703.0] [DESTROY] tcp 6" FLOW(
								   "192.168.1.5", "1",
								   "40001") "\n"
									    "[1795313803.0] [NEW] "
									    "tcp 6 120" FLOW(
										    "192.168.1.7",
										    "1",
										    "40001") "\n"
											     "[1795"
											     "31390"
											     "3.0] "
											     "[DEST"
											     "ROY] "
											     "tcp "
											     "6" FLOW(
												     "192.168.1.7",
												     "1",
												     "40001") "\n";
	static const struct {
		int64_t time_s;
		const char *device;
		bool ambiguous;
	} asked[] = { { 1795313450, "inside:192.168.1.5", false },
		      { 1795313550, "", true },
		      { 1795313650, "", true },
		      { 1795313750, "", false },
		      { 1795313850, "inside:192.168.1.7", false } };
	struct hin_desk *desk = opened();
	struct hin_owners_settings settings = { 0 };
	struct hin_owners *owners = NULL;
	struct hin_lease_change c;
	struct hin_addr a;

	(void)state;
	assert_int_equal(load(desk, HIN_LEASE_CONNTRACK, text, false, false, &c), HIN_OK);
	assert_int_equal(c.added, 3);
	assert_int_equal(hin_owners_load(&owners, desk, &settings, 1, NULL), HIN_OK);
	assert_int_equal(hin_addr_parse(&a, "203.0.113.9"), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(asked); i++) {
		struct hin_owner found;

		hin_owners_find(owners, &a, 40001, asked[i].time_s * 1000000, &found);
		assert_string_equal(found.device, asked[i].device);
		assert_int_equal(found.ambiguous, asked[i].ambiguous);
	}
	hin_owners_unref(owners);
	hin_desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_log_is_read),
		cmocka_unit_test(a_cut_log_is_read),
		cmocka_unit_test(a_torn_end_spoils_nothing),
		cmocka_unit_test(a_device_can_be_a_keyed_digest),
		cmocka_unit_test_setup_teardown(leases_are_kept_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_block_ends_in_the_next_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_line_spoils_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connections_that_share_a_port, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
