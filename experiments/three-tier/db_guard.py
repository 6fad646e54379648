"""Takes a database node out of the cluster while its own network limps; ends a server that dropped out of it.

Galera acknowledges a write when every node has it, so one node whose packets are late or get lost slows down every
user for as long as that lasts: it is not dead, and nobody throws it out. Worse, TCP repeats what was lost later and later,
until some nodes take it for dead and others do not, and the cluster falls apart. So the node leaves by itself, and at once.

- Ten times a second each node pings every peer; their kernels answer, whatever their processes do. A peer limps when it does
  answer, but a fifth of the last two seconds' answers were late or missing. One that does not answer at all is a crash
  or a cut, which Galera handles by itself.
- As often it tells every peer what it sees: which peers limp, and whether it has left. With a signature, as nobody else
  is to make a node leave.
- When every peer limps, and each of them says that it sees all others well, then it is this node's own network that limps:
  it leaves (gmcast.isolate), and refuses its clients, who go to another node. Where the whole network limps nobody
  says so, and nobody leaves.
- The network may have limped for too long by then: the others disagree about who is still there, and none of them serves. Once
  they see each other again, and hear from the one that left that it has, they are all that there is: the first of
  them starts the cluster again (pc.bootstrap). Each has every write that was acknowledged by any.
- It returns when each peer has answered well for some seconds; and also when another node has left in the same moment.

A node that cannot do what all others did, as with a full disk, is no longer like them. Galera closes its connections, and the
server stays up, of no use and outside of the cluster, until somebody starts it anew. That is done here, once there is room
and while another node says that it is in a cluster that may serve: killed, the server is started by its supervisor, and gets
a copy of the data from there; without one it would give up. At most once a minute.
"""

import collections
import hashlib
import hmac
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

import pymysql

PERIOD_S = 0.1
LATE_S = 0.25  # in a data centre an answer takes less than a millisecond
WINDOW = 20  # pings that are judged
LIMPS = 4  # so many of them late or lost
GOOD_AGAIN = 30  # so many good ones in a row before the node returns
HEARD_S = 2  # what a peer said is believed for so long
SETTLE_S = 5  # after this at the latest the others have seen that a node has left
SQL_TIMEOUT_S = 5
STATE_PORT = 4569

LOOK_S = 1  # how often to ask whether the server is still in a cluster, and how long to wait for the answer
KILL_AGAIN_S = 60
ROOM = 256 << 20  # bytes of disk that a server needs to start and to get a copy

SOCKET = "/run/mysqld/mysqld.sock"
SO_TIMESTAMPNS = 35  # Python has no name for it
ECHO_REQUEST = 8
NUMBER = struct.Struct("!Q")


def say(text):
    print("db_guard: " + text, file=sys.stderr, flush=True)


