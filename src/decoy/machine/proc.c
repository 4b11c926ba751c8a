/* proc - /proc of an imitated machine. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/machine/proc.h"

/* An inode of /proc: the process in the upper bits, 0 for the machine's own; the file below. */
#define INO(pid, file) (HIN_FS_MADE | (uint32_t)(pid) << 8 | (uint32_t)(file))
#define PID_OF(ino) (((ino) & ~HIN_FS_MADE) >> 8)
#define FILE_OF(ino) ((ino)&0xffu)

/* Who is asked: the machine, and the shell that looks, if one does. */
struct view {
	const struct hin_shell_machine *m;
	const struct hin_shell *shell;
};

typedef void (*text_fn)(const struct view *v, const struct seen_process *p, struct hin_buffer *out);

struct entry {
	const char *name;
	enum hin_fs_type type;
	uint8_t in; /* the folder of it: its place in the table; 0: the top */
	uint16_t mode;
	text_fn text;
};

/* ---- the machine's ---- */

void proc_cpuinfo(const struct hin_shell_machine *m, struct hin_buffer *out)
{
	if (m->cpuinfo != NULL) {
		hin_buffer_puts(out, m->cpuinfo);
		return;
	}
	if (m->dialect == HIN_SHELL_ASH && m->cpu_vendor == NULL) {
		hin_buffer_printf(
			out,
			"system type\t\t: MediaTek MT7620A\nmachine\t\t\t: %s\n"
			"processor\t\t: 0\ncpu model\t\t: %s\nBogoMIPS\t\t: 385.84\n"
			"wait instruction\t: yes\nmicrosecond timers\t: yes\n"
			"tlb_entries\t\t: 32\nextra interrupt vector\t: yes\n"
			"hardware watchpoint\t: yes, count: 4, address/irw mask: "
			"[0x0ffc, 0x0ffc, 0x0ffb, 0x0ffb]\nASEs implemented\t: mips16 dsp\n"
			"VCED exceptions\t\t: not available\nVCEI exceptions\t\t: not "
			"available\n\n",
			m->hostname, machine_cpu_model(m));
		return;
	}
	for (unsigned i = 0; i < machine_cpus(m); i++)
		hin_buffer_printf(
			out,
			"processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n"
			"model name\t: %s\nstepping\t: %u\nmicrocode\t: 0x1\n"
			"cpu MHz\t\t: %u.%03u\ncache size\t: %u KB\nphysical id\t: %u\n"
			"siblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: %u\n"
			"initial apicid\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\n"
			"cpuid level\t: 13\nwp\t\t: yes\nflags\t\t: %s\nbogomips\t: %u.%02u\n"
			"clflush size\t: 64\ncache_alignment\t: 64\n"
			"address sizes\t: 46 bits physical, 48 bits virtual\n"
			"power management:\n\n",
			i, m->cpu_vendor != NULL ? m->cpu_vendor : "GenuineIntel",
			m->cpu_family > 0 ? m->cpu_family : 6,
			m->cpu_model_number > 0 ? m->cpu_model_number : 79, machine_cpu_model(m),
			m->cpu_stepping > 0 ? m->cpu_stepping : 1, machine_mhz(m) - 1, 999u,
			m->cpu_cache_kib > 0 ? m->cpu_cache_kib : 35840, i, i, i,
			m->cpu_flags != NULL ? m->cpu_flags
					     : "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr "
					       "pge mca cmov pat pse36 clflush mmx fxsr sse sse2 "
					       "ht syscall nx pdpe1gb rdtscp lm constant_tsc "
					       "rep_good nopl xtopology cpuid pni pclmulqdq ssse3 "
					       "fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx "
					       "f16c rdrand hypervisor lahf_lm abm avx2 bmi1 bmi2",
			machine_mhz(m) * 2 - 1, 99u);
}

static void put_cpuinfo(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	proc_cpuinfo(v->m, out);
}

