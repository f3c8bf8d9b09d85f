import Testing

@testable import Exchange

@Suite("Idle connections that nobody needs")
struct IdleSurplusTests {
    @Test("what a burst left behind goes at the second look, what was used in between stays")
    func burst() {
        var surplus = IdleSurplus()
        let first = surplus.look(idle: 256)
        surplus.taken(left: 200)
        let second = surplus.look(idle: 256)
        let third = surplus.look(idle: 256 - second)
        #expect(first == 0)
        #expect(second == 168)
        #expect(third == 56)
    }

    @Test("a few stay")
    func few() {
        var surplus = IdleSurplus()
        #expect([surplus.look(idle: 32), surplus.look(idle: 32), surplus.look(idle: 5)] == [0, 0, 0])
    }
}
