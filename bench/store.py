#!/usr/bin/env python3
"""The same rows and questions for hinomi's store, SQLite and ClickHouse, in one run.

usage: bench/store.py [--rows N] [--sqlite-rows N] [--folder FOLDER] [--no-clickhouse] PROGRAM

PROGRAM is hinomi-store-bench. Each gets N rows (SQLite, which is slow, as many as --sqlite-rows
says, and its seconds are shown as they are) on one core, and answers; answers are compared. Printed
are seconds by the clock, seconds of processor time of the store, and ratios. ClickHouse is Debian's
clickhouse-server, started here with a configuration of its own in a temporary folder.
"""
import argparse
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time

CONFIG = """<yandex>
 <logger><level>error</level><log>{0}/log</log><errorlog>{0}/errors</errorlog></logger>
 <http_port>{1}</http_port><tcp_port>{2}</tcp_port><listen_host>127.0.0.1</listen_host>
 <path>{0}/data/</path><tmp_path>{0}/tmp/</tmp_path><mark_cache_size>5368709120</mark_cache_size>
 <users_config>{0}/users.xml</users_config><default_profile>default</default_profile>
 <default_database>default</default_database>
</yandex>"""
USERS = """<yandex>
 <profiles><default><max_threads>1</max_threads><max_memory_usage>8000000000</max_memory_usage></default></profiles>
 <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
 <quota>default</quota></default></users>
 <quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors>
 <result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
</yandex>"""
QUESTIONS = {
    "top ports": "SELECT dport, count() AS n FROM flow GROUP BY dport ORDER BY n DESC, dport LIMIT 10",
    "top sources": "SELECT src, count() AS n FROM flow GROUP BY src ORDER BY n DESC, src LIMIT 10",
    "top sources by bytes": "SELECT src, sum(bytes) AS n FROM flow GROUP BY src ORDER BY n DESC, src LIMIT 10",
    "distinct sources per minute":
        "SELECT intDiv(time, 60) * 60 AS t, uniqExact(src) FROM flow GROUP BY t ORDER BY t",
    "top sources of telnet":
        "SELECT src, count() AS n FROM flow WHERE dport = 23 AND proto = 6 GROUP BY src ORDER BY n DESC, src LIMIT 10",
    "one source": None,
}
TABLE = ("CREATE TABLE flow (day Date, time UInt32, src UInt32, dst UInt32, sport UInt16, dport UInt16, proto UInt8,"
         " flags UInt8, tool UInt16, packets UInt32, bytes UInt64) ENGINE = MergeTree(day, (time), 8192)")
INSERT = ("INSERT INTO flow (time, src, dst, sport, dport, proto, flags, tool, packets, bytes) FORMAT RowBinary")


def run(*args):
    """Figures of the benchmark program: name -> (clock, processor, check)."""
    out = subprocess.run(args, stdout=subprocess.PIPE, check=True, text=True).stdout
    figures = {}
    for line in out.splitlines():
        name, clock, cpu, _, check = line.split("\t")
        figures[name] = (float(clock), float(cpu), check)
    return figures


