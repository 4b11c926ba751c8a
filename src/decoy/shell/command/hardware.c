/* hardware - what the machine is made of: free, lscpu, lsblk, lspci, dmesg, vmstat. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"

/* ---- free ---- */

/* A size in the unit that was asked for. */
static const char *size_text(struct process *p, uint64_t kib, char unit)
{
	char text[24];

	switch (unit) {
	case 'b':
		return format_of(p, "%llu", (unsigned long long)kib * 1024);
	case 'm':
		return format_of(p, "%llu", (unsigned long long)kib / 1024);
	case 'g':
		return format_of(p, "%llu", (unsigned long long)kib / 1048576);
	case 'h':
		if (kib == 0)
			return "0B";
		human_size(kib * 1024, text);
		return is_busybox(p) ? text_of(p, text, strlen(text)) : format_of(p, "%si", text);
	default:
		return format_of(p, "%llu", (unsigned long long)kib);
	}
}

static int do_free(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call,
			     .names = "mega=m giga=g human=h bytes=b kilo=k total=t wide=w" };
	struct machine_memory r = machine_memory(p->shell->machine);
	uint64_t row[6], swap[3];
	char unit = 'k';
	const char *gap = is_busybox(p) ? "" : " ";
	int letter;

	while ((letter = option_next(&o, "bkmghtwls:c:")) != -1) {
		if (letter == '?')
			return 1;
		if (strchr("bkmgh", letter) != NULL)
			unit = (char)letter;
	}
	row[0] = r.total;
	row[1] = is_busybox(p)		     ? r.used
		 : r.total - r.available > 0 ? r.total - r.available
					     : r.used;
	row[2] = r.free;
	row[3] = r.shared;
	row[4] = r.buffers + r.cached;
	row[5] = r.available;
	swap[0] = r.swap;
	swap[1] = r.swap - r.swap_free;
	swap[2] = r.swap_free;
	outf(p,
	     "%s              total        used        free      shared  buff/cache   available\n",
	     gap);
	outf(p, "Mem:%s", gap);
	for (unsigned i = 0; i < 6; i++)
		outf(p, "%s%*s", i > 0 ? " " : "", i == 0 ? 15 : 11, size_text(p, row[i], unit));
	outf(p, "\nSwap:%s", gap);
	for (unsigned i = 0; i < 3; i++)
		outf(p, "%s%*s", i > 0 ? " " : "", i == 0 ? 14 : 11, size_text(p, swap[i], unit));
	outs(p, "\n");
	if (option_has(&o, 't')) {
		outf(p, "Total:%s", gap);
		for (unsigned i = 0; i < 3; i++)
			outf(p, "%s%*s", i > 0 ? " " : "", i == 0 ? 13 : 11,
			     size_text(p, row[i] + swap[i], unit));
		outs(p, "\n");
	}
	return 0;
}

static int do_vmstat(struct call *call)
{
	struct process *p = call->p;
	struct machine_memory r = machine_memory(p->shell->machine);

	outs(p,
	     "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
	     " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n");
	outf(p, " 1  0 %6llu %6llu %6llu %6llu    0    0     3     9   41   73  1  0 99  0  0\n",
	     (unsigned long long)(r.swap - r.swap_free), (unsigned long long)r.free,
	     (unsigned long long)r.buffers, (unsigned long long)r.cached);
	return 0;
}

static int do_iostat(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	struct tm tm = machine_time(m, now_s(p));

	outf(p, "%s %s (%s) \t%02d/%02d/%02d \t_%s_\t(%u CPU)\n\n", m->system, m->release,
	     m->hostname, tm.tm_mon + 1, tm.tm_mday, tm.tm_year % 100, m->hardware,
	     machine_cpus(m));
	outs(p,
	     "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n"
	     "           0.62    0.01    0.41    0.05    0.02   98.89\n\n"
	     "Device             tps    kB_read/s    kB_wrtn/s    kB_dscd/s    kB_read    kB_wrtn"
	     "    kB_dscd\n"
	     "sda               0.91         3.12        11.40         0.00     412031    1514820"
	     "          0\n\n");
	return 0;
}

/* ---- processors ---- */

