"""Answers of a hostile site, one a path, each with the name under which its link is counted; `""`: it is captured.

What is judged before anything is asked has its own lists: `addresses` for links, `documents` for feeds and sitemaps.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256

import brotli
import zstandard

from tests.local_site import Answer, LocalSite, Route, SiteHandler, article, redirect

PAGE = article("/page")
Case = tuple[str, Route, str]


def raw(data: bytes) -> Callable[[SiteHandler], None]:
    """These bytes, and the connection is closed."""

    def answer(handler: SiteHandler) -> None:
        handler.wfile.write(data)

    return answer


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: text/html", *lines, "", ""]).encode("latin-1")


def endlessly(start: bytes, part: bytes, parts: int) -> Callable[[SiteHandler], None]:
    def answer(handler: SiteHandler) -> None:
        handler.wfile.write(start)
        for _ in range(parts):
            handler.wfile.write(part)

    return answer


def page(body: bytes = PAGE, status: int = 200, content_type: str = "text/html", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body, status, content_type, named, has_etag=False)


def redirects(site: LocalSite) -> Iterator[Case]:
    """Ways to send a crawler somewhere."""
    yield "to-itself", redirect("/redirects/to-itself"), "failed/redirect_loop"
    yield "to-itself-with-a-fragment", redirect("/redirects/to-itself-with-a-fragment#x"), "failed/redirect_loop"
    yield "there", redirect("/redirects/back"), "failed/redirect_loop"
    site.routes["/redirects/back"] = redirect("/redirects/there")
    site.routes |= {f"/step-{number}": redirect(f"/step-{number + 1}", 307) for number in range(20)}
    yield "long-chain", redirect("/step-0"), "failed/too_many_redirects"
    site.routes |= {f"/short-{number}": redirect(f"/short-{number + 1}", 308) for number in range(4)}
    site.routes["/short-4"] = page()
    yield "five-steps", redirect("/short-0"), ""

    def count(handler: SiteHandler) -> None:
        raw(head(f"Location: /counter?{len(site.paths())}", status="302 X"))(handler)

    site.routes |= {f"/counter?{number}": count for number in range(300)}
    yield "never-the-same", redirect("/counter?0"), "failed/too_many_redirects"
    yield "nowhere", Answer(b"", 302), "failed/bad_redirect"
    yield "empty", redirect(""), "failed/bad_redirect"
    yield "no-host", redirect("http://"), "failed/redirect_loop"
    yield "no-host-but-path", redirect("http:///secret"), "failed/http_404"
    yield "very-long", redirect("/" + "a" * 9000), "failed/bad_redirect"
    yield "broken-ipv6", redirect("http://[::1/"), "failed/bad_redirect"
    yield "port-out-of-range", redirect("http://127.0.3.1:99999/"), "failed/bad_redirect"
    yield "port-of-words", redirect("http://127.0.3.1:http/"), "failed/bad_redirect"
    for scheme in (
        "file:///etc/passwd",
        "data:text/html,<p>x",
        "javascript:alert(1)",
        "ftp://127.0.3.1/x",
        "gopher://x/",
    ):
        yield f"to-{scheme.partition(':')[0]}", redirect(scheme), "refused/scheme"
    yield "to-the-homepage", redirect("/"), "failed/bad_redirect"
    yield "refresh-header", page(Refresh="0; url=http://127.0.4.1/secret"), ""
    yield "meta-refresh", page(b'<html><meta http-equiv="refresh" content="0;url=http://127.0.4.1/secret">x</html>'), ""
    yield "base-href", page(b'<html><base href="http://127.0.4.1/">' + PAGE), ""
    yield (
        "two-locations",
        raw(head("Location: /short-4", "Location: /", "Content-Length: 0", status="302 X")),
        "failed/bad_redirect",
    )
    yield "304-unasked", Answer(b"", 304), "failed/http_304"
    yield "300-choices", Answer(b"choose", 300), "failed/http_300"
    yield "305-proxy", Answer(b"", 305, headers={"Location": "http://127.0.4.1/"}), "failed/http_305"


def answers(site: LocalSite) -> Iterator[Case]:
    """HTTP as it should not be."""
    yield "healthy", page(), ""
    yield "smtp", raw(b"220 mail ESMTP\r\n\r\n"), "failed/bad_response"
    yield "http-0.9", raw(PAGE), "failed/bad_response"
    yield "shoutcast", raw(b"ICY 200 OK\r\n\r\n" + PAGE), "failed/bad_response"
    yield "status-of-words", raw(b"HTTP/1.1 fine OK\r\n\r\n" + PAGE), "failed/bad_response"
    yield "status-negative", raw(b"HTTP/1.1 -20 OK\r\n\r\n" + PAGE), "failed/bad_response"
    yield "status-huge", raw(b"HTTP/1.1 99999999999 OK\r\n\r\n" + PAGE), "failed/bad_response"
    yield "status-0", raw(b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n"), "failed/bad_response"
    yield "status-999", raw(head("Content-Length: 0", status="999 No")), "failed/http_999"
    yield "no-status", raw(b"HTTP/1.1\r\n\r\n" + PAGE), "failed/bad_response"
    yield "nothing", raw(b""), "failed/connection"
    yield "line-without-end", endlessly(b"HTTP/1.1 200 ", b"O" * 65536, 50), "failed/bad_response"
    yield "header-without-colon", raw(head("this is no header", f"Content-Length: {len(PAGE)}") + PAGE), ""
    yield "header-of-a-megabyte", raw(head("X-Long: " + "a" * 1_000_000) + PAGE), "failed/bad_response"
    yield "headers-of-ten-megabytes", endlessly(head()[:-2], b"X-More: and more\r\n" * 1000, 100), "failed/bad_response"
    yield "interim-answers", endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 50), "failed/bad_response"
    yield (
        "early-hints",
        raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + head(f"Content-Length: {len(PAGE)}") + PAGE),
        "",
    )
    yield (
        "switching-protocols",
        raw(head("Upgrade: websocket", "Connection: Upgrade", status="101 X") + b"\x81\x05hello"),
        "failed/bad_response",
    )
    yield "header-with-null", raw(head("X-Odd: a\x00b", f"Content-Length: {len(PAGE)}") + PAGE), ""
    yield "folded-header", raw(head("X-Odd: a", "\tb", f"Content-Length: {len(PAGE)}") + PAGE), ""
    yield "cookies", raw(head(*(f"Set-Cookie: c{n}={'x' * 15}; Domain=.example.com" for n in range(1500))) + PAGE), ""
    yield "lf-only", raw(head(f"Content-Length: {len(PAGE)}").replace(b"\r\n", b"\n") + PAGE), ""
    yield "length-longer", raw(head(f"Content-Length: {len(PAGE) + 1000}") + PAGE), "failed/incomplete_body"
    yield "length-shorter", raw(head(f"Content-Length: {len(PAGE) - 100}") + PAGE), ""
    yield "length-negative", raw(head("Content-Length: -5") + PAGE), "failed/bad_response"
    yield "length-of-words", raw(head("Content-Length: many") + PAGE), "failed/bad_response"
    yield "length-signed", raw(head(f"Content-Length: +{len(PAGE)}") + PAGE), "failed/bad_response"
    yield (
        "lengths-that-differ",
        raw(head("Content-Length: 10", f"Content-Length: {len(PAGE)}") + PAGE),
        "failed/bad_response",
    )
    yield "length-in-terabytes", raw(head("Content-Length: 10000000000000") + PAGE), "refused/too_large"
    yield "length-beyond-numbers", raw(head("Content-Length: " + "9" * 400) + PAGE), "refused/too_large"
    yield (
        "length-and-chunks",
        raw(head("Content-Length: 10", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"),
        "",
    )
    yield "chunks", raw(head("Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(PAGE), PAGE)), ""
    yield "chunks-of-words", raw(head("Transfer-Encoding: chunked") + b"zz\r\n" + PAGE), "failed/bad_response"
    yield "chunks-negative", raw(head("Transfer-Encoding: chunked") + b"-5\r\n" + PAGE), "failed/bad_response"
    yield "chunks-without-end", raw(head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n"), "failed/incomplete_body"
    yield "chunk-cut", raw(head("Transfer-Encoding: chunked") + b"ffff\r\nhello"), "failed/incomplete_body"
    yield (
        "chunk-of-terabytes",
        raw(head("Transfer-Encoding: chunked") + b"fffffffffff\r\nhello"),
        "failed/incomplete_body",
    )
    yield (
        "chunk-size-line-without-end",
        endlessly(head("Transfer-Encoding: chunked"), b"0" * 65536, 20),
        "failed/bad_response",
    )
    yield (
        "chunk-extensions",
        endlessly(head("Transfer-Encoding: chunked") + b"5;", b"x" * 65536, 20),
        "failed/bad_response",
    )
    yield (
        "chunk-trailers",
        endlessly(head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n", b"X-T: t\r\n" * 8000, 20),
        "failed/bad_response",
    )
    yield "one-byte-chunks", raw(head("Transfer-Encoding: chunked") + b"1\r\n<\r\n" * 20_000 + b"0\r\n\r\n"), ""
    yield (
        "two-answers-in-one",
        raw(head("Content-Length: 20") + b"<html>first</html>  " + head("Content-Length: 12") + b"<html>canary"),
        "",
    )
    yield (
        "unknown-transfer-encoding",
        raw(head("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
        "failed/bad_response",
    )
    yield from _bodies()


def _bodies() -> Iterator[Case]:
    packed = gzip.compress(PAGE, mtime=0)
    noise = PAGE + b"".join(sha256(number.to_bytes(2)).digest() for number in range(10_000))
    yield "empty", page(b""), "failed/empty_body"
    yield "blanks", page(b" \r\n\t" * 1000), "failed/empty_body"
    yield "no-content", Answer(b"", 204), "failed/http_204"
    yield "partial", page(status=206), "failed/http_206"
    for status in (400, 401, 402, 403, 404, 405, 406, 407, 410, 418, 451, 501, 505, 511):
        yield f"status-{status}", page(status=status), f"failed/http_{status}"
    yield "gzip", page(packed, Content_Encoding="gzip"), ""
    yield "gzip-with-garbage-behind", page(packed + b"garbage" * 100, Content_Encoding="gzip"), ""
    yield "gzip-cut", page(packed[:-30], Content_Encoding="gzip"), "failed/incomplete_body"
    yield "gzip-without-its-checksum", page(packed[:-8], Content_Encoding="gzip"), ""
    yield "deflate-cut", page(zlib.compress(PAGE)[:-30], Content_Encoding="deflate"), "failed/incomplete_body"
    yield "brotli-cut", page(brotli.compress(PAGE)[:-30], Content_Encoding="br"), "failed/incomplete_body"
    yield "zstd-cut", page(zstandard.compress(noise)[:-30], Content_Encoding="zstd"), "failed/incomplete_body"
    yield "gzip-that-is-none", page(Content_Encoding="gzip"), ""
    yield "gzip-broken", page(packed[:10] + b"\xff" * 200, Content_Encoding="gzip"), "failed/bad_encoding"
    yield "brotli-that-is-none", page(b"\x00\xff" * 500, Content_Encoding="br"), "failed/bad_encoding"
    yield "zstd-that-is-none", page(Content_Encoding="zstd"), "failed/bad_encoding"
    yield "zstd-frames", page(zstandard.compress(b"a" * 3_000_000) * 20, Content_Encoding="zstd"), "refused/too_large"
    yield "charset-as-encoding", page(Content_Encoding="UTF-8"), ""
    yield "deflate-raw", page(zlib.compress(PAGE)[2:-4], Content_Encoding="deflate"), ""
    yield "unknown-encoding", page(Content_Encoding="compress"), "failed/bad_encoding"
    yield "encoded-four-times", page(Content_Encoding="gzip, gzip, gzip, gzip"), "failed/bad_encoding"
    thrice = brotli.compress(gzip.compress(gzip.compress(PAGE, mtime=0), mtime=0))
    yield "encoded-three-times", page(thrice, Content_Encoding="gzip, gzip, br"), ""
    bomb = brotli.compress(gzip.compress(gzip.compress(b"a" * 20_000_000, 9, mtime=0), 9, mtime=0))
    yield "bomb-in-a-bomb-in-a-bomb", page(bomb, Content_Encoding="gzip, gzip, br"), "refused/too_large"
    once = zlib.compress(b"<p>x</p>" * 3_000_000, 9)
    yield (
        "two-encoding-headers",
        raw(head("Content-Encoding: gzip", "Content-Encoding: deflate", f"Content-Length: {len(once)}") + once),
        "refused/too_large",
    )
    yield "members", page(gzip.compress(b"", mtime=0) * 60_000 + packed, Content_Encoding="gzip"), "failed/empty_body"
    for kind in ("image/png", "application/pdf", "application/zip", "video/mp4", "application/json", "text/css"):
        yield kind.replace("/", "-"), page(content_type=kind), "failed/not_html"
    yield (
        "png-as-html",
        page(b"\x89PNG\r\n\x1a\n" + b"\x00" * 5000, content_type="application/octet-stream"),
        "failed/not_html",
    )
    yield "html-as-text", page(content_type="text/plain"), ""
    yield "comments-and-no-page", page(b"<!---->" * 500 + b"x", content_type="text/plain"), "failed/not_html"
    yield "comments-before-a-page", page(b"<!---->" * 500 + PAGE, content_type="text/plain"), ""
    yield "no-type", raw(b"HTTP/1.1 200 OK\r\n\r\n" + PAGE), ""
    yield "odd-type", page(content_type='text/html; charset="; ; =\x01'), ""
    for charset in ("windows-1251", "gb18030", "shift_jis", "utf-16", "utf-7", "x-unknown", "\x00"):
        yield f"charset-{charset.strip(chr(0))}", page(content_type=f"text/html; charset={charset}"), ""
    yield "null-bytes", page(PAGE.replace(b" ", b"\x00 ")), ""
    yield "deep", page(b"<html>" + b"<div>" * 200_000 + PAGE), ""
    yield "many-attributes", page(b"<html><p " + b"a=b " * 1_000_000 + b">" + PAGE), ""
    yield (
        "half-json-ld",
        page(b'<html><script type="application/ld+json">' + b'{"a":[' * 100_000 + b"</script>" + PAGE),
        "",
    )
    yield "escape-entity", page(PAGE.replace(b"council", b"coun&#27;cil&#0;&#x1F;&#xD800;")), ""
    yield "bidi-title", page("<html><title>\u202ecod.exe\u202c\x1b[31m\r\n200 OK</title>".encode() + PAGE), ""


def addresses(site: LocalSite, port: int) -> dict[str, str]:
    """Links to a site at 127.0.4.1 and to other places where nothing may be asked; why each is refused."""
    canary = [
        *(
            "127.0.4.1",
            "127.0.4.1.",
            "127.0.1025",
            "2130707457",
            "0x7f000401",
            "0x7f.0.4.1",
            "0177.0.4.1",
            "017700002001",
        ),
        *("[::ffff:127.0.4.1]", "[::ffff:7f00:401]", "[0:0:0:0:0:ffff:7f00:0401]", "[::127.0.4.1]", "%31%32%37.0.4.1"),
        *("127。0。4。1", "①②⑦.⓪.④.①", "１２７.0.4.1"),
    ]
    private = [
        *(
            "0",
            "0.0.0.0",
            "127.1",
            "10.0.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.168.1.1",
        ),
        *(
            "198.18.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "localhost",
            "LOCALHOST",
            "a.localhost",
        ),
        *(
            "ⓛocalhost",
            "[::]",
            "[::1]",
            "[64:ff9b::7f00:401]",
            "[2002:7f00:401::]",
            "[2001:0:0:0:0:0:80ff:fbfe]",
            "[fc00::1]",
        ),
        *("[fe80::1%25eth0]", "[fe80::1%eth0]", "[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]"),
    ]
    here = f"{site.host}:{site.port}"
    found = {f"http://{host}:{port}/secret-{number}": "private_address" for number, host in enumerate(canary)}
    found |= {f"http://{host}/secret-{number}": "private_address" for number, host in enumerate(private)}
    found |= {
        f"http://{here}@127.0.4.1:{port}/userinfo": "private_address",
        f"http://127.0.4.1:{port}#@{here}/fragment": "private_address",
        f"//127.0.4.1:{port}/no-scheme": "private_address",
        f"http://127.0.4.1:{port}\t/tab": "private_address",
        f"http://127.0.4.1:{port}\\@{here}/backslash": "private_address",
        f"http://user:secret@{here}/password": "bad_address",
        "http://[::1": "bad_address",
        "http://127.0.4.1:99999/": "private_address",
        "http://127.0.4.1:80:80/": "private_address",
        f"http://{here}/{'a' * 3000}": "bad_address",
        f"http://{site.host}:22/ssh": "foreign_site",
        "http://elsewhere.example/news-of-the-day": "foreign_site",
        "http://xn--/x": "foreign_site",
        "http://a..b/x": "foreign_site",
        f"http://{'a' * 300}.example/x": "foreign_site",
    }
    schemes = (
        "file:///etc/passwd",
        "data:text/html,x",
        "javascript:alert(1)",
        "ftp://127.0.4.1/x",
        "gopher://127.0.4.1/x",
    )
    return found | dict.fromkeys(
        (*schemes, "mailto:a@b.example", "view-source:http://127.0.4.1/", "feed://127.0.4.1/"), "scheme"
    )


def xml(text: str, encoding: str = "utf-8") -> Answer:
    return Answer(text.encode(encoding), content_type="text/xml", has_etag=False)


def rss(items: str, start: str = '<?xml version="1.0"?>', more: str = "") -> str:
    return f'{start}<rss version="2.0"><channel {more}><title>News</title>{items}</channel></rss>'


def urlset(urls: str, start: str = "") -> str:
    return f'{start}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'


def documents(site: LocalSite, canary: str) -> Iterator[Case]:
    """Feeds and sitemaps, each of which names one article, readable or not; `""`: the article is captured."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "ha">{laughs}]>'
    quadratic = f'<!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]>'
    external = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{canary}/secret">]>'
    local = '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    parameter = f'<!DOCTYPE rss [<!ENTITY % x SYSTEM "{canary}/secret"> %x;]>'

    def item(name: str, more: str = "") -> str:
        path = f"/named/2026/11/24/the-article-of-{name}-document-12345"
        site.routes[path] = Answer(article(path))
        return f"<item><title>x{more}</title><link>{site.url(path)}</link></item>"

    def entry(name: str, more: str = "") -> str:
        return item(name).replace("item>", "url>").replace("link>", "loc>").replace("<title>x</title>", more)

    for encoding in ("utf-8", "utf-16"):
        yield f"feed-laughs-{encoding}", xml(rss(item("laughs", "&l9;"), doctype), encoding), "refused/xml_entities"
        yield f"feed-external-{encoding}", xml(rss(item("external", "&x;"), external), encoding), "refused/xml_entities"
    yield "feed-quadratic", xml(rss(item("quadratic", "&a;" * 50_000), quadratic)), "refused/xml_entities"
    yield "feed-local-file", xml(rss(item("local", "&x;"), local)), "refused/xml_entities"
    yield "feed-parameter", xml(rss(item("parameter"), parameter)), "refused/xml_entities"
    yield "feed-late-doctype", xml(rss(item("late"), "<!-- " + "x" * 30_000 + " -->" + local)), "refused/xml_entities"
    yield "feed-external-dtd", xml(rss(item("dtd"), f'<!DOCTYPE rss SYSTEM "{canary}/secret">')), ""
    yield "feed-stylesheet", xml(rss(item("style"), f'<?xml-stylesheet href="{canary}/secret"?>')), ""
    yield (
        "feed-xinclude",
        xml(rss(f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{canary}/secret"/>' + item("inc"))),
        "",
    )
    yield "feed-base", xml(rss(item("base"), more=f'xml:base="{canary}/"')), ""
    yield "feed-utf-16", xml(rss(item("wide"), '<?xml version="1.0" encoding="utf-16"?>'), "utf-16"), ""
    yield (
        "feed-lying-encoding",
        xml(rss(item("lying", "Ж"), '<?xml version="1.0" encoding="us-ascii"?>'), "windows-1251"),
        "",
    )
    yield "feed-unknown-encoding", xml(rss(item("unknown"), '<?xml version="1.0" encoding="x-none"?>')), ""
    yield "feed-cut", xml(rss(item("cut") + "<item><title>half")[:-30]), ""
    yield "feed-control-characters", xml(rss(item("control", "\x1b[31m \u202e \x00"))), ""
    yield (
        "feed-dates",
        xml(rss(item("dates").replace("</item>", "<pubDate>Thu, 99 Foo 99999 99:99:99</pubDate></item>"))),
        "",
    )
    yield (
        "feed-of-1970",
        xml(rss(item("1970").replace("</item>", "<pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate></item>"))),
        "",
    )
    yield (
        "feed-of-2099",
        xml(rss(item("2099").replace("</item>", "<pubDate>Thu, 01 Jan 2099 00:00:00 GMT</pubDate></item>"))),
        "",
    )
    yield "feed-deep", xml(rss("<a>" * 50_000 + item("deep"))), ""
    yield (
        "feed-attributes",
        xml(rss("<a " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>" + item("attributes"))),
        "",
    )
    yield "feed-page", Answer(PAGE), "failed/not_a_feed"
    yield "feed-empty", xml(""), "failed/not_a_feed"
    yield "feed-json", xml('{"version": "https://jsonfeed.org/version/1", "items": []}'), "failed/not_a_feed"
    yield "feed-noise", Answer(bytes(range(256)) * 4000), "failed/not_a_feed"
    yield "feed-bomb", Answer(gzip.compress(b"<rss>" + b" " * 60_000_000, mtime=0)), "refused/too_large"
    flood = gzip.compress(b"<rss><channel>" + b"<a/>" * 10_000_000, mtime=0)
    yield "feed-of-elements", Answer(flood), "refused/too_large"
    yield "sitemap-of-elements", Answer(flood), "refused/too_large"
    yield "feed-broken-of-elements", Answer(b"<rss><channel>" + b"<item>" * 200_000), "refused/too_large"
    yield "sitemap-laughs", xml(urlset(entry("s-laughs"), doctype)), "refused/xml_entities"
    yield "sitemap-external", xml(urlset(entry("s-external"), external)), "refused/xml_entities"
    yield "sitemap-bomb", Answer(gzip.compress(b"<urlset>" + b" " * 60_000_000, mtime=0)), "refused/too_large"
    yield (
        "sitemap-packed-twice",
        Answer(gzip.compress(gzip.compress(urlset(entry("s-twice")).encode()))),
        "failed/not_a_sitemap",
    )
    yield "sitemap-page", Answer(PAGE), "failed/not_a_sitemap"
    yield "sitemap-cut", xml(urlset(entry("s-cut") + "<url><loc>half")[:-20]), ""
    yield "sitemap-dates", xml(urlset(entry("s-dates", "<lastmod>0000-99-99T99:99</lastmod>"))), ""
    yield "sitemap-utf-16", xml(urlset(entry("s-wide"), '<?xml version="1.0" encoding="utf-16"?>'), "utf-16"), ""
