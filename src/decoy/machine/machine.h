/*
 * machine - what an imitated machine is made of, as its commands and its /proc tell it.
 *
 * All that `ps`, `free`, `ip addr`, `uptime`, /proc and the others say comes from one of these, so
 * that they agree. A field that is 0 or NULL has a default, or is just not there: a machine with
 * nothing but names and a clock is a whole one. Times are of the machine's own clock.
 *
 * Ownership: whoever fills a machine; it and all that it points to outlive every shell on it.
 * Threads:   read-only once a shell knows it: any number of threads.
 */
#pragma once
#include "base/buffer.h"

/* Whose words and messages the shell and its commands use. */
enum hin_shell_dialect {
	HIN_SHELL_DASH, /* Debian's /bin/sh, with coreutils */
	HIN_SHELL_ASH,	/* busybox */
	HIN_SHELL_BASH, /* what people of a Debian log in to, with coreutils */
};

/* What the far side of everything does: nothing ever leaves the machine. */
enum hin_machine_far {
	HIN_FAR_SILENT,	     /* no answer: a connection times out, a name is not found in time */
	HIN_FAR_REFUSES,     /* "Connection refused", at once */
	HIN_FAR_UNREACHABLE, /* "Network is unreachable", at once */
};

/* What a program of the intruder's own does when it is run: it never is. */
enum hin_machine_binary {
	HIN_BINARY_FORMAT,  /* "Exec format error", as on another processor */
	HIN_BINARY_CRASHES, /* "Segmentation fault" */
	HIN_BINARY_SILENT,  /* ends at once with status 0, as what goes to the background does */
};

/* A process that is there before anybody comes. Order: by pid. */
struct hin_machine_process {
	uint32_t pid, parent, uid;
	const char *tty;     /* "tty1", "pts/0"; NULL: none, "?" */
	const char *command; /* as ps shows it: "/usr/sbin/cron -f"; "[kthreadd]" of the kernel */
	const char *exe;     /* where /proc/PID/exe leads; NULL: the first word of `command` */
	char state;	     /* as ps: S, R, I, ...; 0: S */
	uint32_t start_s;    /* after the machine's start */
	uint32_t cpu_ms;     /* that it has used */
	uint32_t size_kib, resident_kib;
};

struct hin_machine_mount {
	const char *device, *folder, *type; /* "/dev/sda1", "/", "ext4" */
	const char *options;		    /* "rw,relatime"; NULL: that */
	uint64_t size_kib, used_kib;	    /* 0: not shown by df without -a, as /proc */
	uint64_t inodes, used_inodes;
};

struct hin_machine_disk {
	const char *name;    /* "sda", "sda1", "mtdblock0" */
	const char *parent;  /* of a partition: "sda"; NULL: a whole disk */
	const char *mounted; /* NULL: nowhere */
	uint64_t size_kib;
	uint32_t major, minor;
	bool removable, rom;
};

struct hin_machine_interface {
	const char *name; /* "lo", "eth0" */
	uint8_t mac[6];
	const char *address;   /* "192.0.2.5"; NULL: none */
	unsigned prefix;       /* bits of the network */
	const char *broadcast; /* NULL: none */
	const char *address6;  /* "fe80::1"; NULL: none */
	unsigned prefix6;
	unsigned mtu; /* 0: 1500, of lo 65536 */
	bool down;
	uint64_t received, sent; /* bytes since the start; they grow with the clock by `rate` */
	uint64_t received_packets, sent_packets;
	uint32_t rate; /* bytes a second, each way */
};

struct hin_machine_route {
	const char *network; /* "0.0.0.0" of the default */
	unsigned prefix;
	const char *gateway;   /* NULL: on the link */
	const char *interface; /* its name */
	const char *source;    /* NULL: none is shown */
	unsigned metric;
};

struct hin_machine_neighbour { /* of arp and ip neigh */
	const char *address, *interface;
	uint8_t mac[6];
};