static int do_lscpu(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	const bool wide = strncmp(m->hardware, "x86", 3) == 0;
	const struct {
		const char *name, *text;
	} rows[] = {
		{ "Architecture:", m->hardware },
		{ "CPU op-mode(s):", wide ? "32-bit, 64-bit" : NULL },
		{ "Address sizes:", wide ? "46 bits physical, 48 bits virtual" : NULL },
		{ "Byte Order:",
		  strcmp(m->hardware, "mips") == 0 ? "Big Endian" : "Little Endian" },
		{ "CPU(s):", format_of(p, "%u", machine_cpus(m)) },
		{ "On-line CPU(s) list:",
		  machine_cpus(m) > 1 ? format_of(p, "0-%u", machine_cpus(m) - 1) : "0" },
		{ "Vendor ID:", m->cpu_vendor != NULL ? m->cpu_vendor
				: wide		      ? "GenuineIntel"
						      : NULL },
		{ "Model name:", machine_cpu_model(m) },
		{ "CPU family:",
		  wide ? format_of(p, "%u", m->cpu_family > 0 ? m->cpu_family : 6) : NULL },
		{ "Model:",
		  wide ? format_of(p, "%u", m->cpu_model_number > 0 ? m->cpu_model_number : 79)
		       : NULL },
		{ "Thread(s) per core:", "1" },
		{ "Core(s) per socket:", "1" },
		{ "Socket(s):", format_of(p, "%u", machine_cpus(m)) },
		{ "Stepping:",
		  wide ? format_of(p, "%u", m->cpu_stepping > 0 ? m->cpu_stepping : 1) : NULL },
		{ "BogoMIPS:", format_of(p, "%u.%02u", machine_mhz(m) * 2 - 1, 99u) },
		{ "Flags:", wide ? m->cpu_flags != NULL
					    ? m->cpu_flags
					    : "fpu vme de pse tsc msr pae mce cx8 apic sep "
					      "mtrr pge mca cmov pat pse36 clflush mmx fxsr "
					      "sse sse2 ht syscall nx pdpe1gb rdtscp lm "
					      "constant_tsc rep_good nopl xtopology cpuid "
					      "pni pclmulqdq ssse3 fma cx16 sse4_1 sse4_2 "
					      "movbe popcnt aes xsave avx f16c rdrand "
					      "hypervisor lahf_lm abm avx2 bmi1 bmi2"
				 : NULL },
		{ "Hypervisor vendor:", wide ? "KVM" : NULL },
		{ "Virtualization type:", wide ? "full" : NULL },
		{ "L1d cache:", wide ? format_of(p, "%u KiB (%u instance%s)", 32 * machine_cpus(m),
						 machine_cpus(m), machine_cpus(m) > 1 ? "s" : "")
				     : NULL },
		{ "NUMA node(s):", "1" },
		{ "NUMA node0 CPU(s):",
		  machine_cpus(m) > 1 ? format_of(p, "0-%u", machine_cpus(m) - 1) : "0" },
	};

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		if (rows[i].text != NULL)
			outf(p, "%-32s %s\n", rows[i].name, rows[i].text);
	return 0;
}

/* ---- disks ---- */

static const char *disk_size(struct process *p, uint64_t kib)
{
	char text[24];

	if (kib < 2)
		return "1K";
	human_size(kib * 1024, text);
	return text_of(p, text, strlen(text));
}

static int do_lsblk(struct call *call)
{
	struct process *p = call->p;
	size_t count;
	const struct hin_machine_disk *all = machine_disks(p->shell->machine, &count);

	outs(p, "NAME   MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\n");
	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count || all[i + 1].parent == NULL;

		outf(p, "%s%-*s %3u:%-3u %2d %5s %2d %s %s\n",
		     all[i].parent == NULL ? ""
		     : last		   ? "\xe2\x94\x94\xe2\x94\x80"
					   : "\xe2\x94\x9c\xe2\x94\x80",
		     all[i].parent == NULL ? 6 : 4, all[i].name, all[i].major, all[i].minor,
		     all[i].removable, disk_size(p, all[i].size_kib), 0,
		     all[i].rom		     ? "rom "
		     : all[i].parent == NULL ? "disk"
					     : "part",
		     all[i].mounted != NULL ? all[i].mounted : "");
	}
	return 0;
}

