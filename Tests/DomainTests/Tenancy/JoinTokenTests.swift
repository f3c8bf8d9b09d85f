import FoundationEssentials
import Testing

@testable import Domain

@Suite("Join token")
struct JoinTokenTests {
    private let token = JoinToken(id: UUID(), secret: Array(0..<32), pin: Array(200..<232))

    @Test("its text reads back as the same token")
    func roundTrip() {
        #expect(JoinToken(token.text) == token)
    }

    @Test("it cannot be printed by mistake")
    func printing() {
        #expect("\(token)" == "<join token>")
        #expect(!String(reflecting: token).contains("31"))
    }

    @Test("anything but the exact form is refused")
    func malformed() {
        let text = token.text
        let wrong = [
            "", "jt1", "jt2" + text.dropFirst(3), text + ".", text + "A", String(text.dropLast()), text.replacing("jt1.", with: "jt1.."),
            text + "=", " " + text,
        ]
        for candidate in wrong { #expect(JoinToken(candidate) == nil, "\(candidate)") }
    }
}
