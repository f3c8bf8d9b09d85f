import Testing

@testable import Agent

@Suite("When the end of a runtime's log is told")
struct LogTellingTests {
    private let start = ContinuousClock.now

    @Test("two minutes after it is ready, and each hour from then on")
    func routine() {
        var telling = LogTelling()
        func due(_ seconds: Int, isReady: Bool = true, isOurs: Bool = true) -> LogTelling.Reason? {
            telling.due(hasFailed: false, errors: 0, isReady: isReady, isOurs: isOurs, now: start + .seconds(seconds))
        }
        #expect(due(0, isReady: false) == nil && due(10) == nil && due(129) == nil && due(130) == .routine)
        #expect(due(131) == nil && due(3_729) == nil && due(3_730) == .routine)
        #expect(due(9_000, isReady: false) == nil && due(9_000, isOurs: false) == nil && due(9_000) == .routine)
    }

    @Test("when it begins to fail at once, and while it fails requests once a minute")
    func failure() {
        var telling = LogTelling()
        func due(_ seconds: Int, errors: Int, hasFailed: Bool = false) -> LogTelling.Reason? {
            telling.due(hasFailed: hasFailed, errors: errors, isReady: true, isOurs: false, now: start + .seconds(seconds))
        }
        #expect(due(0, errors: 0) == nil && due(1, errors: 1) == .failure && due(2, errors: 2) == nil)
        #expect(due(61, errors: 2) == .failure && due(200, errors: 2) == nil)
        #expect(due(201, errors: 2, hasFailed: true) == .failure)
    }
}