void proc_meminfo(const struct hin_shell_machine *m, struct hin_buffer *out)
{
	struct machine_memory r = machine_memory(m);
	const struct {
		const char *name;
		uint64_t kib;
	} lines[] = {
		{ "MemTotal:", r.total },
		{ "MemFree:", r.free },
		{ "MemAvailable:", r.available },
		{ "Buffers:", r.buffers },
		{ "Cached:", r.cached },
		{ "SwapCached:", 0 },
		{ "Active:", r.cached / 2 + r.used / 2 },
		{ "Inactive:", r.cached / 2 + r.buffers },
		{ "Active(anon):", r.shared },
		{ "Inactive(anon):", r.used / 2 },
		{ "Active(file):", r.cached / 2 },
		{ "Inactive(file):", r.cached / 2 },
		{ "Unevictable:", 0 },
		{ "Mlocked:", 0 },
		{ "SwapTotal:", r.swap },
		{ "SwapFree:", r.swap_free },
		{ "Dirty:", 44 },
		{ "Writeback:", 0 },
		{ "AnonPages:", r.used / 2 },
		{ "Mapped:", r.cached / 5 },
		{ "Shmem:", r.shared },
		{ "Slab:", r.used / 4 },
		{ "SReclaimable:", r.used / 8 },
		{ "SUnreclaim:", r.used / 8 },
		{ "KernelStack:", 1680 },
		{ "PageTables:", 2212 },
		{ "NFS_Unstable:", 0 },
		{ "Bounce:", 0 },
		{ "CommitLimit:", r.total / 2 + r.swap },
		{ "Committed_AS:", r.used + r.shared },
		{ "VmallocTotal:", UINT64_C(34359738367) },
		{ "VmallocUsed:", 11204 },
	};

	for (size_t i = 0; i < HIN_COUNT(lines); i++)
		hin_buffer_printf(out, "%-15s %8llu kB\n", lines[i].name,
				  (unsigned long long)lines[i].kib);
}

static void put_meminfo(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	proc_meminfo(v->m, out);
}

static void put_uptime(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	uint64_t hundredths = (uint64_t)machine_up_us(v->m) / 10000;
	uint64_t idle = hundredths * machine_cpus(v->m) / 100 * 98;

	(void)p;
	hin_buffer_printf(out, "%llu.%02llu %llu.%02llu\n", (unsigned long long)hundredths / 100,
			  (unsigned long long)hundredths % 100, (unsigned long long)idle / 100,
			  (unsigned long long)idle % 100);
}

static bool count_process(void *user, const struct seen_process *p)
{
	unsigned *counts = user;

	counts[0]++;
	counts[1] += p->state == 'R';
	counts[2] = p->pid > counts[2] ? p->pid : counts[2];
	return true;
}

static void put_loadavg(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	unsigned counts[3] = { 0, 0, 0 };

	(void)p;
	processes_each(v->m, v->shell, count_process, counts);
	for (unsigned i = 0; i < 3; i++)
		hin_buffer_printf(out, "%u.%02u ", machine_load(v->m, i) / 100,
				  machine_load(v->m, i) % 100);
	hin_buffer_printf(out, "%u/%u %u\n", counts[1] > 0 ? counts[1] : 1, counts[0], counts[2]);
}

static void put_version(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	if (v->m->dialect == HIN_SHELL_ASH)
		hin_buffer_printf(out,
				  "%s version %s (builder@build) (gcc version 4.8.3 (GCC) ) %s\n",
				  v->m->system, v->m->release, v->m->version);
	else
		hin_buffer_printf(out,
				  "%s version %s (debian-kernel@lists.debian.org) (gcc-12 (Debian "
				  "12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) %s\n",
				  v->m->system, v->m->release, v->m->version);
}

void proc_mounts(const struct hin_shell_machine *m, struct hin_buffer *out)
{
	size_t count;
	const struct hin_machine_mount *all = machine_mounts(m, &count);

	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(out, "%s %s %s %s 0 0\n", all[i].device, all[i].folder,
				  all[i].type,
				  all[i].options != NULL ? all[i].options : "rw,relatime");
}

static void put_mounts(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	proc_mounts(v->m, out);
}

