import Testing

@testable import Agent

@Suite("Waits of the desired state's loop")
struct PollBackoffTests {
    @Test("hosts that lose an open question together come back over two seconds")
    func spread() {
        let waits = (0..<200).map { _ in
            var waits = PollBackoff()
            waits.answered()
            return waits.failed()
        }
        #expect(waits.allSatisfy { $0 >= .zero && $0 <= .seconds(2) })
        #expect(waits.contains { $0 > .milliseconds(1500) } && waits.contains { $0 < .milliseconds(500) })
    }

    @Test("later waits double, each from half a step to a whole one")
    func doubles() {
        var waits = PollBackoff()
        waits.answered()
        _ = waits.failed()
        for step in [250, 500, 1000, 2000] {
            let wait = waits.failed()
            #expect(wait >= .milliseconds(step / 2) && wait <= .milliseconds(step))
        }
    }
}
