#!/usr/bin/env python3
"""CPU per request of the https probe against nginx on loopback, beside wrk and h2load where installed.

usage: bench/https_probe.py BUILD_FOLDER
Clients are pinned to the first core and nginx to the last; figures are user + system time of the client.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HOST = "www.nospof.test"
CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  # Some clients resume sessions silently; full handshakes are wanted.
  ssl_session_tickets off; ssl_session_cache off; ssl_protocols TLSv1.3;
  ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
  server {{ listen 127.0.0.1:{port} ssl backlog=4096; location / {{ return 200 "hello"; }} }}
}}
"""


def certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=bench CA")
    openssl("req", "-x509", *key, "-keyout", "server.key", "-out", "server.crt", "-days", "2", "-CA", "ca.crt",
            "-CAkey", "ca.key", "-subj", "/CN=bench", "-addext", f"subjectAltName=DNS:{HOST}",
            "-addext", "basicConstraints=critical,CA:FALSE")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_nginx(folder, port):
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as f:
        f.write(CONFIG.format(folder=folder, port=port))
    nginx = subprocess.Popen(["nginx", "-e", f"{folder}/error.log", "-c", path],
                             preexec_fn=lambda: os.sched_setaffinity(0, {os.cpu_count() - 1}))
    for _ in range(200):
        if nginx.poll() is not None:
            sys.exit(f"nginx ended with {nginx.returncode}: {open(f'{folder}/error.log').read()}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return nginx
        time.sleep(0.02)
    sys.exit("nginx does not listen")


def measured(argv):
    """Output and CPU seconds of one client."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: os.sched_setaffinity(0, {0}))
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{argv[0]} ended with {process.returncode}")
    return output, usage.ru_utime + usage.ru_stime


def other_client(name, argv, pattern):
    program = shutil.which(argv[0])
    if program is None:
        print(f"{name:42} not installed")
        return
    output, seconds = measured([program, *argv[1:]])
    requests = int(re.search(pattern, output).group(1))
    print(f"{name:42} {seconds * 1e6 / requests:.1f} us CPU per request, {requests} requests")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    probe = os.path.join(sys.argv[1], "bench", "bench_https_probe")
    with tempfile.TemporaryDirectory(prefix="nospof-bench-") as folder:
        certificates(folder)
        port = free_port()
        nginx = start_nginx(folder, port)
        try:
            def probes(mode, rate, count):
                # As many at once as the other clients have: at these rates every stall of the machine
                # would otherwise cost hundreds of handshakes.
                output, _ = measured([probe, f"https://{HOST}/", str(port), f"{folder}/ca.crt", mode,
                                      str(rate), str(count), "50"])
                print(f"{f'probe, {mode}, {rate}/s':42} {output.strip()}")

            probes("keep-alive", 50, 250)
            probes("keep-alive", 1000, 5000)
            probes("keep-alive", 10000, 50000)
            url = f"https://127.0.0.1:{port}/"
            wrk = ["wrk", "-t1", "-d5"]
            in_wrk = r"(\d+) requests in"
            other_client("wrk, keep-alive, 1 connection", [*wrk, "-c1", url], in_wrk)
            other_client("wrk, keep-alive, 50 connections", [*wrk, "-c50", url], in_wrk)
            other_client("h2load, keep-alive, 50 connections",
                         ["h2load", "--h1", "-n100000", "-c50", url], r"(\d+) succeeded")
            probes("fresh", 50, 250)
            probes("fresh", 200, 1000)
            other_client("wrk, fresh, 50 connections, unverified",
                         [*wrk, "-c50", "-H", "Connection: close", url], in_wrk)
        finally:
            nginx.terminate()
            nginx.wait()


main()