static void put_stat(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	uint64_t ticks = (uint64_t)machine_up_us(v->m) / 10000;
	unsigned counts[3] = { 0, 0, 0 };

	(void)p;
	processes_each(v->m, v->shell, count_process, counts);
	for (int i = -1; i < (int)machine_cpus(v->m); i++) {
		uint64_t n = i < 0 ? machine_cpus(v->m) : 1;

		if (i < 0)
			hin_buffer_puts(out, "cpu ");
		else
			hin_buffer_printf(out, "cpu%d", i);
		hin_buffer_printf(out, " %llu %llu %llu %llu %llu 0 %llu 0 0 0\n",
				  (unsigned long long)(ticks / 120 * n),
				  (unsigned long long)(ticks / 9000 * n),
				  (unsigned long long)(ticks / 200 * n),
				  (unsigned long long)(ticks / 100 * 98 * n),
				  (unsigned long long)(ticks / 2100 * n),
				  (unsigned long long)(ticks / 7000 * n));
	}
	hin_buffer_printf(out,
			  "intr %llu\nctxt %llu\nbtime %lld\nprocesses %u\nprocs_running %u\n"
			  "procs_blocked 0\n",
			  (unsigned long long)ticks * 3, (unsigned long long)ticks * 5,
			  (long long)machine_boot_s(v->m), counts[2],
			  counts[1] > 0 ? counts[1] : 1);
}

static void put_cmdline(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	if (p == NULL) {
		if (v->m->cmdline != NULL)
			hin_buffer_printf(out, "%s\n", v->m->cmdline);
		else if (v->m->dialect == HIN_SHELL_ASH)
			hin_buffer_puts(out, "console=ttyS0,57600n8 root=/dev/mtdblock4 "
					     "rootfstype=squashfs\n");
		else
			hin_buffer_printf(out,
					  "BOOT_IMAGE=/boot/vmlinuz-%s root=/dev/sda1 ro quiet\n",
					  v->m->release);
		return;
	}
	if (p->command[0] == '[')
		return;
	for (const char *c = p->command; *c != '\0'; c++)
		hin_buffer_putc(out, *c == ' ' ? '\0' : *c);
	hin_buffer_putc(out, '\0');
}

static void put_filesystems(const struct view *v, const struct seen_process *p,
			    struct hin_buffer *out)
{
	static const char *const without[] = { "sysfs",	   "tmpfs",  "bdev",  "proc",  "cgroup2",
					       "devtmpfs", "pipefs", "ramfs", "devpts" };

	(void)p;
	for (size_t i = 0; i < HIN_COUNT(without); i++)
		hin_buffer_printf(out, "nodev\t%s\n", without[i]);
	hin_buffer_printf(out, "\t%s\n", v->m->dialect == HIN_SHELL_ASH ? "squashfs" : "ext4");
}

static void put_partitions(const struct view *v, const struct seen_process *p,
			   struct hin_buffer *out)
{
	size_t count;
	const struct hin_machine_disk *all = machine_disks(v->m, &count);

	(void)p;
	hin_buffer_puts(out, "major minor  #blocks  name\n\n");
	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(out, "%4u %7u %10llu %s\n", all[i].major, all[i].minor,
				  (unsigned long long)all[i].size_kib, all[i].name);
}

static void put_swaps(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	struct machine_memory r = machine_memory(v->m);

	(void)p;
	hin_buffer_puts(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (r.swap > 0)
		hin_buffer_printf(out,
				  "/dev/sda5                               partition\t%llu\t\t"
				  "%llu\t\t-2\n",
				  (unsigned long long)r.swap,
				  (unsigned long long)(r.swap - r.swap_free));
}

static void put_nothing(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)v;
	(void)p;
	(void)out;
}

static void put_modules(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	if (v->m->dialect == HIN_SHELL_ASH)
		return;
	hin_buffer_puts(out, "ext4 983040 1 - Live 0x0000000000000000\n"
			     "mbcache 16384 1 ext4, Live 0x0000000000000000\n"
			     "jbd2 167936 1 ext4, Live 0x0000000000000000\n"
			     "virtio_net 73728 0 - Live 0x0000000000000000\n"
			     "net_failover 24576 1 virtio_net, Live 0x0000000000000000\n");
}

static void put_release(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_printf(out, "%s\n", v->m->release);
}

static void put_type(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_printf(out, "%s\n", v->m->system);
}