struct hin_machine_socket {   /* of netstat, ss and /proc/net */
	const char *protocol; /* "tcp", "udp", "tcp6", "udp6" */
	const char *local;    /* "0.0.0.0", "::" */
	uint16_t local_port;
	const char *remote; /* NULL: it listens */
	uint16_t remote_port;
	uint32_t pid, uid;
};

struct hin_machine_login { /* of w, who and last; those of the intruders are added by the shells */
	const char *user, *tty, *from; /* from: NULL for the console */
	int64_t from_s, until_s;       /* seconds since 1970; until_s 0: still logged in */
};

struct hin_machine_service { /* of systemctl and service */
	const char *name;    /* "ssh" */
	const char *text;    /* "OpenBSD Secure Shell server" */
	bool stopped, disabled;
	uint32_t pid; /* of the main process; 0: none */
};

struct hin_machine_package { /* of dpkg, apt, opkg */
	const char *name, *version, *architecture, *text;
};

/* The machine that is imitated. */
struct hin_shell_machine {
	enum hin_shell_dialect dialect;			   /* of its /bin/sh: DASH or ASH */
	const char *hostname, *domain;			   /* domain may be NULL */
	const char *system, *release, *version, *hardware; /* as uname says: -s -r -v -m */
	const char *busybox; /* what stands first in busybox' help: "BusyBox v1.35.0 (...)" */
	const char *const *applets; /* of its busybox, in order; NULL: all that we have */
	/* What an applet of busybox says of its use, from "Usage: " on, as it was captured; NULL,
	 * or NULL back: one line of ours. */
	const char *(*usage)(void *user, const char *applet);
	const char *ssh; /* what ssh -V says; NULL: "OpenSSH_9.2p1 Debian-2+deb12u3, ..." */
	const char *distribution; /* "Debian GNU/Linux 12 (bookworm)"; NULL: that */

	/* Make the bytes of a file with that tag (struct hin_fs_stat). NULL: none has one. */
	void (*generate)(void *user, uint32_t tag, struct hin_buffer *out);
	int64_t (*now_us)(void *user); /* its clock, microseconds since 1970 UTC */
	void *user;
	int64_t boot_s;	  /* when it was started, seconds since 1970; 0: 20 days before the first
			     second of the day */
	const char *zone; /* of its clock: "UTC", "JST"; NULL: UTC */
	int zone_s;	  /* seconds east of UTC */

	unsigned cpu_count;		    /* 0: one */
	const char *cpu_vendor, *cpu_model; /* "GenuineIntel", "Intel(R) Xeon(R) ..." */
	unsigned cpu_family, cpu_model_number, cpu_stepping, cpu_mhz, cpu_cache_kib;
	const char *cpu_flags;
	const char *cpuinfo; /* the whole of /proc/cpuinfo, where it is not as on a PC; or NULL */
	uint64_t memory_kib, memory_free_kib, buffers_kib, cached_kib, shared_kib;
	uint64_t swap_kib, swap_free_kib;
	unsigned load[3];		   /* hundredths: 1, 5 and 15 minutes */
	const char *dmesg;		   /* what the kernel said, lines; or NULL */
	const char *lspci, *lsusb, *lsmod; /* what these say; NULL: nothing */
	const char *cmdline;		   /* of the kernel; NULL: "BOOT_IMAGE=..." */

	const struct hin_machine_process *processes;
	size_t process_count;
	const struct hin_machine_mount *mounts;
	size_t mount_count;
	const struct hin_machine_disk *disks;
	size_t disk_count;
	const struct hin_machine_interface *interfaces;
	size_t interface_count;
	const struct hin_machine_route *routes;
	size_t route_count;
	const struct hin_machine_neighbour *neighbours;
	size_t neighbour_count;
	const struct hin_machine_socket *sockets;
	size_t socket_count;
	const struct hin_machine_login *logins; /* newest first */
	size_t login_count;
	const struct hin_machine_service *services;
	size_t service_count;
	const struct hin_machine_package *packages;
	size_t package_count;

	const char *nameserver; /* NULL: none answers */
	enum hin_machine_far far;
	uint32_t connect_ms; /* until a silent far side is given up; 0: 127 s as Linux has it */
	enum hin_machine_binary binary;
};
