# SPDX-License-Identifier: BSD-3-Clause
"""Dovecot in the place of an Exchange server's POP3 and IMAP4 services: on the
server's address, with its certificate. Each one knows all people and has a
mailbox for everybody, whose first message says on which server it lies: who is
led to the wrong one reads it there."""
import os
import pathlib
import pwd
import signal
import socket

from . import topology
from .hosts import wait_until

CONFIG = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap pop3
listen = {listen}
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
ssl_min_protocol = {floor}
ssl_cipher_list = {ciphers}
auth_mechanisms = plain login
auth_username_chars =
auth_username_format = %Lu
auth_failure_delay = 0
auth_verbose = yes
mail_max_userip_connections = 1000
login_greeting = {name} is ready.
mail_location = maildir:~/Maildir
first_valid_uid = 1
passdb {{
	driver = passwd-file
	args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
	driver = passwd-file
	args = username_format=%u {dir}/users
}}
namespace inbox {{
	inbox = yes
}}
service anvil {{
	unix_listener anvil-auth-penalty {{
		mode = 0
	}}
}}
service imap-login {{
	inet_listener imap {{
		port = 0
	}}
	inet_listener imaps {{
		port = 993
		ssl = yes
	}}
}}
service pop3-login {{
	inet_listener pop3 {{
		port = 0
	}}
	inet_listener pop3s {{
		port = 995
		ssl = yes
	}}
}}
"""

MESSAGE = """\
From: {server}@contoso.com\r
To: {smtp}\r
Subject: hello\r
X-Server: {server}\r
X-Mailbox: {alias}\r
\r
Hello.\r
"""


def login_names(mailbox):
    """All that a user may type to open the own mailbox."""
    return [mailbox.smtp, mailbox.other_smtp, mailbox.sam, f"contoso/{mailbox.alias}",
            f"contoso/{mailbox.alias}/{mailbox.alias}"]


class Dovecot:
    """One server; its address is the stand-in's that is there already."""

    def __init__(self, hosts, server, pair):
        self.server, self._hosts, self.process = server, hosts, None
        self.dir = hosts.dir / f"dovecot-{server.name}"
        self.dir.mkdir()
        self.dir.chmod(0o755)
        floor, ciphers = server.tls
        self._config = self.dir / "dovecot.conf"
        self._config.write_text(CONFIG.format(
            dir=self.dir, name=server.name, listen=server.address, chain=pair.chain, key=pair.key,
            floor=floor.split()[0], ciphers="ALL" if ciphers == "DEFAULT" else ciphers))
        self._people()
        self.start()

    def _people(self):
        nobody = pwd.getpwnam("nobody")
        lines = []
        for mailbox in topology.PEOPLE:
            home = self.dir / "home" / mailbox.alias
            new = home / "Maildir" / "new"
            new.mkdir(parents=True)
            (new / "1.lab").write_text(MESSAGE.format(
                server=self.server.name, alias=mailbox.alias, smtp=mailbox.smtp))
            for name in login_names(mailbox):
                # Dovecot looks a backslash up as two.
                name = name.lower().replace("\\", "\\\\")
                lines.append(f"{name}:{{PLAIN}}{mailbox.password}:{nobody.pw_uid}:"
                             f"{nobody.pw_gid}::{home}::\n")
            for path in [home, *home.rglob("*")]:
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        (self.dir / "users").write_text("".join(lines))

    def home(self, mailbox):
        return pathlib.Path(self.dir / "home" / mailbox.alias / "Maildir")

    def start(self):
        self.process = self._hosts.spawn("back", "dovecot", "-F", "-c", self._config,
                                         log=f"dovecot-{self.server.name}")
        wait_until(f"dovecot {self.server.name} listens", self._listening, 20)

    def _listening(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"dovecot {self.server.name} ended:\n" + self.log())
        with self._hosts.inside("back"):
            try:
                for port in (993, 995):
                    socket.create_connection((self.server.address, port), 1).close()
            except OSError:
                return False
        return True

    def log(self):
        path = self.dir / "dovecot.log"
        return (path.read_text(errors="replace") if path.exists() else "")[-4000:] \
            + self._hosts.log_text(f"dovecot-{self.server.name}")

    def stop(self):
        self._hosts.stop(self.process)

    def kill(self):
        """All of it at once, with what is under way; the master first, or it
        would start others."""
        master = self.process.pid
        children = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for pid in [master, *children]:
            os.kill(int(pid), signal.SIGKILL)
        self.process.wait()