static void put_build(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_printf(out, "%s\n", v->m->version);
}

static void put_hostname(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_printf(out, "%s\n", v->m->hostname);
}

static void put_pid_max(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_puts(out, v->m->dialect == HIN_SHELL_ASH ? "32768\n" : "4194304\n");
}

static void put_forward(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_puts(out, v->m->dialect == HIN_SHELL_ASH ? "1\n" : "0\n");
}

/* ---- of the network ---- */

static void put_net_dev(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	size_t count;
	const struct hin_machine_interface *all = machine_interfaces(v->m, &count);

	(void)p;
	hin_buffer_puts(
		out,
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		"packets errs drop fifo colls carrier compressed\n");
	for (size_t i = 0; i < count; i++) {
		uint64_t more = machine_traffic(v->m, 0, all[i].rate) / 600;

		hin_buffer_printf(
			out,
			"%6s: %7llu %7llu    0    0    0     0          0         0 %8llu %7llu    "
			"0    0    0     0       0          0\n",
			all[i].name,
			(unsigned long long)machine_traffic(v->m, all[i].received, all[i].rate),
			(unsigned long long)(all[i].received_packets + more),
			(unsigned long long)machine_traffic(v->m, all[i].sent, all[i].rate),
			(unsigned long long)(all[i].sent_packets + more));
	}
}

/* An IPv4 address in text as the kernel writes it there: in the order of the machine's bytes. */
static uint32_t kernel_address(const char *text)
{
	unsigned b[4] = { 0, 0, 0, 0 };

	if (text != NULL && sscanf(text, "%u.%u.%u.%u", &b[0], &b[1], &b[2], &b[3]) != 4)
		return 0;
	return (b[0] & 255) | (b[1] & 255) << 8 | (b[2] & 255) << 16 | (b[3] & 255) << 24;
}

static uint32_t kernel_mask(unsigned prefix)
{
	uint32_t mask = prefix == 0 ? 0 : UINT32_MAX << (32 - (prefix > 32 ? 32 : prefix));

	return __builtin_bswap32(mask);
}

static void put_net_route(const struct view *v, const struct seen_process *p,
			  struct hin_buffer *out)
{
	size_t count;
	const struct hin_machine_route *all = machine_routes(v->m, &count);

	(void)p;
	hin_buffer_puts(out,
			"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\t"
			"Window\tIRTT                                                       \n");
	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(out, "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t0\t0\t0%*s\n",
				  all[i].interface, kernel_address(all[i].network),
				  kernel_address(all[i].gateway), all[i].gateway != NULL ? 3u : 1u,
				  all[i].metric, kernel_mask(all[i].prefix), 71, "");
}

static void put_net_arp(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	hin_buffer_puts(out,
			"IP address       HW type     Flags       HW address            Mask     "
			"Device\n");
	for (size_t i = 0; i < v->m->neighbour_count; i++) {
		const struct hin_machine_neighbour *n = &v->m->neighbours[i];

		hin_buffer_printf(out,
				  "%-16s 0x1         0x2         "
				  "%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n",
				  n->address, n->mac[0], n->mac[1], n->mac[2], n->mac[3], n->mac[4],
				  n->mac[5], n->interface);
	}
}

static void put_sockets(const struct view *v, const char *protocol, struct hin_buffer *out)
{
	size_t count, number = 0;
	const struct hin_machine_socket *all = machine_sockets(v->m, &count);

	hin_buffer_puts(out,
			"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
			"retrnsmt   uid  timeout inode                                          "
			"           \n");
	for (size_t i = 0; i < count; i++) {
		const struct hin_machine_socket *s = &all[i];

		if (strcmp(s->protocol, protocol) != 0)
			continue;
		hin_buffer_printf(out,
				  "%4zu: %08X:%04X %08X:%04X %02X 00000000:00000000 00:00000000 "
				  "00000000 %5u        0 %u 1 0000000000000000 100 0 0 10 0\n",
				  number++, kernel_address(s->local), s->local_port,
				  kernel_address(s->remote), s->remote_port,
				  s->remote != NULL    ? 1u
				  : protocol[0] == 'u' ? 7u
						       : 10u,
				  s->uid, 12000 + (unsigned)i * 37);
	}
}