static int do_fdisk(struct call *call)
{
	struct process *p = call->p;
	size_t count;
	const struct hin_machine_disk *all = machine_disks(p->shell->machine, &count);

	if (p->user.uid != 0) {
		errf(p, "fdisk: cannot open /dev/%s: Permission denied\n",
		     count > 0 ? all[0].name : "sda");
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		unsigned long long sectors = all[i].size_kib * 2;

		if (all[i].parent == NULL && !all[i].rom)
			outf(p,
			     "Disk /dev/%s: %.1f GiB, %llu bytes, %llu sectors\nUnits: sectors of "
			     "1 * 512 "
			     "= 512 bytes\nSector size (logical/physical): 512 bytes / 512 "
			     "bytes\n\nDevice"
			     "     Boot Start      End  Sectors  Size Id Type\n",
			     all[i].name, (double)all[i].size_kib / 1048576, sectors * 512,
			     sectors);
		else if (all[i].parent != NULL)
			outf(p, "/dev/%s  *     2048 %8llu %8llu %4s 83 Linux\n", all[i].name,
			     sectors + 2047, sectors, disk_size(p, all[i].size_kib));
	}
	return 0;
}

static int do_blkid(struct call *call)
{
	struct process *p = call->p;
	size_t count;
	const struct hin_machine_disk *all = machine_disks(p->shell->machine, &count);

	for (size_t i = 0; i < count; i++)
		if (all[i].parent != NULL && all[i].size_kib > 1024)
			outf(p,
			     "/dev/%s: UUID=\"6f2c1f0e-7d3b-4a52-9a41-2b%02zu5d0c7a%02u\" "
			     "TYPE=\"%s\" "
			     "PARTUUID=\"3c1d9e2a-%02u\"\n",
			     all[i].name, i, all[i].minor,
			     all[i].mounted != NULL && all[i].mounted[0] == '[' ? "swap" : "ext4",
			     all[i].minor);
	return 0;
}

/* ---- texts of the machine's ---- */

static int do_text(struct call *call)
{
	struct process *p = call->p;
	const struct hin_shell_machine *m = p->shell->machine;
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "dmesg", m->dmesg },
		{ "lspci", m->lspci },
		{ "lsusb", m->lsusb },
		{ "lsmod", m->lsmod },
	};

	if (strcmp(call->argv[0], "dmesg") == 0 && p->user.uid != 0 && !is_busybox(p))
		return complain(call, "read kernel buffer failed: Operation not permitted");
	for (size_t i = 0; i < HIN_COUNT(texts); i++)
		if (strcmp(texts[i].name, call->argv[0]) == 0 && texts[i].text != NULL) {
			outs(p, texts[i].text);
			return 0;
		}
	if (strcmp(call->argv[0], "lsmod") == 0)
		outs(p, "Module                  Size  Used by\n");
	else if (strcmp(call->argv[0], "dmesg") == 0)
		outf(p, "[    0.000000] %s version %s %s\n", m->system, m->release, m->version);
	return 0;
}

static int do_dmidecode(struct call *call)
{
	struct process *p = call->p;

	if (p->user.uid != 0) {
		errf(p, "/sys/firmware/dmi/tables/smbios_entry_point: Permission denied\nScanning "
			"/dev/mem for entry point.\n/dev/mem: Permission denied\n");
		return 1;
	}
	outs(p,
	     "# dmidecode 3.4\nGetting SMBIOS data from sysfs.\nSMBIOS 2.8 present.\n9 structures "
	     "occupying 403 bytes.\n\nHandle 0x0100, DMI type 1, 27 bytes\nSystem Information\n\t"
	     "Manufacturer: QEMU\n\tProduct Name: Standard PC (i440FX + PIIX, 1996)\n\tVersion: "
	     "pc-i440fx-7.2\n\tSerial Number: Not Specified\n\n");
	return 0;
}

static int do_virt(struct call *call)
{
	outs(call->p, "kvm\n");
	return 0;
}

static int do_nvidia(struct call *call)
{
	(void)call;
	errf(call->p,
	     "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
	     "Make sure that the latest NVIDIA driver is installed and running.\n\n");
	return 9;
}

const struct command hardware_commands[] = {
	{ "blkid", do_blkid, false },
	{ "dmesg", do_text, false },
	{ "dmidecode", do_dmidecode, false },
	{ "fdisk", do_fdisk, false },
	{ "free", do_free, false },
	{ "iostat", do_iostat, false },
	{ "lsblk", do_lsblk, false },
	{ "lscpu", do_lscpu, false },
	{ "lsmod", do_text, false },
	{ "lspci", do_text, false },
	{ "lsusb", do_text, false },
	{ "nvidia-smi", do_nvidia, false },
	{ "systemd-detect-virt", do_virt, false },
	{ "vmstat", do_vmstat, false },
	{ NULL, NULL, false },
};