class Peer:
    """The pings sent to it, by number, newest last: when, and when the answer came (None: not yet). And what it said last."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        # The kernel notes when an answer came: a busy machine that lets us wait does not make it late.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setblocking(False)
        self.socket.connect((address, 0))
        self.sent = collections.OrderedDict()
        self.number = 0
        self.state = None
        self.heard = 0

    def forget(self):
        self.sent.clear()

    def send(self):
        self.number += 1
        self.sent[self.number] = [time.time(), None]
        while len(self.sent) > WINDOW + GOOD_AGAIN:
            self.sent.popitem(last=False)
        header = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 0, self.number & 0xFFFF)
        try:
            self.socket.send(header + NUMBER.pack(self.number))
        except OSError:
            pass  # no way there at all: the answer will be missing

    def receive(self):
        while True:
            try:
                data, notes, _, _ = self.socket.recvmsg(64, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # "host unreachable" of an earlier ping
            if len(data) != 8 + NUMBER.size or not notes:
                continue
            ping = self.sent.get(NUMBER.unpack(data[8:])[0])
            if ping is not None and ping[1] is None:
                seconds, nanoseconds = struct.unpack("@qq", notes[0][2][:16])
                ping[1] = seconds + nanoseconds / 1e9

    def judged(self, count):
        """For the last pings whose time is over: whether each was answered well; and if any was answered at all."""
        now = time.time()
        done = [(at, answer) for at, answer in self.sent.values() if now - at > LATE_S][-count:]
        good = [answer is not None and answer - at <= LATE_S for at, answer in done]
        return good, any(answer is not None for at, answer in done)

    def limps(self):
        good, answered = self.judged(WINDOW)
        return answered and good.count(False) >= LIMPS

    def is_good(self):
        good, _ = self.judged(GOOD_AGAIN)
        return len(good) == GOOD_AGAIN and all(good)

    def is_silent(self):
        good, answered = self.judged(GOOD_AGAIN)
        return len(good) == GOOD_AGAIN and not answered

    def says(self, state, now):
        """Only what is newer than what it said last."""
        if self.state is None or state["at"] > self.state["at"]:
            self.state = state
            self.heard = now

    def last_word(self):
        return self.state if time.monotonic() - self.heard < HEARD_S else None


class States:
    """Sends and receives what the nodes tell each other."""

    def __init__(self, me, key):
        self.key = key
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((me, STATE_PORT))

    def sign(self, text):
        return hmac.new(self.key, text, hashlib.sha256).hexdigest().encode()

    def send(self, state, peers):
        text = json.dumps(state).encode()
        for peer in peers:
            try:
                self.socket.sendto(self.sign(text) + b" " + text, (peer.address, STATE_PORT))
            except OSError:
                pass

    def receive(self, peers):
        now = time.monotonic()
        while True:
            try:
                data, (address, _) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            signature, _, text = data.partition(b" ")
            peer = next((peer for peer in peers if peer.address == address), None)
            if peer is not None and hmac.compare_digest(signature, self.sign(text)):
                peer.says(json.loads(text), now)


def query(text, timeout=SQL_TIMEOUT_S):
    connection = pymysql.connect(unix_socket=SOCKET, user="mysql", autocommit=True, connect_timeout=1,
                                 read_timeout=timeout, write_timeout=timeout)
    try:
        with connection.cursor() as cursor:
            # Not waiting until this node has caught up: over a network that limps that takes seconds.
            cursor.execute("SET SESSION wsrep_sync_wait = 0")
            cursor.execute(text)
            return cursor.fetchall()
    finally:
        connection.close()


def isolate(wanted):
    query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=%d'" % wanted)


def status(names, timeout=SQL_TIMEOUT_S):
    """SHOW is answered always, also by a node that refuses everything else."""
    shown = {name.lower(): value for name, value in query(
        "SHOW GLOBAL STATUS WHERE variable_name IN (%s)" % ", ".join("'%s'" % name for name in names), timeout)}
    return [shown[name] for name in names]


def cluster():
    """(nodes in this one's component, whether that may serve, whether this node is in step with it)"""
    size, may_serve, state = status(["wsrep_cluster_size", "wsrep_cluster_status", "wsrep_local_state_comment"])
    return int(size), may_serve == "Primary", state == "Synced"


def variable(name):
    return query("SHOW GLOBAL VARIABLES LIKE '%s'" % name)[0][1]


def has_room():
    disk = os.statvfs(variable("datadir"))
    return disk.f_bavail * disk.f_frsize > ROOM


def kill_server():
    with open(variable("pid_file")) as file:
        os.kill(int(file.read()), signal.SIGKILL)


class Guard:
    def __init__(self, me, peers, key):
        self.me = me
        self.peers = [Peer(address) for address in peers]
        self.states = States(me, key)
        self.lock = threading.Lock()
        self.apart = True  # unknown: as if this node had been left apart by an earlier guard
        self.next_look = time.monotonic() + SETTLE_S
        self.serves = False  # the server is in a cluster that may; not as long as it does not say so
        self.out_looks = 0  # in a row that found the server without a cluster
        self.next_out_look = 0
        self.next_kill = 0
        self.stop = threading.Event()

    def watch(self):
        last = time.monotonic()
        while not self.stop.wait(PERIOD_S):
            now = time.monotonic()
            with self.lock:
                for peer in self.peers:
                    peer.receive()
                    if now - last > 5 * PERIOD_S:
                        peer.forget()  # this host stood still: what is missing says nothing of the network
                    peer.send()
                self.states.receive(self.peers)
                state = {"at": time.time_ns(), "apart": self.apart, "serves": self.serves,
                         "limping": [peer.address for peer in self.peers if peer.limps()]}
                self.states.send(state, self.peers)
            last = now

    def own_network_limps(self):
        def sees_all_others_well(word):
            return word is not None and not word["apart"] and all(limping == self.me for limping in word["limping"])

        with self.lock:
            return all(peer.limps() and sees_all_others_well(peer.last_word()) for peer in self.peers)

    def network_is_good(self):
        """To every peer that is there at all."""
        with self.lock:
            return (all(peer.is_good() or peer.is_silent() for peer in self.peers)
                    and any(peer.is_good() for peer in self.peers))

    def another_has_left_too(self):
        """Only one of them stays apart."""
        with self.lock:
            return any((peer.last_word() or {}).get("apart") and peer.address > self.me for peer in self.peers)

    def is_to_start_the_rest(self):
        """One peer says that it has left; of the others this node is the first."""
        with self.lock:
            words = {peer.address: peer.last_word() for peer in self.peers}
        if None in words.values():
            return False
        rest = [address for address, word in words.items() if not word["apart"]]
        return len(rest) == len(self.peers) - 1 and all(self.me < address for address in rest)

    def is_complete(self):
        return cluster() == (1 + len(self.peers), True, True)

    def is_out(self):
        """The server answers and is connected to no other, not even to say that it is apart; and not only for a moment."""
        now = time.monotonic()
        if now < self.next_out_look:
            return False
        looks, self.out_looks = self.out_looks, 0  # also when there is no answer
        try:
            connected, may_serve = status(["wsrep_connected", "wsrep_cluster_status"], LOOK_S)
        except (pymysql.err.Error, OSError):
            self.serves = False
            raise
        finally:
            self.next_out_look = time.monotonic() + LOOK_S
        self.serves = connected == "ON" and may_serve == "Primary"
        self.out_looks = 0 if connected == "ON" else looks + 1
        return self.out_looks > 1 and now > self.next_kill

    def another_serves(self):
        with self.lock:
            words = [peer.last_word() for peer in self.peers]
        return any(word is not None and word["serves"] and not word["apart"] for word in words)

    def step(self):
        if self.is_out() and self.another_serves() and has_room():
            say("the server has dropped out of the cluster: killed, so that it is started anew")
            kill_server()
            self.out_looks = 0
            self.next_kill = time.monotonic() + KILL_AGAIN_S
        elif not self.apart:
            if self.own_network_limps() and self.is_complete():
                say("the network to every peer limps, this node leaves the cluster")
                self.apart = True
                self.next_look = time.monotonic() + SETTLE_S
                isolate(1)
            elif self.is_to_start_the_rest() and cluster()[:2] == (len(self.peers), False):
                say("the others fell apart while one of them was leaving; they go on without it")
                query("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
        elif self.network_is_good() or self.another_has_left_too():
            isolate(0)
            self.apart = False
            say("this node belongs to the cluster")
        elif time.monotonic() > self.next_look:
            # A database that was started anew knows nothing of its being apart.
            self.next_look = time.monotonic() + 1
            self.apart = not self.is_complete()

    def run(self):
        threading.Thread(target=self.watch, daemon=True).start()
        trouble = None
        while not self.stop.wait(PERIOD_S):
            try:
                self.step()
            except (pymysql.err.Error, OSError) as error:
                if str(error) != trouble:
                    trouble = str(error)
                    say("database: " + trouble)
        if self.apart:
            isolate(0)


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as key_file:
        guard = Guard(sys.argv[2], sys.argv[3].split(","), key_file.read().strip())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: guard.stop.set())
    guard.run()