static void put_tcp(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	put_sockets(v, "tcp", out);
}

static void put_udp(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)p;
	put_sockets(v, "udp", out);
}

/* ---- of a process ---- */

static void put_comm(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	char comm[16];

	(void)v;
	process_comm(p, comm);
	hin_buffer_printf(out, "%s\n", comm);
}

/* The program of a process: where it says, or where its first word leads. */
static void put_exe(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	const char *word = p->command[0] == '-' ? p->command + 1 : p->command;
	size_t size = strcspn(word, " :");

	if (p->command[0] == '[')
		return;
	if (p->exe != NULL)
		hin_buffer_puts(out, p->exe);
	else if (word[0] == '/')
		hin_buffer_add(out, word, size);
	else if (size == 2 && memcmp(word, "sh", 2) == 0 && v->m->dialect != HIN_SHELL_ASH)
		hin_buffer_puts(out, "/usr/bin/dash");
	else
		hin_buffer_printf(out, "/usr/bin/%.*s", (int)size, word);
}

static void put_status(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	static const struct {
		char state;
		const char *name;
	} names[] = { { 'R', "running" },
		      { 'I', "idle" },
		      { 'D', "disk sleep" },
		      { 'T', "stopped" },
		      { 'Z', "zombie" } };
	const char *name = "sleeping";
	char comm[16];

	(void)v;
	process_comm(p, comm);
	for (size_t i = 0; i < HIN_COUNT(names); i++)
		if (names[i].state == p->state)
			name = names[i].name;
	hin_buffer_printf(
		out,
		"Name:\t%s\nUmask:\t0022\nState:\t%c (%s)\nTgid:\t%u\nNgid:\t0\nPid:\t%u\n"
		"PPid:\t%u\nTracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n"
		"FDSize:\t64\nGroups:\t%u \n",
		comm, p->state, name, p->pid, p->pid, p->parent, p->uid, p->uid, p->uid, p->uid,
		p->uid, p->uid, p->uid, p->uid, p->uid);
	if (p->command[0] != '[')
		hin_buffer_printf(out,
				  "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t       0 kB\n"
				  "VmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\n",
				  (unsigned long long)p->size_kib, (unsigned long long)p->size_kib,
				  (unsigned long long)p->resident_kib,
				  (unsigned long long)p->resident_kib);
	hin_buffer_puts(out, "Threads:\t1\n");
}

static void put_process_stat(const struct view *v, const struct seen_process *p,
			     struct hin_buffer *out)
{
	char comm[16];

	(void)v;
	process_comm(p, comm);
	hin_buffer_printf(
		out,
		"%u (%s) %c %u %u %u %d %u 4194560 0 0 0 0 %llu %llu 0 0 20 0 1 0 %llu %llu "
		"%llu 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 "
		"0 0 0 0\n",
		p->pid, comm, p->state, p->parent, p->pid, p->session, p->tty != NULL ? 34816 : 0,
		p->pid, (unsigned long long)p->cpu_ms / 15, (unsigned long long)p->cpu_ms / 30,
		(unsigned long long)p->start_us / 10000, (unsigned long long)p->size_kib * 1024,
		(unsigned long long)p->resident_kib / 4);
}

static void put_statm(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)v;
	hin_buffer_printf(out, "%llu %llu %llu 29 0 %llu 0\n", (unsigned long long)p->size_kib / 4,
			  (unsigned long long)p->resident_kib / 4,
			  (unsigned long long)p->resident_kib / 6,
			  (unsigned long long)p->size_kib / 12);
}

static void put_environ(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	if (!p->ours || v->shell == NULL || v->shell->asking == NULL)
		return;
	for (const struct variable *x = v->shell->asking->variables; x != NULL; x = x->next)
		if (x->exported && x->value != NULL) {
			hin_buffer_printf(out, "%s=%s", x->name, x->value);
			hin_buffer_putc(out, '\0');
		}
}

