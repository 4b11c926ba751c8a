/* machine - what an imitated machine has by default, and what follows from what it is. */
#include <time.h>

#include "decoy/machine/machine_priv.h"

#define DAY_S 86400
#define DEFAULT_UPTIME_DAYS 20

/* ---- time ---- */

static int64_t clock_us(const struct hin_shell_machine *m)
{
	return m->now_us(m->user);
}

int64_t machine_boot_s(const struct hin_shell_machine *m)
{
	int64_t now_s = clock_us(m) / 1000000;

	if (m->boot_s != 0)
		return m->boot_s;
	return now_s - now_s % DAY_S - (int64_t)DEFAULT_UPTIME_DAYS * DAY_S;
}

int64_t machine_up_us(const struct hin_shell_machine *m)
{
	int64_t up = clock_us(m) - machine_boot_s(m) * 1000000;

	return up > 0 ? up : 0;
}

struct tm machine_time(const struct hin_shell_machine *m, int64_t seconds)
{
	time_t local = (time_t)(seconds + m->zone_s);
	struct tm tm;

	gmtime_r(&local, &tm);
	return tm;
}

/* ---- memory, processors, load ---- */

struct machine_memory machine_memory(const struct hin_shell_machine *m)
{
	struct machine_memory r = { .total = m->memory_kib,
				    .free = m->memory_free_kib,
				    .shared = m->shared_kib,
				    .buffers = m->buffers_kib,
				    .cached = m->cached_kib,
				    .swap = m->swap_kib,
				    .swap_free = m->swap_free_kib };

	if (r.total == 0 && m->dialect == HIN_SHELL_ASH)
		r = (struct machine_memory){ .total = 60416,
					     .free = 18324,
					     .shared = 376,
					     .buffers = 3980,
					     .cached = 12876 };
	else if (r.total == 0)
		r = (struct machine_memory){ .total = 2030572,
					     .free = 317860,
					     .shared = 5712,
					     .buffers = 84656,
					     .cached = 1312008,
					     .swap = 998396,
					     .swap_free = 997116 };
	r.used = r.total - r.free;
	r.used = r.used > r.buffers + r.cached ? r.used - r.buffers - r.cached : 0;
	r.available = r.free + (r.buffers + r.cached) / 8 * 7;
	if (r.available > r.total)
		r.available = r.total;
	return r;
}

unsigned machine_cpus(const struct hin_shell_machine *m)
{
	return m->cpu_count > 0 ? m->cpu_count : 1;
}

const char *machine_cpu_model(const struct hin_shell_machine *m)
{
	if (m->cpu_model != NULL)
		return m->cpu_model;
	return m->dialect == HIN_SHELL_ASH ? "MIPS 24KEc V5.0"
					   : "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz";
}

unsigned machine_mhz(const struct hin_shell_machine *m)
{
	return m->cpu_mhz > 0 ? m->cpu_mhz : 2400;
}

unsigned machine_load(const struct hin_shell_machine *m, unsigned which)
{
	int64_t minute = clock_us(m) / 60000000;

	if (m->load[which] == 0)
		return 0;
	/* it sways a little, and is the same for all who ask in the same minute */
	return m->load[which] + (unsigned)((minute * 7 + which * 3) % 5);
}

const char *machine_distribution(const struct hin_shell_machine *m)
{
	return m->distribution != NULL ? m->distribution : "Debian GNU/Linux 12 (bookworm)";
}

uint64_t machine_traffic(const struct hin_shell_machine *m, uint64_t at_first, uint32_t rate)
{
	return at_first + (uint64_t)(machine_up_us(m) / 1000000) * rate;
}

/* ---- lists by default ---- */