class ClickHouse:
    def __init__(self, folder):
        self.folder, self.port = folder, 28123
        with open(folder + "/config.xml", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(folder, self.port, self.port + 1))
        with open(folder + "/users.xml", "w", encoding="utf-8") as f:
            f.write(USERS)
        self.process = subprocess.Popen(["taskset", "-c", "0", "clickhouse-server", "--config-file=" + folder + "/config.xml"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("SELECT 1")
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.2)

    def ask(self, sql, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        path = "/" if body is None else "/?query=" + sql.replace(" ", "%20")
        connection.request("POST", path, sql if body is None else body)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(text.strip())
        connection.close()
        return text

    def close(self):
        self.process.terminate()
        self.process.wait()


def fill_clickhouse(house, program, rows, a_minute):
    house.ask(TABLE)
    spent = 0.0
    with subprocess.Popen([program, "binary", str(rows), str(a_minute)], stdout=subprocess.PIPE) as source:
        while True:
            piece = source.stdout.read(32 * 1000000)
            if not piece:
                break
            start = time.monotonic()
            house.ask(INSERT, piece)
            spent += time.monotonic() - start
    return rows / spent


def ask_clickhouse(house, source):
    figures = {}
    for name, sql in QUESTIONS.items():
        sql = sql or f"SELECT count(), count() FROM flow WHERE src = {source}"
        best, text = None, ""
        for _ in range(3):
            start = time.monotonic()
            text = house.ask(sql)
            spent = time.monotonic() - start
            best = spent if best is None else min(best, spent)
        pairs = [line.split("\t") for line in text.splitlines()[:3]]
        figures[name] = (best, best, "".join(f"{a}={b} " for a, b in pairs))
    return figures


def source_number():
    """rows_source(900001) of bench/store_rows.h."""
    z = (900001 * 7919 + 1 + 0x9e3779b97f4a7c15) % 2**64
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    z = (z ^ z >> 27) * 0x94d049bb133111eb % 2**64
    z ^= z >> 31
    return (z % 222 + 1) << 24 | z >> 40


def show(name, store, others):
    line = f"{name:<28} {store[0]:10.4f} s {store[1]:10.4f} s"
    for other, scale in others:
        line += "            -        -" if other is None else f" {other[0]:10.3f} s {other[0] / scale / store[0]:7.1f}x"
    print(line)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rows", type=int, default=50000000)
    parser.add_argument("--sqlite-rows", type=int, default=5000000)
    parser.add_argument("--a-minute", type=int, default=35000)
    parser.add_argument("--folder", help="where there is room; a temporary folder if not given")
    parser.add_argument("--no-clickhouse", action="store_true")
    parser.add_argument("program")
    a = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hinomi-store-bench-", dir=a.folder)
    pin = ["taskset", "-c", "0", a.program]
    house, bad = None, 0
    try:
        fill = run(*pin, "fill", folder + "/store", str(a.rows), str(a.a_minute))
        night = run(*pin, "compact", folder + "/store", str(a.rows))
        ask = run(*pin, "ask", folder + "/store", str(a.rows))
        lite = run(*pin, "sqlite", folder + "/flow.db", str(a.sqlite_rows), str(a.a_minute)) if a.sqlite_rows else {}
        click, click_rate = {}, None
        if not a.no_clickhouse and shutil.which("clickhouse-server"):
            os.mkdir(folder + "/house")
            house = ClickHouse(folder + "/house")
            click_rate = fill_clickhouse(house, a.program, a.rows, a.a_minute)
            click = ask_clickhouse(house, source_number())
        print(f"{a.rows} rows, one core; SQLite: {a.sqlite_rows} rows, ratios scaled to as many")
        print(f"append: {fill['append'][0] / 1e6:.2f} M rows/s ({fill['append'][1] / 1e6:.2f} by processor time), "
              f"{fill['size'][0]:.2f} bytes a row, {fill['syncs'][0]:.0f} syncs"
              + (f"; SQLite {lite['append'][0] / 1e6:.2f}" if lite else "")
              + (f"; ClickHouse {click_rate / 1e6:.2f}" if click_rate else ""))
        print(f"days closed and indexed: {night['compact'][0]:.2f} s ({night['compact'][1]:.2f} by processor time), "
              f"then {night['size'][0]:.2f} bytes a row")
        print(f"{'question':<28} {'store':>12} {'processor':>12} {'SQLite':>12} {'ratio':>8} {'ClickHouse':>12} {'ratio':>8}")
        for name in QUESTIONS:
            show(name, ask[name], [(lite.get(name), a.sqlite_rows / a.rows), (click.get(name), 1)])
            if name in click and name != "one source" and click[name][2] != ask[name][2]:
                print(f"  the answers differ: {ask[name][2]}| {click[name][2]}")
                bad = 1
    finally:
        if house is not None:
            house.close()
        shutil.rmtree(folder)
    return bad


if __name__ == "__main__":
    sys.exit(main())
