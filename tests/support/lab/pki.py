# SPDX-License-Identifier: BSD-3-Clause
"""A certification authority made on the spot, with the openssl command."""
import collections
import subprocess

Pair = collections.namedtuple("Pair", "chain key")

KINDS = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-newkey", "rsa:2048"],
}


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    def __init__(self, directory, name="casgate lab CA"):
        self.dir = directory
        self.dir.mkdir()
        self.cert, self._key = self.dir / "ca.pem", self.dir / "ca.key"
        _openssl("req", "-x509", *KINDS["ec"], "-nodes", "-days", "365", "-subj", f"/CN={name}",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-keyout", self._key, "-out", self.cert)

    def issue(self, label, names, kind="ec", days=90):
        """A certificate for DNS names, in files LABEL.pem and LABEL.key."""
        base = self.dir / label
        request, extensions = base.with_suffix(".csr"), base.with_suffix(".ext")
        pair = Pair(base.with_suffix(".pem"), base.with_suffix(".key"))
        alternatives = ",".join(f"DNS:{n}" for n in names)
        extensions.write_text(f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n"
                              "extendedKeyUsage=serverAuth\n")
        _openssl("req", "-new", *KINDS[kind], "-nodes", "-subj", f"/CN={names[0]}",
                 "-keyout", pair.key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self._key,
                 "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", pair.chain)
        return pair


def fingerprint(chain):
    """SHA-256 of a certificate, colons and capitals as openssl prints it."""
    out = subprocess.run(["openssl", "x509", "-in", chain, "-noout", "-fingerprint", "-sha256"],
                         check=True, capture_output=True, text=True).stdout
    return out.strip().split("=", 1)[1]
