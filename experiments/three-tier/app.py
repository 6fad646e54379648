"""The application: a page that writes a value and reads it back.

GET /canary?id=REQUEST&v=TOKEN   stores TOKEN under REQUEST, unless it was stored there before; reads
                                 back what is there now, in a statement of its own, and answers
                                 {"id": .., "v": .., "db": .., "app": ..}; 503 with the reason when no
                                 database node did it in time. Some thousand tokens fit under one id
GET /values?ids=REQUEST,REQUEST,..   the values stored under these (at most 200), as {"id": "token", ..}
GET /appz                        says that this server is alive, and nothing about the database

database.py beside this file knows the database. Here is what makes a failover of it short:

- a write may be repeated without harm, so it is tried again on another node whenever in doubt. So does the web
  server with another application server; and what the first one still holds, a paused one say, is done
  when it wakes, after the client was answered and others wrote. So a token takes effect once under an id;
- every wait has a time-out;
- the node that served last is used by all threads, and idle connections to others are dropped:
  one thread that finds a dead node, or one that refuses, saves the others from finding out by themselves.
"""

import collections
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse

import database

DEADLINE_S = 2.6  # for a whole request: less than the web server and the user wait
CONNECTIONS = 12  # per process; requests beyond wait for a free one
PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
ME = socket.gethostname()


def say(text):
    print("app: " + text, file=sys.stderr, flush=True)


class Pool:
    """Connections to the one database node that served last."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.current = 0  # index of the node to ask first
        self.idle = [collections.deque() for _ in hosts]
        self.served = [0.0 for _ in hosts]  # when it last did
        self.free = threading.BoundedSemaphore(CONNECTIONS)

    def run(self, work):
        """work(connection) must be harmless to repeat. Raises what went wrong last."""
        end = time.monotonic() + DEADLINE_S
        if not self.free.acquire(timeout=DEADLINE_S):
            raise OSError("no free database connection")
        try:
            return self._run_on_some_node(work, end)
        finally:
            self.free.release()

    def _run_on_some_node(self, work, end):
        node = self.current
        tries = 0
        while True:
            tries += 1
            try:
                result = self._run_on(node, work)
            except database.ERRORS as error:
                if time.monotonic() > end - 0.1:
                    raise
                if not database.is_conflict(error):
                    node = (node + 1) % len(self.hosts)
                if tries % len(self.hosts) == 0:
                    time.sleep(0.05)  # all refused: do not spin
            else:
                if self.current != node:
                    say("database is now %s" % self.hosts[node])
                    self.current = node
                return result

    def _run_on(self, node, work):
        if node == self.current:
            self._drop_idle_of_others(node)
        try:
            connection = self.idle[node].pop()
        except IndexError:
            connection = self._connect(node)
        try:
            result = work(connection)
        except BaseException as error:
            database.close(connection)  # in an unknown state: never used again
            if database.refuses_all(error):
                self._leave(node)
            raise
        self.served[node] = time.monotonic()
        self.idle[node].append(connection)
        return result

    def _connect(self, node):
        began = time.monotonic()
        try:
            return database.connect(self.hosts[node])
        except database.ERRORS:
            # A node that served others meanwhile is only slow: if all left it and connected anew elsewhere and back, it
            # would stay so.
            if self.served[node] < began:
                self._leave(node)
            raise

    def _leave(self, node):
        """Nobody is to begin with this node, also when whoever found out has no time left to try another one."""
        if self.current == node:
            self.current = (node + 1) % len(self.hosts)

    def _drop_idle_of_others(self, node):
        for other, connections in enumerate(self.idle):
            while other != node and connections:
                try:
                    database.close(connections.pop())
                except IndexError:
                    break  # another thread took the last one


pool = Pool(os.environ["DB_HOSTS"].split(","))


def canary(query):
    values = urllib.parse.parse_qs(query)
    request_id = values.get("id", [""])[0]
    token = values.get("v", [""])[0]
    if not PLAIN.fullmatch(request_id) or not PLAIN.fullmatch(token):
        return "400 Bad Request", "id and v: 1 to 64 letters, digits or _.:- each\n"

    def write_and_read_back(connection):
        database.store(connection, request_id, token)
        return database.load(connection, request_id)

    try:
        stored, db = pool.run(write_and_read_back)
    except database.ERRORS as error:
        reason = " ".join(str(error).split())
        return "503 Service Unavailable", "%s: %s\n" % (type(error).__name__, reason)
    return "200 OK", json.dumps({"id": request_id, "v": stored, "db": db, "app": ME}) + "\n"


def values(query):
    ids = urllib.parse.parse_qs(query).get("ids", [""])[0].split(",")
    if len(ids) > 200 or not all(PLAIN.fullmatch(one) for one in ids):
        return "400 Bad Request", "ids: 1 to 200 ids with commas between them\n"
    try:
        stored = pool.run(lambda connection: database.load_all(connection, ids))
    except database.ERRORS as error:
        return "503 Service Unavailable", "%s: %s\n" % (type(error).__name__, " ".join(str(error).split()))
    return "200 OK", json.dumps(dict(stored)) + "\n"


def app(environ, start_response):
    """WSGI entry point."""
    if environ["REQUEST_METHOD"] != "GET":
        status, body = "405 Method Not Allowed", "only GET\n"
    elif environ["PATH_INFO"] == "/canary":
        status, body = canary(environ["QUERY_STRING"])
    elif environ["PATH_INFO"] == "/values":
        status, body = values(environ["QUERY_STRING"])
    elif environ["PATH_INFO"] == "/appz":
        status, body = "200 OK", "ok from %s\n" % ME
    else:
        status, body = "404 Not Found", "there are /canary, /values and /appz\n"
    content = body.encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"),
                            ("Content-Length", str(len(content))),
                            ("Cache-Control", "no-store")])
    return [content]