static void put_maps(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	struct hin_buffer exe = { 0 };

	put_exe(v, p, &exe);
	if (exe.used > 0)
		hin_buffer_printf(
			out,
			"00400000-004c8000 r-xp 00000000 08:01 131                "
			"               %s\n004d8000-004da000 rw-p 000c8000 08:01 131     "
			"                          %s\n7ffc1a000000-7ffc1a021000 rw-p "
			"00000000 00:00 0                          [stack]\n",
			hin_buffer_text(&exe), hin_buffer_text(&exe));
	hin_buffer_fini(&exe);
}

static void put_cwd(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	if (p->ours && v->shell != NULL && v->shell->asking != NULL)
		hin_buffer_puts(out, v->shell->asking->folder_name);
	else
		hin_buffer_putc(out, '/');
}

static void put_root(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)v;
	(void)p;
	hin_buffer_putc(out, '/');
}

static void put_cgroup(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	(void)v;
	hin_buffer_puts(out, p->ours ? "0::/user.slice/user-0.slice/session-1.scope\n" : "0::/\n");
}

static void put_descriptor(const struct view *v, const struct seen_process *p,
			   struct hin_buffer *out)
{
	if (p->ours && v->shell != NULL && p->tty != NULL)
		hin_buffer_printf(out, "/dev/%s", p->tty);
	else
		hin_buffer_puts(out, "/dev/null");
}

static void put_self(const struct view *v, const struct seen_process *p, struct hin_buffer *out)
{
	const struct process *asking = v->shell != NULL ? v->shell->asking : NULL;

	(void)p;
	if (asking == NULL)
		hin_buffer_puts(out, "1");
	else
		hin_buffer_printf(out, "%u", asking->call != NULL ? asking->call_pid : asking->pid);
}

static void put_self_mounts(const struct view *v, const struct seen_process *p,
			    struct hin_buffer *out)
{
	(void)v;
	(void)p;
	hin_buffer_puts(out, "self/mounts");
}

/* ---- the tables ---- */

enum { TOP, NET, SYS, KERNEL, SYS_NET, IPV4 };

/* By name in each folder. Entry 0 is the top itself. */
static const struct entry machine_files[] = {
	{ "", HIN_FS_DIRECTORY, 0, 0555, NULL },
	{ "net", HIN_FS_DIRECTORY, TOP, 0555, NULL },
	{ "sys", HIN_FS_DIRECTORY, TOP, 0555, NULL },
	{ "kernel", HIN_FS_DIRECTORY, SYS, 0555, NULL },
	{ "net", HIN_FS_DIRECTORY, SYS, 0555, NULL },
	{ "ipv4", HIN_FS_DIRECTORY, SYS_NET, 0555, NULL },
	{ "cmdline", HIN_FS_FILE, TOP, 0444, put_cmdline },
	{ "cpuinfo", HIN_FS_FILE, TOP, 0444, put_cpuinfo },
	{ "filesystems", HIN_FS_FILE, TOP, 0444, put_filesystems },
	{ "loadavg", HIN_FS_FILE, TOP, 0444, put_loadavg },
	{ "meminfo", HIN_FS_FILE, TOP, 0444, put_meminfo },
	{ "modules", HIN_FS_FILE, TOP, 0444, put_modules },
	{ "mounts", HIN_FS_SYMLINK, TOP, 0777, put_self_mounts },
	{ "partitions", HIN_FS_FILE, TOP, 0444, put_partitions },
	{ "self", HIN_FS_SYMLINK, TOP, 0777, put_self },
	{ "stat", HIN_FS_FILE, TOP, 0444, put_stat },
	{ "swaps", HIN_FS_FILE, TOP, 0444, put_swaps },
	{ "uptime", HIN_FS_FILE, TOP, 0444, put_uptime },
	{ "version", HIN_FS_FILE, TOP, 0444, put_version },
	{ "arp", HIN_FS_FILE, NET, 0444, put_net_arp },
	{ "dev", HIN_FS_FILE, NET, 0444, put_net_dev },
	{ "route", HIN_FS_FILE, NET, 0444, put_net_route },
	{ "tcp", HIN_FS_FILE, NET, 0444, put_tcp },
	{ "udp", HIN_FS_FILE, NET, 0444, put_udp },
	{ "hostname", HIN_FS_FILE, KERNEL, 0644, put_hostname },
	{ "osrelease", HIN_FS_FILE, KERNEL, 0444, put_release },
	{ "ostype", HIN_FS_FILE, KERNEL, 0444, put_type },
	{ "pid_max", HIN_FS_FILE, KERNEL, 0644, put_pid_max },
	{ "version", HIN_FS_FILE, KERNEL, 0444, put_build },
	{ "ip_forward", HIN_FS_FILE, IPV4, 0644, put_forward },
};

