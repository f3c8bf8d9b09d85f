import Testing

/// Requests that readers of HTTP/1.1 understand differently, or that a careless one takes: our own, after RFC 9112 and the ideas that llhttp's tests
/// and the findings of the HTTP Garden have made public.
struct HostileCase: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: String
    /// Statuses that end it; empty: it must be served.
    let statuses: [Int]

    var testDescription: String { name }
    var mustRefuse: Bool { !statuses.isEmpty }

    static let all = framing + chunks + lines + fields + hosts + targets + sizes + fine

    private static let key = "x-api-key: sk-test\r\n"
    private static let path = "/v1/chat/completions"

    /// A POST with these fields in front of its body.
    private static func post(_ name: String, _ fields: String, _ body: String = "", version: String = "1.1", _ statuses: [Int] = [400]) -> Self {
        HostileCase(name: name, bytes: "POST \(path) HTTP/\(version)\r\nhost: t\r\n\(key)\(fields)\r\n\r\n\(body)", statuses: statuses)
    }

    private static func head(_ name: String, _ line: String, _ fields: String = "host: t\r\n", _ statuses: [Int] = [400]) -> Self {
        HostileCase(name: name, bytes: "\(line)\r\n\(fields)\(key)\r\n", statuses: statuses)
    }

    private static func chunked(_ name: String, _ body: String, _ statuses: [Int] = [400]) -> Self {
        post(name, "transfer-encoding: chunked", body, statuses)
    }

    private static let framing: [Self] = [
        post("length and chunks", "content-length: 5\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
        post("chunks and length", "transfer-encoding: chunked\r\ncontent-length: 5", "0\r\n\r\n"),
        post("two lengths", "content-length: 5\r\ncontent-length: 6", "hello"),
        post("one length twice", "content-length: 5\r\ncontent-length: 5", "hello"),
        post("a list of lengths", "content-length: 5, 5", "hello"),
        post("a length with a sign", "content-length: +5", "hello"),
        post("a length below zero", "content-length: -5", "hello"),
        post("a length in hexadecimal", "content-length: 0x5", "hello"),
        post("a length with a space in it", "content-length: 5 5", "hello"),
        post("an empty length", "content-length: ", "hello"),
        post("a length beyond all bounds", "content-length: 18446744073709551617", "hello"),
        post("a length with a vertical tab", "content-length: \u{0B}5", "hello"),
        post("identity before chunked", "transfer-encoding: identity, chunked", "0\r\n\r\n"),
        post("chunked before identity", "transfer-encoding: chunked, identity", "0\r\n\r\n"),
        post("gzip and chunked", "transfer-encoding: gzip, chunked", "0\r\n\r\n"),
        post("chunked twice", "transfer-encoding: chunked, chunked", "0\r\n\r\n"),
        post("chunked in two fields", "transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
        post("an unknown coding", "transfer-encoding: xchunked", "0\r\n\r\n"),
        post("a coding with parameters", "transfer-encoding: chunked;q=1", "0\r\n\r\n"),
        post("an empty coding", "transfer-encoding: ", "0\r\n\r\n"), post("a quoted coding", "transfer-encoding: \"chunked\"", "0\r\n\r\n"),
        post("a coding behind a vertical tab", "transfer-encoding: \u{0B}chunked", "0\r\n\r\n"),
        post("a comma behind the coding", "transfer-encoding: chunked,", "0\r\n\r\n"),
        post("chunks from HTTP/1.0", "transfer-encoding: chunked", "0\r\n\r\n", version: "1.0"),
        post("length and chunks from HTTP/1.0", "content-length: 5\r\ntransfer-encoding: chunked", "0\r\n\r\n", version: "1.0"),
        post("a list of unlike lengths", "content-length: 5, 6", "hello"), post("a length behind a comma", "content-length: ,5", "hello"),
    ]

    private static let chunks: [Self] = [
        chunked("a size that is no number", "zz\r\n"), chunked("a size with a sign", "+2\r\n{}\r\n0\r\n\r\n"),
        chunked("a size with 0x", "0x2\r\n{}\r\n0\r\n\r\n"), chunked("a size that overflows", "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n"),
        chunked("a size of endless digits", String(repeating: "0", count: 20_000)),
        chunked("a huge size", "fffffffffff\r\n" + String(repeating: "x", count: 20_000), [413]),
        chunked("a space in front of a size", " 2\r\n{}\r\n0\r\n\r\n"), chunked("a space behind a size", "2 \r\n{}\r\n0\r\n\r\n"),
        chunked("a size that a line feed ends", "2\n{}\r\n0\r\n\r\n"), chunked("a size that a carriage return ends", "2\r{}\r\n0\r\n\r\n"),
        chunked("data longer than its size", "2\r\n{}x\r\n0\r\n\r\n"), chunked("data that a line feed ends", "2\r\n{}\n0\r\n\r\n"),
        chunked("an extension without a name", "2;\r\n{}\r\n0\r\n\r\n"), chunked("a line feed in an extension", "2;a\n{}\r\n0\r\n\r\n"),
        chunked("a control byte in an extension", "2;a=\u{1}\r\n{}\r\n0\r\n\r\n"),
        chunked("a space behind a quoted extension", "2;a=\"b\" ;c\r\n{}\r\n0\r\n\r\n"),
        chunked("a quote that does not end", "2;a=\"\r\n{}\r\n0\r\n\r\n"),
        chunked("an endless extension", "2;" + String(repeating: "a", count: 20_000)),
        chunked("a trailer without a colon", "2\r\n{}\r\n0\r\nx\r\n\r\n"),
        chunked("a trailer with a space before the colon", "2\r\n{}\r\n0\r\nx : 1\r\n\r\n"),
        chunked("endless trailers", "2\r\n{}\r\n0\r\n" + String(repeating: "x: 1\r\n", count: 4000)),
        chunked("trailers that a line feed ends", "2\r\n{}\r\n0\r\nx: 1\n\n"), chunked("an underscore in a size", "0_2\r\n{}\r\n0\r\n\r\n"),
    ]

    private static let lines: [Self] = [
        HostileCase(name: "lines that line feeds end", bytes: "GET /v1/models HTTP/1.1\nhost: t\n\(key)\n", statuses: [400]),
        HostileCase(name: "one line that a line feed ends", bytes: "GET /v1/models HTTP/1.1\r\nhost: t\n\(key)\r\n", statuses: [400]),
        head("a carriage return in a field", "GET /v1/models HTTP/1.1", "host: t\r\nx: a\rb\r\n"),
        head("a carriage return in the target", "GET /v1/mo\rdels HTTP/1.1"), head("two spaces behind the method", "GET  /v1/models HTTP/1.1"),
        head("a tab behind the method", "GET\t/v1/models HTTP/1.1"), head("a space behind the version", "GET /v1/models HTTP/1.1 "),
        head("no version", "GET /v1/models"), head("a version in lower case", "GET /v1/models http/1.1"),
        head("HTTP/1.2", "GET /v1/models HTTP/1.2", "host: t\r\n", [400, 505]),
        head("HTTP/2.0", "GET /v1/models HTTP/2.0", "host: t\r\n", [400, 505]),
        head("HTTP/1.10", "GET /v1/models HTTP/1.10"), head("HTTP/01.1", "GET /v1/models HTTP/01.1"),
        head("an empty line in front", "\r\nGET /v1/models HTTP/1.1"), head("a space in front", " GET /v1/models HTTP/1.1"),
        head("a method that is no token", "G@T /v1/models HTTP/1.1"), head("a zero byte in the target", "GET /v1/\u{0}models HTTP/1.1"),
        HostileCase(name: "a TLS handshake", bytes: "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", statuses: [400]),
    ]

    private static let fields: [Self] = [
        head("a folded field", "GET /v1/models HTTP/1.1", "host: t\r\nx: a\r\n b\r\n"),
        head("a field folded with a tab", "GET /v1/models HTTP/1.1", "host: t\r\nx: a\r\n\tb\r\n"),
        head("a folded first field", "GET /v1/models HTTP/1.1", " x: a\r\nhost: t\r\n"),
        post("a space before the colon", "transfer-encoding : chunked", "0\r\n\r\n"), post("a tab before the colon", "content-length\t: 5", "hello"),
        head("a name with a space", "GET /v1/models HTTP/1.1", "host: t\r\nx y: a\r\n"),
        head("no name", "GET /v1/models HTTP/1.1", "host: t\r\n: a\r\n"),
        head("no colon", "GET /v1/models HTTP/1.1", "host: t\r\nx\r\n"),
        head("a zero byte in a value", "GET /v1/models HTTP/1.1", "host: t\r\nx: \u{0}\r\n"),
        head("a control byte in a value", "GET /v1/models HTTP/1.1", "host: t\r\nx: \u{8}\r\n"),
        head("a delete byte in a value", "GET /v1/models HTTP/1.1", "host: t\r\nx: \u{7F}\r\n"),
        head("an escape byte in a value", "GET /v1/models HTTP/1.1", "host: t\r\nx: \u{1B}[31m\r\n"),
        head("two carriage returns at a line's end", "GET /v1/models HTTP/1.1", "host: t\r\nx: a\r\r\n"),
        head("a field folded onto nothing", "GET /v1/models HTTP/1.1", "host: t\r\nx: a\r\n \r\n"),
        head("a zero byte in a name", "GET /v1/models HTTP/1.1", "host: t\r\nx\u{0}: a\r\n"),
        head("a byte above ASCII in a name", "GET /v1/models HTTP/1.1", "host: t\r\nx\u{E9}: a\r\n"),
        post("another expectation", "expect: 200-ok\r\ncontent-length: 2", "{}", [400, 417]),
        post("two content types", "content-type: application/json\r\ncontent-type: text/plain\r\ncontent-length: 2", "{}"),
    ]

    private static let hosts: [Self] = [
        head("no host", "GET /v1/models HTTP/1.1", ""), head("two hosts", "GET /v1/models HTTP/1.1", "host: t\r\nhost: u\r\n"),
        head("the same host twice", "GET /v1/models HTTP/1.1", "host: t\r\nhost: t\r\n"),
        head("an empty host", "GET /v1/models HTTP/1.1", "host:\r\n"),
        head("a host with a space", "GET /v1/models HTTP/1.1", "host: a b\r\n"),
        head("a host with a path", "GET /v1/models HTTP/1.1", "host: a/b\r\n"),
        head("a host with a user", "GET /v1/models HTTP/1.1", "host: u@a\r\n"), head("a list of hosts", "GET /v1/models HTTP/1.1", "host: a, b\r\n"),
        head("a port that is no number", "GET /v1/models HTTP/1.1", "host: a:b\r\n"),
        head("a port beyond all", "GET /v1/models HTTP/1.1", "host: a:99999\r\n"),
        head("an address without its end", "GET /v1/models HTTP/1.1", "host: [::1\r\n"),
    ]

    private static let targets: [Self] = [
        head("an absolute target of another host", "GET http://other/v1/models HTTP/1.1"),
        head("an absolute target of another port", "GET http://t:81/v1/models HTTP/1.1"),
        head("an absolute target without a host", "GET http://t/v1/models HTTP/1.1", ""),
        head("an absolute target and two hosts", "GET http://t/v1/models HTTP/1.1", "host: t\r\nhost: u\r\n"),
        head("an absolute target with a user", "GET http://u@t/v1/models HTTP/1.1"), head("another scheme", "GET ftp://t/v1/models HTTP/1.1"),
        head("a fragment", "GET /v1/models#x HTTP/1.1"), head("an authority", "GET t:80 HTTP/1.1"), head("a star for GET", "GET * HTTP/1.1"),
        head("no slash", "GET v1/models HTTP/1.1"), head("a byte above ASCII", "GET /v1/\u{E9} HTTP/1.1"),
        head("CONNECT", "CONNECT t:80 HTTP/1.1", "host: t:80\r\n"),
    ]

    private static let sizes: [Self] = [
        head("a long target", "GET /" + String(repeating: "a", count: 70_000) + " HTTP/1.1", "host: t\r\n", [414]),
        head("a long field", "GET /v1/models HTTP/1.1", "host: t\r\nx: " + String(repeating: "a", count: 64 << 10) + "\r\n", [431]),
        head(
            "many long fields", "GET /v1/models HTTP/1.1",
            "host: t\r\n" + String(repeating: "x: \(String(repeating: "a", count: 1000))\r\n", count: 60),
            [431]),
        head("many fields", "GET /v1/models HTTP/1.1", "host: t\r\n" + String(repeating: "x: 1\r\n", count: 120), [431]),
        head("a long method", String(repeating: "A", count: 40) + " /v1/models HTTP/1.1"),
    ]

    /// Unusual and right.
    private static let fine: [Self] = [
        head("an absolute target", "GET http://t/v1/models HTTP/1.1", "host: t\r\n", []),
        head("an absolute target in capitals", "GET HTTP://T/v1/models HTTP/1.1", "host: t\r\n", []),
        head("white space around a value", "GET /v1/models HTTP/1.1", "host:   t  \r\nx:\r\n", []),
        head("an address with a port", "GET /v1/models HTTP/1.1", "host: [::1]:8080\r\n", []),
        head("a query", "GET /v1/models?a=%20&b=[] HTTP/1.1", "host: t\r\n", []), head("HTTP/1.0 without a host", "GET /v1/models HTTP/1.0", "", []),
        head("bytes above ASCII in a value", "GET /v1/models HTTP/1.1", "host: t\r\nx: \u{E9}\r\n", []),
        post("a length with zeros", "content-length: 0057", Samples.request, []),
        chunked("extensions and a trailer", "39;a=b;c=\"d;\\\"\"\r\n\(Samples.request)\r\n000;x\r\nx: 1\r\n\r\n", []),
    ]
}
