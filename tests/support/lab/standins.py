# SPDX-License-Identifier: BSD-3-Clause
"""nginx in the place of an Exchange server: its own address, its own
certificate, and answers that say which server it is and what reached it."""
import json
import socket

from .hosts import wait_until

# What a stand-in tells about a request: JSON name, nginx variable.
TOLD = {
    "method": "$request_method",
    "uri": "$request_uri",
    "host": "$http_host",
    "user": "$remote_user",
    "sni": "$ssl_server_name",
    "tls": "$ssl_protocol",
    "resumed": "$ssl_session_reused",
    "peer": "$remote_addr",
    "connection": "$connection",
    "x_forwarded_for": "$http_x_forwarded_for",
    "x_forwarded_proto": "$http_x_forwarded_proto",
    "x_forwarded_host": "$http_x_forwarded_host",
}

CONFIG = """\
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
	access_log off;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	client_max_body_size 0;
	large_client_header_buffers 8 64k;
	keepalive_timeout 300s;
	keepalive_requests 1000000;
	sendfile on;
	server {{
		listen {listen}:443 ssl;
		ssl_certificate {chain};
		ssl_certificate_key {key};
		ssl_protocols {protocols};
		ssl_ciphers {ciphers};
		ssl_session_cache shared:s:1m;
		default_type application/json;
		add_header X-FEServer {name} always;
		location ~* ^/[^/]+/healthcheck.htm$ {{
			default_type text/html;
			return 200 "200 OK<br/>{fqdn}";
		}}
		location ~ ^/(owa|ecp)/auth.owa$ {{
			add_header Set-Cookie "cadata={name}; path=/; secure; HttpOnly";
			add_header X-FEServer {name} always;
			if ($arg_wrong) {{
				return 302 /owa/auth/logon.aspx?reason=2;
			}}
			return 302 https://$host/owa/;
		}}
		location ^~ /OAB/files/ {{
			default_type application/octet-stream;
			alias {files}/;
		}}
		location / {{
			return 200 '{told}\\n';
		}}
	}}
}}
"""


class StandIn:
    """One nginx. Files under `files` are served below /OAB/files/."""

    def __init__(self, hosts, server, pair, files):
        self.server, self._hosts = server, hosts
        self.dir = hosts.dir / f"nginx-{server.name}"
        self.dir.mkdir()
        # nginx's workers drop to another user, who must reach the files.
        self.dir.chmod(0o755)
        hosts.address("back", server.address)
        address = f"[{server.address}]" if ":" in server.address else server.address
        told = json.dumps({"server": server.name, "version": server.version, **TOLD})
        self._config = self.dir / "nginx.conf"
        self._config.write_text(CONFIG.format(
            dir=self.dir, listen=address, chain=pair.chain, key=pair.key, name=server.name,
            fqdn=server.fqdn, files=files, told=told, protocols=server.tls[0],
            ciphers=server.tls[1]))
        self._process = None
        self.start()

    def start(self):
        self._process = self._hosts.spawn("back", "nginx", "-p", self.dir, "-e",
                                          self.dir / "error.log", "-c", self._config,
                                          log=f"nginx-{self.server.name}")

    def wait(self):
        def listening():
            if self._process.poll() is not None:
                raise RuntimeError(f"nginx {self.server.name} ended:\n"
                                   + self._hosts.log_text(f"nginx-{self.server.name}"))
            with self._hosts.inside("back"):
                try:
                    socket.create_connection((self.server.address, 443), 1).close()
                except OSError:
                    return False
            return True
        wait_until(f"nginx {self.server.name} listens", listening)

    def stop(self):
        self._hosts.stop(self._process)