static const struct entry process_files[] = {
	{ "", HIN_FS_DIRECTORY, 0, 0555, NULL },
	{ "fd", HIN_FS_DIRECTORY, 0, 0500, NULL },
	{ "cgroup", HIN_FS_FILE, 0, 0444, put_cgroup },
	{ "cmdline", HIN_FS_FILE, 0, 0444, put_cmdline },
	{ "comm", HIN_FS_FILE, 0, 0644, put_comm },
	{ "cwd", HIN_FS_SYMLINK, 0, 0777, put_cwd },
	{ "environ", HIN_FS_FILE, 0, 0400, put_environ },
	{ "exe", HIN_FS_SYMLINK, 0, 0777, put_exe },
	{ "maps", HIN_FS_FILE, 0, 0444, put_maps },
	{ "mounts", HIN_FS_FILE, 0, 0444, put_mounts },
	{ "oom_score_adj", HIN_FS_FILE, 0, 0644, put_nothing },
	{ "root", HIN_FS_SYMLINK, 0, 0777, put_root },
	{ "stat", HIN_FS_FILE, 0, 0444, put_process_stat },
	{ "statm", HIN_FS_FILE, 0, 0444, put_statm },
	{ "status", HIN_FS_FILE, 0, 0444, put_status },
	{ "0", HIN_FS_SYMLINK, 1, 0700, put_descriptor },
	{ "1", HIN_FS_SYMLINK, 1, 0700, put_descriptor },
	{ "2", HIN_FS_SYMLINK, 1, 0700, put_descriptor },
};

static const struct entry *entries_of(uint32_t pid, size_t *count)
{
	*count = pid == 0 ? HIN_COUNT(machine_files) : HIN_COUNT(process_files);
	return pid == 0 ? machine_files : process_files;
}

static const struct entry *entry_of(uint32_t ino)
{
	size_t count;
	const struct entry *all = entries_of(PID_OF(ino), &count);

	return FILE_OF(ino) < count ? &all[FILE_OF(ino)] : NULL;
}

/* ---- one process ---- */

/* Looks for one, and does something with it while it is there. */
struct looking {
	const struct view *v;
	uint32_t pid;
	bool found;
	uint32_t uid;
	text_fn text;
	struct hin_buffer *out;
};

static bool look(void *user, const struct seen_process *p)
{
	struct looking *l = user;

	if (p->pid != l->pid)
		return true;
	l->found = true;
	l->uid = p->uid;
	if (l->text != NULL)
		l->text(l->v, p, l->out);
	return false;
}

static struct looking look_for(const struct view *v, uint32_t pid, text_fn text,
			       struct hin_buffer *out)
{
	struct looking l = { .v = v, .pid = pid, .text = text, .out = out };

	processes_each(v->m, v->shell, look, &l);
	return l;
}

/* ---- the maker ---- */

static uint32_t child(const struct hin_fs_maker *self, uint32_t folder, const char *name)
{
	const struct view view = { self->machine, self->user }, *v = &view;
	bool top = (folder & HIN_FS_MADE) == 0;
	uint32_t pid = top ? 0 : PID_OF(folder), in = top ? 0 : FILE_OF(folder);
	size_t count;
	const struct entry *all = entries_of(pid, &count);

	for (size_t i = 1; i < count; i++)
		if (all[i].in == in && strcmp(all[i].name, name) == 0)
			return INO(pid, i);
	if (pid == 0 && in == 0 && isdigit((unsigned char)name[0]) && strlen(name) < 8) {
		pid = (uint32_t)strtoul(name, NULL, 10);
		if (pid > 0 && pid < 1u << 22 && look_for(v, pid, NULL, NULL).found)
			return INO(pid, 0);
	}
	if (pid != 0 && in == 0 && strcmp(name, "net") == 0)
		return INO(0, NET);
	return 0;
}

