import HTTPWire
import OpenAIWire
import Testing

@Suite struct PromptAffinityTests {
    private func read(_ members: String) throws -> PromptAffinity {
        let scan = RequestScan()
        return try Array("{\(members)}".utf8).withUnsafeBytes { buffer in
            try scan.scan(buffer)
            return PromptAffinity.read(scan, buffer)
        }
    }

    private func chat(_ messages: [(String, String)], _ more: String = "", spaced: Bool = false) throws -> PromptAffinity {
        let gap = spaced ? "\n  " : ""
        let texts = messages.map { "{\(gap)\"role\":\(gap)\"\($0)\",\"content\":\"\($1)\"\(gap)}" }
        return try read("\"model\":\"m\",\(more)\"messages\":[\(texts.joined(separator: "," + gap))\(gap)]")
    }

    @Test(arguments: [false, true])
    func everyTurnOfAConversationIsKnownAgain(spaced: Bool) throws {
        let first = try chat([("system", "be kind"), ("user", "hi")], spaced: spaced)
        let third = try chat(
            [("system", "be kind"), ("user", "hi"), ("assistant", "hello"), ("user", "more"), ("assistant", "x"), ("user", "y")], "\"n\":1,",
            spaced: spaced)
        #expect(first.conversation != 0 && first == third)
        let other = try chat([("system", "be kind"), ("user", "ho")], spaced: spaced)
        #expect(first.conversation != other.conversation)
    }

    @Test func aConversationWithoutSystemPromptIsKnownToo() throws {
        let (first, second) = (try chat([("user", "hi")]), try chat([("user", "hi"), ("assistant", "a"), ("user", "b")]))
        #expect(first.conversation != 0 && first.conversation == second.conversation && first.opening == 0)
    }

    @Test func aLongOpeningIsSharedByConversations() throws {
        let opening = String(repeating: "rules ", count: 2000)
        let (one, other) = (try chat([("system", opening), ("user", "a")]), try chat([("system", opening), ("user", "b")]))
        #expect(one.opening == other.opening && one.opening != 0 && one.openingBytes > 12_000)
        #expect(one.conversation != other.conversation)
        #expect(try chat([("system", opening + "x"), ("user", "a")]).opening != one.opening)
    }

    @Test func aKeyOfTheCustomersOwnWinsAndAUserComesLast() throws {
        let keyed = try chat([("user", "hi")], "\"prompt_cache_key\":\"s-1\",")
        #expect(keyed.conversation == (try chat([("user", "ho")], "\"prompt_cache_key\":\"s-1\",")).conversation)
        let named = try chat([("user", "hi")], "\"user\":\"u-1\",")
        #expect(named == (try chat([("user", "hi")])))
        #expect(try read("\"prompt\":\"short\",\"user\":\"u-1\"") == read("\"prompt\":\"other\",\"user\":\"u-1\""))
        #expect(try chat([("assistant", "hi")]).conversation == 0)
    }

    /// A body's `session_id` before a header, a header before `prompt_cache_key`: whoever names the conversation itself knows best.
    @Test func aSessionIsKnownWhereverItIsNamed() throws {
        func named(_ members: String, _ header: String = "") throws -> UInt64 {
            let scan = RequestScan()
            return try Array("{\(members)\"messages\":[{\"role\":\"user\",\"content\":\"\(header)\"}]}".utf8).withUnsafeBytes { buffer in
                try scan.scan(buffer)
                let session = Array(header.utf8).withUnsafeBytes { PromptAffinity.session($0) }
                return PromptAffinity.read(scan, buffer, session: session).conversation
            }
        }
        let one = try named("\"session_id\":\"s-1\",")
        #expect(try one == named("", "s-1") && one == named("\"prompt_cache_key\":\"s-1\","))
        #expect(try one == named("\"session_id\":\"s-1\",\"prompt_cache_key\":\"x\",", "y"))
        #expect(try one == named("\"prompt_cache_key\":\"x\",", "s-1"))
        #expect(try one != named("", "s-2") && one != named(""))
        #expect(try named("\"session_id\":\"\",") == named("") && named("\"session_id\":7,") == named(""))
    }

    @Test func longPromptsAreKnownByTheirFirstBytes() throws {
        let start = String(repeating: "tell me of the sea ", count: 60)
        #expect(try read("\"prompt\":\"\(start)x\"") == read("\"prompt\":\"\(start)yz\""))
        #expect(try read("\"prompt\":\"hi\"").conversation == 0)
    }

    @Test func tenantsHaveNoKeyInCommon() {
        #expect(PromptAffinity.salted(7, 1) != PromptAffinity.salted(7, 2))
        #expect(PromptAffinity.salted(0, 1) == 0)
    }
}
