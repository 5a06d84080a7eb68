#!/usr/bin/env python3
"""Checks the ways to the hub from outside: proxies and certificate authorities, by hub_fetch against fake_hub.py.

    check_hub_network.py PROGRAM [TEST…]        TEST as unittest has it, such as Network.test_proxy_by_tls

Python's standard library only, and openssl.
"""
import base64
import http.server
import json
import select
import shutil
import socket
import ssl
import subprocess
import threading

from hub_case import ONNX, REPO, TOKEN, Case, main


class Authority:
    """A certificate authority of our own, in a folder: `ca`, and one certificate for each set of names."""

    def __init__(self, folder):
        self.folder, self.ca, self.key = folder, folder / "ca.pem", folder / "ca.key"
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=our own authority",
                     "-keyout", self.key, "-out", self.ca)

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def certificate(self, name, *subjects):
        """(certificate, key), both PEM."""
        cert, key, request, names = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr", "names"))
        names.write_text("subjectAltName=" + ",".join(subjects))
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                     "-extfile", names, "-out", cert)
        return cert, key


class Proxy(http.server.ThreadingHTTPServer):
    """A forward proxy: CONNECT, to the ports in `hosts` alone, for who gives `credentials` ("user:password"; None: for
    all). `asked` lists (host:port, status), `seen` what went through."""

    daemon_threads = True

    def __init__(self, hosts, credentials=None, certificate=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self):
                proxy = self.server
                given = self.headers.get("Proxy-Authorization", "")
                wanted = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()
                status = 407 if wanted and given != wanted else 200 if self.path in proxy.hosts else 403
                status = proxy.fault or status
                proxy.asked.append((self.path, status))
                self.send_response(status)
                if status == 407:
                    self.send_header("Proxy-Authenticate", 'Basic realm="the office"')
                self.end_headers()
                self.close_connection = True
                if status == 200:
                    with socket.create_connection(("127.0.0.1", proxy.hosts[self.path])) as far:
                        self.pump(far)

            def pump(self, far):
                ends = {self.connection: far, far: self.connection}
                while True:
                    ready = [end for end in ends if getattr(end, "pending", lambda: 0)()]
                    for end in ready or select.select(list(ends), [], [], 60)[0] or [None]:
                        data = end.recv(65536) if end else b""
                        if not data:
                            return
                        self.server.seen += data
                        ends[end].sendall(data)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.hosts, self.asked, self.seen, self.fault = hosts, [], bytearray(), 0
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *_):
        pass


