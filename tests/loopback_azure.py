"""A little Azure on loopback: what a submission reaches of identity, Azure ML and blob storage, over TLS.

The real client talks to it: `AZUREML_DEV_URL_MFE` leads MLClient here, `IDENTITY_ENDPOINT` leads DefaultAzureCredential here
(the form of a managed identity), and the code is uploaded to the address that this server hands out. The certificate is made
for the occasion.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class FakeAzure:
    """What the server was asked and sent, and how it is to answer."""

    url: str = ""
    certificate: str = ""
    requests: list[str] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[int, dict[str, Any]] | None = None
    """Status and body of the answer to a job; None: it is taken."""
    knows_us: bool = True
    """Whether a token is given."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead Azure's client here."""
        return {
            "AZUREML_DEV_URL_MFE": self.url,
            "IDENTITY_ENDPOINT": f"{self.url}/token",
            "IDENTITY_HEADER": "secret",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "REQUESTS_CA_BUNDLE": self.certificate,
        }


@contextmanager
def fake_azure(directory: Path) -> Iterator[FakeAzure]:
    """Runs the server until the block ends; `directory` takes its certificate."""
    azure = FakeAzure(certificate=str(_certificate(directory)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(azure))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(azure.certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    azure.url = f"https://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield azure
    finally:
        server.shutdown()
        server.server_close()


def _certificate(directory: Path) -> Path:
    """Key and self-signed certificate for 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake azure")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "azure.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def _handler(azure: FakeAzure) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.noted()
            if path == "/token" and not azure.knows_us:
                self.answer(400, {"error": "invalid_request", "error_description": "no such identity"})
            elif path == "/token":
                self.answer(
                    200, {"access_token": "token", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}
                )
            elif path.endswith("/versions"):
                self.answer(200, {"value": []})
            else:
                self.answer(404, {"error": {"code": "NotFound", "message": path}})

        def do_HEAD(self) -> None:
            path = self.noted()
            self.send_response(200 if path in azure.blobs else 404)
            if path not in azure.blobs:
                self.send_header("x-ms-error-code", "BlobNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            path, _ = self.noted(), self.body()
            if path.endswith("/startPendingUpload"):
                place = f"{azure.url}/container"
                credential = {"credentialType": "SAS", "sasUri": f"{place}?sig=x"}
                self.answer(200, {"blobReferenceForConsumption": {"blobUri": place, "credential": credential}})
            else:
                self.answer(404, {"error": {"code": "NotFound", "message": path}})

        def do_PUT(self) -> None:
            path, body = self.noted(), self.body()
            name = path.rpartition("/")[2]
            if path.startswith("/container/"):
                about = "comp=metadata" in self.path
                if not about:
                    azure.blobs[path] = body
                self.answer(200 if about else 201, None)
            elif "/jobs/" in path and azure.refusal is not None:
                self.answer(*azure.refusal)
            else:
                sent = json.loads(body)
                if "/jobs/" in path:
                    azure.jobs[name] = sent["properties"]
                    studio = {"jobServiceType": "Studio", "endpoint": f"https://ml.azure.com/runs/{name}"}
                    sent["properties"]["services"] = {"Studio": studio}
                self.answer(201, {"id": path, "name": name, "properties": sent["properties"], "type": "t"})

        def noted(self) -> str:
            path = urlsplit(self.path).path.removeprefix("/mferp/managementfrontend")
            azure.requests.append(f"{self.command} {path}")
            return path

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def answer(self, status: int, content: dict[str, Any] | None) -> None:
            body = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Sat, 21 Nov 2026 00:00:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    return Handler
