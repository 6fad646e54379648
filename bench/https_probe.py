#!/usr/bin/env python3
"""The https probe beside wrk, h2load and hey against nginx on loopback, in one run.

usage: bench/https_probe.py BUILD_FOLDER [--rounds N] [--only PART,...] [--probe PROGRAM]
parts: keep-alive, full, resumed, memory, lateness

Clients are pinned to the first core and nginx to the last. CPU is user + system time of the whole client process.
Every round runs all clients of a part one after the other; a ratio is the median over the rounds of ours / theirs within
the round, so that both saw the same machine. Clients that are not installed are left out and named.
"""
import argparse
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HOST = "www.nospof.test"
CONNECTIONS = 50
OPEN = 10_000
CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_rlimit_nofile {files};
events {{ worker_connections 40000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 120;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  # One suite and one group for all clients, whatever they would choose; a server with any ssl_conf_command has only its own.
  ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_certificate {folder}/chain.crt; ssl_certificate_key {folder}/server.key;
  server {{
    listen 127.0.0.1:{full} ssl backlog=16384;
    # wrk and h2load resume sessions silently; full handshakes are wanted here.
    ssl_session_tickets off; ssl_session_cache off; ssl_conf_command NumTickets 0;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location / {{ return 200 "hello"; }}
    # The answer takes minutes: every request keeps a connection open.
    location /slow {{ limit_rate 50; root {folder}; }}
  }}
  server {{
    listen 127.0.0.1:{tickets} ssl backlog=16384; ssl_session_tickets on; ssl_session_timeout 1h;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location / {{ return 200 "hello"; }}
  }}
}}
"""


def certificates(folder):
    """A root, an intermediate and a server's certificate, all EC P-256; nginx sends the last two."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-keyout", "root.key", "-out", "root.crt", "-subj", "/CN=bench root")
    openssl("req", "-x509", *key, "-keyout", "middle.key", "-out", "middle.crt", "-CA", "root.crt", "-CAkey", "root.key",
            "-subj", "/CN=bench intermediate", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-x509", *key, "-keyout", "server.key", "-out", "server.crt", "-CA", "middle.crt",
            "-CAkey", "middle.key", "-subj", "/CN=bench", "-addext", f"subjectAltName=DNS:{HOST}",
            "-addext", "basicConstraints=critical,CA:FALSE")
    with open(f"{folder}/chain.crt", "w") as chain:
        for name in ("server", "middle"):
            chain.write(open(f"{folder}/{name}.crt").read())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_nginx(folder):
    ports = {"full": free_port(), "tickets": free_port()}
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as f:
        f.write(CONFIG.format(folder=folder, files=resource.getrlimit(resource.RLIMIT_NOFILE)[1], **ports))
    with open(f"{folder}/slow", "w") as f:
        f.write("x" * 20_000)
    nginx = subprocess.Popen(["nginx", "-e", f"{folder}/error.log", "-c", path],
                             preexec_fn=lambda: os.sched_setaffinity(0, {os.cpu_count() - 1}))
    for _ in range(400):
        if nginx.poll() is not None:
            sys.exit(f"nginx ended with {nginx.returncode}: {open(f'{folder}/error.log').read()}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", ports["full"])) == 0:
                return nginx, ports
        time.sleep(0.02)
    nginx.kill()
    sys.exit("nginx does not listen")


def start(argv):
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, {0}))


