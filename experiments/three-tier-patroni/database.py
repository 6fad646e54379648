"""How app.py talks to PostgreSQL. One node takes writes, and which one it is changes: app.py asks each until one does."""

import os
import select
import threading
import time

import psycopg2
import psycopg2.extensions

# Covers the TLS handshake and the server's greeting too: a paused server accepts connections.
CONNECT_TIMEOUT_S = 0.7
QUERY_TIMEOUT_S = 1.5

ERRORS = (psycopg2.Error, OSError)

with open(os.environ["DB_PASSWORD_FILE"], encoding="utf-8") as file:
    _password = file.read().strip()
_thread = threading.local()


def _wait(connection):
    """Called by psycopg2 whenever it has to wait. libpq has no time-out for a query, and its
    connect_timeout counts in whole seconds from 2 on."""
    limit = QUERY_TIMEOUT_S if getattr(_thread, "connected", False) else CONNECT_TIMEOUT_S
    end = time.monotonic() + limit
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        left = end - time.monotonic()
        if left <= 0:
            raise psycopg2.OperationalError("no answer within %.1f s" % limit)
        poller = select.poll()
        poller.register(connection.fileno(),
                        select.POLLIN if state == psycopg2.extensions.POLL_READ else select.POLLOUT)
        poller.poll(left * 1000)


psycopg2.extensions.set_wait_callback(_wait)


def connect(host):
    """The server must have a certificate of our authority for the host name that we dial, and demands ours."""
    _thread.connected = False
    connection = psycopg2.connect(
        host=host, dbname="app", user="app", password=_password,
        target_session_attrs="read-write",  # a replica refuses
        sslmode="verify-full", sslrootcert=os.environ["TLS_CA"],
        sslcert=os.environ["TLS_CERT"], sslkey=os.environ["TLS_KEY"],
        keepalives_idle=1, keepalives_interval=1, keepalives_count=2, tcp_user_timeout=1500)
    connection.autocommit = True
    _thread.connected = True
    return connection


def close(connection):
    try:
        connection.close()
    except psycopg2.Error:
        pass  # it was broken already


def is_conflict(error):
    """Whether the same node will do when asked again."""
    return isinstance(error, psycopg2.errors.TransactionRollbackError)


def refuses_all(error):
    """Whether this node serves no writer at present, however often it is asked: it has become a replica."""
    return isinstance(error, psycopg2.errors.ReadOnlySqlTransaction)


def store(connection, request_id, token):
    """Done again, at any later time, it changes nothing: the row knows every token it was given. But the row is
    locked then too, so that this as well waits for the replica that must have what it finds."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO canary (id, token, given) VALUES (%s, %s, ARRAY[%s])"
                       " ON CONFLICT (id) DO UPDATE SET token = excluded.token,"
                       " given = canary.given || excluded.given"
                       " WHERE NOT canary.given @> excluded.given",
                       (request_id, token, token))


def load(connection, request_id):
    """The token stored under this id, and the address of the server that answered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT token, host(inet_server_addr()) FROM canary WHERE id = %s",
                       (request_id,))
        row = cursor.fetchone()
    if row is None:
        raise psycopg2.OperationalError("the row just written is not there")
    return row


def load_all(connection, ids):
    """(id, token) of those of them that are stored."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, token FROM canary WHERE id IN (%s)" % ",".join(["%s"] * len(ids)), ids)
        return cursor.fetchall()
