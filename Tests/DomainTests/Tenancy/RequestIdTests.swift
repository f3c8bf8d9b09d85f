import FoundationEssentials
import Testing

@testable import Domain

@Suite("Request id")
struct RequestIdTests {
    @Test("it is a UUIDv7 that carries its time and reads back")
    func form() throws {
        var generator = FixedGenerator(state: 1)
        let id = RequestId(milliseconds: 1_800_000_000_123, using: &generator)
        let text = id.description
        #expect(UUID(uuidString: text)?.uuidString.lowercased() == text)
        #expect(Array(text)[14] == "7" && "89ab".contains(Array(text)[19]))
        #expect(id.milliseconds == 1_800_000_000_123)
        #expect(RequestId(text) == id && RequestId(text.uppercased()) == id)
        #expect(RequestId(text + "0") == nil && RequestId(text.dropLast()) == nil && RequestId(text.replacing("-", with: "0")) == nil)
    }
}
