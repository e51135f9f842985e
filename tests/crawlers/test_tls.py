"""TLS: what a certificate does not vouch for is not taken, each fault by the same name."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from crawlers.launch import crawl_all
from pipelines.settings import ArchiveSettings
from tests.crawlers.conftest import captured_paths, source_of
from tests.local_site import NETWORK, LocalSite, redirect

Key = ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)


def certificate_for(
    host: str, key: Key, ca: x509.Certificate | None, ca_key: Key, *, expires_in: timedelta = DAY
) -> x509.Certificate:
    """For an IP address; of the authority itself where there is none yet."""
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = (
        x509.CertificateBuilder(ca.subject if ca else name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + expires_in)
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
    )
    if ca is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


@pytest.fixture
def context_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ssl.SSLContext]:
    """A server's side of TLS with a certificate of an authority that crawls trust here."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = certificate_for("authority", ca_key, None, ca_key)
    (tmp_path / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def make(host: str, **given: timedelta) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = certificate_for(host, key, ca, ca_key, **given)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = tmp_path / "site.pem"
        path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    return make


def test_every_fault_of_tls_costs_its_own_site(
    archive: ArchiveSettings, context_of: Callable[..., ssl.SSLContext]
) -> None:
    hosts = [f"127.0.3.{number}" for number in range(241, 246)]
    old = context_of(hosts[3])
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    contexts = {
        "well": context_of(hosts[0]),
        "expired": context_of(hosts[1], expires_in=-DAY),
        "another": context_of("127.0.3.240"),
        "old": old,
    }
    sites = {name: LocalSite(host, tls=contexts[name]) for name, host in zip(contexts, hosts, strict=False)}
    with sites["well"] as well, sites["expired"] as expired, sites["another"] as another, sites["old"] as old_site:
        well.routes["/away"] = redirect(expired.url("/x"))
        well.name("/away")
        path = well.add_article()
        for site in (expired, another, old_site):
            site.add_article()
        sources = [source_of(site, id=name) for name, site in sites.items()]
        reports = {report.source_id: report for report in crawl_all(sources, archive, workers=4, allow_private=NETWORK)}
        assert [site.paths() for site in (expired, another, old_site)] == [[], [], []]
    assert captured_paths(archive) == [path]
    assert reports.pop("well").refused == {"foreign_site": 1}
    assert {name: (report.outcome, dict(report.failed)) for name, report in reports.items()} == {
        name: ("failed", {"tls": 1}) for name in ("expired", "another", "old")
    }
