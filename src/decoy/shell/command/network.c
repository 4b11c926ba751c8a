/* network - ifconfig, ip, route, arp, netstat, ss, iptables: what the machine says of its network.
 */
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"
#include "decoy/machine/proc.h"

static const char *mac_text(struct process *p, const uint8_t mac[6], bool upper)
{
	return format_of(p,
			 upper ? "%02X:%02X:%02X:%02X:%02X:%02X" : "%02x:%02x:%02x:%02x:%02x:%02x",
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static const char *mask_text(struct process *p, unsigned prefix)
{
	uint32_t mask = prefix == 0 ? 0 : UINT32_MAX << (32 - (prefix > 32 ? 32 : prefix));

	return format_of(p, "%u.%u.%u.%u", mask >> 24, mask >> 16 & 255, mask >> 8 & 255,
			 mask & 255);
}

static bool is_loop(const struct hin_machine_interface *i)
{
	return strcmp(i->name, "lo") == 0;
}

static unsigned mtu_of(const struct hin_machine_interface *i)
{
	return i->mtu > 0 ? i->mtu : is_loop(i) ? 65536 : 1500;
}

static const char *scope6(const struct hin_machine_interface *i)
{
	return is_loop(i) ? "host" : strncmp(i->address6, "fe80", 4) == 0 ? "link" : "global";
}

/* What has gone through it by now. */
struct traffic {
	unsigned long long received, sent, received_packets, sent_packets;
};

static struct traffic traffic_of(const struct hin_shell_machine *m,
				 const struct hin_machine_interface *i)
{
	uint64_t more = machine_traffic(m, 0, i->rate) / 600;

	return (struct traffic){ machine_traffic(m, i->received, i->rate),
				 machine_traffic(m, i->sent, i->rate), i->received_packets + more,
				 i->sent_packets + more };
}

static const char *amount(struct process *p, unsigned long long bytes, unsigned base)
{
	static const char *const units[][2] = {
		{ "B", "B" }, { "KB", "KiB" }, { "MB", "MiB" }, { "GB", "GiB" }, { "TB", "TiB" }
	};
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= base && unit < 4; unit++)
		value /= base;
	return format_of(p, "%.1f %s", value, units[unit][base == 1024]);
}

/* ---- ifconfig ---- */

static void ifconfig_net_tools(struct process *p, const struct hin_machine_interface *i)
{
	struct traffic t = traffic_of(p->shell->machine, i);

	outf(p, "%s: flags=%s  mtu %u\n", i->name,
	     is_loop(i) ? "73<UP,LOOPBACK,RUNNING>"
	     : i->down	? "4098<BROADCAST,MULTICAST>"
			: "4163<UP,BROADCAST,RUNNING,MULTICAST>",
	     mtu_of(i));
	if (i->address != NULL)
		outf(p, "        inet %s  netmask %s%s%s\n", i->address, mask_text(p, i->prefix),
		     i->broadcast != NULL ? "  broadcast " : "",
		     i->broadcast != NULL ? i->broadcast : "");
	if (i->address6 != NULL)
		outf(p, "        inet6 %s  prefixlen %u  scopeid %s\n", i->address6, i->prefix6,
		     is_loop(i)				    ? "0x10<host>"
		     : strncmp(i->address6, "fe80", 4) == 0 ? "0x20<link>"
							    : "0x0<global>");
	if (is_loop(i))
		outs(p, "        loop  txqueuelen 1000  (Local Loopback)\n");
	else
		outf(p, "        ether %s  txqueuelen 1000  (Ethernet)\n",
		     mac_text(p, i->mac, false));
	outf(p,
	     "        RX packets %llu  bytes %llu (%s)\n        RX errors 0  dropped 0  overruns 0 "
	     " "
	     "frame 0\n        TX packets %llu  bytes %llu (%s)\n        TX errors 0  dropped 0 "
	     "overruns 0  carrier 0  collisions 0\n\n",
	     t.received_packets, t.received, amount(p, t.received, 1000), t.sent_packets, t.sent,
	     amount(p, t.sent, 1000));
}

static void ifconfig_box(struct process *p, const struct hin_machine_interface *i)
{
	struct traffic t = traffic_of(p->shell->machine, i);

	if (is_loop(i))
		outf(p, "%-9s Link encap:Local Loopback  \n", i->name);
	else
		outf(p, "%-9s Link encap:Ethernet  HWaddr %s  \n", i->name,
		     mac_text(p, i->mac, true));
	if (i->address != NULL)
		outf(p, "          inet addr:%s%s%s  Mask:%s\n", i->address,
		     i->broadcast != NULL ? "  Bcast:" : "",
		     i->broadcast != NULL ? i->broadcast : "", mask_text(p, i->prefix));
	if (i->address6 != NULL)
		outf(p, "          inet6 addr: %s/%u Scope:%s\n", i->address6, i->prefix6,
		     is_loop(i)				    ? "Host"
		     : strncmp(i->address6, "fe80", 4) == 0 ? "Link"
							    : "Global");
	outf(p, "          %s  MTU:%u  Metric:1\n",
	     is_loop(i) ? "UP LOOPBACK RUNNING"
	     : i->down	? "BROADCAST MULTICAST"
			: "UP BROADCAST RUNNING MULTICAST",
	     mtu_of(i));
	outf(p,
	     "          RX packets:%llu errors:0 dropped:0 overruns:0 frame:0\n          TX "
	     "packets:%llu errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 "
	     "txqueuelen:1000 \n          RX bytes:%llu (%s)  TX bytes:%llu (%s)\n\n",
	     t.received_packets, t.sent_packets, t.received, amount(p, t.received, 1024), t.sent,
	     amount(p, t.sent, 1024));
}

static int do_ifconfig(struct call *call)
{
	struct process *p = call->p;
	size_t count, shown = 0;
	const struct hin_machine_interface *all = machine_interfaces(p->shell->machine, &count);
	const char *name = NULL;
	bool every = false;

	for (int i = 1; i < call->argc; i++) {
		if (strcmp(call->argv[i], "-a") == 0)
			every = true;
		else if (call->argv[i][0] != '-' && name == NULL)
			name = call->argv[i];
		else if (name != NULL) /* it would be changed */
			return p->user.uid == 0
				       ? 0
				       : complain(call, "SIOCSIFFLAGS: Operation not permitted");
	}
	/* names as the kernel gives them: the loop last */
	for (size_t pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < count; i++) {
			if (is_loop(&all[i]) != (pass == 1) ||
			    (all[i].down && !every && name == NULL) ||
			    (name != NULL && strcmp(name, all[i].name) != 0))
				continue;
			shown++;
			if (is_busybox(p))
				ifconfig_box(p, &all[i]);
			else
				ifconfig_net_tools(p, &all[i]);
		}
	if (name == NULL || shown > 0)
		return 0;
	if (is_busybox(p))
		return complain(call, "%s: error fetching interface information: Device not found",
				name);
	errf(p, "%s: error fetching interface information: Device not found\n", name);
	return 1;
}

/* ---- ip ---- */

static bool is_named(const struct hin_machine_interface *i, const char *name)
{
	return name == NULL || strcmp(name, i->name) == 0;
}

static void ip_link(struct process *p, const struct hin_machine_interface *i, size_t number,
		    bool mode)
{
	const char *flags = is_loop(i) ? "LOOPBACK,UP,LOWER_UP"
			    : i->down  ? "BROADCAST,MULTICAST"
				       : "BROADCAST,MULTICAST,UP,LOWER_UP";
	const char *queue = is_loop(i) ? "noqueue" : is_busybox(p) ? "pfifo_fast" : "fq_codel";

	outf(p, "%zu: %s: <%s> mtu %u qdisc %s ", number, i->name, flags, mtu_of(i), queue);
	if (!is_busybox(p))
		outf(p, "state %s %sgroup default ",
		     is_loop(i) ? "UNKNOWN"
		     : i->down	? "DOWN"
				: "UP",
		     mode ? "mode DEFAULT " : "");
	outs(p, "qlen 1000\n");
	outf(p, "    link/%s %s brd %s\n", is_loop(i) ? "loopback" : "ether",
	     mac_text(p, i->mac, false), is_loop(i) ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff");
}

static void ip_address(struct process *p, const struct hin_machine_interface *i)
{
	if (i->address != NULL)
		outf(p,
		     "    inet %s/%u%s%s scope %s %s\n       valid_lft forever preferred_lft "
		     "forever\n",
		     i->address, i->prefix, i->broadcast != NULL ? " brd " : "",
		     i->broadcast != NULL ? i->broadcast : "", is_loop(i) ? "host" : "global",
		     i->name);
	if (i->address6 != NULL)
		outf(p,
		     "    inet6 %s/%u scope %s \n       valid_lft forever preferred_lft forever\n",
		     i->address6, i->prefix6, scope6(i));
}

static void ip_brief(struct process *p, const struct hin_machine_interface *i, bool link)
{
	outf(p, "%-16s %-14s ", i->name, is_loop(i) ? "UNKNOWN" : i->down ? "DOWN" : "UP");
	if (link) {
		outf(p, "%s <%s> \n", mac_text(p, i->mac, false),
		     is_loop(i) ? "LOOPBACK,UP,LOWER_UP" : "BROADCAST,MULTICAST,UP,LOWER_UP");
		return;
	}
	if (i->address != NULL)
		outf(p, "%s/%u ", i->address, i->prefix);
	if (i->address6 != NULL)
		outf(p, "%s/%u ", i->address6, i->prefix6);
	outs(p, "\n");
}

static void ip_routes(struct process *p)
{
	size_t count;
	const struct hin_machine_route *all = machine_routes(p->shell->machine, &count);

	for (size_t i = 0; i < count; i++) {
		const struct hin_machine_route *r = &all[i];

		if (r->prefix == 0)
			outs(p, "default");
		else
			outf(p, "%s/%u", r->network, r->prefix);
		if (r->gateway != NULL)
			outf(p, " via %s", r->gateway);
		outf(p, " dev %s", r->interface);
		if (r->gateway == NULL)
			outs(p, is_busybox(p) ? " scope link " : " proto kernel scope link");
		if (r->source != NULL)
			outf(p, " src %s", r->source);
		if (r->metric > 0)
			outf(p, " metric %u", r->metric);
		outs(p, " \n");
	}
}

/* The object that a word of ip stands for: any beginning of its name. */
static char object_of(const char *word)
{
	static const char *const names[] = { "address", "link", "route", "neighbour", "rule" };

	for (size_t i = 0; i < HIN_COUNT(names); i++)
		if (strncmp(names[i], word, strlen(word)) == 0)
			return names[i][0] == 'r' && word[1] == 'u' ? 'u' : names[i][0];
	return '?';
}

static int do_ip(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	size_t count, number = 0;
	const struct hin_machine_interface *all = machine_interfaces(m, &count);
	const char *device = NULL;
	bool brief = false, changes = false;
	int at = 1;
	char object;

	for (; at < call->argc && call->argv[at][0] == '-'; at++)
		brief |= strncmp(call->argv[at], "-br", 3) == 0;
	if (at >= call->argc) {
		if (is_busybox(p))
			return tell_usage(call, false);
		errf(p,
		     "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n       ip [ -force ] -batch "
		     "filename\nwhere  OBJECT := { address | addrlabel | fou | help | ila | ioam | "
		     "l2tp "
		     "| link |\n                   macsec | maddress | monitor | mptcp | mroute | "
		     "mrule "
		     "|\n                   neighbor | neighbour | netconf | netns | nexthop | "
		     "ntable "
		     "|\n                   ntbl | route | rule | sr | tap | tcpmetrics |\n        "
		     "     "
		     "      token | tunnel | tuntap | vrf | xfrm }\n");
		return 255;
	}
	object = object_of(call->argv[at]);
	for (int i = at + 1; i < call->argc; i++) {
		static const char *const verbs[] = { "add",   "del",	"set",
						     "flush", "change", "replace" };

		for (size_t k = 0; k < HIN_COUNT(verbs); k++)
			changes |= strcmp(call->argv[i], verbs[k]) == 0;
		if (strcmp(call->argv[i], "show") != 0 && strcmp(call->argv[i], "list") != 0 &&
		    strcmp(call->argv[i], "dev") != 0 && strcmp(call->argv[i], "ls") != 0 &&
		    strcmp(call->argv[i], "s") != 0)
			device = call->argv[i];
	}
	if (changes) {
		if (p->user.uid == 0)
			return 0;
		errf(p, "RTNETLINK answers: Operation not permitted\n");
		return 2;
	}
	switch (object) {
	case 'a':
	case 'l':
		for (size_t i = 0; i < count; i++) {
			number++;
			if (!is_named(&all[i], device))
				continue;
			if (brief) {
				ip_brief(p, &all[i], object == 'l');
				continue;
			}
			ip_link(p, &all[i], number, object == 'l');
			if (object == 'a')
				ip_address(p, &all[i]);
			device = device != NULL ? all[i].name : NULL;
		}
		return 0;
	case 'r':
		ip_routes(p);
		return 0;
	case 'n':
		for (size_t i = 0; i < m->neighbour_count; i++)
			outf(p, "%s dev %s lladdr %s %s\n", m->neighbours[i].address,
			     m->neighbours[i].interface, mac_text(p, m->neighbours[i].mac, false),
			     i == 0 ? "REACHABLE" : "STALE");
		return 0;
	case 'u':
		outs(p, "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all "
			"lookup "
			"default\n");
		return 0;
	default:
		errf(p, "Object \"%s\" is unknown, try \"ip help\".\n", call->argv[at]);
		return 1;
	}
}

/* ---- route and arp ---- */

static int do_route(struct call *call)
{
	struct process *p = call->p;
	size_t count;
	const struct hin_machine_route *all = machine_routes(p->shell->machine, &count);
	bool numeric = false;
	bool rn = strcmp(call->argv[0], "netstat") == 0;

	for (int i = 1; i < call->argc; i++) {
		numeric |= call->argv[i][0] == '-' && strchr(call->argv[i], 'n') != NULL;
		if (call->argv[i][0] != '-')
			return p->user.uid == 0
				       ? 0
				       : complain(call, "SIOCADDRT: Operation not permitted");
	}
	outs(p, "Kernel IP routing table\n");
	outs(p,
	     rn ? "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
		: "Destination     Gateway         Genmask         Flags Metric Ref    Use "
		  "Iface\n");
	for (size_t i = 0; i < count; i++) {
		const struct hin_machine_route *r = &all[i];
		const char *network = r->prefix == 0 && !numeric ? "default" : r->network;
		const char *gateway = r->gateway != NULL ? r->gateway : "0.0.0.0";

		if (rn)
			outf(p, "%-15s %-15s %-15s %-7s   0 0          0 %s\n", network, gateway,
			     mask_text(p, r->prefix), r->gateway != NULL ? "UG" : "U",
			     r->interface);
		else
			outf(p, "%-15s %-15s %-15s %-5s %-6u 0        0 %s\n", network, gateway,
			     mask_text(p, r->prefix), r->gateway != NULL ? "UG" : "U", r->metric,
			     r->interface);
	}
	return 0;
}

static int do_arp(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	bool bsd = is_busybox(p);

	for (int i = 1; i < call->argc; i++)
		bsd |= strcmp(call->argv[i], "-a") == 0 || strcmp(call->argv[i], "-an") == 0;
	if (!bsd && m->neighbour_count > 0)
		outs(p, "Address                  HWtype  HWaddress           Flags Mask           "
			" Iface\n");
	for (size_t i = 0; i < m->neighbour_count; i++) {
		const struct hin_machine_neighbour *n = &m->neighbours[i];

		if (bsd)
			outf(p, "? (%s) at %s [ether]  on %s\n", n->address,
			     mac_text(p, n->mac, false), n->interface);
		else
			outf(p, "%-24s %-7s %-19s %-21s %s\n", n->address, "ether",
			     mac_text(p, n->mac, false), "C", n->interface);
	}
	return 0;
}

/* ---- sockets ---- */

/* Which sockets netstat and ss shall tell. */
struct sockets {
	bool listening, all, tcp, udp, programs, numeric, is_ss;
};

static const char *program_of(struct process *p, uint32_t pid)
{
	struct seen_process seen;
	char comm[16];

	if (pid == 0 || p->user.uid != 0 || !process_seen(p, pid, &seen))
		return "-";
	process_comm(&seen, comm);
	return format_of(p, "%u/%s", pid, comm);
}

static const char *endpoint(struct process *p, const char *address, uint16_t port, bool ss)
{
	const char *text = address;

	if (ss && strchr(address, ':') != NULL)
		text = format_of(p, "[%s]", address);
	return port == 0 ? format_of(p, "%s:*", text) : format_of(p, "%s:%u", text, port);
}

static void tell_socket(struct process *p, const struct sockets *w,
			const struct hin_machine_socket *s)
{
	bool tcp = s->protocol[0] == 't', listens = s->remote == NULL;
	bool six = strchr(s->protocol, '6') != NULL;
	const char *local = endpoint(p, s->local, s->local_port, w->is_ss);
	const char *any = six ? "::" : "0.0.0.0";
	const char *remote = endpoint(p, listens ? any : s->remote, s->remote_port, w->is_ss);
	const char *state = listens ? (tcp ? "LISTEN" : "") : "ESTABLISHED";
	struct seen_process seen;
	char comm[16];

	if (!w->is_ss) {
		outf(p, "%-5s      0      0 %-23s %-23s %-11s", s->protocol, local, remote, state);
		if (w->programs)
			outf(p, " %-20s", program_of(p, s->pid));
		else if (is_busybox(p))
			outs(p, " ");
		outs(p, "\n");
		return;
	}
	outf(p, "%-5s %-6s %-6d %-6d %21s %21s ", tcp ? "tcp" : "udp",
	     listens ? (tcp ? "LISTEN" : "UNCONN") : "ESTAB", 0, listens && tcp ? 128 : 0, local,
	     remote);
	if (w->programs && p->user.uid == 0 && process_seen(p, s->pid, &seen)) {
		process_comm(&seen, comm);
		outf(p, "users:((\"%s\",pid=%u,fd=3))", comm, s->pid);
	}
	outs(p, "\n");
}

/* The intruder's own connection. */
static bool own_socket(struct process *p, struct hin_machine_socket *out)
{
	const char *from = variable_get(p, "SSH_CONNECTION");
	char *copy, *rest, *words[4];
	size_t count = 0;

	if (from == NULL)
		return false;
	copy = text_of(p, from, strlen(from));
	for (char *word = strtok_r(copy, " ", &rest); word != NULL && count < 4;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	if (count < 4)
		return false;
	*out = (struct hin_machine_socket){ .protocol = "tcp",
					    .local = words[2],
					    .local_port = (uint16_t)strtoul(words[3], NULL, 10),
					    .remote = words[0],
					    .remote_port = (uint16_t)strtoul(words[1], NULL, 10),
					    .pid = p->shell->pid - 1 };
	return true;
}

static void tell_sockets(struct process *p, const struct sockets *w)
{
	size_t count;
	const struct hin_machine_socket *all = machine_sockets(p->shell->machine, &count);
	struct hin_machine_socket own;

	for (size_t pass = 0; pass < 2; pass++) {
		if (pass == 0 ? !w->tcp : !w->udp)
			continue;
		for (size_t i = 0; i < count; i++)
			if ((all[i].protocol[0] == 'u') == (pass == 1) &&
			    (w->all || (all[i].remote == NULL) == w->listening))
				tell_socket(p, w, &all[i]);
		if (pass == 0 && !w->listening && own_socket(p, &own))
			tell_socket(p, w, &own);
	}
}

static int do_netstat(struct call *call)
{
	struct process *p = call->p;
	struct sockets w = { .is_ss = strcmp(call->argv[0], "ss") == 0 };
	bool routes = false, interfaces = false;

	for (int i = 1; i < call->argc; i++)
		for (const char *c = call->argv[i] + 1; call->argv[i][0] == '-' && *c != '\0';
		     c++) {
			w.listening |= *c == 'l';
			w.all |= *c == 'a';
			w.tcp |= *c == 't';
			w.udp |= *c == 'u';
			w.programs |= *c == 'p';
			w.numeric |= *c == 'n';
			routes |= *c == 'r';
			interfaces |= *c == 'i';
		}
	if (routes)
		return do_route(call);
	if (interfaces) {
		outs(p, "Kernel Interface table\n");
		return 0;
	}
	if (!w.tcp && !w.udp)
		w.tcp = w.udp = true;
	if (w.is_ss) {
		outs(p, "Netid State  Recv-Q Send-Q    Local Address:Port     Peer Address:Port "
			"Process\n");
		tell_sockets(p, &w);
		return 0;
	}
	outf(p, "Active Internet connections (%s)\n",
	     w.all	   ? "servers and established"
	     : w.listening ? "only servers"
			   : "w/o servers");
	outf(p,
	     "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
	     "%s%s\n",
	     is_busybox(p) || w.programs ? " " : "", w.programs ? "PID/Program name    " : "");
	tell_sockets(p, &w);
	return 0;
}

/* ---- filters and others ---- */

static int do_iptables(struct call *call)
{
	struct process *p = call->p;
	bool list = call->argc < 2, save = strstr(call->argv[0], "-save") != NULL;
	static const char *const chains[] = { "INPUT", "FORWARD", "OUTPUT" };

	if (call->argc < 2 && !save) {
		errf(p, "iptables v1.8.9 (nf_tables): no command specified\nTry `iptables -h' or "
			"'iptables --help' for more information.\n");
		return 2;
	}
	if (p->user.uid != 0) {
		errf(p, "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: "
			"Permission "
			"denied (you must be root)\n");
		return 4;
	}
	for (int i = 1; i < call->argc; i++)
		list |= call->argv[i][0] == '-' && strchr(call->argv[i], 'L') != NULL;
	for (size_t i = 0; list && i < HIN_COUNT(chains); i++)
		outf(p,
		     "%sChain %s (policy ACCEPT)\ntarget     prot opt source               "
		     "destination         \n",
		     i > 0 ? "\n" : "", chains[i]);
	for (int i = 1; i < call->argc; i++)
		if (strcmp(call->argv[i], "-S") == 0)
			outs(p, "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n");
	return 0;
}

/* What changes the network, for root without a word. */
static int do_quiet(struct call *call)
{
	if (call->p->user.uid == 0)
		return 0;
	return complain(call, "Operation not permitted");
}

static int do_brctl(struct call *call)
{
	if (call->argc > 1 && strcmp(call->argv[1], "show") == 0)
		outs(call->p, "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n");
	return 0;
}

const struct command network_commands[] = {
	{ "arp", do_arp, false },
	{ "brctl", do_brctl, false },
	{ "ethtool", do_quiet, false },
	{ "ifconfig", do_ifconfig, false },
	{ "ifdown", do_quiet, false },
	{ "ifup", do_quiet, false },
	{ "ip", do_ip, false },
	{ "ip6tables", do_iptables, false },
	{ "iptables", do_iptables, false },
	{ "iptables-save", do_iptables, false },
	{ "iwconfig", do_quiet, false },
	{ "netstat", do_netstat, false },
	{ "nft", do_quiet, false },
	{ "route", do_route, false },
	{ "ss", do_netstat, false },
	{ "tc", do_quiet, false },
	{ "udhcpc", do_quiet, false },
	{ "ufw", do_quiet, false },
	{ "vconfig", do_quiet, false },
	{ NULL, NULL, false },
};
