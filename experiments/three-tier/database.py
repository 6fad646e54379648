"""How app.py talks to MariaDB Galera. Any node takes writes; a node that is not in sync refuses them."""

import os
import ssl

import pymysql

# Covers the TLS handshake and the server's greeting too: a paused server accepts connections.
CONNECT_TIMEOUT_S = 0.7
# A node that falls silent stalls the whole cluster for about 1.9 s; a frozen one never answers at all.
QUERY_TIMEOUT_S = 1.5

ERRORS = (pymysql.err.Error, OSError)

LOCK_WAIT_TIMEOUT = 1205
DEADLOCK = 1213  # also what Galera says when two nodes changed the same row
NOT_IN_CLUSTER = 1047  # "WSREP has not yet prepared node for application use"

# The server must have a certificate of our authority for the host name that we dial, and demands ours.
_tls = ssl.create_default_context(cafile=os.environ["TLS_CA"])
_tls.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
with open(os.environ["DB_PASSWORD_FILE"], encoding="utf-8") as file:
    _password = file.read().strip()


def connect(host):
    connection = pymysql.connect(
        host=host, user="app", password=_password, database="app", autocommit=True, ssl=_tls,
        connect_timeout=CONNECT_TIMEOUT_S, read_timeout=CONNECT_TIMEOUT_S,
        write_timeout=CONNECT_TIMEOUT_S)
    # PyMySQL has no way to ask for another time-out once it is connected.
    connection._read_timeout = QUERY_TIMEOUT_S
    connection._write_timeout = QUERY_TIMEOUT_S
    return connection


def close(connection):
    """At once, without a farewell that could block."""
    connection._force_close()


def is_conflict(error):
    """Whether the same node will do when asked again."""
    return bool(error.args) and error.args[0] in (LOCK_WAIT_TIMEOUT, DEADLOCK)


def refuses_all(error):
    """Whether this node serves nobody at present, however often it is asked."""
    return isinstance(error, ERRORS) and error.args[:1] == (NOT_IN_CLUSTER,)


def store(connection, request_id, token):
    """Done again, at any later time, it changes nothing: the row knows every token it was given. One statement, so
    that it takes one round trip, and Galera repeats it by itself when another node's write came in between."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO canary (id, token, given) VALUES (%s, %s, %s)"
                       " ON DUPLICATE KEY UPDATE"
                       " token = IF(FIND_IN_SET(VALUES(token), given), token, VALUES(token)),"
                       " given = IF(FIND_IN_SET(VALUES(token), given), given, CONCAT(given, ',', VALUES(token)))",
                       (request_id, token, token))


def load(connection, request_id):
    """The token stored under this id, and the host that answered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT token, @@hostname FROM canary WHERE id = %s", (request_id,))
        row = cursor.fetchone()
    if row is None:
        raise pymysql.err.InternalError("the row just written is not there")
    return row


def load_all(connection, ids):
    """(id, token) of those of them that are stored."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, token FROM canary WHERE id IN (%s)" % ",".join(["%s"] * len(ids)), ids)
        return cursor.fetchall()