static const struct hin_machine_process server_processes[] = {
	{ .pid = 1,
	  .command = "/sbin/init",
	  .exe = "/usr/lib/systemd/systemd",
	  .cpu_ms = 12730,
	  .size_kib = 102180,
	  .resident_kib = 12212 },
	{ .pid = 2, .command = "[kthreadd]", .cpu_ms = 280 },
	{ .pid = 3, .parent = 2, .command = "[rcu_gp]", .state = 'I' },
	{ .pid = 4, .parent = 2, .command = "[rcu_par_gp]", .state = 'I' },
	{ .pid = 8, .parent = 2, .command = "[mm_percpu_wq]", .state = 'I' },
	{ .pid = 12, .parent = 2, .command = "[ksoftirqd/0]", .cpu_ms = 3120 },
	{ .pid = 13, .parent = 2, .command = "[rcu_preempt]", .state = 'I', .cpu_ms = 41240 },
	{ .pid = 14, .parent = 2, .command = "[migration/0]", .cpu_ms = 6240 },
	{ .pid = 18, .parent = 2, .command = "[kdevtmpfs]" },
	{ .pid = 25, .parent = 2, .command = "[kswapd0]", .cpu_ms = 940 },
	{ .pid = 152, .parent = 2, .command = "[jbd2/sda1-8]", .start_s = 2, .cpu_ms = 18310 },
	{ .pid = 193,
	  .parent = 1,
	  .command = "/lib/systemd/systemd-journald",
	  .start_s = 2,
	  .cpu_ms = 38210,
	  .size_kib = 49660,
	  .resident_kib = 17160 },
	{ .pid = 219,
	  .parent = 1,
	  .command = "/lib/systemd/systemd-udevd",
	  .start_s = 3,
	  .cpu_ms = 1900,
	  .size_kib = 26724,
	  .resident_kib = 6140 },
	{ .pid = 418,
	  .parent = 1,
	  .command = "/usr/sbin/cron -f",
	  .start_s = 5,
	  .cpu_ms = 5210,
	  .size_kib = 6608,
	  .resident_kib = 2680 },
	{ .pid = 419,
	  .parent = 1,
	  .uid = 100,
	  .command = "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile "
		     "--systemd-activation --syslog-only",
	  .start_s = 5,
	  .cpu_ms = 1310,
	  .size_kib = 9128,
	  .resident_kib = 4640 },
	{ .pid = 423,
	  .parent = 1,
	  .command = "/lib/systemd/systemd-logind",
	  .start_s = 5,
	  .cpu_ms = 3120,
	  .size_kib = 17360,
	  .resident_kib = 7940 },
	{ .pid = 431,
	  .parent = 1,
	  .command = "/usr/sbin/rsyslogd -n -iNONE",
	  .start_s = 5,
	  .cpu_ms = 9140,
	  .size_kib = 221780,
	  .resident_kib = 5316 },
	{ .pid = 498,
	  .parent = 1,
	  .tty = "tty1",
	  .command = "/sbin/agetty -o -p -- \\u --noclear - linux",
	  .start_s = 6,
	  .size_kib = 5872,
	  .resident_kib = 1036 },
	{ .pid = 512,
	  .parent = 1,
	  .command = "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",
	  .exe = "/usr/sbin/sshd",
	  .start_s = 6,
	  .cpu_ms = 21460,
	  .size_kib = 15436,
	  .resident_kib = 9064 },
};

static const struct hin_machine_process router_processes[] = {
	{ .pid = 1, .command = "init", .exe = "/bin/busybox", .cpu_ms = 4210, .size_kib = 1424 },
	{ .pid = 2, .command = "[kthreadd]" },
	{ .pid = 3, .parent = 2, .command = "[ksoftirqd/0]", .cpu_ms = 5150 },
	{ .pid = 5, .parent = 2, .command = "[kworker/u:0]" },
	{ .pid = 6, .parent = 2, .command = "[khelper]" },
	{ .pid = 41, .parent = 2, .command = "[kswapd0]", .cpu_ms = 180 },
	{ .pid = 68, .parent = 2, .command = "[mtdblock0]" },
	{ .pid = 412,
	  .parent = 1,
	  .command = "/sbin/syslogd -n",
	  .exe = "/bin/busybox",
	  .start_s = 11,
	  .size_kib = 1428 },
	{ .pid = 414,
	  .parent = 1,
	  .command = "/sbin/klogd -n",
	  .exe = "/bin/busybox",
	  .start_s = 11,
	  .size_kib = 1424 },
	{ .pid = 503,
	  .parent = 1,
	  .command = "/usr/sbin/httpd -p 80 -h /www",
	  .start_s = 14,
	  .cpu_ms = 9100,
	  .size_kib = 1880 },
	{ .pid = 551,
	  .parent = 1,
	  .command = "/usr/sbin/dnsmasq",
	  .start_s = 15,
	  .cpu_ms = 8020,
	  .size_kib = 1112 },
	{ .pid = 560,
	  .parent = 1,
	  .command = "/usr/sbin/telnetd -l /bin/login",
	  .exe = "/bin/busybox",
	  .start_s = 15,
	  .size_kib = 1424 },
};

static const struct hin_machine_mount server_mounts[] = {
	{ "sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime", 0, 0, 0, 0 },
	{ "proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime", 0, 0, 0, 0 },
	{ "udev", "/dev", "devtmpfs", "rw,nosuid,relatime,size=988340k,nr_inodes=247085,mode=755",
	  988340, 0, 247085, 338 },
	{ "devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000",
	  0, 0, 0, 0 },
	{ "tmpfs", "/run", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=203060k,mode=755", 203060,
	  548, 253821, 611 },
	{ "/dev/sda1", "/", "ext4", "rw,relatime,errors=remount-ro", 19480400, 2318332, 1245184,
	  61208 },
	{ "tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev", 1015284, 0, 253821, 1 },
	{ "tmpfs", "/run/lock", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=5120k", 5120, 0,
	  253821, 2 },
	{ "tmpfs", "/run/user/0", "tmpfs",
	  "rw,nosuid,nodev,relatime,size=203056k,nr_inodes=50764,mode=700", 203056, 0, 50764, 18 },
};