def measured(argv):
    """Output and CPU seconds of one client, which must end within two minutes by its own bounds."""
    process = start(argv)
    signal.alarm(120)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    signal.alarm(0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{argv[0]} ended with {process.returncode}: {output}")
    return output, usage.ru_utime + usage.ru_stime


class Client:
    """Another program."""
    def __init__(self, name, argv, pattern):
        self.name, self.argv, self.pattern = name, argv, pattern

    def once(self, _):
        """us CPU for each operation that went well, and how many of those there were in a second."""
        began = time.monotonic()
        output, seconds = measured(self.argv)
        done = int(re.search(self.pattern, output).group(1))
        return seconds * 1e6 / done, done / (time.monotonic() - began)


class Ours:
    """The probe, at a share of the rate that the first client of the round reached, or at a set rate."""
    def __init__(self, name, program, config, share=None, rate=None, seconds=2):
        self.name, self.program, self.config, self.share = name, program, config, share
        self.rate, self.seconds, self.lines = rate, seconds, []

    def argv(self, rate):
        return [self.program, json.dumps({**self.config, "rate_per_second": rate, "count": int(rate * self.seconds)})]

    def once(self, reached):
        rate = self.rate or max(1, int(reached * self.share))
        output, seconds = measured(self.argv(rate))
        done, asked = (int(x) for x in re.search(r"(\d+) of (\d+) ok", output).groups())
        self.lines.append(f"{rate}/s: {output.strip()}")
        # What was not answered in the way that was asked for is no operation.
        return (seconds * 1e6 / done if done else float("inf")), done / self.seconds


def compare(title, clients, limits, rounds):
    """Runs the clients; `limits`: name of ours -> [(name of theirs, highest ratio)]."""
    print(f"\n{title}")
    for client in clients:
        if isinstance(client, Client) and not shutil.which(client.argv[0]):
            print(f"  {client.argv[0]} is not installed")
    clients = [c for c in clients if isinstance(c, Ours) or shutil.which(c.argv[0])]
    figures = {c.name: [] for c in clients}
    for number in range(rounds):
        reached = None
        # The first one sets the pace; of the others none always comes first.
        for client in [clients[0], *(clients[1:] if number % 2 == 0 else reversed(clients[1:]))]:
            cpu, per_second = client.once(reached)
            reached = reached or per_second
            figures[client.name].append(cpu)
    for client in clients:
        values = figures[client.name]
        print(f"  {client.name:40} {statistics.median(values):8.1f} us per operation"
              f"  (lowest {min(values):.1f}, highest {max(values):.1f})")
        for line in getattr(client, "lines", [])[-1:]:
            print(f"      last at {line}")
    for ours, against in limits.items():
        for theirs, limit in against:
            if theirs in figures:
                ratio(ours, theirs, [a / b for a, b in zip(figures[ours], figures[theirs])], limit)


def ratio(ours, theirs, ratios, limit):
    value = statistics.median(ratios)
    wanted = "" if limit is None else f", wanted at most {limit}: {'met' if value <= limit else 'NOT met'}"
    print(f"  {ours} / {theirs}: {value:.3f} ({min(ratios):.3f} to {max(ratios):.3f}){wanted}")


class Bench:
    def __init__(self, program, folder, ports, rounds):
        self.program, self.folder, self.ports, self.rounds = program, folder, ports, rounds

    def probe(self, name, more=None, port="full", path="/", **pace):
        config = {"url": f"https://{HOST}{path}", "address": "127.0.0.1", "port": self.ports[port],
                  "authority_file": f"{self.folder}/root.crt", **(more or {})}
        return Ours(name, self.program, config, **pace)

    def url(self, port="full", path="/"):
        return f"https://127.0.0.1:{self.ports[port]}{path}"

    def wrk(self, name, *more, port="full"):
        return Client(name, ["wrk", "-t1", f"-c{CONNECTIONS}", "-d2", *more, self.url(port)], r"(\d+) requests in")

    def h2load(self, name, count, *more, port="full"):
        return Client(name, ["h2load", "--h1", f"-n{count}", f"-c{CONNECTIONS}", *more, self.url(port)],
                      r"(\d+) succeeded")

    def hey(self, name, count, *more, port="full"):
        return Client(name, ["hey", "-cpus", "1", "-n", str(count), "-c", str(CONNECTIONS), *more, self.url(port)],
                      r"\[200\]\s+(\d+) responses")

    def keep_alive(self):
        keep = {"connection": "keep-alive", "max_connections": CONNECTIONS}
        compare(f"keep-alive, at most {CONNECTIONS} connections; the probe at a share of wrk's rate", [
            self.wrk("wrk"),
            self.probe("probe, 90 %", keep, share=0.9),
            self.probe("probe, 60 %", keep, share=0.6),
            self.h2load("h2load", 30_000),
            self.probe("probe, 1000/s", keep, rate=1000),
            self.hey("hey", 20_000)],
            {"probe, 90 %": [("wrk", 1.0), ("h2load", None), ("hey", None)], "probe, 60 %": [("wrk", 1.0)],
             "probe, 1000/s": [("wrk", None)]}, self.rounds)

    def full(self):
        close = ("-H", "Connection: close")
        compare("full handshake for every request; the probe at 90 % of h2load's rate", [
            self.h2load("h2load, unverified", 1500, *close),
            self.probe("probe, chain verified", share=0.9),
            self.probe("probe, verified chains kept", {"verified_chains_for_ns": 60_000_000_000}, share=0.9),
            self.wrk("wrk, unverified", *close),
            self.hey("hey, unverified", 1000, "-disable-keepalive")],
            {"probe, chain verified": [("h2load, unverified", 1.25), ("wrk, unverified", None),
                                       ("hey, unverified", None)],
             "probe, verified chains kept": [("h2load, unverified", 1.0)]}, self.rounds)

    def resumed(self):
        close = ("-H", "Connection: close")
        compare("resumed session for every request; the probe at 90 % of h2load's rate", [
            self.h2load("h2load, resumed", 3000, *close, port="tickets"),
            self.probe("probe, resumed", {"resume_sessions_for_ns": 3_600_000_000_000}, port="tickets", share=0.9),
            self.wrk("wrk, resumed", *close, port="tickets")],
            {"probe, resumed": [("h2load, resumed", 1.0), ("wrk, resumed", None)]}, self.rounds)

    def memory(self):
        url = self.url(path="/slow")
        patient = {"connection": "keep-alive", "timeout_ns": 300_000_000_000, "slow_ns": 300_000_000_000}
        probe = self.probe("probe", patient, path="/slow", seconds=OPEN / 500)
        probe.argv = probe.argv(500)
        clients = [probe, Client("hey", ["hey", "-cpus", "1", "-n", str(OPEN), "-c", str(OPEN), "-t", "300", url], ""),
                   Client("wrk", ["wrk", "-t1", f"-c{OPEN}", "-d150", "--timeout", "150", url], "")]
        print(f"\n{OPEN} open connections, all answers under way: proportional set size of the process")
        sizes = {}
        for client in clients:
            if not shutil.which(client.argv[0]):
                print(f"  {client.argv[0]} is not installed")
                continue
            sizes[client.name], connections = memory_of(client.argv, self.ports["full"])
            print(f"  {client.name:44} {sizes[client.name]:8.1f} MB with {connections} connections")
        for theirs, limit in (("hey", 1.1), ("wrk", 1.0)):
            if theirs in sizes:
                ratio("probe", theirs, [sizes["probe"] / sizes[theirs]], limit)

    def lateness(self):
        print("\nlateness at 2000 probes a second, keep-alive, from the second second on; the machine's own is that of a loop that"
              "\nonly wakes up as often: no probe can be better")
        # Else whatever was due while the core was taken would open connections, and be late by their handshakes.
        keep = {"connection": "keep-alive", "max_connections": CONNECTIONS}
        probe = self.probe("", keep, seconds=5).argv(2000) + ["1"]
        for name, before in (("as any other program", []), ("in real time, as nospof prober", ["chrt", "-r", "1"])):
            ours, machine = [], []
            for _ in range(self.rounds):
                machine.append(lateness_of([*before, self.program, "nothing", "2000", "4"]))
                ours.append(lateness_of([*before, *probe]))
            own = statistics.median(p99 for _, p99 in machine)
            p99 = statistics.median(p99 for _, p99 in ours)
            known = "met" if p99 < 200 else "NOT met" if own < 200 else "not to be shown on this machine now"
            print(f"  {name:32} p50 {statistics.median(p50 for p50, _ in ours):.1f} us, p99 {p99:.1f} us"
                  f" ({min(p for _, p in ours):.1f} to {max(p for _, p in ours):.1f}); the machine's own p99 {own:.1f} us"
                  f" ({min(p for _, p in machine):.1f} to {max(p for _, p in machine):.1f}); wanted under 200: {known}")


def lateness_of(argv):
    """p50 and p99, us."""
    output, _ = measured(argv)
    return [float(x) for x in re.search(r"lateness p50 ([\d.]+) us p99 ([\d.]+) us", output).groups()]


def memory_of(argv, port):
    """MB of a client once all its connections are open; it is ended then."""
    process = start(argv)
    try:
        deadline = time.monotonic() + 150
        largest, connections = 0, 0
        while process.poll() is None and time.monotonic() < deadline:
            connections = len(os.listdir(f"/proc/{process.pid}/fd"))
            size = int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{process.pid}/smaps_rollup").read(), re.M).group(1))
            largest = max(largest, size)
            if connections >= OPEN and established(port) >= OPEN:
                time.sleep(3)  # for the last handshakes and requests
                size = int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{process.pid}/smaps_rollup").read(),
                                     re.M).group(1))
                return max(largest, size) / 1000, established(port)
            time.sleep(0.5)
        sys.exit(f"{argv[0]} opened {connections} connections only")
    finally:
        process.kill()
        process.wait()
        time.sleep(2)


def established(port):
    wanted = f"0100007F:{port:04X}"
    return sum(1 for line in open("/proc/net/tcp") if (f := line.split())[2] == wanted and f[3] == "01")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="keep-alive,full,resumed,memory,lateness")
    parser.add_argument("--probe", help="another bench_https_probe")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    program = options.probe or os.path.join(options.build, "bench", "bench_https_probe")
    with tempfile.TemporaryDirectory(prefix="nospof-bench-") as folder:
        certificates(folder)
        nginx, ports = start_nginx(folder)
        try:
            bench = Bench(program, folder, ports, options.rounds)
            for part in options.only.split(","):
                getattr(bench, part.replace("-", "_"))()
        finally:
            nginx.terminate()
            nginx.wait()


main()
