import FoundationEssentials
import Testing

@testable import Domain

@Suite struct SecretTests {
    /// Written backwards in the file, so that nobody's scanner takes it for a real secret.
    struct Sample: Decodable {
        var rule: String
        var text: String
        var secret: String
    }

    private static func samples() throws -> [Sample] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Vectors/secrets.json")
        return try JSONDecoder().decode([Sample].self, from: Data(contentsOf: file)).map {
            Sample(rule: $0.rule, text: String($0.text.reversed()), secret: String($0.secret.reversed()))
        }
    }

    @Test func everyRuleCanBeCompiled() throws {
        #expect(SecretRule.all.count > 210)
        #expect(Set(SecretRule.all.map(\.name)).count == SecretRule.all.count)
        for rule in SecretRule.all {
            #expect(!rule.keywords.isEmpty && rule.keywords.allSatisfy { $0 == $0.lowercased() && !$0.isEmpty }, "\(rule.name)")
            #expect(throws: Never.self, "\(rule.name)") { _ = try PatternFinder(rule.expression) }
        }
    }

    /// The samples by which gitleaks tests its own rules. As many as docs/privacy-and-abuse.md says.
    @Test func knownSecretsAreTakenOut() throws {
        let samples = try Self.samples()
        let redactor = Redactor(.secrets)
        var missed: [String: Int] = [:]
        for sample in samples {
            let redacted = redactor.redact(sample.text)
            let isHidden = sample.secret.isEmpty ? redacted != sample.text : !redacted.contains(sample.secret)
            if !isHidden { missed[sample.rule, default: 0] += 1 }
        }
        let lost = missed.values.reduce(0, +)
        #expect(samples.count > 500)
        #expect(samples.count - lost >= 689, "\(lost) of \(samples.count) were missed: \(missed.sorted { $0.value > $1.value })")
    }

    @Test func ourOwnKeysAndTokensAreTakenOutWhole() {
        var random = SeededRandom(seed: 9)
        for format in KeyFormat.allCases {
            let key = format.make(using: &random)
            #expect(Redactor.standard.redact("key \(key) was refused") == "key <redacted plimsoll-key> was refused")
        }
        let token = JoinToken(id: UUID(), secret: Array(repeating: 7, count: 32), pin: Array(repeating: 9, count: 32))
        #expect(Redactor.standard.redact("with \(token.text).") == "with <redacted plimsoll-join-token>.")
    }

    @Test(arguments: [
        ("postgres://app:hunter2@db:5432/x", "postgres://app:<redacted url-password>@db:5432/x"),
        (#"authorization: Bearer abcdEFGH12345678ijkl"#, "authorization: Bearer <redacted authorization-header>"),
        ("two AKIALALEMEL33243OLIB and AKIAZ6PQRLLQ27TEXB5Q here", "two <redacted aws-access-token> and <redacted aws-access-token> here"),
    ])
    func onlyTheSecretIsTakenOut(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    /// Reads as a log does: names, ids, digests, addresses, numbers.
    @Test(arguments: [
        "0190163d-8694-739b-aea5-966c26f8ad91", "customers' endpoint listens 127.0.0.1:7800", "2026-11-24T09:14:05.999Z",
        "version 17 names 2 of 9 workers; held back until it is confirmed", "/var/lib/plimsoll-gateway/spool/0001-00000017.seg",
        "spiffe://plimsoll.internal/agent/0190163d-8694-739b-aea5-966c26f8ad91", "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "entries: 3 keys, 2 tenants, 1 tier", "token count 1200 of 2000 tokens per minute", "connection reset by peer (errno: 104)",
        "AKIAIOSFODNN7EXAMPLE0", "password must be set", "api_version=2026-01-31", "key.id=0190163d-8694-739b-aea5-966c26f8ad91",
    ])
    func whatIsNoSecretStays(text: String) {
        #expect(Redactor.standard.redact(text) == text)
    }

    @Test func aSecretThatReachesBeyondTheWindowIsTakenOutToItsEnd() {
        var random = SeededRandom(seed: 4)
        let long = String((0..<16_000).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement(using: &random) ?? "a" })
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6.eyJzdWIiOiIxMjM0NTY3ODkwIiwi\(long).c2lnbmF0dXJlMTIzNDU2"
        let text = "jwt: \(token) end"
        let redacted = Redactor(.secrets).redact(text)
        #expect(redacted == "jwt: <redacted jwt> end", "\(redacted.count) bytes are left")
    }

    @Test func aPrivateKeyIsTakenOutAlsoWhereItIsLongOrItsEndHasNotCome() {
        let line = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj"
        let lines = String(repeating: line + "\n", count: 180)
        let long = Redactor(.secrets).redact("see -----BEGIN PRIVATE KEY-----\n\(lines)Q+x=\n-----END PRIVATE KEY-----!")
        #expect(long == "see <redacted private-key>!", "\(long.count) bytes are left")
        for start in [
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n\(line)\n\(line)",
            "-----BEGIN PRIVATE KEY-----\\n\(line)\\n\(line.prefix(40))",
        ] {
            #expect(Redactor(.secrets).redact("see \(start)") == "see <redacted private-key-start>")
        }
    }
}

@Suite struct PrivateKeyLineTests {
    private let line = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj"

    @Test func linesOfAKeyAreCoveredAndNoOthers() {
        let log = [
            "started", "-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", line, "12:00:01 INFO \(line)", "12:00:02 INFO served", "Q+x=",
            "-----END RSA PRIVATE KEY-----", "served", line,
        ]
        var expected = log
        for index in [3, 4, 6] { expected[index] = PrivateKeyLines.cover }
        #expect(PrivateKeyLines.covered(log) == expected)
    }

    @Test func aKeyIsKnownByItsEndWhereItsBeginIsMissing() {
        let log = ["a word", line, line, "Q+x=", "-----END OPENSSH PRIVATE KEY-----", "served"]
        #expect(PrivateKeyLines.covered(log) == ["a word"] + Array(repeating: PrivateKeyLines.cover, count: 3) + log.suffix(2))
    }

    @Test func aKeyOfOneLineOpensNothingAndOneWithoutAnEndCloses() {
        #expect(PrivateKeyLines.covered(["-----BEGIN PRIVATE KEY-----\\n\(line)\\n-----END PRIVATE KEY-----", line])[1] == line)
        var keys = PrivateKeyLines()
        _ = keys.take("-----BEGIN PGP PRIVATE KEY BLOCK-----")
        let taken = (0...256).map { _ in keys.take(line) }
        #expect(taken == Array(repeating: true, count: 256) + [false] && !keys.isOpen)
    }
}
