"""The people of the story: some talk with `chat-client`, some by the protocol itself where a frame has to be seen.

The protocol is written down in src/wire/PROTOCOL.md.
"""

import json
import os
import socket
import struct
import subprocess
import threading

from stage import PATIENCE, Unlike, must, run, same

PASSWORD = "correct horse battery"
PORT = 2428
HOMES = "/tmp/people"


class Person:
    """Somebody with `chat-client`, a name, and a folder in which their token is kept."""

    def __init__(self, name):
        self.name = name
        home = f"{HOMES}/{name}"
        os.makedirs(home, exist_ok=True)
        self.env = {"HOME": home, "CHAT_NAME": name, "CHAT_SERVER": "127.0.0.1", "XDG_STATE_HOME": home}

    def register(self):
        must("chat-client", "login", "--register", env={**self.env, "CHAT_PASSWORD": PASSWORD})
        return self

    def run(self, *words, **more):
        return run("chat-client", *words, env=self.env, **more)

    def does(self, *words, **more):
        return must("chat-client", *words, env=self.env, **more)

    def says(self, text, to="lobby"):
        self.does("send", to, text)

    def heard(self, room="lobby", count=50):
        """The last messages of a room."""
        return [json.loads(line) for line in self.does("tail", "--json", "-n", str(count), room).splitlines()]

    def first_words(self):
        """What was said in the lobby before anything else."""
        return json.loads(self.does("history", "--json", "--before", "2", "lobby"))["text"]

    def follow(self, room="lobby"):
        return Follower(self, room)


class Follower:
    """Somebody who leaves `chat-client tail --follow` open, whatever happens to the server."""

    def __init__(self, person, room):
        self.process = subprocess.Popen(
            ["chat-client", "tail", "--json", "--follow", "-n", "0", room],
            env={**os.environ, **person.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.messages = []
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.messages.append(json.loads(line))
                self.news.notify_all()

    def hears(self, text):
        """Waits for a message with this text."""
        with self.news:
            if not self.news.wait_for(lambda: any(message["text"] == text for message in self.messages), PATIENCE):
                raise Unlike(f"{text!r} was not heard, but {[message['text'] for message in self.messages]}")

    def ends(self):
        """Ends it, and tells what it has heard; every number exactly once."""
        self.process.kill()
        self.process.wait()
        numbers = [message["seq"] for message in self.messages]
        same("the order of what was heard", numbers, list(range(numbers[0], numbers[-1] + 1)) if numbers else [])
        return [message["text"] for message in self.messages]


class Talker:
    """A connection by the protocol itself. Whoever logs in so is lena: a person has a bounded number of sessions, and
    these would push out those that `chat-client` keeps."""

    def __init__(self, address=("127.0.0.1", PORT), greet=True):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.pushed = []
        self.asked = 0
        self.greeting = self.ask("hello", protocol=1, client="story/1") if greet else None

    def send(self, type, **fields):
        self.asked += 1
        text = json.dumps({"type": type, "id": self.asked, **fields}).encode()
        self.socket.sendall(struct.pack(">I", len(text)) + text)
        return self.asked

    def next(self):
        """The next frame, or None at the end."""
        header = self._exactly(4)
        return header and json.loads(self._exactly(struct.unpack(">I", header)[0]))

    def answer(self, asked):
        """The answer to a request; what is pushed meanwhile is kept."""
        while True:
            frame = self.next()
            if frame is None:
                raise ConnectionError("the server closed the connection")
            if frame.get("re") == asked:
                return frame
            self.pushed.append(frame)

    def ask(self, type, **fields):
        answer = self.answer(self.send(type, **fields))
        if answer["type"] == "error":
            raise Unlike(f"{type} was answered {answer}")
        return answer

    def login(self, password=PASSWORD):
        return self.ask("login", name="lena", password=password)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            data += part
        return data

    def close(self):
        self.socket.close()
