import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Domain
@testable import Gateway

@Suite struct MaskingTests {
    private static let secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

    private func ask(_ content: String, masking: String?, fields: String = "", _ script: String) async throws -> (seen: String, answer: String) {
        let seen = Mutex("")
        let runtime = try await ScriptedRuntime { _, request in
            seen.withLock { $0 = request }
            return [.send(script)]
        }
        var answer = ""
        try await GatewayFixture.run([runtime], GatewayFixture.Setup(edit: { $0.tenants["tenant-1"]?.masking = masking })) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","messages":[{"role":"user","content":"\#(content)"}]\#(fields)}"#)
            answer = try await client.answer()
        }
        return (seen.withLock { $0 }, answer)
    }

    @Test func aHostSeesPlaceholdersAndTheCustomerItsOwnWords() async throws {
        let script = Answers.json(Samples.answer.replacing("hello", with: "wrote to [EMAIL_1] and [EMAIL_2], not [EMAIL_3]"))
        let (seen, answer) = try await ask(#"a\u0040example.org, b@example.org, a@example.org"#, masking: "personal", script)
        #expect(!seen.contains("example.org") && seen.contains("[EMAIL_1], [EMAIL_2], [EMAIL_1]"), "\(seen)")
        #expect(answer.contains("wrote to a@example.org and b@example.org, not [EMAIL_3]") && !answer.contains("x-plimsoll-warning"), "\(answer)")
    }

    /// The arguments of a call are JSON of their own.
    @Test func aHostSeesNothingThroughTheEscapesOfArguments() async throws {
        let (seen, answer) = try await ask(
            #"{\"to\":\"a\\u0040example.org\",\"cc\":\"b\\u0040example.org\"}"#, masking: "personal",
            Answers.json(Samples.answer.replacing("hello", with: "to [EMAIL_2]")))
        #expect(seen.contains(#"{\"to\":\"[EMAIL_1]\",\"cc\":\"[EMAIL_2]\"}"#), "\(seen)")
        #expect(answer.contains("to b@example.org"))
    }

    @Test func aPlaceholderThatComesInPiecesIsPutBack() async throws {
        let pieces = ["see ", "[", "EM", "AIL_", "1", "]", "!", " [E", "nd"].map(Samples.token).joined()
        let script = Answers.streamHead + Samples.role + pieces + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd
        let (_, answer) = try await ask("a@example.org", masking: "all", fields: #","stream":true"#, script)
        let text = AnswerText(Array(answer.utf8)).text
        #expect(text == "see a@example.org! [End", "\(answer)")
    }

    @Test func whatIsHeldWhenAStreamEndsIsSent() async throws {
        let script = Answers.streamHead + Samples.token("x [EMAIL_") + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd
        let (_, answer) = try await ask("a@example.org", masking: "all", fields: #","stream":true"#, script)
        #expect(AnswerText(Array(answer.utf8)).text == "x [EMAIL_", "\(answer)")
    }

    @Test(arguments: [("warn", true), ("secrets", false), ("all", false), (nil, true), ("personal", true)])
    func aSecretIsMaskedOrWarnedOf(masking: String?, isSeen: Bool) async throws {
        let (seen, answer) = try await ask("my key is \(Self.secret)", masking: masking, Answers.json(Samples.answer))
        #expect(seen.contains(Self.secret) == isSeen)
        let warns = masking != nil && masking != "personal"
        #expect(answer.contains("\r\nx-plimsoll-warning: prompt-holds-secret\r\n") == warns, "\(answer)")
    }

    @Test func aPlaceholderOfTheCustomersOwnIsNotTakenForOurs() async throws {
        let script = Answers.json(Samples.answer.replacing("hello", with: "[EMAIL_1] [EMAIL_2]"))
        let (seen, answer) = try await ask("[EMAIL_1] is a@example.org", masking: "all", script)
        #expect(seen.contains("[EMAIL_1] is [EMAIL_2]") && answer.contains("[EMAIL_1] a@example.org"))
    }

    @Test func aKeyMayHaveAnotherSettingThanItsTenant() throws {
        let tenant = TenantEntry(id: "t", tier: "pro", active: true, allowedRegions: [], cacheSalt: "", masking: "all")
        #expect(CustomerKey.masking(KeyEntry(id: "k", tenant: "t", sha256Hex: ""), tenant)?.scope == .all)
        #expect(CustomerKey.masking(KeyEntry(id: "k", tenant: "t", sha256Hex: "", masking: "none"), tenant) == nil)
        #expect(CustomerKey.masking(KeyEntry(id: "k", tenant: "t", sha256Hex: "", masking: "warn"), tenant)?.replaces == false)
    }
}