static uint32_t parent(const struct hin_fs_maker *self, uint32_t ino)
{
	const struct entry *e = entry_of(ino);

	(void)self;
	if (FILE_OF(ino) == 0 || e == NULL)
		return 0;
	if (e->in == 0)
		return PID_OF(ino) == 0 ? 0 : INO(PID_OF(ino), 0);
	return INO(PID_OF(ino), e->in);
}

static void stat_made(const struct hin_fs_maker *self, uint32_t ino, struct hin_fs_stat *out)
{
	const struct view view = { self->machine, self->user }, *v = &view;
	const struct entry *e = entry_of(ino);

	if (e == NULL)
		return;
	out->type = e->type;
	out->mode = e->mode;
	out->links = e->type == HIN_FS_DIRECTORY ? 9 : 1;
	out->mtime_s = v->m->now_us(v->m->user) / 1000000;
	if (PID_OF(ino) != 0)
		out->uid = out->gid = look_for(v, PID_OF(ino), NULL, NULL).uid;
}

/* Lists the folders of the processes. */
struct listing {
	bool (*each)(void *user, const char *name, uint32_t ino);
	void *user;
	bool more;
};

static bool list_process(void *user, const struct seen_process *p)
{
	struct listing *l = user;
	char name[16];

	snprintf(name, sizeof(name), "%u", p->pid);
	l->more = l->each(l->user, name, INO(p->pid, 0));
	return l->more;
}

static void list(const struct hin_fs_maker *self, uint32_t folder,
		 bool (*each)(void *user, const char *name, uint32_t ino), void *each_user)
{
	const struct view view = { self->machine, self->user }, *v = &view;
	bool top = (folder & HIN_FS_MADE) == 0;
	uint32_t pid = top ? 0 : PID_OF(folder), in = top ? 0 : FILE_OF(folder);
	size_t count;
	const struct entry *all = entries_of(pid, &count);
	struct listing l = { each, each_user, true };

	if (top)
		processes_each(v->m, v->shell, list_process, &l);
	for (size_t i = 1; l.more && i < count; i++)
		if (all[i].in == in)
			l.more = each(each_user, all[i].name, INO(pid, i));
}

static void bytes(const struct hin_fs_maker *self, uint32_t ino, struct hin_buffer *out)
{
	const struct view view = { self->machine, self->user }, *v = &view;
	const struct entry *e = entry_of(ino);

	if (e == NULL || e->text == NULL)
		return;
	if (PID_OF(ino) == 0)
		e->text(v, NULL, out);
	else
		(void)look_for(v, PID_OF(ino), e->text, out);
}

static void attach(struct hin_fs *fs, const struct hin_shell_machine *m,
		   const struct hin_shell *shell)
{
	const struct hin_fs_maker maker = { .child = child,
					    .parent = parent,
					    .stat = stat_made,
					    .list = list,
					    .bytes = bytes,
					    .machine = m,
					    .user = shell };
	uint32_t root = hin_fs_child(fs, HIN_FS_ROOT, "proc");

	if (root != 0)
		hin_fs_attach(fs, root, &maker);
}

void proc_attach(struct hin_shell *shell)
{
	attach(shell->fs, shell->machine, shell);
}

void proc_detach(struct hin_shell *shell)
{
	hin_fs_detach(shell->fs);
}

void hin_shell_proc(struct hin_fs *fs, const struct hin_shell_machine *machine)
{
	attach(fs, machine, NULL);
}

void hin_shell_generate(struct hin_fs *fs, const struct hin_shell_machine *machine, uint32_t ino,
			struct hin_buffer *out)
{
	struct hin_fs_stat stat;
	const uint8_t *data;
	size_t size;

	hin_fs_stat(fs, ino, &stat);
	if ((ino & HIN_FS_MADE) == 0 && stat.tag >= HIN_SHELL_TAGS && stat.tag < PROGRAM_COPIES &&
	    machine->generate != NULL) {
		machine->generate(machine->user, stat.tag, out);
		return;
	}
	data = hin_fs_bytes(fs, ino, &size);
	hin_buffer_add(out, data, size);
}