class Network(Case):
    def authority(self):
        self.need("openssl")
        return Authority(self.scratch)

    def proxy(self, *arguments, **keys):
        proxy = Proxy(*arguments, **keys)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        return proxy

    def test_proxy_of_plain_http(self):
        self.start()
        proxy = {"HF_ENDPOINT": "http://hub.invalid", "http_proxy": self.url, "HF_TOKEN": TOKEN}
        self.fetched(env=proxy)
        self.assertTrue(self.log() and all(entry["proxied"] for entry in self.log()))
        shutil.rmtree(self.cache)
        self.assertIn("hub.invalid cannot be resolved", self.refused(env={**proxy, "NO_PROXY": "hub.invalid"}).message)

    def start_behind_proxy(self, **keys):
        """A hub and another host for its files, by https, under names that nobody but the proxy knows. The environment
        that leads there."""
        authority = self.authority()
        cert, key = authority.certificate("hub", "DNS:hub.invalid", "DNS:files.invalid", "IP:127.0.0.1")
        self.start("--cert", str(cert), "--key", str(key), "--cdn", "--cdn-host", "files.invalid", "--private", REPO,
                   "--token", TOKEN, "--log", str(self.scratch / "hub.log"))
        hub, files = map(int, (self.scratch / "ports").read_text().split())
        if keys.pop("tls", False):
            keys["certificate"] = cert, key
        proxy = self.proxy({"hub.invalid:443": hub, f"files.invalid:{files}": files}, **keys)
        return proxy, {"HF_ENDPOINT": "https://hub.invalid", "SSL_CERT_FILE": authority.ca, "HF_TOKEN": TOKEN,
                       "HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_port}"}

    def test_proxy_and_private_authority(self):
        """Both hosts are reached through the proxy alone, which sees neither the token nor a file."""
        proxy, env = self.start_behind_proxy()
        self.assert_sound(self.fetched(env=env))
        self.assertEqual({status for _, status in proxy.asked}, {200})
        self.assertEqual({host.split(":")[0] for host, _ in proxy.asked}, {"hub.invalid", "files.invalid"})
        self.assertGreater(len(proxy.seen), len(ONNX))
        self.assertNotIn(TOKEN.encode(), proxy.seen)
        self.assertNotIn(b"max_seq_length", proxy.seen)
        entries = [json.loads(line) for line in (self.scratch / "hub.log").read_text().splitlines()]
        self.assertEqual({(entry["server"], entry["authorization"]) for entry in entries}, {("hub", True), ("cdn", False)})

    def test_proxy_without_the_authority(self):
        proxy, env = self.start_behind_proxy()
        message = self.refused(env={**env, "SSL_CERT_FILE": None}).message
        self.assertIn("the certificate of hub.invalid is not trusted", message)
        self.assertIn("SSL_CERT_FILE", message)
        self.assertEqual(len(proxy.asked), 1, "a certificate does not become good by trying again")

    def test_proxy_is_passed_by(self):
        proxy, env = self.start_behind_proxy()
        for names in ("hub.invalid", ".invalid", "*"):
            message = self.refused(env={**env, "NO_PROXY": names}).message
            self.assertIn("hub.invalid cannot be resolved", message)
        self.assertEqual(proxy.asked, [])

    def test_proxy_with_a_password(self):
        proxy, env = self.start_behind_proxy(credentials="me:open sesame")
        address = f"127.0.0.1:{proxy.server_port}"
        for user in ("", "me:wr0ng@"):
            result = self.refused(env={**env, "HTTPS_PROXY": f"http://{user}{address}"})
            self.assertIn("the proxy on the way to hub.invalid answered 407", result.message)
            self.assertIn("HTTPS_PROXY", result.message)
            self.assertNotIn("wr0ng", result.err)
        self.assertEqual(len(proxy.asked), 2)
        result = self.fetched(env={**env, "HTTPS_PROXY": f"http://me:open%20sesame@{address}"})
        self.assert_sound(result)
        self.assertNotIn("sesame", result.err)

    def test_proxy_that_refuses(self):
        proxy, env = self.start_behind_proxy()
        del proxy.hosts["hub.invalid:443"]
        message = self.refused(env=env).message
        self.assertIn("the proxy on the way to hub.invalid answered 403", message)
        self.assertEqual(len(proxy.asked), 1)
        proxy.fault = 503
        self.assertIn("answered 503", self.refused(env=env).message)
        self.assertEqual(len(proxy.asked), 1 + 5, "that may pass")

    def test_proxy_that_is_not_there(self):
        _, env = self.start_behind_proxy()
        self.assertIn("cannot connect to hub.invalid", self.refused(env={**env, "HTTPS_PROXY": "http://127.0.0.1:9"}).message)
        self.assertIn("the name of the proxy on the way to hub.invalid cannot be resolved",
                      self.refused(env={**env, "HTTPS_PROXY": "http://proxy.invalid:1"}).message)

    def test_proxy_by_tls(self):
        proxy, env = self.start_behind_proxy(tls=True)
        self.assert_sound(self.fetched(env={**env, "HTTPS_PROXY": f"https://127.0.0.1:{proxy.server_port}"}))
        self.assertEqual({status for _, status in proxy.asked}, {200})

    def test_private_authority(self):
        authority = self.authority()
        cert, key = authority.certificate("hub", "IP:127.0.0.1")
        self.start("--cert", str(cert), "--key", str(key), "--cdn")
        message = self.refused().message
        self.assertIn("the certificate of 127.0.0.1", message)
        self.assertIn("SSL_CERT_FILE", message)
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            shutil.rmtree(self.cache, ignore_errors=True)
            self.assert_sound(self.fetched(env={name: authority.ca}))
        folder = self.scratch / "authorities"
        folder.mkdir()
        shutil.copy(authority.ca, folder)
        authority.openssl("rehash", folder)
        shutil.rmtree(self.cache)
        self.assert_sound(self.fetched(env={"SSL_CERT_DIR": folder}))
        self.assertIn("certificate", self.refused("org/other", env={"SSL_CERT_FILE": self.scratch / "none"}).message)

    def test_certificate_of_another_name(self):
        authority = self.authority()
        cert, key = authority.certificate("hub", "DNS:hub.invalid")
        self.start("--cert", str(cert), "--key", str(key))
        self.assertIn("the certificate of 127.0.0.1", self.refused(env={"SSL_CERT_FILE": authority.ca}).message)


if __name__ == "__main__":
    main()