static const struct hin_machine_mount router_mounts[] = {
	{ "rootfs", "/", "rootfs", "rw", 0, 0, 0, 0 },
	{ "/dev/root", "/", "squashfs", "ro,relatime", 5376, 5376, 1210, 1210 },
	{ "proc", "/proc", "proc", "rw,relatime", 0, 0, 0, 0 },
	{ "sysfs", "/sys", "sysfs", "rw,relatime", 0, 0, 0, 0 },
	{ "tmpfs", "/tmp", "tmpfs", "rw,nosuid,nodev,relatime,size=30208k", 30208, 112, 7552, 31 },
	{ "tmpfs", "/dev", "tmpfs", "rw,relatime,size=512k,mode=755", 512, 0, 7552, 104 },
	{ "devpts", "/dev/pts", "devpts", "rw,relatime,mode=600", 0, 0, 0, 0 },
	{ "tmpfs", "/var", "tmpfs", "rw,relatime", 30208, 64, 7552, 40 },
};

static const struct hin_machine_disk server_disks[] = {
	{ "sda", NULL, NULL, 20971520, 8, 0, false, false },
	{ "sda1", "sda", "/", 19971072, 8, 1, false, false },
	{ "sda2", "sda", NULL, 1, 8, 2, false, false },
	{ "sda5", "sda", "[SWAP]", 998400, 8, 5, false, false },
	{ "sr0", NULL, NULL, 1048575, 11, 0, true, true },
};

static const struct hin_machine_interface interfaces[] = {
	{ .name = "lo",
	  .address = "127.0.0.1",
	  .prefix = 8,
	  .address6 = "::1",
	  .prefix6 = 128,
	  .received = 84120,
	  .sent = 84120,
	  .received_packets = 1021,
	  .sent_packets = 1021 },
	{ .name = "eth0",
	  .mac = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 },
	  .address = "10.0.2.15",
	  .prefix = 24,
	  .broadcast = "10.0.2.255",
	  .address6 = "fe80::5054:ff:fe12:3456",
	  .prefix6 = 64,
	  .received = 91823771,
	  .sent = 7271822,
	  .received_packets = 118231,
	  .sent_packets = 62011,
	  .rate = 310 },
};

static const struct hin_machine_route routes[] = {
	{ "0.0.0.0", 0, "10.0.2.2", "eth0", NULL, 0 },
	{ "10.0.2.0", 24, NULL, "eth0", "10.0.2.15", 0 },
};

static const struct hin_machine_socket server_sockets[] = {
	{ "tcp", "0.0.0.0", 22, NULL, 0, 512, 0 },
	{ "tcp6", "::", 22, NULL, 0, 512, 0 },
};

static const struct hin_machine_socket router_sockets[] = {
	{ "tcp", "0.0.0.0", 23, NULL, 0, 560, 0 },
	{ "tcp", "0.0.0.0", 80, NULL, 0, 503, 0 },
	{ "udp", "0.0.0.0", 53, NULL, 0, 551, 0 },
};

/* A list of the machine's, or the one by default of a router or a server. */
#define LIST(own, own_count, router, server)                                                       \
	do {                                                                                       \
		if (m->own_count > 0) {                                                            \
			*count = m->own_count;                                                     \
			return m->own;                                                             \
		}                                                                                  \
		if (m->dialect == HIN_SHELL_ASH) {                                                 \
			*count = HIN_COUNT(router);                                                \
			return router;                                                             \
		}                                                                                  \
		*count = HIN_COUNT(server);                                                        \
		return server;                                                                     \
	} while (0)

const struct hin_machine_process *machine_processes(const struct hin_shell_machine *m,
						    size_t *count)
{
	LIST(processes, process_count, router_processes, server_processes);
}

const struct hin_machine_mount *machine_mounts(const struct hin_shell_machine *m, size_t *count)
{
	LIST(mounts, mount_count, router_mounts, server_mounts);
}

const struct hin_machine_disk *machine_disks(const struct hin_shell_machine *m, size_t *count)
{
	LIST(disks, disk_count, server_disks, server_disks);
}

const struct hin_machine_interface *machine_interfaces(const struct hin_shell_machine *m,
						       size_t *count)
{
	LIST(interfaces, interface_count, interfaces, interfaces);
}

const struct hin_machine_route *machine_routes(const struct hin_shell_machine *m, size_t *count)
{
	LIST(routes, route_count, routes, routes);
}

const struct hin_machine_socket *machine_sockets(const struct hin_shell_machine *m, size_t *count)
{
	LIST(sockets, socket_count, router_sockets, server_sockets);
}
